// The hypergradient as exactly as this precision allows, whatever method runs: for the start's report, for
// certificates, and as the yardstick of derivative checks.
import Solvers
import Tensors

/// Solves the lower level and the adjoint system down to rounding.
struct ReferenceEvaluator {
    /// Newton corrections after a minimiser, each a solve by conjugate gradients, at the most.
    private static let corrections = 6
    /// What the gradient falls to before Newton's steps take over from the minimiser.
    private static let approach = 1e-4
    /// Relative length of a Newton step after which nothing is left but rounding.
    private static let settled = 1e-9
    /// What a correction near the minimiser leaves of the gradient, at the most.
    private static let contraction = 0.1
    /// Variables up to which factors cost no more than iterations do where the level is well conditioned.
    private static let directLimit = 64
    /// Pairs that its minimiser, L-BFGS, remembers.
    static let memory = 20
    /// Its updates at the most.
    private static let steps = 5_000

    /// In float64.
    let oracle: BilevelOracle
    let stop: StopCheck

    private static let iterative = LinearSystemSolver.conjugateGradients(steps: 10_000, tolerance: 1e-14)
    private static let factors = LinearSystemSolver.automatic(steps: 10_000, tolerance: 1e-14)
    /// Newton's steps converge quadratically: more digits of one would be lost in the next.
    private static let correctionSolver = LinearSystemSolver.conjugateGradients(steps: 10_000, tolerance: 1e-6)
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
            lower: isSmooth ? .lbfgs(memory: Self.memory, steps: Self.steps, tolerance: 0) : Self.accelerated,
            hypergradient: .implicit(adjointSolver), upper: .lineSearch, warmStartsLower: true,
            warmStartsLinear: false)
    }

    /// Evaluates at `x`, the lower solve beginning at `y`; `nil` when stopped.
    ///
    /// - Parameter isNear: whether `y` nearly solves the level at `x`.
    func evaluate(at x: [Double], from y: [Double], isNear: Bool = false) -> Evaluation? {
        if oracle.problem.isNested {
            return oracle.evaluateNested(at: x, from: y, tolerance: NestedEvaluator.defaultTolerance, stop: stop)
        }
        oracle.setUpper(x)
        let evaluator = HypergradientEvaluator(
            oracle: oracle, configuration: configuration, estimatedStep: nil, stop: stop)
        guard oracle.lowerDimension > 0 else { return evaluator.evaluate(at: x, after: nil) }
        guard let corrected = correct(y, isNear: isNear, evaluator) else { return nil }
        let lower = corrected.solution
        oracle.setLower(lower.point)
        guard
            let found = evaluator.differentiate(
                x, lower, residualNorm: lower.statistics.residualNorm, adjointSolver, adjoint: nil)
        else { return nil }
        return evaluator.judged(found, lower, residual: corrected.residual, newton: corrected.newton)
    }

    /// F alone, for differences; `y` nearly solves the level at `x`. Not a number where the level was not solved.
    func value(at x: [Double], from y: [Double]) -> Double? {
        if oracle.problem.isNested {
            return oracle.nestedValue(at: x, from: y, tolerance: NestedEvaluator.defaultTolerance, stop: stop)
        }
        oracle.setUpper(x)
        let evaluator = HypergradientEvaluator(
            oracle: oracle, configuration: configuration, estimatedStep: nil, stop: stop)
        if oracle.lowerDimension > 0 {
            guard let corrected = correct(y, isNear: true, evaluator) else { return nil }
            let lower = corrected.solution
            oracle.setLower(lower.point)
            let fault = evaluator.fault(of: lower, residual: corrected.residual, newton: corrected.newton)
            if lower.status.isDivergence || fault != nil { return .nan }
            oracle.setLower(lower.point)
        }
        return oracle.upperValue()
    }

    /// Minimises until Newton's steps y − H⁻¹∇_y g take over, which are quick near the minimiser and reach it to rounding,
    /// where a minimiser that compares values stops near the square root of the precision and takes long to see it. Where
    /// they do not settle, the minimiser goes on as far as values tell. Over a set or with norms the steps stay on the face
    /// that the minimiser has found.
    ///
    /// - Parameter isNear: whether a solution is expected near the start.
    private func correct(_ start: [Double], isNear: Bool, _ evaluator: HypergradientEvaluator) -> Corrected? {
        if isDirect {
            var axes = configuration
            axes.lower = .closedForm
            let direct = HypergradientEvaluator(oracle: oracle, configuration: axes, estimatedStep: nil, stop: stop)
            guard let solved = direct.solveLower(from: start) else { return nil }
            // Else the level has no one minimiser, or none.
            if solved.status == .converged {
                return Corrected(solution: solved, residual: [], newton: 0, isSettled: true)
            }
        }
        var start = start
        if oracle.problem.lower.isSmooth {
            if isNear {
                guard let polished = polish(point(start), evaluator, contraction: Self.contraction) else { return nil }
                if polished.isSettled { return polished }
            }
            let minimiser = LBFGS(
                memory: Self.memory, tolerance: Tolerance(relative: Self.approach), maxIterations: Self.steps)
            guard let near = evaluator.solveLower(from: start, by: minimiser),
                let polished = polish(near, evaluator, contraction: 1)
            else { return nil }
            if polished.isSettled { return polished }
            start = near.point
        }
        guard let solution = evaluator.solveLower(from: start) else { return nil }
        return polish(solution, evaluator, contraction: 1)
    }

    /// A point as if a minimiser had begun and ended there.
    private func point(_ y: [Double]) -> Solution {
        Solution(point: y, status: .converged, statistics: SolveStatistics(iterations: 0, residualNorm: 0, scale: 0))
    }

    /// A lower point after Newton corrections.
    private struct Corrected {
        let solution: Solution
        /// ∂g/∂y there; empty where factors have solved the level.
        let residual: [Double]
        /// The length of Newton's step that led there, or that would lead away from there; `nil` without any.
        let newton: Double?
        /// Whether rounding alone is left.
        let isSettled: Bool
    }

    /// Newton corrections, as long as each leaves less than its share of the gradient; `nil` when stopped.
    private func polish(
        _ solved: Solution, _ evaluator: HypergradientEvaluator, contraction: Double
    ) -> Corrected? {
        var solution = solved
        var gradient = solution.point
        oracle.setLower(solution.point)
        oracle.lowerGradient(into: &gradient)
        let regularizer = oracle.regularizer()
        var norm = regularizer.stationarity(at: solution.point, gradient: gradient)
        var isSettled = norm == 0
        var newton: Double?
        for _ in 0..<Self.corrections where norm > 0 && norm.isFinite && !isSettled {
            let face = evaluator.face(at: solution.point)
            var rhs = gradient
            face?.addNormGradient(regularizer, to: &rhs)
            let step = evaluator.solveAdjoint(Self.correctionSolver, rhs, from: nil, along: face)
            if step.status == .interrupted { return nil }
            guard step.status == .converged || step.status == .stagnated else { break }
            newton = VectorMath.norm(step.point)
            var trial = solution.point
            var trialGradient = gradient
            VectorMath.add(-1, step.point, to: &trial)
            regularizer.set.project(&trial)
            oracle.setLower(trial)
            oracle.lowerGradient(into: &trialGradient)
            let trialNorm = regularizer.stationarity(at: trial, gradient: trialGradient)
            let isLast = VectorMath.norm(step.point) <= Self.settled * max(1, VectorMath.norm(trial))
            isSettled = isLast && step.status == .converged
            guard trialNorm < norm else { break }
            let ratio = trialNorm / norm
            solution.point = trial
            gradient = trialGradient
            norm = trialNorm
            if ratio > contraction { break }
        }
        if isSettled { solution.status = .converged }
        solution.statistics.residualNorm = norm
        oracle.setLower(solution.point)
        return Corrected(solution: solution, residual: gradient, newton: newton, isSettled: isSettled)
    }
}
