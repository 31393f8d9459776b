// Dense products by OpenBLAS, with its edges rounded off.
import COpenBLAS

/// The parts of OpenBLAS that the project uses.
package enum BLAS {
    /// `C = op(A) op(B)`, row-major: op(A) is [m, k], op(B) is [k, n], C is [m, n] and overwritten. Without terms
    /// (k = 0) C is zero.
    ///
    /// - Parameters:
    ///   - precision: of the elements of A, B and C.
    ///   - transposeA: whether A is stored [k, m].
    ///   - transposeB: whether B is stored [n, k].
    ///   - accumulates: add to what C holds instead.
    package static func matmul(
        _ precision: Precision, transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, a: UnsafeRawPointer,
        b: UnsafeRawPointer, c: UnsafeMutableRawPointer, accumulates: Bool = false
    ) {
        guard m > 0, n > 0 else { return }
        guard k > 0 else {
            if !accumulates { Kernels(precision).zero(c, count: m * n) }
            return
        }
        if n == 1 {
            let matrix = Matrix(a, rows: transposeA ? k : m, columns: transposeA ? m : k, isTransposed: transposeA)
            times(precision, matrix, b, c, accumulates)
        } else if m == 1 {
            let matrix = Matrix(b, rows: transposeB ? n : k, columns: transposeB ? k : n, isTransposed: !transposeB)
            times(precision, matrix, a, c, accumulates)
        } else {
            let a = Matrix(a, rows: m, columns: transposeA ? m : k, isTransposed: transposeA)
            let b = Matrix(b, rows: k, columns: transposeB ? k : n, isTransposed: transposeB)
            times(precision, a, b, c, accumulates, m: m, n: n, k: k)
        }
    }

    /// A stored matrix, and whether its transpose is meant.
    private struct Matrix {
        let elements: UnsafeRawPointer
        let rows: blasint
        let columns: blasint
        let transposition: CBLAS_TRANSPOSE

        init(_ elements: UnsafeRawPointer, rows: Int, columns: Int, isTransposed: Bool) {
            self.elements = elements
            self.rows = blasint(rows)
            self.columns = blasint(columns)
            transposition = isTransposed ? CblasTrans : CblasNoTrans
        }
    }

    /// `y = op(A) x`, or `y += op(A) x`.
    private static func times(
        _ precision: Precision, _ a: Matrix, _ x: UnsafeRawPointer, _ y: UnsafeMutableRawPointer, _ accumulates: Bool
    ) {
        switch precision {
        case .float64:
            cblas_dgemv(
                CblasRowMajor, a.transposition, a.rows, a.columns, 1, a.elements.assumingMemoryBound(to: Double.self),
                a.columns, x.assumingMemoryBound(to: Double.self), 1, accumulates ? 1 : 0,
                y.assumingMemoryBound(to: Double.self), 1)
        case .float32:
            cblas_sgemv(
                CblasRowMajor, a.transposition, a.rows, a.columns, 1, a.elements.assumingMemoryBound(to: Float.self),
                a.columns, x.assumingMemoryBound(to: Float.self), 1, accumulates ? 1 : 0,
                y.assumingMemoryBound(to: Float.self), 1)
        }
    }

    /// `C = op(A) op(B)`, or `C += op(A) op(B)`.
    private static func times(
        _ precision: Precision, _ a: Matrix, _ b: Matrix, _ c: UnsafeMutableRawPointer, _ accumulates: Bool, m: Int,
        n: Int, k: Int
    ) {
        let (m, n, k) = (blasint(m), blasint(n), blasint(k))
        switch precision {
        case .float64:
            cblas_dgemm(
                CblasRowMajor, a.transposition, b.transposition, m, n, k, 1,
                a.elements.assumingMemoryBound(to: Double.self), a.columns,
                b.elements.assumingMemoryBound(to: Double.self), b.columns, accumulates ? 1 : 0,
                c.assumingMemoryBound(to: Double.self), n)
        case .float32:
            cblas_sgemm(
                CblasRowMajor, a.transposition, b.transposition, m, n, k, 1,
                a.elements.assumingMemoryBound(to: Float.self), a.columns,
                b.elements.assumingMemoryBound(to: Float.self), b.columns, accumulates ? 1 : 0,
                c.assumingMemoryBound(to: Float.self), n)
        }
    }

    /// Makes all later products use one thread: the number of threads changes the order of sums, and so the bits.
    package static func configureSingleThread() { openblas_set_num_threads(1) }

    /// Makes BLAS take the buffers that one thread needs: it asks for them again and again, for ever, when they are refused.
    /// A factorisation always takes them; products of few elements need none.
    package static func takeBuffers() { _ = Cholesky([1, 0, 0, 1], dimension: 2) }

    /// The library and the processor it is tuned for, such as "OpenBLAS 0.3.21 SkylakeX".
    package static var configuration: String {
        // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..."; both strings are constants of the library.
        let words = String(cString: openblas_get_config()).split(separator: " ")
        return (words.prefix(2) + [Substring(coreName)]).joined(separator: " ")
    }

    /// The processor that OpenBLAS took this one for.
    package static var coreName: String { String(cString: openblas_get_corename()) }
}
