// Extreme eigenvalues of symmetric operators. Lanczos 1950 with full reorthogonalisation; Golub & Van Loan, 4th ed.,
// §10.1 (process and error bounds) and §8.3 (implicit QL).

import Tensors

/// Approximates eigenvalues of a symmetric operator from a Krylov space.
package struct Lanczos: Sendable, Equatable {
    /// Dimension of the Krylov space, and applications of the operator. Storage is steps · n.
    package var steps: Int

    /// The method with these settings.
    package init(steps: Int) { self.steps = steps }

    /// The eigenvalue approximations of one run.
    package struct RitzValues: Sendable, Equatable {
        /// Ascending.
        package var values: [Double]

        /// An eigenvalue lies within `errorBounds[i]` of `values[i]` (but not every eigenvalue need be near one).
        package var errorBounds: [Double]

        /// `.converged`: the space is invariant, the values are exact. `.iterationLimit`: all steps were taken.
        /// `.diverged`: the operator or the start is not finite. The values are of the steps before.
        package var status: SolveStatus

        /// The smallest; nil without any step (start 0, or no steps).
        package var smallest: Double? { values.first }

        /// The largest; nil where ``smallest`` is.
        package var largest: Double? { values.last }
    }

    /// - Parameters:
    ///   - matrix: symmetric, [n] → [n].
    ///   - start: [n], any vector that no eigenvector of interest is orthogonal to.
    ///   - shouldStop: asked once per step.
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    package func ritzValues(
        of matrix: LinearOperator, start: [Double], shouldStop: InterruptionCheck = { false }
    ) throws(SolverError) -> RitzValues {
        try SolverError.check("start", start, hasCount: matrix.dimension)
        var process = LanczosProcess(matrix: matrix, start: start)
        let status = IterationLoop.run(limit: steps, shouldStop: shouldStop) { process.step($0) }
        let pairs = TridiagonalEigenvalues(diagonal: process.diagonal, offDiagonal: process.offDiagonal)
        let order = pairs.values.indices.sorted { pairs.values[$0] < pairs.values[$1] }
        return RitzValues(
            values: order.map { pairs.values[$0] },
            errorBounds: order.map { process.remainder * pairs.lastComponents[$0].magnitude }, status: status)
    }
}

/// The growing basis and tridiagonal matrix.
private struct LanczosProcess {
    let matrix: LinearOperator
    var basis: [[Double]] = []
    var diagonal: [Double] = []
    var offDiagonal: [Double] = []
    /// β of the last step: the norm of what `next` was before scaling.
    var remainder: Double
    /// The unscaled next basis vector.
    private var next: [Double]
    /// The largest ‖Aq‖ seen, a lower bound of ‖A‖.
    private var operatorNorm = 0.0

    init(matrix: LinearOperator, start: [Double]) {
        self.matrix = matrix
        next = start
        remainder = VectorMath.norm(start)
    }

    mutating func step(_ iteration: Int) -> SolveStatus? {
        guard remainder.isFinite else { return .diverged(quantity: .residual, iteration: iteration) }
        // Nothing left of the space but rounding, or nothing to begin with.
        let rounding = Double(basis.count) * 4 * Double.ulpOfOne * operatorNorm
        if remainder <= rounding || basis.count == matrix.dimension { return .converged }
        let q = next.map { $0 / remainder }
        matrix.apply(q, &next)
        let norm = VectorMath.norm(next)
        guard norm.isFinite else { return .diverged(quantity: .residual, iteration: iteration) }
        if !basis.isEmpty { offDiagonal.append(remainder) }
        basis.append(q)
        operatorNorm = max(operatorNorm, norm)
        diagonal.append(VectorMath.dot(q, next))
        orthogonalise()
        remainder = VectorMath.norm(next)
        return nil
    }

    /// Gram-Schmidt against the whole basis, twice: once leaves rounding errors of the size of the remainder.
    private mutating func orthogonalise() {
        for _ in 0..<2 {
            for q in basis { VectorMath.add(-VectorMath.dot(q, next), q, to: &next) }
        }
    }
}
