// The rows of the methods that draw batches, with the defaults of their papers. They are choices that one
// engine carries out; SOBA, one fused program, stands among the other presets.
import Solvers

/// Named choices on the axes of methods on batches.
package enum StochasticPreset: String, Sendable, CaseIterable {
    case saba
    case srba
    case maSOBA = "ma-soba"
    case fsla
    case bsa
    case ttsa
    case stocbio
    case amigo
    case mrbo
    case sustain
    case vrbo
    case f2sa
    case sid
    case bsgm
    case nsid

    /// The choices, before a document overrides any.
    package var defaults: StochasticConfiguration {
        switch self {
        case .saba: .moving(.saga(start: .full))
        case .srba: .moving(.sarah(period: nil))
        case .maSOBA: .moving(.average(momentum: .constant(0.1)))
        case .fsla:
            .moving(.storm(momentum: .power(initial: 0.5, exponent: 0.5)), exponent: 0.5)
        case .bsa:
            .inner(
                .double(steps: 10, upperFirst: true), .randomisedNeumann(terms: 10), lower: 0.5, upper: 0.5)
        case .ttsa:
            .inner(.double(steps: 1, upperFirst: false), .randomisedNeumann(terms: 10), lower: 0.4, upper: 0.6)
        case .stocbio: .inner(.double(steps: 10, upperFirst: false), .neumann(terms: 10))
        case .amigo: .inner(.double(steps: 10, upperFirst: false), .sgd(steps: 10, warmStart: true))
        case .mrbo: .inner(.single, .neumann(terms: 10), Self.storm, lower: 1.0 / 3, upper: 1.0 / 3)
        case .sustain: .inner(.single, .randomisedNeumann(terms: 10), Self.storm, lower: 1.0 / 3, upper: 1.0 / 3)
        case .vrbo: .inner(.double(steps: 10, upperFirst: false), .neumann(terms: 10), .sarah(period: nil))
        case .f2sa:
            StochasticConfiguration(
                loop: .double(steps: 10, upperFirst: false), hypergradient: .penalty(weight: nil, growth: 1),
                lowerStep: .automatic(exponent: 5.0 / 7), linearStep: .automatic(exponent: 4.0 / 7),
                upperStep: .automatic(exponent: 5.0 / 7))
        case .sid: .rounds(steps: 50, growth: 0)
        case .bsgm: .rounds(steps: 5, growth: 1)
        case .nsid: .rounds(steps: 50, growth: 0)
        }
    }

    private static let storm = GradientEstimator.storm(momentum: .power(initial: 0.5, exponent: 2.0 / 3))

    private var summary: String {
        switch self {
        case .saba: "SOBA with SAGA's tables: linear convergence with constant steps on finite sums."
        case .srba: "SOBA with SARAH's differences and a full pass now and then; no tables."
        case .maSOBA: "SOBA with a moving average of the upper direction."
        case .fsla: "One step each on y and v, the upper direction corrected by STORM."
        case .bsa: "Randomised Neumann series, one upper step, then steps on y."
        case .ttsa: "One step on y, a randomised Neumann series, one slower upper step."
        case .stocbio: "Steps on y, a Neumann series on fresh batches, one upper step."
        case .amigo: "Steps on y, then warm-started steps on the linear system, one upper step."
        case .mrbo: "STORM on both directions, the upper one by a Neumann series."
        case .sustain: "STORM on both directions, the upper one by a randomised Neumann series."
        case .vrbo: "SPIDER's differences on both directions within each loop, full passes now and then."
        case .f2sa: "First derivatives alone: a growing penalty on the lower level's optimality."
        case .sid: "Rounds from the lower start: as many falling steps on y, then on v, then a mean of batches for x."
        case .bsgm: "Such rounds with steps and batches that grow with the round's number."
        case .nsid:
            "Such rounds through proximal steps and projections: v on the face of a step along a mean of batches."
        }
    }

    private var source: String {
        switch self {
        case .saba: "Dagréou et al., NeurIPS 2022"
        case .srba: "Dagréou et al., AISTATS 2024"
        case .maSOBA: "Chen, Xiao & Balasubramanian, JMLR 2024"
        case .fsla: "Li, Gu & Huang, AAAI 2022"
        case .bsa: "Ghadimi & Wang, 2018"
        case .ttsa: "Hong, Wai, Wang & Yang, SIAM J. Optim. 2023"
        case .stocbio: "Ji, Yang & Liang, ICML 2021"
        case .amigo: "Arbel & Mairal, ICLR 2022"
        case .mrbo, .vrbo: "Yang, Ji & Liang, NeurIPS 2021"
        case .sustain: "Khanduri et al., NeurIPS 2021"
        case .f2sa: "Kwon, Kwon, Wright & Nowak, ICML 2023"
        case .sid: "Grazzi, Pontil & Salzo, AISTATS 2021"
        case .bsgm: "Grazzi, Pontil & Salzo, JMLR 2023"
        case .nsid: "Grazzi, Pontil & Salzo, ICML 2024"
        }
    }

    /// The row of the table.
    var row: MethodPreset {
        let axes = defaults
        return MethodPreset(
            name: rawValue, summary: summary, source: source,
            axes: axes.choices, parameters: axes.parameters, needs: axes.needs)
    }
}

extension StochasticConfiguration {
    /// y, v and x move together.
    fileprivate static func moving(_ estimator: GradientEstimator, exponent: Double = 0) -> StochasticConfiguration {
        StochasticConfiguration(
            loop: .single, hypergradient: .implicit(.moving), estimator: estimator,
            lowerStep: .automatic(exponent: exponent), upperStep: .automatic(exponent: exponent))
    }

    /// Both systems are solved anew in every round.
    fileprivate static func rounds(steps: Int, growth: Double) -> StochasticConfiguration {
        StochasticConfiguration(
            loop: .rounds(steps: steps, growth: growth, warmStart: nil),
            hypergradient: .implicit(.sgd(steps: steps, warmStart: nil)))
    }

    /// v is found anew for every upper step.
    fileprivate static func inner(
        _ loop: StochasticLoop, _ solver: InverseHessian, _ estimator: GradientEstimator = .sgd, lower: Double = 0,
        upper: Double = 0
    ) -> StochasticConfiguration {
        StochasticConfiguration(
            loop: loop, hypergradient: .implicit(solver), estimator: estimator,
            lowerStep: .automatic(exponent: lower), upperStep: .automatic(exponent: upper))
    }

    /// On every axis.
    fileprivate var choices: [(MethodAxis, String)] {
        var result: [(MethodAxis, String)] = [(.lowerSolver, "sgd")]
        switch hypergradient {
        case .implicit(let solver): result += [(.hypergradient, "implicit"), (.linearSolver, solver.name)]
        case .penalty: result.append((.hypergradient, "penalty"))
        }
        let loopName =
            switch loop {
            case .single: "single"
            case .double, .rounds: "double"
            }
        let isConstant = lowerStep == .automatic(exponent: 0)
        return result + [
            (.upperStep, "projected-gradient"), (.estimator, estimator.name), (.loop, loopName),
            (.schedule, isInRounds ? "inverse" : isConstant ? "constant" : "power"),
        ]
    }

    fileprivate var needs: [MethodNeed] {
        switch hypergradient {
        case .implicit: MethodNeed.secondOrder + [.samples]
        case .penalty: [.lowerGradient, .upperGradient, .samples]
        }
    }

    fileprivate var parameters: [MethodParameter] {
        var result = [MethodParameter(.lowerSolver, "step", .rule(lowerStep.words), ParameterRange.sampledStep)]
        switch loop {
        case .single: break
        case .double(let steps, _):
            result.append(MethodParameter(.lowerSolver, "steps", .whole(steps), ParameterRange.count))
        case .rounds(let steps, let growth, let warmStart):
            result += [
                MethodParameter(.lowerSolver, "steps", .whole(steps), ParameterRange.count),
                MethodParameter(.lowerSolver, "growth", .number(growth), "number from 0"),
                warmth(.lowerSolver, warmStart),
            ]
        }
        switch hypergradient {
        case .implicit(.moving): break
        case .implicit(.sgd(let steps, let warmStart)):
            result += series(steps) + [warmth(.linearSolver, warmStart)]
        case .implicit(.neumann(let terms)), .implicit(.randomisedNeumann(let terms)): result += series(terms)
        case .penalty(let weight, let growth):
            result += [
                MethodParameter(
                    .hypergradient, "weight", weight.map { .number($0) } ?? .rule("auto"), "positive number"),
                MethodParameter(.hypergradient, "growth", .number(growth), "number from 0"),
            ]
        }
        result.append(
            MethodParameter(.upperStep, "step", .rule(upperStep.words), ParameterRange.sampledStep))
        switch estimator {
        case .sgd: break
        case .saga(let start):
            result.append(MethodParameter(.estimator, "start", .rule(start.rawValue), "full or zero"))
        case .sarah:
            result.append(
                MethodParameter(.estimator, "period", .rule("batches of both levels / 2"), ParameterRange.count))
        case .storm(let momentum), .average(let momentum):
            result.append(
                MethodParameter(.estimator, "momentum", .number(momentum.value(at: 0)), "number above 0, at most 1"))
        }
        return result
    }

    private func warmth(_ axis: MethodAxis, _ warmStart: Bool?) -> MethodParameter {
        MethodParameter(
            axis, "warm_start", warmStart.map { .flag($0) } ?? .rule("with automatic steps"), ParameterRange.flag)
    }

    private func series(_ steps: Int) -> [MethodParameter] {
        [
            MethodParameter(.linearSolver, "steps", .whole(steps), ParameterRange.count),
            MethodParameter(.linearSolver, "step", .rule("auto"), "positive number"),
        ]
    }
}

extension StepRule {
    /// The rule as catalogues say it.
    fileprivate var words: String {
        switch self {
        case .given(let schedule): "\(schedule.value(at: 0))"
        case .automatic(0): "auto"
        case .automatic(let exponent): "auto, / (t+1)^\(exponent)"
        }
    }
}

extension InverseHessian {
    /// The word that documents use.
    package var name: String {
        switch self {
        case .moving, .sgd: "sgd"
        case .neumann: "neumann"
        case .randomisedNeumann: "randomised-neumann"
        }
    }
}
