// A method is a choice on axes, not a class of its own. These are the choices, after defaults and presets are settled.
import Solvers

/// The steps of gradient descent on the lower level.
package enum LowerStep: Sendable, Equatable {
    case schedule(StepSchedule)
    /// Backtracking (Armijo).
    case lineSearch
    /// From the curvature at the start: 2/(L + μ) by Ritz values.
    case automatic
}

/// How the lower level is solved.
package enum LowerSolver: Sendable, Equatable {
    /// Exactly `steps` steps without a tolerance; at most that many with one.
    case gradientDescent(step: LowerStep, steps: Int, tolerance: Double?)
    case lbfgs(memory: Int, steps: Int, tolerance: Double)
    /// FISTA, for levels with a set or norms.
    case accelerated(steps: Int, tolerance: Tolerance)

    package var name: String {
        switch self {
        case .gradientDescent: "gradient-descent"
        case .lbfgs: "l-bfgs"
        case .accelerated: "fista"
        }
    }
}

/// How H v = f_y is solved.
package enum LinearSystemSolver: Sendable, Equatable {
    /// Tolerance relative to ‖f_y‖.
    case conjugateGradients(steps: Int, tolerance: Double)
    /// v ← v − η(Hv − f_y); exactly `steps` steps without a tolerance. No step: from the curvature at the start.
    case fixedPoint(step: Double?, steps: Int, tolerance: Double?)
}

/// How the hypergradient is formed.
package enum HypergradientMode: Sendable, Equatable {
    /// Implicit differentiation: f_x − J H⁻¹ f_y.
    case implicit(LinearSystemSolver)
    /// Reverse differentiation of the lower solver's steps, of all or of the last `truncation`.
    case unrolledReverse(truncation: Int?)
}

/// How the upper variables move.
package enum UpperStep: Sendable, Equatable {
    /// u ← μu + h; x ← P(x − γ_t u).
    case projectedGradient(schedule: StepSchedule, momentum: Double)
    /// Spectral projected gradient with a nonmonotone line search.
    case lineSearch
}

/// A double loop: the lower level solved, a hypergradient formed, one upper step.
package struct DoubleLoopConfiguration: Sendable, Equatable {
    package var lower: LowerSolver
    package var hypergradient: HypergradientMode
    package var upper: UpperStep
    /// Start the lower solver from the last solution instead of from `start`.
    package var warmStartsLower: Bool
    /// Start the linear solver from the last solution instead of from 0.
    package var warmStartsLinear: Bool

    package init(
        lower: LowerSolver, hypergradient: HypergradientMode, upper: UpperStep, warmStartsLower: Bool,
        warmStartsLinear: Bool
    ) {
        self.lower = lower
        self.hypergradient = hypergradient
        self.upper = upper
        self.warmStartsLower = warmStartsLower
        self.warmStartsLinear = warmStartsLinear
    }
}

/// SOBA: y, v and x move together on one batch of each level (Dagréou et al. 2022).
package struct SOBAConfiguration: Sendable, Equatable {
    /// ρ_t, of y and v; `nil`: from the curvature at the start.
    package var lowerStep: StepSchedule?
    /// γ_t, of x; `nil`: from the hypergradient at the start.
    package var upperStep: StepSchedule?

    package init(lowerStep: StepSchedule?, upperStep: StepSchedule?) {
        self.lowerStep = lowerStep
        self.upperStep = upperStep
    }
}

/// Implicit differentiation through any number of levels: every response solved by Newton's method, then one upper step.
package struct NestedConfiguration: Sendable, Equatable {
    /// The largest Newton step, relative to the point's size, at which level 1 counts as solved; each deeper level is
    /// ten times tighter.
    package var tolerance: Double
    package var upper: UpperStep
    /// Start the responses' solvers from the last solutions instead of from `start`.
    package var warmStarts: Bool

    package init(tolerance: Double, upper: UpperStep, warmStarts: Bool) {
        self.tolerance = tolerance
        self.upper = upper
        self.warmStarts = warmStarts
    }
}

/// A settled method.
package struct MethodConfiguration: Sendable, Equatable {
    package enum Algorithm: Sendable, Equatable {
        case doubleLoop(DoubleLoopConfiguration)
        case soba(SOBAConfiguration)
        case nested(NestedConfiguration)
    }
    /// The preset's name, as results report it.
    package var name: String
    /// Why it was chosen.
    package var reason: String
    package var algorithm: Algorithm

    package init(name: String, reason: String, algorithm: Algorithm) {
        self.name = name
        self.reason = reason
        self.algorithm = algorithm
    }

    /// Whether progress is estimated from batches.
    package var isStochastic: Bool {
        switch algorithm {
        case .doubleLoop, .nested: false
        case .soba: true
        }
    }
}

/// What a run may spend and when it is done.
package struct RunLimits: Sendable, Equatable {
    /// Upper iterations.
    package var iterations: Int
    /// Oracle calls of all kinds.
    package var oracleCalls: Int?
    /// ‖projected hypergradient‖₂ at which the run has converged; `nil`: ``Tensors/Precision/defaultTolerance`` times
    /// max(1, its value at the start).
    package var hypergradientTolerance: Double?
    /// Iterations between progress points; `nil`: 1, or an epoch for methods that draw batches.
    package var progressEvery: Int?

    package init(
        iterations: Int, oracleCalls: Int? = nil, hypergradientTolerance: Double? = nil, progressEvery: Int? = nil
    ) {
        self.iterations = iterations
        self.oracleCalls = oracleCalls
        self.hypergradientTolerance = hypergradientTolerance
        self.progressEvery = progressEvery
    }
}
