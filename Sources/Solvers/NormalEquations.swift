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
        if let trivial = try trivialSolution(matrix, rhs: rhs, start: start) { return trivial }
        let scale = VectorMath.norm(rhs)
        let threshold = tolerance.threshold(scale: scale)
        var x = start ?? [Double](repeating: 0, count: rhs.count)
        var residual = rhs
        if start != nil { matrix.residual(rhs, at: x, into: &residual) }
        var norm = VectorMath.norm(residual)
        var slope = rhs
        matrix.applyTransposed(residual, &slope)
        var direction = slope
        var image = rhs
        var square = VectorMath.dot(slope, slope)
        var (trueNorm, iterations) = (Double.infinity, 0)
        func statusOfStart() -> SolveStatus? {
            if !norm.isFinite { return .diverged(quantity: .residual, iteration: 0) }
            return norm <= threshold ? .converged : nil
        }
        let status =
            statusOfStart()
            ?? IterationLoop.run(limit: maxIterations, shouldStop: shouldStop) { iteration in
                matrix.apply(direction, &image)
                let length = square / VectorMath.dot(image, image)
                // A direction that A takes to nothing: the matrix is singular.
                guard length.isFinite, square > 0 else {
                    return square.isFinite ? .stagnated : .diverged(quantity: .residual, iteration: iteration)
                }
                VectorMath.add(length, direction, to: &x)
                VectorMath.add(-length, image, to: &residual)
                norm = VectorMath.norm(residual)
                guard norm.isFinite else { return .diverged(quantity: .residual, iteration: iteration) }
                iterations += 1
                let isSmall = norm <= max(threshold, Double.ulpOfOne * scale)
                if isSmall {
                    matrix.residual(rhs, at: x, into: &residual)
                    norm = VectorMath.norm(residual)
                    if norm <= threshold { return .converged }
                    if !(norm < trueNorm / 2) { return .stagnated }
                    trueNorm = norm
                }
                matrix.applyTransposed(residual, &slope)
                let next = VectorMath.dot(slope, slope)
                let beta = isSmall ? 0 : next / square
                square = next
                for i in direction.indices { direction[i] = slope[i] + beta * direction[i] }
                return nil
            }
        return Solution(
            point: x, status: status,
            statistics: SolveStatistics(iterations: iterations, residualNorm: norm, scale: scale))
    }
}
