// Evaluates F and ∇F at an upper point: solve the lower level, then differentiate implicitly or through the steps.
// Grazzi, Franceschi, Pontil, Salzo, ICML 2020 (ITD, AID); Grazzi's thesis, 2023.
import Solvers
import Tensors

/// The deterministic hypergradients, on all data.
struct HypergradientEvaluator {
    let oracle: BilevelOracle
    let configuration: DoubleLoopConfiguration
    /// The settled step of gradient descent, where one was estimated.
    let estimatedStep: Double?
    /// That of both levels together.
    let estimatedJointStep: Double?
    let stop: StopCheck
    /// Of the run; 0 at its start. Decreasing tolerances and random directions depend on it.
    let iteration: Int
    let seed: UInt64
    /// ‖h‖₂ of the evaluation before; infinite at the start.
    let lastNorm: Double
    /// What the lower objective is measured in where its scale would mislead its solver's tolerance.
    var unit = 1.0

    init(
        oracle: BilevelOracle, configuration: DoubleLoopConfiguration, estimatedStep: Double?,
        jointStep: Double? = nil, stop: @escaping StopCheck, iteration: Int = 0, seed: UInt64 = 0,
        lastNorm: Double = .infinity
    ) {
        self.oracle = oracle
        self.configuration = configuration
        self.estimatedStep = estimatedStep
        estimatedJointStep = jointStep
        self.stop = stop
        self.iteration = iteration
        self.seed = seed
        self.lastNorm = lastNorm
    }

    /// Evaluates at `x`; `nil` when stopped.
    ///
    /// - Parameter previous: an evaluation nearby, for warm starts.
    func evaluate(at x: [Double], after previous: Evaluation?) -> Evaluation? {
        oracle.setUpper(x)
        if oracle.lowerDimension == 0 { return evaluateSingleLevel(x) }
        let warm = configuration.warmStartsLower ? previous?.y : nil
        let start = warm ?? oracle.coldStart()
        switch configuration.hypergradient {
        case .implicit(let solver): return evaluateImplicit(x, from: start, solver, adjoint: previous?.v)
        case .unrolledReverse(let truncation, let memory):
            return evaluateReverse(x, from: start, isCold: warm == nil, truncation, memory)
        case .unrolledForward: return evaluateForward(x, from: start, isCold: warm == nil)
        case .differenced(let radius): return evaluateLastStep(x, from: start, radius: radius)
        case .rankOne: return evaluateRankOne(x, from: start)
        case .zerothOrder(let directions, let radius):
            return evaluateZerothOrder(x, from: start, directions, radius: radius)
        case .valueGap(let multiplier): return evaluateValueGap(x, from: previous?.v ?? start, multiplier)
        case .moreauEnvelope(let ramp, let radius):
            return evaluateMoreauEnvelope(x, after: previous, start: start, ramp, radius: radius)
        case .barrier(let ramp): return evaluateBarrier(x, after: previous, start: start, ramp)
        case .aggregated:
            return evaluateReverse(x, from: start, isCold: warm == nil, nil, .everything)
        case .learnedStart: return evaluateLearnedStart(x, from: previous?.v ?? start)
        case .initialisation(let rule): return evaluateInitialisation(x, from: start, rule)
        }
    }

    private func evaluateSingleLevel(_ x: [Double]) -> Evaluation? {
        if stop() != nil { return nil }
        var none: [Double] = []
        var gradient = zeros(oracle.upperDimension)
        let value = oracle.upperGradients(y: &none, x: &gradient)
        return Evaluation(
            x: x, y: [], v: [], value: value, hypergradient: gradient, lowerResidual: 0, linearResidual: nil,
            lowerStatus: .converged, linearStatus: nil)
    }

    /// ε_t where tolerances fall: never looser than a tenth of the last hypergradient.
    var innerTolerance: Double? {
        configuration.decreasing.map { max(min($0.value(at: iteration), 0.1 * lastNorm), $0.floor) }
    }

    func zeros(_ count: Int) -> [Double] { [Double](repeating: 0, count: count) }

    // MARK: - Implicit

    /// The face of a solution over a set or with norms; `nil` for smooth levels.
    func face(at y: [Double]) -> Face? {
        if oracle.problem.lower.isSmooth { return nil }
        var gradient = zeros(oracle.lowerDimension)
        oracle.lowerGradient(into: &gradient)
        return Face(of: oracle.regularizer(), at: y, gradient: gradient)
    }

    /// f_x − J v with H v = f_y, at the oracle's point. On a face: P (H + C) P v = P f_y, and the weights of norms add
    /// −(∂w/∂x)ᵀ ⟨∂h/∂w, v⟩.
    func differentiate(
        _ x: [Double], _ lower: Solution, residualNorm: Double, _ solver: LinearSystemSolver, adjoint: [Double]?
    ) -> Evaluation? {
        var gradientY = zeros(oracle.lowerDimension)
        var hypergradient = zeros(oracle.upperDimension)
        let value = oracle.upperGradients(y: &gradientY, x: &hypergradient)
        let face = face(at: lower.point)
        let linear = solveAdjoint(
            solver, gradientY, from: configuration.warmStartsLinear ? adjoint : nil, along: face)
        if linear.status == .interrupted { return nil }
        var mixed = zeros(oracle.upperDimension)
        oracle.mixedProduct(linear.point, into: &mixed)
        VectorMath.add(-1, mixed, to: &hypergradient)
        if let face { addWeightSlopes(face, linear.point.map { -$0 }, to: &hypergradient) }
        return Evaluation(
            x: x, y: lower.point, v: linear.point, value: value, hypergradient: hypergradient,
            lowerResidual: residualNorm, linearResidual: linear.statistics.residualNorm, lowerStatus: lower.status,
            linearStatus: linear.status)
    }

    func addWeightSlopes(_ face: Face, _ v: [Double], to result: inout [Double]) {
        let terms = oracle.regularizer().terms
        if terms.isEmpty { return }
        oracle.addWeightProduct(
            terms.indices.map { face.weightSlopes(terms[$0], $0, along: v) }, to: &result)
    }

    /// Solves H v = b, or P (H + C) P v = P b with v on the face. H is (∂r/∂y)ᵀ where the level is a fixed point.
    func solveAdjoint(
        _ solver: LinearSystemSolver, _ rhs: [Double], from start: [Double]?, along face: Face?
    ) -> Solution {
        let system = AdjointSystem(oracle: oracle, face: face, solver, estimatedStep: estimatedStep)
        var start = start?.count == rhs.count ? start : nil
        var rhs = rhs
        if let face {
            face.project(&rhs)
            if let damping = system.damping { face.solveProximal(&rhs, step: damping) }
            if var nearby = start {
                face.project(&nearby)
                start = nearby
            }
        }
        let decreasing = innerTolerance
        return system.solve(rhs, from: start, tolerance: { decreasing ?? $0 }, shouldStop: { stop() != nil })
    }
}
