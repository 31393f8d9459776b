// The method as asked for: a name and, axis by axis, what the user overrides. nil always means "not asked".
import MultilevelOptimization

/// What the document says of the method.
package struct MethodRequest: Sendable, Equatable {
    /// The preset, or `auto`.
    package var name = MethodName.auto
    /// JSON pointer to where the name stands, for faults found later.
    package var pointer = "/method"
    /// How the lower level is solved.
    package var lowerSolver = LowerSolverRequest()
    /// How the hypergradient is formed.
    package var hypergradient = HypergradientRequest()
    /// How its linear system is solved.
    package var linearSolver = LinearSolverRequest()
    /// How the upper variables move.
    package var upperStep = UpperStepRequest()
    /// How gradients of sums are estimated.
    package var estimator: EstimatorName?
    package var estimation = EstimationRequest()
    /// What single levels below the outermost do, outer ones first, of methods for any number of levels.
    package var levels: [LevelMethodRequest]?

    /// The memberwise initializer.
    package init(
        name: MethodName = .auto, pointer: String = "/method", lowerSolver: LowerSolverRequest = LowerSolverRequest(),
        hypergradient: HypergradientRequest = HypergradientRequest(),
        linearSolver: LinearSolverRequest = LinearSolverRequest(), upperStep: UpperStepRequest = UpperStepRequest(),
        estimator: EstimatorName? = nil, estimation: EstimationRequest = EstimationRequest(),
        levels: [LevelMethodRequest]? = nil
    ) {
        self.levels = levels
        self.name = name
        self.pointer = pointer
        self.lowerSolver = lowerSolver
        self.hypergradient = hypergradient
        self.linearSolver = linearSolver
        self.upperStep = upperStep
        self.estimator = estimator
        self.estimation = estimation
    }
}

/// How the lower level is solved.
package struct LowerSolverRequest: Sendable, Equatable {
    /// The choice; nil where the method chooses.
    package var name: LowerSolverName?
    /// The step size or its rule.
    package var step: StepRequest?
    /// Iterations per upper iteration, at least 1.
    package var steps: Int?
    /// Residual at which an inner solve stops, at least 0.
    package var tolerance: Double?
    /// Pairs that L-BFGS, or differences that Anderson acceleration, keeps, at least 1.
    package var memory: Int?
    /// Of heavy ball and Nesterov, at least 0 and below 1.
    package var momentum: Double?
    /// Of Adam.
    package var adam = AdamRequest()
    /// Whether a solve starts at the previous solution.
    package var warmStart: Bool?
    /// Of the number of steps with the rounds: ⌈steps (s+1)^growth⌉; at least 0.
    package var growth: Double?

    /// The memberwise initializer.
    package init(
        name: LowerSolverName? = nil, step: StepRequest? = nil, steps: Int? = nil, tolerance: Double? = nil,
        memory: Int? = nil, momentum: Double? = nil, adam: AdamRequest = AdamRequest(), warmStart: Bool? = nil,
        growth: Double? = nil
    ) {
        self.growth = growth
        self.name = name
        self.step = step
        self.steps = steps
        self.tolerance = tolerance
        self.memory = memory
        self.momentum = momentum
        self.adam = adam
        self.warmStart = warmStart
    }
}

/// Solvers of the lower level.
package enum LowerSolverName: String, Sendable, CaseIterable {
    case gradientDescent = "gradient-descent"
    case heavyBall = "heavy-ball"
    case nesterov
    case adam
    case lbfgs = "l-bfgs"
    case newtonCG = "newton-cg"
    case fixedPoint = "fixed-point"
    case anderson
    case proximalGradient = "proximal-gradient"
    case ista
    case fista
    case projectedGradient = "projected-gradient"
    case closedForm = "closed-form"
    case sgd
}

/// β₁, β₂ and ε of Adam, where they are asked for.
package struct AdamRequest: Sendable, Equatable {
    package var first: Double?
    package var second: Double?
    package var epsilon: Double?

    /// The memberwise initializer.
    package init(first: Double? = nil, second: Double? = nil, epsilon: Double? = nil) {
        self.first = first
        self.second = second
        self.epsilon = epsilon
    }
}

/// How the hypergradient is formed.
package struct HypergradientRequest: Sendable, Equatable {
    /// The choice; nil where the method chooses.
    package var name: HypergradientName?
    /// Steps that reverse differentiation goes back, at least 1.
    package var truncate: Int?
    /// Whether only every √T-th step is kept, and those between computed again.
    package var checkpoints: Bool?
    /// Random directions of zeroth-order estimates, at least 1.
    package var directions: Int?
    /// Length of differences, positive.
    package var radius: Double?
    /// η of the value-gap penalty, λ₀ of the growing one; positive.
    package var weight: Double?
    /// Of the growing penalty, at least 0.
    package var growth: Double?

    /// The memberwise initializer.
    package init(
        name: HypergradientName? = nil, truncate: Int? = nil, checkpoints: Bool? = nil, directions: Int? = nil,
        radius: Double? = nil, weight: Double? = nil, growth: Double? = nil
    ) {
        self.name = name
        self.truncate = truncate
        self.checkpoints = checkpoints
        self.directions = directions
        self.radius = radius
        self.weight = weight
        self.growth = growth
    }
}

/// Ways to the hypergradient.
package enum HypergradientName: String, Sendable, CaseIterable {
    case implicit
    case unrolledReverse = "unrolled-reverse"
    case unrolledForward = "unrolled-forward"
    case penalty
    case zerothOrder = "zeroth-order"
    case initialisation
}

/// How the linear system of the implicit hypergradient is solved.
package struct LinearSolverRequest: Sendable, Equatable {
    /// The choice; nil where the method chooses.
    package var name: LinearSolverName?
    /// Iterations, at least 1.
    package var steps: Int?
    /// Relative residual at which a solve stops, at least 0.
    package var tolerance: Double?
    /// Step of the fixed-point iteration, of Neumann series and of the identity; positive.
    package var step: Double?
    /// Vectors that GMRES keeps, at least 1.
    package var restart: Int?
    /// Whether a solve starts at the previous solution.
    package var warmStart: Bool?

    /// The memberwise initializer.
    package init(
        name: LinearSolverName? = nil, steps: Int? = nil, tolerance: Double? = nil, step: Double? = nil,
        restart: Int? = nil, warmStart: Bool? = nil
    ) {
        self.restart = restart
        self.name = name
        self.steps = steps
        self.tolerance = tolerance
        self.step = step
        self.warmStart = warmStart
    }
}

/// Solvers of the linear system.
package enum LinearSolverName: String, Sendable, CaseIterable {
    case cg
    case fixedPoint = "fixed-point"
    case normalEquations = "normal-equations"
    case minres
    case gmres
    case bicgstab
    case neumann
    case cholesky
    case lu
    case identity
    case rankOne = "rank-one"
    case adamIdentity = "adam-identity"
    case randomisedNeumann = "randomised-neumann"
    case sgd
}

/// How the upper variables move.
package struct UpperStepRequest: Sendable, Equatable {
    /// The choice; nil where the method chooses.
    package var name: UpperStepName?
    /// The step size or its rule.
    package var step: StepRequest?
    /// Heavy-ball momentum, at least 0 and below 1.
    package var momentum: Double?
    /// Pairs that L-BFGS keeps, at least 1.
    package var memory: Int?
    /// Of Adam.
    package var adam = AdamRequest()

    /// The memberwise initializer.
    package init(
        name: UpperStepName? = nil, step: StepRequest? = nil, momentum: Double? = nil, memory: Int? = nil,
        adam: AdamRequest = AdamRequest()
    ) {
        self.memory = memory
        self.adam = adam
        self.name = name
        self.step = step
        self.momentum = momentum
    }
}

/// Upper steps.
package enum UpperStepName: String, Sendable, CaseIterable {
    case projectedGradient = "projected-gradient"
    case momentum
    case adam
    case lbfgs = "l-bfgs"
}

/// How gradients of sums over a sample axis are estimated.
package enum EstimatorName: String, Sendable, CaseIterable {
    case full
    case sgd
    case saga
    case sarah
    case storm
    case average
}

/// Parameters of the estimator.
package struct EstimationRequest: Sendable, Equatable {
    /// How SAGA's tables begin.
    package var start: SAGAStartName?
    /// Iterations between full passes of SARAH, at least 1.
    package var period: Int?
    /// η₀ of STORM and of moving averages, above 0 and at most 1.
    package var momentum: Double?

    /// The memberwise initializer.
    package init(start: SAGAStartName? = nil, period: Int? = nil, momentum: Double? = nil) {
        self.start = start
        self.period = period
        self.momentum = momentum
    }
}

/// How SAGA's tables begin.
package enum SAGAStartName: String, Sendable, CaseIterable {
    case full
    case zero
}

/// A step size or the rule for one.
package enum StepRequest: Sendable, Equatable {
    /// Positive, the same at every iteration.
    case constant(Double)
    /// initial / (t + 1)^exponent at iteration t = 0, 1, …; initial positive, exponent at least 0.
    case power(initial: Double, exponent: Double)
    /// initial · offset / (offset + t); both positive.
    case inverse(initial: Double, offset: Double)
    /// initial (1 + cos(πt/period)) / 2 for t < period, and 0 from then on; initial positive, period at least 1.
    case cosine(initial: Double, period: Int)
    /// (F − target)/‖∇F‖².
    case polyak(target: Double)
    /// Backtracking.
    case lineSearch
    /// From curvature.
    case automatic
}
