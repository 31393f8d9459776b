// A stretch of a formula, counted in UTF-8 bytes: what tokens, syntax nodes and faults point with.

/// A half-open range of UTF-8 byte offsets into one formula; empty spans are allowed (the end of the text).
package struct Span: Sendable, Hashable {
    /// Offset of the first byte.
    package let start: Int
    /// Offset one past the last byte; never less than `start`.
    package let end: Int

    /// The span from `start` up to and without `end`; an `end` before `start` is taken as an empty span at `start`.
    package init(_ start: Int, _ end: Int) {
        self.start = start
        self.end = max(start, end)
    }

    /// The number of UTF-8 bytes covered.
    package var count: Int { end - start }

    /// The smallest span that covers both.
    package func union(_ other: Span) -> Span {
        Span(min(start, other.start), max(end, other.end))
    }
}
