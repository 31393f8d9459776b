// Conjugate gradients on the normal equations, for systems that are not symmetric. Hestenes & Stiefel 1952, §10; the
// stable form CGLS of Björck, Numerical Methods for Least Squares, 1996, Alg. 7.4.1.
import Tensors

/// Solves `A x = b` by conjugate gradients on AᵀA x = Aᵀb. One application of `A` and one of Aᵀ per iteration; as many
/// iterations as A has distinct singular values.
package struct NormalEquations: LinearSolver, Equatable {
    /// The test on ‖b − A x‖₂, relative to ‖b‖₂.
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
            LeastSquaresRun.self, matrix, rhs: rhs, start: start, tolerance: tolerance, limit: maxIterations,
            shouldStop: shouldStop)
    }
}

/// The vectors of one run.
private struct LeastSquaresRun: KrylovRun {
    var iterate: KrylovIterate
    /// Aᵀr, the direction p, A p, and ‖Aᵀr‖².
    private var slope: [Double]
    private var direction: [Double]
    private var image: [Double]
    private var square: Double

    init(_ iterate: KrylovIterate) {
        self.iterate = iterate
        slope = iterate.rhs
        iterate.matrix.applyTransposed(iterate.residual, &slope)
        direction = slope
        image = slope
        square = VectorMath.dot(slope, slope)
    }

    mutating func step(_ iteration: Int) -> SolveStatus? {
        iterate.matrix.apply(direction, &image)
        let length = square / VectorMath.dot(image, image)
        // A direction that A takes to nothing: the matrix is singular.
        guard length.isFinite, square > 0 else {
            return square.isFinite ? .stagnated : .diverged(quantity: .residual, iteration: iteration)
        }
        VectorMath.add(length, direction, to: &iterate.x)
        iterate.reduceResidual(by: length, image)
        guard iterate.residualNorm.isFinite else { return .diverged(quantity: .residual, iteration: iteration) }
        iterate.iterations += 1
        let isVerified = iterate.wantsVerification(iterate.residualNorm)
        if isVerified, let status = iterate.verify() { return status }
        iterate.matrix.applyTransposed(iterate.residual, &slope)
        let next = VectorMath.dot(slope, slope)
        let beta = isVerified ? 0 : next / square
        square = next
        for i in direction.indices { direction[i] = slope[i] + beta * direction[i] }
        return nil
    }
}
