// Conjugate gradients for symmetric positive definite systems. Hestenes & Stiefel 1952; notation of Nocedal & Wright,
// 2nd ed., Alg. 5.2; residual replacement after van der Vorst & Ye 2000.

import Tensors

/// Solves `H x = b` for symmetric positive definite `H`.
///
/// The returned point is the converged iterate itself, and its residual is recomputed from the definition before the
/// run is called converged. One application of `H` per iteration, one for that check, and one for a start.
package struct ConjugateGradients: LinearSolver, Equatable {
    /// The test on ‖b − H x‖₂, relative to ‖b‖₂. At zero the run goes on as far as rounding allows.
    package var tolerance: Tolerance

    /// The largest number of updates of x.
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
        var run = ConjugateGradientRun(matrix: matrix, rhs: rhs, start: start, tolerance: tolerance)
        let status =
            run.statusBeforeFirstStep
            ?? IterationLoop.run(limit: maxIterations, shouldStop: shouldStop) { run.step($0) }
        return Solution(
            point: run.x, status: status,
            statistics: SolveStatistics(iterations: run.iterations, residualNorm: run.residualNorm, scale: run.scale))
    }
}

/// The vectors of one run.
private struct ConjugateGradientRun {
    let matrix: LinearOperator
    let rhs: [Double]
    let scale: Double
    let threshold: Double
    var x: [Double]
    var residual: [Double]
    var direction: [Double]
    var image: [Double]
    var residualNorm: Double
    /// The norm found at the last recomputation of the residual.
    var trueNorm = Double.infinity
    var iterations = 0

    init(matrix: LinearOperator, rhs: [Double], start: [Double]?, tolerance: Tolerance) {
        self.matrix = matrix
        self.rhs = rhs
        scale = VectorMath.norm(rhs)
        threshold = tolerance.threshold(scale: scale)
        x = start ?? [Double](repeating: 0, count: rhs.count)
        residual = rhs
        if start != nil { matrix.residual(rhs, at: x, into: &residual) }
        direction = residual
        image = residual
        residualNorm = VectorMath.norm(residual)
    }

    /// Set when the start decides the run.
    var statusBeforeFirstStep: SolveStatus? {
        if !residualNorm.isFinite { return .diverged(quantity: .residual, iteration: 0) }
        return residualNorm <= threshold ? .converged : nil
    }

    mutating func step(_ iteration: Int) -> SolveStatus? {
        matrix.apply(direction, &image)
        let curvature = VectorMath.dot(direction, image)
        guard curvature.isFinite else { return .diverged(quantity: .residual, iteration: iteration) }
        guard curvature > 0 else {
            return .indefinite(curvature: curvature / VectorMath.dot(direction, direction))
        }
        let length = VectorMath.dot(residual, direction) / curvature
        VectorMath.add(-length, image, to: &residual)
        let newNorm = VectorMath.norm(residual)
        guard newNorm.isFinite else { return .diverged(quantity: .residual, iteration: iteration) }
        VectorMath.add(length, direction, to: &x)
        iterations += 1
        // Below ε‖b‖ the recurrence describes only itself, so it is compared with the definition there as well.
        if newNorm <= max(threshold, Double.ulpOfOne * scale) { return verify() }
        turn(newNorm / residualNorm)
        residualNorm = newNorm
        return nil
    }

    /// `p ← r + (‖r‖/‖r_old‖)² p`.
    private mutating func turn(_ ratio: Double) {
        let beta = ratio * ratio
        for i in direction.indices { direction[i] = residual[i] + beta * direction[i] }
    }

    /// Replaces the recurrence's residual by the true one and restarts from it unless that has stopped to help.
    private mutating func verify() -> SolveStatus? {
        matrix.residual(rhs, at: x, into: &residual)
        residualNorm = VectorMath.norm(residual)
        if residualNorm <= threshold { return .converged }
        if !(residualNorm < trueNorm / 2) { return .stagnated }
        trueNorm = residualNorm
        direction = residual
        return nil
    }
}
