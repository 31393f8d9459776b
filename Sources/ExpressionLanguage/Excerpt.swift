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
        let characters = source[source.lineSpan(line)].map(Printable.character)
        let start = source.character(ofByte: span.start, inLine: line)
        let last = source.character(ofByte: max(span.start, span.end - 1), inLine: line)
        let marked = start..<max(start + 1, min(last + 1, characters.count))
        self.init(characters, marked: marked)
    }

    private init(_ characters: [Character], marked: Range<Int>) {
        guard characters.count > Self.limit else {
            text = String(characters)
            caret = marked
            return
        }
        let first = min(max(0, marked.lowerBound - Self.lead), characters.count - Self.limit)
        var window = Array(characters[first..<first + Self.limit])
        var visible = window.count
        if first > 0 { window[0] = "…" }
        if first + Self.limit < characters.count {
            visible -= 1
            window[visible] = "…"
        }
        let start = marked.lowerBound - first
        text = String(window)
        caret = start..<max(start + 1, min(marked.upperBound - first, visible))
    }

    /// The line to print under `text`: blanks, `^`, then `~` for the rest of the marked range.
    package var caretLine: String {
        String(repeating: " ", count: caret.lowerBound) + "^" + String(repeating: "~", count: caret.count - 1)
    }
}
