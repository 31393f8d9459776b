// The hypergradient as exactly as this precision allows, whatever method runs: for the start's report, for
// certificates, and as the yardstick of derivative checks.
import Solvers
import Tensors

/// Solves the lower level and the adjoint system down to rounding.
struct ReferenceEvaluator {
    /// Newton corrections after the minimiser, each a solve by conjugate gradients.
    static let corrections = 3
    /// Variables up to which factors cost no more than iterations do where the level is well conditioned.
    private static let directLimit = 64
    /// Pairs that its minimiser, L-BFGS, remembers.
    static let memory = 20

    /// In float64.
    let oracle: BilevelOracle
    let stop: StopCheck

    private static let iterative = LinearSystemSolver.conjugateGradients(steps: 10_000, tolerance: 1e-14)
    private static let factors = LinearSystemSolver.automatic(steps: 10_000, tolerance: 1e-14)
    private static let correctionSolver = LinearSystemSolver.conjugateGradients(steps: 10_000, tolerance: 1e-10)
    /// For levels with a set or norms, what the corrections start from.
    private static let accelerated = LowerSolver.accelerated(steps: 50_000, tolerance: Tolerance(relative: 1e-10))

    /// Whether factors of one small matrix solve the level and its adjoint: as many products as there are variables, however
    /// badly the level is conditioned.
    private var isDirect: Bool {
        oracle.isAffine && oracle.problem.lower.isSmooth && oracle.lowerDimension <= Self.directLimit
    }

    private var adjointSolver: LinearSystemSolver { isDirect ? Self.factors : Self.iterative }

    private var configuration: DoubleLoopConfiguration {
        let isSmooth = oracle.lowerDimension == 0 || oracle.problem.lower.isSmooth
        return DoubleLoopConfiguration(
            lower: isSmooth ? .lbfgs(memory: Self.memory, steps: 5_000, tolerance: 0) : Self.accelerated,
            hypergradient: .implicit(adjointSolver), upper: .lineSearch, warmStartsLower: true,
            warmStartsLinear: false)
    }

    /// Evaluates at `x`, the lower solve beginning at `y`; `nil` when stopped.
    func evaluate(at x: [Double], from y: [Double]) -> Evaluation? {
        if oracle.problem.isNested {
            return oracle.evaluateNested(at: x, from: y, tolerance: NestedEvaluator.defaultTolerance, stop: stop)
        }
        oracle.setUpper(x)
        let evaluator = HypergradientEvaluator(
            oracle: oracle, configuration: configuration, estimatedStep: nil, stop: stop)
        guard oracle.lowerDimension > 0 else { return evaluator.evaluate(at: x, after: nil) }
        guard let corrected = correct(y, evaluator) else { return nil }
        oracle.setLower(corrected.point)
        return evaluator.differentiate(
            x, corrected, residualNorm: corrected.statistics.residualNorm, adjointSolver, adjoint: nil)
    }

    /// F alone, for differences.
    func value(at x: [Double], from y: [Double]) -> Double? {
        if oracle.problem.isNested {
            return oracle.nestedValue(at: x, from: y, tolerance: NestedEvaluator.defaultTolerance, stop: stop)
        }
        oracle.setUpper(x)
        let evaluator = HypergradientEvaluator(
            oracle: oracle, configuration: configuration, estimatedStep: nil, stop: stop)
        if oracle.lowerDimension > 0 {
            guard let corrected = correct(y, evaluator) else { return nil }
            oracle.setLower(corrected.point)
        }
        return oracle.upperValue()
    }

    /// Minimises, then applies Newton corrections y − H⁻¹∇_y g while they reduce the gradient: a minimiser that
    /// compares values stops near the square root of the precision, Newton does not. Over a set or with norms the
    /// corrections stay on the face that the minimiser has found.
    private func correct(_ start: [Double], _ evaluator: HypergradientEvaluator) -> Solution? {
        if isDirect {
            var axes = configuration
            axes.lower = .closedForm
            let direct = HypergradientEvaluator(oracle: oracle, configuration: axes, estimatedStep: nil, stop: stop)
            guard let solved = direct.solveLower(from: start) else { return nil }
            // Else the level has no one minimiser, or none.
            if solved.status == .converged { return solved }
        }
        guard var solution = evaluator.solveLower(from: start) else { return nil }
        var gradient = solution.point
        oracle.setLower(solution.point)
        oracle.lowerGradient(into: &gradient)
        let regularizer = oracle.regularizer()
        var norm = regularizer.stationarity(at: solution.point, gradient: gradient)
        for _ in 0..<Self.corrections where norm > 0 && norm.isFinite {
            let face = evaluator.face(at: solution.point)
            face?.addNormGradient(regularizer, to: &gradient)
            let step = evaluator.solveAdjoint(Self.correctionSolver, gradient, from: nil, along: face)
            if step.status == .interrupted { return nil }
            guard step.status == .converged || step.status == .stagnated else { break }
            var trial = solution.point
            VectorMath.add(-1, step.point, to: &trial)
            regularizer.set.project(&trial)
            oracle.setLower(trial)
            oracle.lowerGradient(into: &gradient)
            let trialNorm = regularizer.stationarity(at: trial, gradient: gradient)
            guard trialNorm < norm else { break }
            solution.point = trial
            norm = trialNorm
        }
        solution.statistics.residualNorm = norm
        return solution
    }
}
