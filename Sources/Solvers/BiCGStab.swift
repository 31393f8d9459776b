// Stabilised biconjugate gradients for systems that are not symmetric. Van der Vorst 1992; Saad, Iterative Methods,
// 2nd ed., Alg. 7.7. A breakdown begins anew at the present residual; a second without progress ends the run.
import Tensors

/// Solves `A x = b` for regular `A` with short recurrences. Two applications of `A` per iteration.
package struct BiCGStab: LinearSolver, Equatable {
    /// The test on ‖b − A x‖₂, relative to ‖b‖₂.
    package var tolerance: Tolerance
    /// The largest number of iterations.
    package var maxIterations: Int

    /// The method with these settings.
    package init(tolerance: Tolerance = Tolerance(relative: 1e-10), maxIterations: Int = 1_000) {
        self.tolerance = tolerance
        self.maxIterations = maxIterations
    }

    package func solve(
        _ matrix: LinearOperator, rhs: [Double], start: [Double]?, shouldStop: InterruptionCheck
    ) throws(SolverError) -> Solution {
        if let trivial = try trivialSolution(matrix, rhs: rhs, start: start) { return trivial }
        var run = StabilisedRun(matrix: matrix, rhs: rhs, start: start, tolerance: tolerance)
        let status =
            run.statusBeforeFirstStep
            ?? IterationLoop.run(limit: maxIterations, shouldStop: shouldStop) { run.step($0) }
        run.settle()
        let isSolved = run.residualNorm <= run.threshold
        return Solution(
            point: run.x, status: isSolved ? .converged : status,
            statistics: SolveStatistics(iterations: run.iterations, residualNorm: run.residualNorm, scale: run.scale))
    }
}

/// The vectors of one run.
private struct StabilisedRun {
    let matrix: LinearOperator
    let rhs: [Double]
    let scale: Double
    let threshold: Double
    var x: [Double]
    var residualNorm: Double
    var iterations = 0
    private var residual: [Double]
    private var shadow: [Double]
    private var direction: [Double]
    private var directionImage: [Double]
    private var residualImage: [Double]
    private var rho: Double
    /// The best point whose residual was computed from the definition; the iterates' residuals may jump.
    private var best: [Double]
    private var bestNorm: Double
    private var trueNorm = Double.infinity

    init(matrix: LinearOperator, rhs: [Double], start: [Double]?, tolerance: Tolerance) {
        self.matrix = matrix
        self.rhs = rhs
        scale = VectorMath.norm(rhs)
        threshold = tolerance.threshold(scale: scale)
        x = start ?? [Double](repeating: 0, count: rhs.count)
        residual = rhs
        if start != nil { matrix.residual(rhs, at: x, into: &residual) }
        residualNorm = VectorMath.norm(residual)
        shadow = residual
        direction = residual
        directionImage = residual
        residualImage = residual
        rho = VectorMath.dot(residual, residual)
        best = x
        bestNorm = residualNorm
    }

    var statusBeforeFirstStep: SolveStatus? {
        if !residualNorm.isFinite { return .diverged(quantity: .residual, iteration: 0) }
        return residualNorm <= threshold ? .converged : nil
    }

    mutating func step(_ iteration: Int) -> SolveStatus? {
        matrix.apply(direction, &directionImage)
        let alpha = rho / VectorMath.dot(shadow, directionImage)
        guard alpha.isFinite else { return restart() }
        VectorMath.add(alpha, direction, to: &x)
        VectorMath.add(-alpha, directionImage, to: &residual)
        iterations += 1
        residualNorm = VectorMath.norm(residual)
        guard residualNorm.isFinite else { return .diverged(quantity: .residual, iteration: iteration) }
        if residualNorm <= max(threshold, Double.ulpOfOne * scale) { return verify() }
        matrix.apply(residual, &residualImage)
        let omega = VectorMath.dot(residualImage, residual) / VectorMath.dot(residualImage, residualImage)
        guard omega.isFinite, omega != 0 else { return restart() }
        VectorMath.add(omega, residual, to: &x)
        VectorMath.add(-omega, residualImage, to: &residual)
        residualNorm = VectorMath.norm(residual)
        if Divergence.isDivergent(residualNorm, from: scale) {
            return .diverged(quantity: .residual, iteration: iteration)
        }
        if residualNorm <= max(threshold, Double.ulpOfOne * scale) { return verify() }
        let next = VectorMath.dot(shadow, residual)
        let beta = next / rho * (alpha / omega)
        guard beta.isFinite, beta != 0 else { return restart() }
        rho = next
        for i in direction.indices {
            direction[i] = residual[i] + beta * (direction[i] - omega * directionImage[i])
        }
        return nil
    }

    /// Begins anew at the true residual, unless that has stopped to shrink.
    private mutating func restart() -> SolveStatus? {
        matrix.residual(rhs, at: x, into: &residual)
        residualNorm = VectorMath.norm(residual)
        keepBest()
        if residualNorm <= threshold { return .converged }
        if !(residualNorm < trueNorm / 2) { return .stagnated }
        trueNorm = residualNorm
        for i in residual.indices {
            shadow[i] = residual[i]
            direction[i] = residual[i]
        }
        rho = VectorMath.dot(residual, residual)
        return nil
    }

    private mutating func verify() -> SolveStatus? { restart() }

    private mutating func keepBest() {
        guard residualNorm <= bestNorm else { return }
        bestNorm = residualNorm
        for i in x.indices { best[i] = x[i] }
    }

    /// Measures the last iterate and returns to the best one where that is better.
    mutating func settle() {
        matrix.residual(rhs, at: x, into: &residual)
        residualNorm = VectorMath.norm(residual)
        if residualNorm <= bestNorm { return }
        x = best
        residualNorm = bestNorm
    }
}
