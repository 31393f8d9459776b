// A method on batches as choices on axes: how v ≈ −H⁻¹ f_y comes about, how directions are estimated, in which loop.
import Solvers

/// A step size, or the rule that settles it at the start.
package enum StepRule: Sendable, Equatable {
    case given(StepSchedule)
    /// From the curvature at the start, divided by (t+1)^exponent.
    case automatic(exponent: Double)

    var isAutomatic: Bool {
        switch self {
        case .given: false
        case .automatic: true
        }
    }
}

/// How −H⁻¹ f_y is approached from products of H on batches.
package enum InverseHessian: Sendable, Equatable {
    /// v ← v − ρ(Hv + f_y), one step with every step of y and x.
    case moving
    /// v ← v − η(Hv + f_y), that many steps for a fixed f_y, from the last v or from 0; `nil`: from the last beside automatic
    /// steps.
    case sgd(steps: Int, warmStart: Bool?)
    /// SHIA: −η Σ_{j ≤ Q} (I − ηH)^j f_y.
    case neumann(terms: Int)
    /// HIA: −Qη (I − ηH)^p f_y, p uniform on 0…Q−1.
    case randomisedNeumann(terms: Int)
}

/// The order of the steps of a loop.
package enum StochasticLoop: Sendable, Equatable {
    /// y, v and x move together.
    case single
    /// `steps` steps on y, then one on x; or the other way about.
    case double(steps: Int, upperFirst: Bool)
    /// Round s takes ⌈steps (s+1)^growth⌉ steps on y, from where the level starts or from the last y, whose sizes fall from
    /// the first of the round, and so many on v; then one on x. `nil`: from the last y beside automatic steps.
    case rounds(steps: Int, growth: Double, warmStart: Bool?)
}

/// Where the upper direction comes from.
package enum StochasticHypergradient: Sendable, Equatable {
    case implicit(InverseHessian)
    /// First order: λ_t(g(y) − g(z)) + f(y) with z following min g; λ_{t+1} = λ_t + growth (t+1)^(−6/7). No weight: from
    /// curvatures at the start.
    case penalty(weight: Double?, growth: Double)
}

/// A settled method on batches.
package struct StochasticConfiguration: Sendable, Equatable {
    package var loop: StochasticLoop
    package var hypergradient: StochasticHypergradient
    /// Of all directions; `average` and, where y, v and x move together, `storm`: of that of x alone.
    package var estimator: GradientEstimator
    /// ρ_t of y (and v, where it moves with y).
    package var lowerStep: StepRule
    /// η_t of the linear system.
    package var linearStep: StepRule
    /// γ_t of x.
    package var upperStep: StepRule

    package init(
        loop: StochasticLoop, hypergradient: StochasticHypergradient, estimator: GradientEstimator = .sgd,
        lowerStep: StepRule = .automatic(exponent: 0),
        linearStep: StepRule = .automatic(exponent: 0), upperStep: StepRule = .automatic(exponent: 0)
    ) {
        self.loop = loop
        self.hypergradient = hypergradient
        self.estimator = estimator
        self.lowerStep = lowerStep
        self.linearStep = linearStep
        self.upperStep = upperStep
    }

    /// Steps on y in one iteration.
    var lowerSteps: Int {
        switch loop {
        case .single: 1
        case .double(let steps, _): steps
        case .rounds(let steps, _, _): steps
        }
    }

    /// Whether the steps of y and of v begin anew in every round.
    package var isInRounds: Bool {
        switch loop {
        case .single, .double: false
        case .rounds: true
        }
    }

    /// Whether rounds begin at the last y.
    var beginsRoundsWarm: Bool {
        switch loop {
        case .single, .double: false
        case .rounds(_, _, let warmStart): warmStart ?? hasAutomaticSteps
        }
    }

    /// Whether series for v begin at the v of the last look, and not at 0: v̄ − η Σ (I − ηH)^j (H v̄ + f_y). What they leave
    /// out is then of what has changed since, and not of all of v. Beside automatic steps, whose looks find it.
    var centresSeries: Bool {
        guard hasAutomaticSteps else { return false }
        switch hypergradient {
        case .implicit(.neumann), .implicit(.randomisedNeumann): return true
        case .implicit(.moving), .implicit(.sgd), .penalty: return false
        }
    }

    /// Whether v stays on the face that the last look has found: steps along the noise of batches find none. Tables and
    /// differences take that noise away; rounds find faces by means over batches; penalties need none.
    var holdsFaces: Bool {
        guard hasAutomaticSteps, !isInRounds else { return false }
        switch (hypergradient, estimator) {
        case (.implicit, .sgd), (.implicit, .storm), (.implicit, .average): return true
        case (.implicit, .saga), (.implicit, .sarah), (.penalty, _): return false
        }
    }

    /// Whether the points of the later half of a stage may be averaged: with batches' own noise in them, which means over
    /// many iterations take away. Tables and differences take it away themselves; rounds are means over batches.
    var averagesPoints: Bool {
        hasAutomaticSteps && !isInRounds && hasPlainNoise
    }

    /// Whether steps on y have the noise of batches; tables and differences take it away.
    var hasPlainNoise: Bool {
        switch estimator {
        case .sgd, .storm, .average: true
        case .saga, .sarah: false
        }
    }

    /// Why the choices do not go together, and what to do; `nil` where they do.
    package var fault: (reason: String, advice: String)? {
        switch (hypergradient, estimator) {
        case (_, .sgd), (.implicit(.moving), _), (.implicit(.neumann), .storm), (.implicit(.neumann), .sarah),
            (.implicit(.randomisedNeumann), .storm):
            return nil
        case (.penalty, _):
            return ("a penalty takes the batches' own gradients", "use sgd")
        case (.implicit(.sgd), _), (.implicit(.randomisedNeumann), _), (.implicit(.neumann), _):
            return (
                "\(estimator.name) needs the same samples at two points or in a table, and this method finds v anew on "
                    + "fresh ones", "use sgd, or saba, srba, mrbo or vrbo, which are made for it"
            )
        }
    }

    /// What the iterations compute on batches.
    func pieces(of problem: MultilevelProblem) -> [SampledPiece] {
        let centre: [SampledPiece] = centresSeries ? [.hessian] : []
        return switch hypergradient {
        case .penalty: [.lowerGradient, .lowerGradients, .upper]
        case .implicit(.moving): [.directions, .upper] + (usesTwoPoints && !isSARAH ? [.mixed] : [])
        case .implicit(.sgd), .implicit(.randomisedNeumann):
            (carriesSteps(of: problem) ? [.lowerStep, .linearStep] + centre : [.lowerGradient, .hessian]) + [
                .mixed, .upper,
            ]
        case .implicit(.neumann):
            (carriesSteps(of: problem) ? [.lowerStep, .seriesStep] + centre : [.lowerGradient, .hessian]) + [
                .mixed, .upper,
            ]
        }
    }

    /// Whether y and v stay within their programs from step to step: where plain steps alone move them.
    func carriesSteps(of problem: MultilevelProblem) -> Bool {
        guard problem.lower.isSmooth, !usesTwoPoints else { return false }
        switch (loop, hypergradient) {
        case (.double, .implicit(.sgd)), (.double, .implicit(.neumann)), (.double, .implicit(.randomisedNeumann)):
            return true
        case (.single, _), (.rounds, _), (_, .penalty), (_, .implicit(.moving)): return false
        }
    }

    var isSARAH: Bool {
        switch estimator {
        case .sarah: true
        case .sgd, .saga, .storm, .average: false
        }
    }

    /// Whether an estimator evaluates a batch at two points.
    var usesTwoPoints: Bool {
        switch estimator {
        case .sarah, .storm: true
        case .sgd, .saga, .average: false
        }
    }
}
