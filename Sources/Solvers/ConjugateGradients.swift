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
        try run(
            ConjugateGradientRun.self, matrix, rhs: rhs, start: start, tolerance: tolerance, limit: maxIterations,
            shouldStop: shouldStop)
    }
}

/// The vectors of one run.
private struct ConjugateGradientRun: KrylovRun {
    var iterate: KrylovIterate
    private var direction: [Double]
    private var image: [Double]

    init(_ iterate: KrylovIterate) {
        self.iterate = iterate
        direction = iterate.residual
        image = iterate.residual
    }

    mutating func step(_ iteration: Int) -> SolveStatus? {
        iterate.matrix.apply(direction, &image)
        let curvature = VectorMath.dot(direction, image)
        guard curvature.isFinite else { return .diverged(quantity: .residual, iteration: iteration) }
        guard curvature > 0 else {
            return .indefinite(curvature: curvature / VectorMath.dot(direction, direction))
        }
        let length = VectorMath.dot(iterate.residual, direction) / curvature
        VectorMath.add(-length, image, to: &iterate.residual)
        let newNorm = VectorMath.norm(iterate.residual)
        guard newNorm.isFinite else { return .diverged(quantity: .residual, iteration: iteration) }
        VectorMath.add(length, direction, to: &iterate.x)
        iterate.iterations += 1
        if iterate.wantsVerification(newNorm) {
            if let status = iterate.verify() { return status }
            direction = iterate.residual
            return nil
        }
        turn(newNorm / iterate.residualNorm)
        iterate.residualNorm = newNorm
        return nil
    }

    /// `p ← r + (‖r‖/‖r_old‖)² p`.
    private mutating func turn(_ ratio: Double) {
        let beta = ratio * ratio
        for i in direction.indices { direction[i] = iterate.residual[i] + beta * direction[i] }
    }
}
