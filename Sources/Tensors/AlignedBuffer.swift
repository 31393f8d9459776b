// Memory for numbers, as the vector kernels want it: aligned to a cache line, with room to read and write past the end.

/// Doubles on a 64-byte boundary with at least ``slack`` doubles after the last, all zero at first.
///
/// Kernels may read and write the slack, so its contents mean nothing.
package final class AlignedBuffer: @unchecked Sendable {
    // @unchecked: the memory is written by the one owner that fills it before sharing it, or through `base` by a plan
    // that belongs to one thread at a time.

    /// Doubles past the end that belong to the buffer.
    package static let slack = 16
    /// Bytes on whose multiple the buffer starts.
    package static let alignment = 64

    /// The number of doubles that mean something.
    package let count: Int
    /// The first of them.
    package let base: UnsafeMutablePointer<Double>

    /// `count` zeros. Traps when `count` is negative or memory is exhausted.
    package init(count: Int) {
        precondition(count >= 0, "a buffer cannot hold \(count) numbers")
        self.count = count
        let capacity = count + Self.slack
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: capacity * MemoryLayout<Double>.stride, alignment: Self.alignment)
        base = raw.bindMemory(to: Double.self, capacity: capacity)
        base.initialize(repeating: 0, count: capacity)
    }

    /// A copy of `values`.
    package convenience init(_ values: [Double]) {
        self.init(count: values.count)
        values.withUnsafeBufferPointer { source in
            if let address = source.baseAddress { base.update(from: address, count: source.count) }
        }
    }

    deinit { UnsafeMutableRawPointer(base).deallocate() }

    /// The numbers, without the slack. A copy, O(count).
    package var values: [Double] { Array(UnsafeBufferPointer(start: base, count: count)) }
}
