// Names, in Swift, for the C kernels; `CKernels.h` says what each computes and which memory it may touch.
import CKernels

/// The C kernels on arrays of one precision. Counts and shapes are elements; arrays are row-major.
///
/// Operands of ``block(_:_:pointers:scratch:count:)`` and of the `gemv` family lie in ``AlignedBuffer``s: up to 64 bytes
/// past an operand's end are read, and a destination's slack up to a multiple of 64 bytes is overwritten.
package struct Kernels: Sendable {
    /// Read-only and writable operands of the kernels: arrays of ``precision``.
    package typealias Source = UnsafeRawPointer
    package typealias Destination = UnsafeMutableRawPointer

    /// What the arrays of every call hold.
    package let precision: Precision

    @inline(__always)
    package init(_ precision: Precision) { self.precision = precision }

    /// The kernels on doubles.
    package static var float64: Kernels { Kernels(.float64) }
    /// The kernels on floats.
    package static var float32: Kernels { Kernels(.float32) }

    @inline(__always)
    private var element: Int32 { precision.rawValue }

    /// A compilation of the kernels. All variants give the same bits.
    package enum Variant: Int32, CaseIterable, Sendable {
        case portable, v3, v4

        /// "portable", "x86-64-v3" or "x86-64-v4".
        package var name: String { String(cString: sk_variant_name(rawValue)) }
    }

    /// What a reduction keeps.
    package enum Reduction: Int32, CaseIterable, Sendable {
        case sum, max, min
    }

    /// The name of the variant in use.
    package static var variant: String { String(cString: sk_variant_name(sk_variant())) }

    /// Makes every later call, on any thread, use `variant`.
    ///
    /// - Returns: false, with no change, where the processor cannot run it.
    package static func use(_ variant: Variant) -> Bool { sk_use_variant(variant.rawValue) }

    // MARK: Block machine

    /// Elements of one block.
    package static var blockLength: Int { Int(SK_BLOCK_LENGTH) }
    /// Most operands of one block program.
    package static var blockMaxOperands: Int { Int(SK_BLOCK_MAX_OPERANDS) }
    /// Most scratch registers of one block program.
    package static var blockMaxRegisters: Int { Int(SK_BLOCK_MAX_REGISTERS) }
    /// Bytes of scratch that ``block(_:_:pointers:scratch:count:)`` needs.
    package var blockScratchBytes: Int { Int(sk_block_scratch_bytes(element)) }

    /// Runs `operations` in order on each block of `count` elements.
    ///
    /// - Parameters:
    ///   - pointers: what operands' slots name.
    ///   - scratch: ``blockScratchBytes`` bytes, reused from call to call by one thread.
    @inline(__always)
    package func block(
        _ operations: UnsafeBufferPointer<BlockOp>, _ operands: UnsafeBufferPointer<BlockOperand>,
        pointers: UnsafePointer<UnsafeMutableRawPointer?>, scratch: Destination, count: Int
    ) {
        sk_block(
            element, operations.baseAddress, Int32(operations.count), operands.baseAddress, Int32(operands.count),
            pointers,
            scratch, Int64(count))
    }

    // MARK: Small dense products, at most `gemvMaxColumns` columns

    /// Most columns of the matrices that the `gemv` family takes.
    package static var gemvMaxColumns: Int { Int(SK_GEMV_MAX_COLUMNS) }

    /// `y[m] = A x` for A [m, k].
    @inline(__always)
    package func gemvN(_ a: Source, m: Int, k: Int, x: Source, y: Destination) {
        sk_gemv_n(element, a, Int64(m), Int64(k), x, y)
    }

    /// `y[k] = Aᵀ c` for A [m, k].
    @inline(__always)
    package func gemvT(_ a: Source, m: Int, k: Int, c: Source, y: Destination) {
        sk_gemv_t(element, a, Int64(m), Int64(k), c, y)
    }

    /// `y[k] = Aᵀ (w ∘ (A x))` for A [m, k], reading A once.
    @inline(__always)
    package func weightedGram(_ a: Source, m: Int, k: Int, weights: Source, x: Source, y: Destination) {
        sk_weighted_gram(element, a, Int64(m), Int64(k), weights, x, y)
    }

    /// `y0 = A x0`, `y1 = A x1`, reading A once.
    @inline(__always)
    package func gemvN2(
        _ a: Source, m: Int, k: Int, x0: Source, x1: Source, y0: Destination, y1: Destination
    ) {
        sk_gemv_n2(element, a, Int64(m), Int64(k), x0, x1, y0, y1)
    }

    /// `y0 = Aᵀ c0`, `y1 = Aᵀ c1`, reading A once.
    @inline(__always)
    package func gemvT2(
        _ a: Source, m: Int, k: Int, c0: Source, c1: Source, y0: Destination, y1: Destination
    ) {
        sk_gemv_t2(element, a, Int64(m), Int64(k), c0, c1, y0, y1)
    }

    // MARK: Thin dense products

    /// Most columns of the second factors of thin products.
    package static var thinMaxColumns: Int { Int(SK_THIN_MAX_COLUMNS) }

    /// `C[m, n] = A B` for A [m, k] and B [k, n], of at most ``thinMaxColumns`` columns. Asks for what `ahead` holds
    /// meanwhile.
    @inline(__always)
    package func thinN(
        _ a: Source, m: Int, k: Int, _ b: Source, n: Int, _ c: Destination, ahead: PrefetchQueue
    ) {
        sk_thin_n(element, a, Int64(m), Int64(k), b, Int64(n), c, ahead.current)
    }

    /// `C[k, n] = Aᵀ D` for A [m, k] and D [m, n], of at most ``thinMaxColumns`` columns. Asks for what `ahead` holds
    /// meanwhile.
    @inline(__always)
    package func thinT(
        _ a: Source, m: Int, k: Int, _ d: Source, n: Int, _ c: Destination, ahead: PrefetchQueue
    ) {
        sk_thin_t(element, a, Int64(m), Int64(k), d, Int64(n), c, ahead.current)
    }

    /// `C[m, n] = a bᵀ` for vectors of m and n elements.
    @inline(__always)
    package func outer(_ a: Source, m: Int, _ b: Source, n: Int, _ c: Destination) {
        sk_outer(element, a, Int64(m), b, Int64(n), c)
    }

    // MARK: Wide dense products

    /// `C[m, n] = A B` for A [m, k], and B [k, n] or stored [n, k] where `transposed`.
    @inline(__always)
    package func wideN(
        _ a: Source, m: Int, k: Int, _ b: Source, n: Int, transposed: Bool, _ c: Destination, ahead: PrefetchQueue
    ) {
        sk_wide_n(element, a, Int64(m), Int64(k), b, Int64(n), transposed, c, ahead.current)
    }

    /// The elements that ``layWide(_:k:n:transposed:_:)`` writes.
    package func laidCount(k: Int, n: Int) -> Int {
        k * ((n + precision.lanes - 1) / precision.lanes * precision.lanes)
    }

    /// Lays out B [k, n], or stored [n, k] where `transposed`, for any number of products with it.
    @inline(__always)
    package func layWide(_ b: Source, k: Int, n: Int, transposed: Bool, _ laid: Destination) {
        sk_wide_lay(element, b, Int64(k), Int64(n), transposed, laid)
    }

    /// `C[m, n] = A B` for A [m, k] and B [k, n] laid out: bit for bit what ``wideN(_:m:k:_:n:transposed:_:)`` gives.
    @inline(__always)
    package func wideLaid(
        _ a: Source, m: Int, k: Int, laid: Source, n: Int, _ c: Destination, ahead: PrefetchQueue
    ) {
        sk_wide_laid(element, a, Int64(m), Int64(k), laid, Int64(n), c, ahead.current)
    }

    // MARK: Vectors

    /// Σ x, in a fixed order, blocked.
    @inline(__always)
    package func sum(_ x: Source, count: Int) -> Double { sk_sum(element, x, Int64(count)) }

    /// Σ x y, in the same order, products fused into the sums.
    @inline(__always)
    package func dot(_ x: Source, _ y: Source, count: Int) -> Double { sk_dot(element, x, y, Int64(count)) }

    /// `y += alpha x`.
    @inline(__always)
    package func axpy(_ alpha: Double, _ x: Source, _ y: Destination, count: Int) {
        sk_axpy(element, alpha, x, y, Int64(count))
    }

    /// `x *= alpha`.
    @inline(__always)
    package func scale(_ alpha: Double, _ x: Destination, count: Int) { sk_scale(element, alpha, x, Int64(count)) }

    // MARK: Along the middle dimension of [outer, middle, inner]

    /// `destination[outer, inner]`; an empty middle gives 0, −∞, +∞.
    package func reduce(
        _ kind: Reduction, _ source: Source, _ destination: Destination, outer: Int, middle: Int, inner: Int
    ) {
        sk_reduce(element, kind.rawValue, source, destination, Int64(outer), Int64(middle), Int64(inner))
    }

    /// `destination[outer, inner] = log Σ exp`, shifted by the maximum.
    package func logSumExp(
        _ source: Source, _ destination: Destination, outer: Int, middle: Int, inner: Int
    ) {
        sk_logsumexp(element, source, destination, Int64(outer), Int64(middle), Int64(inner))
    }

    /// `destination[outer, middle, inner]`, shifted by the maximum; NaN where that is infinite.
    package func softmax(
        _ source: Source, _ destination: Destination, outer: Int, middle: Int, inner: Int
    ) {
        sk_softmax(element, source, destination, Int64(outer), Int64(middle), Int64(inner))
    }

    /// Inclusive sums along the middle dimension, from its end if `reverse`.
    package func cumulativeSum(
        _ source: Source, _ destination: Destination, outer: Int, middle: Int, inner: Int, reverse: Bool
    ) {
        sk_cumsum(element, source, destination, Int64(outer), Int64(middle), Int64(inner), reverse)
    }

    // MARK: Movement

    /// Asks the processor for `bytes` bytes that will be read soon. Changes nothing.
    @inline(__always)
    package static func prefetch(_ source: Source, bytes: Int) { sk_prefetch(source, Int64(bytes)) }

    /// Writes `count` zeros.
    package func zero(_ destination: Destination, count: Int) { sk_zero(destination, Int64(count * precision.size)) }

    /// Most dimensions of ``stridedCopy(_:_:dimensions:sourceStrides:)`` and its transpose.
    package static var maxRank: Int { Int(SK_MAX_RANK) }

    /// Writes `destination`, contiguous with shape `dimensions`, from `source` read with strides in elements.
    package func stridedCopy(
        _ source: Source, _ destination: Destination, dimensions: [Int], sourceStrides: [Int]
    ) {
        withLayout(dimensions, sourceStrides) { sk_strided_copy(element, source, destination, $0, $1, $2) }
    }

    /// Adds `source`, contiguous with shape `dimensions`, to `destination` written with strides in elements.
    package func stridedAdd(
        _ source: Source, _ destination: Destination, dimensions: [Int], destinationStrides: [Int]
    ) {
        withLayout(dimensions, destinationStrides) { sk_strided_add(element, source, destination, $0, $1, $2) }
    }

    /// `destination[o, j, i] = source[o, indices[j], i]`; NaN where the index is not in `0 ..< sourceMiddle`.
    package func take(
        _ source: Source, indices: Source, _ destination: Destination, outer: Int, sourceMiddle: Int, count: Int,
        inner: Int
    ) {
        sk_take(element, source, indices, destination, Int64(outer), Int64(sourceMiddle), Int64(count), Int64(inner))
    }

    /// `destination[o, indices[j], i] += cotangent[o, j, i]`; indices not in `0 ..< sourceMiddle` are passed over.
    package func takeAdd(
        _ cotangent: Source, indices: Source, _ destination: Destination, outer: Int, sourceMiddle: Int, count: Int,
        inner: Int
    ) {
        sk_take_add(
            element, cotangent, indices, destination, Int64(outer), Int64(sourceMiddle), Int64(count), Int64(inner))
    }

    /// `destination[count, classes]`: 1 in each row's column, zeros where the index is no column.
    package func oneHot(_ indices: Source, _ destination: Destination, count: Int, classes: Int) {
        sk_one_hot(element, indices, destination, Int64(count), Int64(classes))
    }

    /// Hands a shape and its strides to C without allocating.
    private func withLayout(
        _ dimensions: [Int], _ strides: [Int], _ body: (Int64, UnsafePointer<Int64>, UnsafePointer<Int64>) -> Void
    ) {
        precondition(dimensions.count == strides.count, "every dimension needs a stride")
        precondition(dimensions.count <= Self.maxRank, "at most \(Self.maxRank) dimensions")
        withUnsafeTemporaryAllocation(of: Int64.self, capacity: 2 * Self.maxRank) { layout in
            layout.initialize(repeating: 0)
            for (axis, dimension) in dimensions.enumerated() {
                layout[axis] = Int64(dimension)
                layout[Self.maxRank + axis] = Int64(strides[axis])
            }
            // A temporary allocation of positive capacity has a base address.
            let base = UnsafePointer(layout.baseAddress!)
            body(Int64(dimensions.count), base, base + Self.maxRank)
        }
    }
}
