// The method as asked for: a name and, axis by axis, what the user overrides. nil always means "not asked".

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

    /// The memberwise initializer.
    package init(
        name: MethodName = .auto, pointer: String = "/method", lowerSolver: LowerSolverRequest = LowerSolverRequest(),
        hypergradient: HypergradientRequest = HypergradientRequest(),
        linearSolver: LinearSolverRequest = LinearSolverRequest(), upperStep: UpperStepRequest = UpperStepRequest(),
        estimator: EstimatorName? = nil
    ) {
        self.name = name
        self.pointer = pointer
        self.lowerSolver = lowerSolver
        self.hypergradient = hypergradient
        self.linearSolver = linearSolver
        self.upperStep = upperStep
        self.estimator = estimator
    }
}

/// The presets that this version runs.
package enum MethodName: String, Sendable, CaseIterable {
    case auto
    case aidCG = "aid-cg"
    case aidFixedPoint = "aid-fixed-point"
    case itd
    case implicit
    case soba
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
    /// Pairs that L-BFGS keeps, at least 1.
    package var memory: Int?
    /// Whether a solve starts at the previous solution.
    package var warmStart: Bool?

    /// The memberwise initializer.
    package init(
        name: LowerSolverName? = nil, step: StepRequest? = nil, steps: Int? = nil, tolerance: Double? = nil,
        memory: Int? = nil, warmStart: Bool? = nil
    ) {
        self.name = name
        self.step = step
        self.steps = steps
        self.tolerance = tolerance
        self.memory = memory
        self.warmStart = warmStart
    }
}

/// Solvers of the lower level.
package enum LowerSolverName: String, Sendable, CaseIterable {
    case gradientDescent = "gradient-descent"
    case lbfgs = "l-bfgs"
    case fista
}

/// How the hypergradient is formed.
package struct HypergradientRequest: Sendable, Equatable {
    /// The choice; nil where the method chooses.
    package var name: HypergradientName?
    /// Steps that reverse differentiation goes back, at least 1.
    package var truncate: Int?

    /// The memberwise initializer.
    package init(
        name: HypergradientName? = nil, truncate: Int? = nil
    ) {
        self.name = name
        self.truncate = truncate
    }
}

/// Ways to the hypergradient.
package enum HypergradientName: String, Sendable, CaseIterable {
    case implicit
    case unrolledReverse = "unrolled-reverse"
}

/// How the linear system of the implicit hypergradient is solved.
package struct LinearSolverRequest: Sendable, Equatable {
    /// The choice; nil where the method chooses.
    package var name: LinearSolverName?
    /// Iterations, at least 1.
    package var steps: Int?
    /// Relative residual at which a solve stops, at least 0.
    package var tolerance: Double?
    /// Step of the fixed-point iteration; positive.
    package var step: Double?
    /// Whether a solve starts at the previous solution.
    package var warmStart: Bool?

    /// The memberwise initializer.
    package init(
        name: LinearSolverName? = nil, steps: Int? = nil, tolerance: Double? = nil, step: Double? = nil,
        warmStart: Bool? = nil
    ) {
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
}

/// How the upper variables move.
package struct UpperStepRequest: Sendable, Equatable {
    /// The choice; nil where the method chooses.
    package var name: UpperStepName?
    /// The step size or its rule.
    package var step: StepRequest?
    /// Heavy-ball momentum, at least 0 and below 1.
    package var momentum: Double?

    /// The memberwise initializer.
    package init(
        name: UpperStepName? = nil, step: StepRequest? = nil, momentum: Double? = nil
    ) {
        self.name = name
        self.step = step
        self.momentum = momentum
    }
}

/// Upper steps.
package enum UpperStepName: String, Sendable, CaseIterable {
    case projectedGradient = "projected-gradient"
}

/// How gradients of sums over a sample axis are estimated.
package enum EstimatorName: String, Sendable, CaseIterable {
    case full
    case sgd
}

/// A step size or the rule for one.
package enum StepRequest: Sendable, Equatable {
    /// Positive, the same at every iteration.
    case constant(Double)
    /// initial / (t + 1)^exponent at iteration t = 0, 1, …; initial positive, exponent at least 0.
    case power(initial: Double, exponent: Double)
    /// Backtracking.
    case lineSearch
    /// From curvature.
    case automatic
}
