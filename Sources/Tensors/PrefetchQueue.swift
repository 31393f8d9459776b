// What the processor should fetch while it computes: asked for line by line, since a burst of requests is dropped.
import CKernels

/// Ranges of memory that later calls will read.
package final class PrefetchQueue {
    /// Most ranges that wait; further ones are asked for at once.
    private static let capacity = 8
    /// Bytes that the processor fetches without dropping requests.
    private static let burst = 2048
    /// One more than `capacity`: the last stays empty.
    private let ranges: UnsafeMutablePointer<sk_ahead>
    private var next = 0
    private var count = 0
    /// Lines a call.
    private var pace: Int64 = 1

    package init() {
        ranges = .allocate(capacity: Self.capacity + 1)
        ranges.initialize(repeating: sk_ahead(at: nil, lines: 0), count: Self.capacity + 1)
    }

    deinit { ranges.deallocate() }

    /// Appends the cache lines of `bytes` bytes; asks for few of them at once.
    package func add(_ address: UnsafeRawPointer, bytes: Int) {
        guard count < Self.capacity, bytes > Self.burst else { return sk_prefetch(address, Int64(bytes)) }
        ranges[count] = sk_ahead(at: address, lines: Int64((bytes + 63) / 64))
        count += 1
    }

    /// Forgets what was not asked for.
    package func clear() {
        next = 0
        count = 0
        ranges[0].lines = 0
    }

    /// The first range of which something is left, with those behind it up to one without an address.
    var current: UnsafeMutablePointer<sk_ahead> {
        while next < count && ranges[next].lines <= 0 { next += 1 }
        ranges[count] = sk_ahead(at: nil, lines: 0)
        return ranges + next
    }

    /// Spreads the lines that wait over so many calls of ``reach()``.
    package func spread(over calls: Int) {
        var lines: Int64 = 0
        for index in next..<count { lines += ranges[index].lines }
        pace = min(lines / Int64(max(calls, 1)) + 1, Int64(Self.burst / 64))
    }

    /// Asks for the next lines.
    @inline(__always)
    package func reach() { if next < count { sk_reach(current, pace) } }
}
