// Cholesky factors of small dense matrices, by LAPACK (dpotrf, dpotrs).
import COpenBLAS

/// The factorisation A = L Lᵀ of a symmetric positive definite matrix.
package struct Cholesky: Sendable {
    /// n, the number of rows.
    package let dimension: Int
    /// L, row-major in the lower triangle; the rest is what the matrix held.
    private let factor: [Double]

    /// Factors `matrix`, row-major [dimension, dimension], of which only the lower triangle is read. O(n³ / 3).
    ///
    /// - Returns: nil when the matrix is not positive definite to working precision, or holds NaN or infinity.
    /// - Precondition: `matrix` has dimension² elements.
    package init?(_ matrix: [Double], dimension: Int) {
        precondition(matrix.count == dimension * dimension, "\(matrix.count) elements, dimension \(dimension)")
        self.dimension = dimension
        guard dimension > 0 else {
            factor = []
            return
        }
        var factor = matrix
        var (n, info) = (CInt(dimension), CInt(0))
        // Row-major lower is LAPACK's column-major upper.
        dpotrf_("U", &n, &factor, &n, &info)
        // LAPACK's test of a pivot, `≤ 0`, lets NaN pass.
        let isSound = (0..<dimension).allSatisfy { row in
            factor[row * dimension + row].isFinite
                && (0..<row).allSatisfy { factor[row * dimension + $0].isFinite }
        }
        guard info == 0, isSound else { return nil }
        self.factor = factor
    }

    /// The solution of A x = rhs. O(n²).
    ///
    /// - Precondition: `rhs` has `dimension` elements.
    package func solve(_ rhs: [Double]) -> [Double] {
        precondition(rhs.count == dimension, "\(rhs.count) elements, dimension \(dimension)")
        guard dimension > 0 else { return [] }
        var solution = rhs
        var (n, one, info) = (CInt(dimension), CInt(1), CInt(0))
        dpotrs_("U", &n, &one, factor, &n, &solution, &n, &info)
        return solution
    }
}
