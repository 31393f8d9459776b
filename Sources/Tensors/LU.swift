// LU factors of one dense matrix as a value, beside ``Cholesky``; see ``Factorization`` for those inside programs.

/// The factorisation of a square matrix with row exchanges.
package struct LU: Sendable {
    /// n, the number of rows.
    package let dimension: Int
    private let factors: [Double]

    /// Factors `matrix`, row-major [dimension, dimension]. O(2n³ / 3).
    ///
    /// - Returns: nil when the matrix is singular, or holds NaN or infinity.
    /// - Precondition: `matrix` has dimension² elements.
    package init?(_ matrix: [Double], dimension: Int) {
        precondition(matrix.count == dimension * dimension, "\(matrix.count) elements, dimension \(dimension)")
        self.dimension = dimension
        var factors = [Double](repeating: 0, count: Factorization.lu.planes * matrix.count)
        if dimension > 0 {
            matrix.withUnsafeBufferPointer { source in
                factors.withUnsafeMutableBufferPointer { target in
                    // Buffers of positive capacity have a base address.
                    Factorization.lu.factor(.float64, source.baseAddress!, n: dimension, into: target.baseAddress!)
                }
            }
            // Factors that could not be made hold NaN in their second plane.
            guard !factors[matrix.count].isNaN else { return nil }
        }
        self.factors = factors
    }

    /// The solution of A x = rhs, or of Aᵀ x = rhs. O(2n²).
    ///
    /// - Precondition: `rhs` has `dimension` elements.
    package func solve(_ rhs: [Double], transposed: Bool = false) -> [Double] {
        precondition(rhs.count == dimension, "\(rhs.count) elements, dimension \(dimension)")
        guard dimension > 0 else { return [] }
        var solution = rhs
        factors.withUnsafeBufferPointer { source in
            solution.withUnsafeMutableBufferPointer { target in
                // Buffers of positive capacity have a base address.
                Factorization.lu.solve(
                    .float64, source.baseAddress!, n: dimension, target.baseAddress!, columns: 1,
                    transposed: transposed, into: target.baseAddress!)
            }
        }
        return solution
    }
}
