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
        try run(
            StabilisedRun.self, matrix, rhs: rhs, start: start, tolerance: tolerance, limit: maxIterations,
            shouldStop: shouldStop)
    }
}

/// The vectors of one run.
private struct StabilisedRun: KrylovRun {
    var iterate: KrylovIterate
    private var shadow: [Double]
    private var direction: [Double]
    private var directionImage: [Double]
    private var residualImage: [Double]
    private var rho: Double
    /// The best point whose residual was computed from the definition; the iterates' residuals may jump.
    private var best: [Double]
    private var bestNorm: Double

    init(_ iterate: KrylovIterate) {
        self.iterate = iterate
        shadow = iterate.residual
        direction = iterate.residual
        directionImage = iterate.residual
        residualImage = iterate.residual
        rho = VectorMath.dot(iterate.residual, iterate.residual)
        best = iterate.x
        bestNorm = iterate.residualNorm
    }

    mutating func step(_ iteration: Int) -> SolveStatus? {
        iterate.matrix.apply(direction, &directionImage)
        let alpha = rho / VectorMath.dot(shadow, directionImage)
        guard alpha.isFinite else { return restart() }
        VectorMath.add(alpha, direction, to: &iterate.x)
        iterate.reduceResidual(by: alpha, directionImage)
        iterate.iterations += 1
        guard iterate.residualNorm.isFinite else { return .diverged(quantity: .residual, iteration: iteration) }
        if iterate.wantsVerification(iterate.residualNorm) { return restart() }
        iterate.matrix.apply(iterate.residual, &residualImage)
        let omega =
            VectorMath.dot(residualImage, iterate.residual) / VectorMath.dot(residualImage, residualImage)
        guard omega.isFinite, omega != 0 else { return restart() }
        VectorMath.add(omega, iterate.residual, to: &iterate.x)
        iterate.reduceResidual(by: omega, residualImage)
        if Divergence.isDivergent(iterate.residualNorm, from: iterate.scale) {
            return .diverged(quantity: .residual, iteration: iteration)
        }
        if iterate.wantsVerification(iterate.residualNorm) { return restart() }
        let next = VectorMath.dot(shadow, iterate.residual)
        let beta = next / rho * (alpha / omega)
        guard beta.isFinite, beta != 0 else { return restart() }
        rho = next
        for i in direction.indices {
            direction[i] = iterate.residual[i] + beta * (direction[i] - omega * directionImage[i])
        }
        return nil
    }

    /// Begins anew at the true residual, unless that is small enough or has stopped to shrink.
    private mutating func restart() -> SolveStatus? {
        let status = iterate.verify()
        keepBest()
        if let status { return status }
        for i in direction.indices {
            shadow[i] = iterate.residual[i]
            direction[i] = iterate.residual[i]
        }
        rho = VectorMath.dot(iterate.residual, iterate.residual)
        return nil
    }

    private mutating func keepBest() {
        guard iterate.residualNorm <= bestNorm else { return }
        bestNorm = iterate.residualNorm
        for i in best.indices { best[i] = iterate.x[i] }
    }

    /// Measures the last iterate and returns to the best one where that is better.
    mutating func settle(_ status: SolveStatus) -> SolveStatus {
        iterate.measure()
        if !(iterate.residualNorm <= bestNorm) {
            iterate.x = best
            iterate.residualNorm = bestNorm
        }
        return iterate.isSolved ? .converged : status
    }
}
