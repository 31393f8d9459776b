// The solutions of A x = b, kept as orthonormal rows: a projection is then two products, whatever the rank of A.
// Gram-Schmidt with reorthogonalisation: Daniel, Gragg, Kaufman & Stewart 1976.
import Tensors

/// {x : A x = b}, not empty.
package struct AffineSet: Sendable, Equatable {
    /// Orthonormal rows, [r][n], that span those of A.
    package let normals: [[Double]]
    /// Their products with every member, [r].
    package let offsets: [Double]
    /// n.
    package let dimension: Int

    /// A row counts as a combination of earlier ones when this part of its length is left.
    private static let independence = 1e-12
    /// How far such a row's right-hand side may be off, relative to the sizes that it was computed from.
    private static let consistency = 1e-9

    /// - Parameters:
    ///   - matrix: A, rows of equal length.
    ///   - rhs: b, one number for each row.
    /// - Throws: ``SolverError``: lengths that differ, ``SolverError/inconsistentEquations(row:residual:)``.
    /// - Complexity: O(m² n) for m rows.
    package init(matrix: [[Double]], rhs: [Double]) throws(SolverError) {
        try SolverError.check("b", rhs, hasCount: matrix.count)
        dimension = matrix.first?.count ?? 0
        var normals: [[Double]] = []
        var offsets: [Double] = []
        for (index, original) in matrix.enumerated() {
            try SolverError.check("a row of A", original, hasCount: dimension)
            var (row, offset) = (original, rhs[index])
            var size = abs(offset)
            for _ in 0..<2 {
                for (normal, known) in zip(normals, offsets) {
                    let part = VectorMath.dot(normal, row)
                    VectorMath.add(-part, normal, to: &row)
                    offset -= part * known
                    size = max(size, abs(part * known))
                }
            }
            let length = VectorMath.norm(row)
            if length <= Self.independence * VectorMath.norm(original) {
                guard abs(offset) <= Self.consistency * size else {
                    throw .inconsistentEquations(row: index, residual: abs(offset))
                }
                continue
            }
            VectorMath.scale(1 / length, &row)
            normals.append(row)
            offsets.append(offset / length)
        }
        self.normals = normals
        self.offsets = offsets
    }

    init(normals: [[Double]], offsets: [Double], dimension: Int) {
        self.normals = normals
        self.offsets = offsets
        self.dimension = dimension
    }

    func project(_ x: UnsafeMutableBufferPointer<Double>) {
        for index in normals.indices {
            let step = offsets[index] - VectorMath.dot(normals[index], UnsafeBufferPointer(x))
            VectorMath.add(step, normals[index], to: x)
        }
    }
}
