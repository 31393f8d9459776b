// The line of a formula that a fault quotes, and where in it the caret stands.

/// A quoted line with a marked range: one line, at most ``Excerpt/limit`` characters, printable.
package struct Excerpt: Sendable, Equatable {
    /// The greatest number of characters quoted, cut marks included.
    package static let limit = 120
    /// Characters kept before the caret when a longer line is cut.
    private static let lead = 40

    /// The quoted characters; `…` stands where the line was cut.
    package let text: String
    /// The marked characters as 0-based indices into `text`; never empty, may stand one past the text's end.
    package let caret: Range<Int>

    /// Quotes the line on which `span` starts, and marks as much of `span` as is quoted.
    package init(_ span: Span, of source: SourceText) {
        let line = source.lineIndex(ofByte: span.start)
        let length = source.characterCount(ofLine: line)
        let start = source.character(ofByte: span.start, inLine: line)
        let last = source.character(ofByte: max(span.start, span.end - 1), inLine: line)
        let end = max(start + 1, min(last + 1, length))

        let first = max(0, min(start - Self.lead, length - Self.limit))
        let quoted = first..<min(length, first + Self.limit)
        var characters = source.characters(quoted, ofLine: line)
        if quoted.lowerBound > 0 { characters[0] = "…" }
        let isCut = quoted.upperBound < length
        if isCut { characters[characters.count - 1] = "…" }

        text = Printable.text(characters)
        let visibleEnd = isCut ? quoted.upperBound - 1 : max(end, quoted.upperBound)
        caret = start - first..<max(start + 1, min(end, visibleEnd)) - first
    }

    /// The line to print under `text`: blanks, `^`, then `~` for the rest of the marked range.
    package var caretLine: String {
        String(repeating: " ", count: caret.lowerBound) + "^" + String(repeating: "~", count: caret.count - 1)
    }
}
