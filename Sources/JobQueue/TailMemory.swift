// The newest events of one job, bounded in number and bytes, without a hole.

/// A window on the end of a log.
package struct TailMemory: Sendable {
    private var events: [JobEvent] = []
    private var byteCount = 0
    private var newest: Int64 = 0

    /// Events remembered.
    package static let maximumEvents = 500
    /// Bytes of data remembered; the newest event is kept whatever its size.
    package static let maximumBytes = 1 << 20

    package init() {}

    /// Takes events that continue the log; what does not continue it starts the memory anew.
    package mutating func append(_ new: [JobEvent]) {
        guard let first = new.first, let last = new.last else { return }
        if first.seq != newest + 1 {
            events = []
            byteCount = 0
        }
        events += new
        byteCount += new.reduce(0) { $0 + $1.data.count }
        newest = last.seq
        forgetOldest()
    }

    private mutating func forgetOldest() {
        var surplus = max(0, events.count - Self.maximumEvents)
        byteCount -= events[..<surplus].reduce(0) { $0 + $1.data.count }
        while byteCount > Self.maximumBytes, surplus < events.count - 1 {
            byteCount -= events[surplus].data.count
            surplus += 1
        }
        events.removeFirst(surplus)
    }

    /// What follows `seq`; nil if nothing newer is known.
    package func step(after seq: Int64) -> TailStep? {
        guard newest > seq else { return nil }
        guard let oldest = events.first?.seq, oldest <= seq + 1 else { return .behind }
        return .events(Array(events[Int(seq + 1 - oldest)...]))
    }
}
