// Names, in Swift, for the kernels of sparse products; `CKernels.h` says which memory they may touch.
import CKernels

extension Kernels {
    /// `c[m, n] = A b` for the first `m` rows of A.
    @inline(__always)
    package func sparseTimes(_ a: UnsafePointer<SparseRowsView>, m: Int, _ b: Source, _ c: Destination, n: Int) {
        sk_sparse_times(precision.rawValue, a, Int64(m), b, c, Int64(n))
    }

    /// `c[columns, n] = Aᵀ d` for the first `m` rows of A, `d` being [m, n]; rows are added in ascending order.
    @inline(__always)
    package func sparseScatter(
        _ a: UnsafePointer<SparseRowsView>, m: Int, _ d: Source, _ c: Destination, columns: Int, n: Int
    ) {
        sk_sparse_scatter(precision.rawValue, a, Int64(m), d, c, Int64(columns), Int64(n))
    }
}
