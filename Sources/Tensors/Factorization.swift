// Factors of square matrices in memory that the caller owns, and what is computed from them: solutions of linear systems
// and determinants. LAPACK getrf and potrf, BLAS trsm. What cannot be factored makes NaN, never a crash.
import COpenBLAS
import Glibc

/// A factorisation of a square matrix A, row-major [n, n].
///
/// Factors are opaque: only ``solve(_:_:n:_:columns:transposed:into:)`` and ``logDeterminant(_:_:n:into:)`` of the same
/// case read them. A matrix that holds NaN or infinity, or that cannot be factored, has factors that make solutions of
/// NaN.
package enum Factorization: Hashable, Sendable, CaseIterable {
    /// A with row exchanges, for every regular matrix: LAPACK's packed factors, then n pivots (or NaN) and n² − n numbers
    /// that mean nothing, so that the shape [2, n, n] needs no n + 1.
    case lu
    /// (A + Aᵀ)/2 = L Lᵀ, for positive definite ones; [n, n].
    case cholesky

    /// How many [n, n] planes the factors of one matrix fill.
    package var planes: Int {
        switch self {
        case .lu: 2
        case .cholesky: 1
        }
    }

    /// Factors `a` into `planes` · n² elements. O(n³).
    package func factor(_ precision: Precision, _ a: UnsafeRawPointer, n: Int, into factors: UnsafeMutableRawPointer) {
        switch precision {
        case .float64: factor(Matrices<Double>(n: n), a.as(Double.self), factors.as(Double.self))
        case .float32: factor(Matrices<Float>(n: n), a.as(Float.self), factors.as(Float.self))
        }
    }

    /// Solves A X = B, or Aᵀ X = B, for B and X row-major [n, columns]; X may be B. O(n² · columns).
    package func solve(
        _ precision: Precision, _ factors: UnsafeRawPointer, n: Int, _ b: UnsafeRawPointer, columns: Int,
        transposed: Bool, into x: UnsafeMutableRawPointer
    ) {
        guard n > 0, columns > 0 else { return }
        if UnsafeRawPointer(x) != b { x.copyMemory(from: b, byteCount: n * columns * precision.size) }
        switch precision {
        case .float64:
            solve(Matrices<Double>(n: n), factors.as(Double.self), x.as(Double.self), columns, transposed)
        case .float32:
            solve(Matrices<Float>(n: n), factors.as(Float.self), x.as(Float.self), columns, transposed)
        }
    }

    /// log |det A| from LU factors: −∞ for a singular matrix, 0 for one without rows. O(n).
    package static func logDeterminant(
        _ precision: Precision, _ factors: UnsafeRawPointer, n: Int, into result: UnsafeMutableRawPointer
    ) {
        let total = (0..<n).reduce(0.0) { total, i in
            total + log(abs(precision.read(factors + i * (n + 1) * precision.size)))
        }
        precision.write(total, to: result)
    }

    private func factor<Element: FactorElement>(
        _ matrices: Matrices<Element>, _ a: UnsafePointer<Element>, _ factors: UnsafeMutablePointer<Element>
    ) {
        let n = matrices.n
        guard n > 0 else { return }
        let isSound =
            switch self {
            case .lu: matrices.factorLU(a, factors)
            case .cholesky: matrices.factorCholesky(a, factors)
            }
        if !isSound { (factors + (planes - 1) * n * n).update(repeating: .nan, count: n * n) }
    }

    private func solve<Element: FactorElement>(
        _ matrices: Matrices<Element>, _ factors: UnsafePointer<Element>, _ x: UnsafeMutablePointer<Element>,
        _ columns: Int, _ transposed: Bool
    ) {
        let n = matrices.n
        guard !factors[(planes - 1) * n * n].isNaN else { return x.update(repeating: .nan, count: n * columns) }
        switch self {
        case .lu: matrices.solveLU(factors, x, columns, transposed: transposed)
        case .cholesky: matrices.solveCholesky(factors, x, columns)
        }
    }
}

/// Row-major [n, n] matrices of one element type.
private struct Matrices<Element: FactorElement> {
    let n: Int

    // MARK: - LU

    // LAPACK reads our rows as columns: it finds Aᵀ = P L U. In our order the memory then holds A = Uᵀ Lᵀ Pᵀ, with Uᵀ in
    // the lower triangle and Lᵀ, whose diagonal is 1, above it. P = S₁ S₂ … Sₙ, where Sᵢ exchanges row i and pivot i.

    /// False where A is singular; its triangles stand nevertheless, with a zero on the diagonal.
    func factorLU(_ a: UnsafePointer<Element>, _ factors: UnsafeMutablePointer<Element>) -> Bool {
        factors.update(from: a, count: n * n)
        guard (0..<n * n).allSatisfy({ a[$0].isFinite }) else {
            factors.update(repeating: .nan, count: n * n)
            return false
        }
        let pivots = UnsafeMutableRawPointer(factors + n * n)
        let info = pivots.withMemoryRebound(to: CInt.self, capacity: n) { Element.getrf(CInt(n), factors, $0) }
        // From the last on, so that no integer is overwritten before it is read.
        for i in stride(from: n - 1, through: 0, by: -1) {
            let pivot = pivots.load(fromByteOffset: i * MemoryLayout<CInt>.stride, as: CInt.self)
            factors[n * n + i] = Element(pivot - 1)
        }
        return info == 0
    }

    func solveLU(
        _ factors: UnsafePointer<Element>, _ x: UnsafeMutablePointer<Element>, _ columns: Int, transposed: Bool
    ) {
        let pivots = factors + n * n
        if transposed {
            for i in 0..<n { exchange(i, Int(pivots[i]), x, columns) }
            divide(x, columns, by: factors, CblasUpper, CblasUnit, CblasTrans)
            divide(x, columns, by: factors, CblasLower, CblasNonUnit, CblasTrans)
        } else {
            divide(x, columns, by: factors, CblasLower, CblasNonUnit, CblasNoTrans)
            divide(x, columns, by: factors, CblasUpper, CblasUnit, CblasNoTrans)
            for i in stride(from: n - 1, through: 0, by: -1) { exchange(i, Int(pivots[i]), x, columns) }
        }
    }

    private func exchange(_ i: Int, _ j: Int, _ x: UnsafeMutablePointer<Element>, _ columns: Int) {
        guard i != j else { return }
        for k in 0..<columns { swap(&x[i * columns + k], &x[j * columns + k]) }
    }

    // MARK: - Cholesky

    func factorCholesky(_ a: UnsafePointer<Element>, _ factors: UnsafeMutablePointer<Element>) -> Bool {
        for i in 0..<n { for j in 0..<n { factors[i * n + j] = (a[i * n + j] + a[j * n + i]) / 2 } }
        // Row-major lower is LAPACK's column-major upper. Its test of a pivot, `≤ 0`, lets NaN pass.
        return Element.potrf(CInt(n), factors) == 0
            && (0..<n).allSatisfy { i in (0...i).allSatisfy { factors[i * n + $0].isFinite } }
    }

    func solveCholesky(_ factors: UnsafePointer<Element>, _ x: UnsafeMutablePointer<Element>, _ columns: Int) {
        divide(x, columns, by: factors, CblasLower, CblasNonUnit, CblasNoTrans)
        divide(x, columns, by: factors, CblasLower, CblasNonUnit, CblasTrans)
    }

    /// x := T⁻¹ x, or T⁻ᵀ x, for a triangle T of the factors.
    private func divide(
        _ x: UnsafeMutablePointer<Element>, _ columns: Int, by factors: UnsafePointer<Element>, _ half: CBLAS_UPLO,
        _ diagonal: CBLAS_DIAG, _ transposition: CBLAS_TRANSPOSE
    ) {
        Element.trsm(half, transposition, diagonal, blasint(n), blasint(columns), factors, x)
    }
}

/// What LAPACK and BLAS offer for an element type.
private protocol FactorElement: BinaryFloatingPoint & BitwiseCopyable {
    /// Factors in place, with pivots from 1; not 0 for a singular matrix.
    static func getrf(_ n: CInt, _ a: UnsafeMutablePointer<Self>, _ pivots: UnsafeMutablePointer<CInt>) -> CInt
    /// Factors in place; not 0 for a matrix that is not positive definite.
    static func potrf(_ n: CInt, _ a: UnsafeMutablePointer<Self>) -> CInt
    static func trsm(
        _ half: CBLAS_UPLO, _ transposition: CBLAS_TRANSPOSE, _ diagonal: CBLAS_DIAG, _ n: blasint, _ columns: blasint,
        _ triangle: UnsafePointer<Self>, _ x: UnsafeMutablePointer<Self>)
}

extension Double: FactorElement {
    static func getrf(_ n: CInt, _ a: UnsafeMutablePointer<Double>, _ pivots: UnsafeMutablePointer<CInt>) -> CInt {
        var (order, info) = (n, CInt(0))
        dgetrf_(&order, &order, a, &order, pivots, &info)
        return info
    }

    static func potrf(_ n: CInt, _ a: UnsafeMutablePointer<Double>) -> CInt {
        var (order, info) = (n, CInt(0))
        dpotrf_("U", &order, a, &order, &info)
        return info
    }

    static func trsm(
        _ half: CBLAS_UPLO, _ transposition: CBLAS_TRANSPOSE, _ diagonal: CBLAS_DIAG, _ n: blasint, _ columns: blasint,
        _ triangle: UnsafePointer<Double>, _ x: UnsafeMutablePointer<Double>
    ) {
        cblas_dtrsm(
            CblasRowMajor, CblasLeft, half, transposition, diagonal, n, columns, 1, triangle, n, x, columns)
    }
}

extension Float: FactorElement {
    static func getrf(_ n: CInt, _ a: UnsafeMutablePointer<Float>, _ pivots: UnsafeMutablePointer<CInt>) -> CInt {
        var (order, info) = (n, CInt(0))
        sgetrf_(&order, &order, a, &order, pivots, &info)
        return info
    }

    static func potrf(_ n: CInt, _ a: UnsafeMutablePointer<Float>) -> CInt {
        var (order, info) = (n, CInt(0))
        spotrf_("U", &order, a, &order, &info)
        return info
    }

    static func trsm(
        _ half: CBLAS_UPLO, _ transposition: CBLAS_TRANSPOSE, _ diagonal: CBLAS_DIAG, _ n: blasint, _ columns: blasint,
        _ triangle: UnsafePointer<Float>, _ x: UnsafeMutablePointer<Float>
    ) {
        cblas_strsm(
            CblasRowMajor, CblasLeft, half, transposition, diagonal, n, columns, 1, triangle, n, x, columns)
    }
}

extension UnsafeRawPointer {
    fileprivate func `as`<Element>(_ type: Element.Type) -> UnsafePointer<Element> { assumingMemoryBound(to: type) }
}

extension UnsafeMutableRawPointer {
    fileprivate func `as`<Element>(_ type: Element.Type) -> UnsafeMutablePointer<Element> {
        assumingMemoryBound(to: type)
    }
}
