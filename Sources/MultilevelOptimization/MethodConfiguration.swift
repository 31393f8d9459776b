// A method is a choice on axes, not a class of its own. These are the choices, after defaults and presets are settled.
import Solvers

import func Glibc.pow

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
    /// A first-order rule with memory: heavy ball, Nesterov, Adam. `steps` and `tolerance` as above.
    case rule(UpdateRule, step: LowerStep, steps: Int, tolerance: Double?)
    case newtonCG(steps: Int, tolerance: Double)
    /// Anderson acceleration of the map, or of the gradient step. Exactly `steps` steps without a tolerance.
    case anderson(memory: Int, step: LowerStep, steps: Int, tolerance: Double?)
    /// One linear system, for levels whose residual is affine in their variables.
    case closedForm

    package var name: String {
        switch self {
        case .gradientDescent: "gradient-descent"
        case .lbfgs: "l-bfgs"
        case .accelerated: "fista"
        case .rule(.gradient, _, _, _): "gradient-descent"
        case .rule(.heavyBall, _, _, _): "heavy-ball"
        case .rule(.nesterov, _, _, _): "nesterov"
        case .rule(.adam, _, _, _): "adam"
        case .newtonCG: "newton-cg"
        case .anderson: "anderson"
        case .closedForm: "closed-form"
        }
    }

    /// Whether it goes on until the level is solved, not for a number of steps.
    var hasTolerance: Bool {
        switch self {
        case .gradientDescent(_, _, let tolerance), .rule(_, _, _, let tolerance), .anderson(_, _, _, let tolerance):
            tolerance != nil
        case .lbfgs, .accelerated, .newtonCG, .closedForm: true
        }
    }
}

/// How H v = f_y is solved.
package enum LinearSystemSolver: Sendable, Equatable {
    /// Tolerance relative to ‖f_y‖.
    case conjugateGradients(steps: Int, tolerance: Double)
    /// v ← v − η(Hv − f_y); exactly `steps` steps without a tolerance. No step: from the curvature at the start.
    case fixedPoint(step: Double?, steps: Int, tolerance: Double?)
    /// CG on the normal equations, for any regular matrix.
    case normalEquations(steps: Int, tolerance: Double)
    case minres(steps: Int, tolerance: Double)
    case gmres(restart: Int, steps: Int, tolerance: Double)
    case bicgstab(steps: Int, tolerance: Double)
    /// η Σ_{j ≤ terms} (I − ηH)^j b; with no terms the identity times η. No step: from the curvature at the start.
    case neumann(step: Double?, terms: Int)
    /// The matrix formed and factored.
    case cholesky
    case lu
    /// By size and symmetry: factors up to ``directLimit`` unknowns; CG, and MINRES where it meets negative curvature;
    /// GMRES where the matrix is not symmetric.
    case automatic(steps: Int, tolerance: Double)

    /// Unknowns up to which ``automatic(steps:tolerance:)`` forms the matrix.
    package static let directLimit = 128

    /// Whether it goes on until the system is solved, not for a number of terms.
    var hasTolerance: Bool {
        switch self {
        case .fixedPoint(_, _, let tolerance): tolerance != nil
        case .neumann: false
        case .conjugateGradients, .normalEquations, .minres, .gmres, .bicgstab, .cholesky, .lu, .automatic: true
        }
    }
}

/// Which steps of the lower solver the reverse sweep keeps.
package enum SweepMemory: Sendable, Equatable {
    /// All that it goes back through.
    case everything
    /// About √T of them; those between are computed again.
    case checkpoints
}

/// What a start that is a formula of x learns from the steps taken from it (MAML's family).
package enum InitialisationGradient: Sendable, Equatable {
    /// f_x + (∂y₀/∂x)ᵀ f_y(y_T): the steps' own derivatives left out (FOMAML).
    case firstOrder
    /// (∂y₀/∂x)ᵀ (y₀ − y_T) (Reptile).
    case reptile
}

/// How the hypergradient is formed.
package enum HypergradientMode: Sendable, Equatable {
    /// Implicit differentiation: f_x − J H⁻¹ f_y.
    case implicit(LinearSystemSolver)
    /// Reverse differentiation of the lower solver's steps, of all or of the last `truncation`.
    case unrolledReverse(truncation: Int?, memory: SweepMemory = .everything)
    /// Forward differentiation of the steps: d · p numbers, whatever their count.
    case unrolledForward
    /// f_x − (⟨f_y, g_y⟩/⟨g_y, g_y⟩) g_x, H approximated by g_y g_yᵀ (IGA, Liu et al. 2021).
    case rankOne
    /// The last step alone, its mixed product a difference of gradients: f_x − (g_x(y + εv) − g_x(y − εv))/2ε with
    /// ε = radius/‖v‖ and v the step's transpose applied to f_y (DARTS, Liu et al. 2019; with Adam's step SAMA, Choe et
    /// al. 2023).
    case differenced(radius: Double)
    /// Differences of the lower solver's result along random directions of x (PZOBO, Sow et al. 2022).
    case zerothOrder(directions: Int, radius: Double)
    /// The value gap g(y) − g(ỹ) as a penalty, y moved beside x (BOME, Ye et al. 2022; V-PBGD, Shen & Chen 2023).
    case valueGap(GapMultiplier)
    /// The gap to the Moreau envelope of g as a penalty, a single loop (MEHA, Liu et al. 2024).
    case moreauEnvelope(PenaltyRamp, radius: Double)
    /// The value of the lower level as a constraint, kept by a barrier that fades (BVFIM, Liu et al. 2021).
    case barrier(PenaltyRamp)
    /// Reverse differentiation of steps along (1 − a_t) g_y + a_t f_y, a_t = weight/(t + 1) (BDA, Liu et al. 2020).
    case aggregated(weight: Double)
    /// Reverse differentiation of steps from a start that is learned, up to the worst of them (IAPTT, Liu et al. 2021).
    case learnedStart
    case initialisation(InitialisationGradient)
}

/// How the upper variables move.
package enum UpperStep: Sendable, Equatable {
    /// u ← μu + h; x ← P(x − γ_t u).
    case projectedGradient(schedule: StepSchedule, momentum: Double)
    /// x ← P(x − ξ_t h) with ξ_t from the curvature of both objectives, of methods that move y beside x.
    case joint
    /// Spectral projected gradient with a nonmonotone line search.
    case lineSearch
    /// x ← P(x − γ_t m̂/(√ŝ + ε)).
    case adam(schedule: StepSchedule, AdamCoefficients)
    /// L-BFGS on the variables off their bounds, with backtracking along the projected path.
    case lbfgs(memory: Int)
    /// x ← P(x − γ h) with γ = (F − target)/‖h‖² (Polyak).
    case polyak(target: Double)
    /// Points of the box, for comparison: no gradient is used.
    case search(SearchRule)

    /// Whether its points depend on the seed.
    var drawsAtRandom: Bool {
        switch self {
        case .search: true
        case .projectedGradient, .joint, .lineSearch, .adam, .lbfgs, .polyak: false
        }
    }
}

/// How points of a box are drawn.
package enum SearchRule: String, Sendable, Equatable {
    /// Uniformly.
    case random
    /// By tree-structured Parzen estimators (Bergstra et al. 2011).
    case parzen
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
    /// Whether the direction's norm says how far the point is from stationary: a direction that is not the hypergradient
    /// may vanish anywhere.
    package var convergesByNorm: Bool {
        switch hypergradient {
        case .implicit, .unrolledReverse, .unrolledForward, .aggregated: true
        case .rankOne, .differenced, .zerothOrder, .valueGap, .moreauEnvelope, .barrier, .learnedStart,
            .initialisation:
            false
        }
    }
    /// Tolerances of the inner solves that fall with the iterations (HOAG); `nil`: as the solvers have them.
    package var decreasing: DecreasingTolerance?

    package init(
        lower: LowerSolver, hypergradient: HypergradientMode, upper: UpperStep, warmStartsLower: Bool,
        warmStartsLinear: Bool, decreasing: DecreasingTolerance? = nil
    ) {
        self.lower = lower
        self.hypergradient = hypergradient
        self.upper = upper
        self.warmStartsLower = warmStartsLower
        self.warmStartsLinear = warmStartsLinear
        self.decreasing = decreasing
    }
}

/// ε_t = max(initial · decay^t, floor), for both inner solves (Pedregosa, ICML 2016).
package struct DecreasingTolerance: Sendable, Equatable {
    package var initial: Double
    package var decay: Double
    package var floor: Double

    package init(initial: Double, decay: Double, floor: Double) {
        self.initial = initial
        self.decay = decay
        self.floor = floor
    }

    /// ε_t.
    package func value(at t: Int) -> Double { max(initial * pow(decay, Double(t)), floor) }
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

/// A settled method.
package struct MethodConfiguration: Sendable, Equatable {
    package enum Algorithm: Sendable, Equatable {
        case doubleLoop(DoubleLoopConfiguration)
        case soba(SOBAConfiguration)
        case stochastic(StochasticConfiguration)
        case nested(NestedConfiguration)
        case nestedStochastic(NestedStochasticConfiguration)
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

    /// Whether a run may end where the norm of its direction is small.
    package var convergesByNorm: Bool {
        if case .doubleLoop(let axes) = algorithm { axes.convergesByNorm } else { true }
    }

    /// Whether a direction of norm 0 is meant to be ∇F = 0: by the levels' solutions, not by a number of steps or a penalty.
    var aimsAtHypergradient: Bool {
        switch algorithm {
        case .doubleLoop(let axes):
            switch axes.hypergradient {
            case .implicit(let linear): return axes.lower.hasTolerance && linear.hasTolerance
            case .unrolledReverse, .unrolledForward, .aggregated, .rankOne, .differenced, .zerothOrder, .valueGap,
                .moreauEnvelope, .barrier, .learnedStart, .initialisation:
                return false
            }
        case .nested(let axes): return axes.responses.allSatisfy { $0 == .implicit }
        case .stochastic: return true
        case .soba, .nestedStochastic: return false
        }
    }

    /// Whether the lower point moves from iteration to iteration and need not solve its level.
    var followsLowerLevel: Bool {
        guard case .doubleLoop(let axes) = algorithm else { return false }
        switch axes.hypergradient {
        case .rankOne, .differenced, .zerothOrder, .valueGap, .moreauEnvelope, .barrier, .learnedStart: return true
        case .implicit, .unrolledReverse, .unrolledForward, .aggregated, .initialisation: return false
        }
    }

    /// Whether upper steps are found by searching for lower values, so that no step of theirs is too long.
    var searchesUpperStep: Bool {
        let upper: UpperStep
        switch algorithm {
        case .doubleLoop(let axes): upper = axes.upper
        case .nested(let axes): upper = axes.upper
        case .soba, .stochastic, .nestedStochastic: return false
        }
        switch upper {
        case .lineSearch, .lbfgs: return true
        case .projectedGradient, .joint, .adam, .polyak, .search: return false
        }
    }

    /// How the levels below the outermost respond, of methods for any number of levels.
    var responses: [ResponseRule]? {
        switch algorithm {
        case .nested(let axes): axes.responses
        case .nestedStochastic(let axes): axes.levels.map { _ in .implicit }
        case .doubleLoop, .soba, .stochastic: nil
        }
    }

    /// Whether batches are copies of rows.
    var slicesRows: Bool {
        switch algorithm {
        case .nestedStochastic: true
        case .doubleLoop, .soba, .stochastic, .nested: false
        }
    }

    /// Whether runs under other seeds are other runs, and not the same one up to rounding.
    package var drawsAtRandom: Bool {
        switch algorithm {
        case .soba, .stochastic, .nestedStochastic: return true
        case .nested(let axes): return axes.upper.drawsAtRandom
        case .doubleLoop(let axes):
            if case .zerothOrder = axes.hypergradient { return true }
            return axes.upper.drawsAtRandom
        }
    }

    /// Whether progress is estimated from batches.
    package var isStochastic: Bool {
        switch algorithm {
        case .doubleLoop, .nested: false
        case .soba, .stochastic, .nestedStochastic: true
        }
    }
}

/// What a run may spend and when it is done.
package struct RunLimits: Sendable, Equatable {
    /// Upper iterations.
    package var iterations: Int
    /// Oracle calls of all kinds.
    package var oracleCalls: Int?
    /// Evaluations of single kinds.
    package var oracleKinds: [OracleKind: Int]
    /// ‖projected hypergradient‖₂ at which the run has converged; `nil`: ``Tensors/Precision/defaultTolerance`` times
    /// max(1, its value at the start).
    package var hypergradientTolerance: Double?
    /// Iterations between progress points; `nil`: 1, or an epoch for methods that draw batches.
    package var progressEvery: Int?

    package init(
        iterations: Int, oracleCalls: Int? = nil, oracleKinds: [OracleKind: Int] = [:],
        hypergradientTolerance: Double? = nil, progressEvery: Int? = nil
    ) {
        self.oracleKinds = oracleKinds
        self.iterations = iterations
        self.oracleCalls = oracleCalls
        self.hypergradientTolerance = hypergradientTolerance
        self.progressEvery = progressEvery
    }
}

extension RunLimits {
    /// Whether nothing is left of some budget.
    func areSpent(_ counts: OracleCounts) -> Bool {
        (oracleCalls.map { counts.calls >= $0 } ?? false) || oracleKinds.contains { counts[$0.key] >= $0.value }
    }

    /// Whether more than some budget was taken.
    func areExceeded(_ counts: OracleCounts) -> Bool {
        (oracleCalls.map { counts.calls > $0 } ?? false) || oracleKinds.contains { counts[$0.key] > $0.value }
    }
}
