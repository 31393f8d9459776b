// What all Krylov methods share: the iterate with its residual, the tests on it, and the loop. The residual of a recurrence
// is recomputed from the definition before it is believed (van der Vorst & Ye 2000).
import Tensors

/// x with its residual b − A x, which a recurrence may carry, and the bounds that it is held against.
struct KrylovIterate {
    let matrix: LinearOperator
    let rhs: [Double]
    /// ‖b‖₂.
    let scale: Double
    /// The largest ‖b − A x‖₂ of a solution.
    let threshold: Double
    var x: [Double]
    var residual: [Double]
    /// ‖b − A x‖₂, as far as is known.
    var residualNorm: Double
    /// Updates of x.
    var iterations = 0
    /// The norm found when ``verify()`` was last asked.
    private var verifiedNorm = Double.infinity

    /// One application of A where there is a start, none where it is 0.
    init(matrix: LinearOperator, rhs: [Double], start: [Double]?, tolerance: Tolerance) {
        self.matrix = matrix
        self.rhs = rhs
        scale = VectorMath.norm(rhs)
        threshold = tolerance.threshold(scale: scale)
        x = start ?? [Double](repeating: 0, count: rhs.count)
        residual = rhs
        if start != nil { matrix.residual(rhs, at: x, into: &residual) }
        residualNorm = VectorMath.norm(residual)
    }

    var isSolved: Bool { residualNorm <= threshold }

    /// Set when the start decides the run.
    var statusOfStart: SolveStatus? {
        if !residualNorm.isFinite { return .diverged(quantity: .residual, iteration: 0) }
        return isSolved ? .converged : nil
    }

    /// Whether a recurrence's residual of this norm is to be compared with the definition: below ε‖b‖ it describes only
    /// itself.
    func wantsVerification(_ norm: Double) -> Bool { norm <= max(threshold, Double.ulpOfOne * scale) }

    /// `r ← r − length · image`, and its norm.
    mutating func reduceResidual(by length: Double, _ image: [Double]) {
        VectorMath.add(-length, image, to: &residual)
        residualNorm = VectorMath.norm(residual)
    }

    /// Computes the residual from its definition.
    mutating func measure() {
        matrix.residual(rhs, at: x, into: &residual)
        residualNorm = VectorMath.norm(residual)
    }

    /// Computes the residual from its definition; `nil` where it has shrunk enough since the last time to go on from it.
    mutating func verify() -> SolveStatus? {
        measure()
        if isSolved { return .converged }
        if !(residualNorm < verifiedNorm / 2) { return .stagnated }
        verifiedNorm = residualNorm
        return nil
    }

    /// The outcome.
    func solution(_ status: SolveStatus) -> Solution {
        Solution(
            point: x, status: status,
            statistics: SolveStatistics(iterations: iterations, residualNorm: residualNorm, scale: scale))
    }
}

/// The vectors of one run of a method.
protocol KrylovRun {
    var iterate: KrylovIterate { get }

    /// Before the first step.
    init(_ iterate: KrylovIterate)

    /// One update of x; a status where it is the last.
    mutating func step(_ iteration: Int) -> SolveStatus?

    /// Once after the last step, or after none: what the run ends with.
    mutating func settle(_ status: SolveStatus) -> SolveStatus
}

extension KrylovRun {
    mutating func settle(_ status: SolveStatus) -> SolveStatus { status }
}

extension LinearSolver {
    /// Runs a method of at most `limit` steps, unless the shapes, b or the start decide.
    func run<Run: KrylovRun>(
        _: Run.Type, _ matrix: LinearOperator, rhs: [Double], start: [Double]?, tolerance: Tolerance, limit: Int,
        shouldStop: InterruptionCheck
    ) throws(SolverError) -> Solution {
        if let trivial = try trivialSolution(matrix, rhs: rhs, start: start) { return trivial }
        var run = Run(KrylovIterate(matrix: matrix, rhs: rhs, start: start, tolerance: tolerance))
        let status =
            run.iterate.statusOfStart ?? IterationLoop.run(limit: limit, shouldStop: shouldStop) { run.step($0) }
        let outcome = run.settle(status)
        return run.iterate.solution(outcome)
    }
}
