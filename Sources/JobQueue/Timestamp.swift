// The two clocks of the queue, both handed in by the caller: the calendar for what people read, the uptime for leases.

/// A moment of the calendar: milliseconds since 1970-01-01T00:00:00Z, as the caller's clock has it.
package struct Timestamp: Hashable, Comparable, Sendable {
    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }

    /// The moment `duration` later; stays at the end of the representable range instead of trapping.
    package func advanced(by duration: Duration) -> Self {
        let (sum, overflow) = milliseconds.addingReportingOverflow(duration.wholeMilliseconds)
        guard overflow else { return Self(milliseconds: sum) }
        return Self(milliseconds: duration < .zero ? .min : .max)
    }
}

/// Both clocks read together. The uptime never jumps, so leases run on it where the store keeps them in memory.
package struct Moment: Hashable, Sendable {
    package let calendar: Timestamp
    /// Time since a fixed start of the machine or the process, never going back.
    package let uptime: Duration

    package init(calendar: Timestamp, uptime: Duration) {
        self.calendar = calendar
        self.uptime = uptime
    }
}

extension Duration {
    /// Whole milliseconds, rounded towards zero and clamped to 64 bits.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, carried) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        return carried ? (seconds < 0 ? .min : .max) : sum
    }
}
