// Dense products by OpenBLAS, with its edges rounded off.
import COpenBLAS

/// The parts of OpenBLAS that the project uses.
package enum BLAS {
    /// `C = op(A) op(B)`, row-major: op(A) is [m, k], op(B) is [k, n], C is [m, n] and overwritten. Without terms
    /// (k = 0) C is zero.
    ///
    /// - Parameters:
    ///   - transposeA: whether A is stored [k, m].
    ///   - transposeB: whether B is stored [n, k].
    package static func matmul(
        transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, a: UnsafePointer<Double>,
        b: UnsafePointer<Double>, c: UnsafeMutablePointer<Double>
    ) {
        guard m > 0, n > 0 else { return }
        guard k > 0 else {
            c.update(repeating: 0, count: m * n)
            return
        }
        if n == 1 {
            times(a, rows: transposeA ? k : m, columns: transposeA ? m : k, transposed: transposeA, b, c)
        } else if m == 1 {
            times(b, rows: transposeB ? n : k, columns: transposeB ? k : n, transposed: !transposeB, a, c)
        } else {
            cblas_dgemm(
                CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
                blasint(m), blasint(n), blasint(k), 1, a, blasint(transposeA ? m : k), b,
                blasint(transposeB ? k : n), 0, c, blasint(n))
        }
    }

    /// `y = op(A) x` for A stored [rows, columns].
    private static func times(
        _ a: UnsafePointer<Double>, rows: Int, columns: Int, transposed: Bool, _ x: UnsafePointer<Double>,
        _ y: UnsafeMutablePointer<Double>
    ) {
        cblas_dgemv(
            CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, blasint(rows), blasint(columns), 1, a,
            blasint(columns), x, 1, 0, y, 1)
    }

    /// Makes all later products use one thread: the number of threads changes the order of sums, and so the bits.
    package static func configureSingleThread() { openblas_set_num_threads(1) }

    /// The library and the processor it is tuned for, such as "OpenBLAS 0.3.21 SkylakeX".
    package static var configuration: String {
        // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..."; both strings are constants of the library.
        let words = String(cString: openblas_get_config()).split(separator: " ")
        return (words.prefix(2) + [Substring(coreName)]).joined(separator: " ")
    }

    /// The processor that OpenBLAS took this one for.
    package static var coreName: String { String(cString: openblas_get_corename()) }
}
