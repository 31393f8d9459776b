// Products of floats that are computed in doubles and rounded once: for matrices that are made once and used often, whose
// error must not exceed that of the products which they replace.

extension BLAS {
    /// Terms that are converted at a time.
    private static let convertedDepth = 256

    /// Bytes that ``matmulInDouble(transposeA:transposeB:m:n:k:a:b:c:)`` takes while it runs.
    package static func doubleProductBytes(m: Int, n: Int, k: Int) -> Int {
        let (product, parts) = (m.multipliedReportingOverflow(by: n), min(k, convertedDepth))
        let sides = m.addingReportingOverflow(n)
        let converted = sides.partialValue.multipliedReportingOverflow(by: parts)
        let count = product.partialValue.addingReportingOverflow(converted.partialValue)
        let overflows = product.overflow || sides.overflow || converted.overflow || count.overflow
        return overflows || count.partialValue > 1 << 59 ? 1 << 62 : 8 * count.partialValue
    }

    /// `C = op(A) op(B)` of floats, as ``matmul(_:transposeA:transposeB:m:n:k:a:b:c:accumulates:)`` lays them out. An
    /// element differs from the exact one by half a unit of a float's last place, and k units of a double's.
    package static func matmulInDouble(
        transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, a: UnsafeRawPointer, b: UnsafeRawPointer,
        c: UnsafeMutableRawPointer
    ) {
        let sums = AlignedBuffer(count: m * n)
        let depth = min(k, convertedDepth)
        let (left, right) = (AlignedBuffer(count: m * depth), AlignedBuffer(count: depth * n))
        for start in stride(from: 0, to: k, by: convertedDepth) {
            let terms = start..<min(start + convertedDepth, k)
            widen(a, vectors: m, length: k, terms, areColumns: transposeA, into: left.base)
            widen(b, vectors: n, length: k, terms, areColumns: !transposeB, into: right.base)
            matmul(
                .float64, transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: terms.count, a: left.address,
                b: right.address, c: sums.address, accumulates: true)
        }
        Precision.float32.write(sums.base, count: m * n, to: c)
        // A buffer ends with its last use, and with it what was read from its address.
        withExtendedLifetime((sums, left, right)) {}
    }

    /// Some terms of `vectors` vectors of `length` floats, rows of a matrix or columns, in doubles as they are stored.
    private static func widen(
        _ matrix: UnsafeRawPointer, vectors: Int, length: Int, _ terms: Range<Int>, areColumns: Bool,
        into part: UnsafeMutablePointer<Double>
    ) {
        let size = Precision.float32.size
        if areColumns {
            let first = matrix + terms.lowerBound * vectors * size
            return Precision.float32.read(first, count: terms.count * vectors, into: part)
        }
        for row in 0..<vectors {
            let first = matrix + (row * length + terms.lowerBound) * size
            Precision.float32.read(first, count: terms.count, into: part + row * terms.count)
        }
    }
}
