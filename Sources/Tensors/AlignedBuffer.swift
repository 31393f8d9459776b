// Memory for numbers, as the vector kernels want it: aligned to a cache line, with room to read and write past the end.
import CKernels

/// Elements of one precision on a 64-byte boundary with at least ``slack`` elements after the last, all zero at first.
///
/// Kernels may read and write the slack, so its contents mean nothing.
package final class AlignedBuffer: @unchecked Sendable {
    // @unchecked: the memory is written by the one owner that fills it before sharing it, or through `address` by a plan
    // that belongs to one thread at a time.

    /// Elements past the end that belong to the buffer, at the least.
    package static let slack = 16
    /// Bytes past the end that belong to the buffer.
    package static let slackBytes = slack * MemoryLayout<Double>.stride
    /// Bytes on whose multiple the buffer starts.
    package static let alignment = 64

    /// The number of elements that mean something.
    package let count: Int
    /// What they are.
    package let precision: Precision
    /// Where the first of them lies.
    package let address: UnsafeMutableRawPointer

    /// `count` zeros. Traps when `count` is negative or memory is exhausted.
    package init(count: Int, precision: Precision = .float64) {
        precondition(count >= 0, "a buffer cannot hold \(count) numbers")
        self.count = count
        self.precision = precision
        let bytes = count * precision.size + Self.slackBytes
        address = LargePages.allocate(byteCount: bytes, alignment: Self.alignment)
        sk_zero(address, Int64(bytes))
    }

    /// A copy of `values`, rounded to `precision`.
    package convenience init(_ values: [Double], precision: Precision = .float64) {
        self.init(count: values.count, precision: precision)
        precision.write(values, count: values.count, to: address)
    }

    deinit { address.deallocate() }

    /// The first of the doubles.
    ///
    /// - Precondition: ``precision`` is `float64`.
    package var base: UnsafeMutablePointer<Double> {
        precondition(precision == .float64, "a buffer of \(precision.name) read as doubles")
        return address.assumingMemoryBound(to: Double.self)
    }

    /// The numbers, without the slack. A copy, O(count).
    package var values: [Double] {
        [Double](unsafeUninitializedCapacity: count) { target, initialized in
            // An empty array may have no address, and nothing to hold.
            if let base = target.baseAddress { precision.read(address, count: count, into: base) }
            initialized = count
        }
    }

    /// The same numbers in another precision; the buffer itself where it has that one. O(count).
    package func converted(to precision: Precision) -> AlignedBuffer {
        if precision == self.precision { return self }
        return AlignedBuffer(values, precision: precision)
    }
}
