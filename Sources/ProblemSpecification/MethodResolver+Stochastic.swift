// Methods on batches: presets with their overrides, and refusals of choices that do not go together.
import ExpressionLanguage
import MultilevelOptimization
import Solvers

extension MethodResolver {
    /// The preset on batches that was asked for, by name or by its estimator; `nil` where none was.
    func chooseStochastic() -> (preset: StochasticPreset, reason: String)? {
        if case .stochastic(let preset) = request.name { return (preset, "asked for") }
        guard request.name == .auto, !built.problem.isSingleLevel else { return nil }
        switch request.estimator {
        case .saga: return (.saba, "saga was asked for")
        case .sarah: return (.srba, "sarah was asked for")
        case .storm: return (.mrbo, "storm was asked for")
        case .average: return (.maSOBA, "moving averages were asked for")
        case .full, .sgd: return nil
        case nil: break
        }
        guard request.levels == nil, fullBatchWish == nil || wantsFirstOrder else { return nil }
        let automatic = AutomaticMethod(ProblemFacts(built.problem), wantsFirstOrder: wantsFirstOrder)
        guard case .stochastic(let preset) = automatic.name else { return nil }
        return (preset, automatic.reason)
    }

    /// Whether a penalty is asked for, and nothing that only a method with full gradients has.
    private var wantsFirstOrder: Bool {
        var rest = request
        rest.hypergradient.name = nil
        rest.hypergradient.weight = nil
        rest.hypergradient.growth = nil
        return request.hypergradient.name == .penalty && rest.hypergradient == HypergradientRequest()
            && !request.linearSolver.isRequested && request.lowerSolver.name == nil && request.estimator != .full
    }

    mutating func stochastic(_ preset: StochasticPreset, _ reason: String) -> MethodConfiguration? {
        let name = preset.rawValue
        if let nesting = ProblemFacts(built.problem).nesting {
            refuse(
                "name", "the problem has \(nesting), and \(name) is for two levels with objectives",
                "use implicit, or auto")
            return nil
        }
        if built.problem.isSingleLevel {
            refuse("name", "the problem has one level, so \(name) has no lower level to work on", "use auto")
            return nil
        }
        refuseProblem(name)
        refuseAxes(preset)
        var axes = preset.defaults
        if case .penalty = axes.hypergradient, ProblemFacts(built.problem).isFixedPoint {
            refuse("name", "\(name) adds a lower objective, and the lower level is a fixed point", "use soba or sid")
        }
        overrideLoop(&axes, name)
        overrideHypergradient(&axes, name)
        overrideEstimator(&axes)
        refuseTables(axes, name)
        if let step = rule(request.lowerSolver.step, "lower_solver/step") { axes.lowerStep = step }
        if let step = rule(request.upperStep.step, "upper_step/step") { axes.upperStep = step }
        if let step = request.linearSolver.step { axes.linearStep = .given(.constant(step)) }
        if let fault = axes.fault { refuse("estimator", fault.reason, fault.advice) }
        guard !diagnostics.hasErrors else { return nil }
        return MethodConfiguration(name: name, reason: reason, algorithm: .stochastic(axes))
    }

    /// What a method on batches needs of a problem.
    mutating func refuseProblem(_ name: String) {
        for fault in built.samplingFaults.compactMap({ $0 }) + built.batchFaults { diagnostics.report(.error, fault) }
        let facts = ProblemFacts(built.problem)
        if facts.lowerSamples == 0 && facts.upperSamples == 0 {
            refuse(
                "name", "\(name) draws batches, and the problem has no samples",
                "give problem.samples an axis with the arrays that share it, or use auto")
        }
    }

    /// Axes that no method on batches has a choice on, and those that its preset fixes.
    private mutating func refuseAxes(_ preset: StochasticPreset) {
        let lower = request.lowerSolver
        let name = preset.rawValue
        for (field, isAsked) in [
            ("lower_solver", lower.name != nil && lower.name != .sgd),
            ("lower_solver/tolerance", lower.tolerance != nil), ("lower_solver/memory", lower.memory != nil),
            ("lower_solver/warm_start", lower.warmStart == false && !preset.defaults.isInRounds),
            ("lower_solver/growth", lower.growth != nil && !preset.defaults.isInRounds),
            ("lower_solver/momentum", lower.momentum != nil), ("lower_solver", lower.adam != AdamRequest()),
            ("linear_solver/tolerance", request.linearSolver.tolerance != nil),
            ("hypergradient/truncate", request.hypergradient.truncate != nil),
            ("upper_step/momentum", (request.upperStep.momentum ?? 0) != 0),
        ] where isAsked {
            refuse(
                field, "\(name) takes given numbers of plain steps on batches",
                "see its parameters in `stackelberg methods`")
        }
        let asked = request.linearSolver
        switch preset.defaults.hypergradient {
        case .penalty:
            if asked != LinearSolverRequest() {
                refuse("linear_solver", "\(name) solves no linear system: it takes first derivatives alone")
            }
            if let other = request.hypergradient.name, other != .penalty {
                refuse("hypergradient", "\(name) is a penalty method", "use amigo for implicit differentiation")
            }
        case .implicit(let solver):
            if let other = request.hypergradient.name, other != .implicit {
                refuse("hypergradient", "\(name) differentiates implicitly", "use f2sa for a penalty")
            }
            refusePenalty()
            if let other = asked.name, other.rawValue != solver.name {
                refuse(
                    "linear_solver", "\(name) solves its linear system by \(solver.name)",
                    "use stocbio for neumann, bsa for randomised-neumann, amigo for sgd")
            }
        }
    }

    /// Parameters of a penalty where there is none.
    mutating func refusePenalty() {
        let asked = request.hypergradient
        for (field, isAsked) in [("weight", asked.weight != nil), ("growth", asked.growth != nil)] where isAsked {
            refuse("hypergradient/\(field)", "only a penalty has a \(field)", "use f2sa")
        }
    }

    private mutating func overrideLoop(_ axes: inout StochasticConfiguration, _ name: String) {
        let asked = request.lowerSolver
        if case .rounds(let steps, let growth, let isWarm) = axes.loop {
            axes.loop = .rounds(
                steps: asked.steps ?? steps, growth: asked.growth ?? growth, warmStart: asked.warmStart ?? isWarm)
            return
        }
        guard let steps = asked.steps else { return }
        switch axes.loop {
        case .rounds: break
        case .single:
            refuse("lower_solver/steps", "\(name) takes one step on every variable at a time", "use amigo or stocbio")
        case .double(_, let upperFirst): axes.loop = .double(steps: steps, upperFirst: upperFirst)
        }
    }

    private mutating func overrideHypergradient(_ axes: inout StochasticConfiguration, _ name: String) {
        let asked = request.linearSolver
        switch axes.hypergradient {
        case .penalty(let weight, let growth):
            axes.hypergradient = .penalty(
                weight: request.hypergradient.weight ?? weight, growth: request.hypergradient.growth ?? growth)
        case .implicit(.moving):
            for (field, isAsked) in [
                ("steps", asked.steps != nil), ("step", asked.step != nil), ("warm_start", asked.warmStart == false),
            ] where isAsked {
                refuse("linear_solver/\(field)", "\(name) moves v with y, by lower_solver.step", "use amigo")
            }
        case .implicit(.sgd(let steps, let warmStart)):
            // Rounds take as many steps on v as on y where the document does not say.
            let own = axes.isInRounds ? request.lowerSolver.steps ?? steps : steps
            axes.hypergradient = .implicit(.sgd(steps: asked.steps ?? own, warmStart: asked.warmStart ?? warmStart))
        case .implicit(.neumann(let terms)):
            refuseWarmSeries(asked)
            axes.hypergradient = .implicit(.neumann(terms: asked.steps ?? terms))
        case .implicit(.randomisedNeumann(let terms)):
            refuseWarmSeries(asked)
            axes.hypergradient = .implicit(.randomisedNeumann(terms: asked.steps ?? terms))
        }
    }

    private mutating func refuseWarmSeries(_ asked: LinearSolverRequest) {
        if asked.warmStart == true {
            refuse("linear_solver/warm_start", "a Neumann series begins at f_y", "use amigo to begin at the last v")
        }
    }

    private mutating func overrideEstimator(_ axes: inout StochasticConfiguration) {
        let asked = request.estimation
        let momentum = asked.momentum ?? 0.5
        switch request.estimator {
        case .full: refuse("estimator", "this method draws batches, it takes no full gradients", "use aid-cg")
        case .sgd: axes.estimator = .sgd
        case .saga: axes.estimator = .saga(start: .full)
        case .sarah: axes.estimator = .sarah(period: nil)
        case .storm:
            if case .storm = axes.estimator { break }
            axes.estimator = .storm(momentum: .power(initial: momentum, exponent: 2.0 / 3))
        case .average:
            if case .average = axes.estimator { break }
            axes.estimator = .average(momentum: .constant(momentum))
        case nil: break
        }
        switch axes.estimator {
        case .saga(let start):
            let given = asked.start.flatMap { GradientEstimator.SAGAStart(rawValue: $0.rawValue) }
            axes.estimator = .saga(start: given ?? start)
        case .sarah(let period): axes.estimator = .sarah(period: asked.period ?? period)
        case .storm(.power(let initial, let exponent)):
            axes.estimator = .storm(momentum: .power(initial: asked.momentum ?? initial, exponent: exponent))
        case .average(.constant(let initial)): axes.estimator = .average(momentum: .constant(asked.momentum ?? initial))
        case .sgd, .storm, .average: break
        }
        refuseEstimation(beside: axes.estimator)
    }

    /// Parameters that an estimator does not have.
    mutating func refuseEstimation(beside estimator: GradientEstimator?) {
        let asked = request.estimation
        var known: Set<String> = []
        switch estimator {
        case .saga: known = ["start"]
        case .sarah: known = ["period"]
        case .storm, .average: known = ["momentum"]
        case .sgd, nil: break
        }
        for (field, isAsked, owner) in [
            ("start", asked.start != nil, "saga"), ("period", asked.period != nil, "sarah"),
            ("momentum", asked.momentum != nil, "storm or average"),
        ] where isAsked && !known.contains(field) {
            refuse("estimator/\(field)", "only \(owner) has a \(field)", "leave \(field) out")
        }
    }

    /// A table has an entry for every batch of a level, which one axis numbers.
    private mutating func refuseTables(_ axes: StochasticConfiguration, _ name: String) {
        guard case .saga = axes.estimator else { return }
        for (level, word) in [(0, "outermost"), (1, "lower")] {
            let count = built.problem.axes(ofLevel: level).count
            guard count > 1 else { continue }
            refuse(
                "name",
                "\(name) keeps a table with one entry for each batch, and the \(word) level draws along \(count) axes",
                "use srba, which keeps none")
        }
    }

    private mutating func rule(_ step: StepRequest?, _ field: String) -> StepRule? {
        guard step != nil, step != .automatic else { return nil }
        return schedule(step, field).map(StepRule.given)
    }

    mutating func schedule(_ step: StepRequest?, _ field: String) -> StepSchedule? {
        switch step ?? .automatic {
        case .constant(let value): return .constant(value)
        case .power(let initial, let exponent): return .power(initial: initial, exponent: exponent)
        case .inverse(let initial, let offset): return .inverse(initial: initial, offset: offset)
        case .cosine(let initial, let period): return .cosine(initial: initial, period: period)
        case .automatic: return nil
        case .lineSearch, .polyak:
            let rule = step == .lineSearch ? "a line search" : "Polyak's step"
            refuse(field, "\(rule) needs exact values, this method only sees batches", "give a number, power, or auto")
            return nil
        }
    }
}
