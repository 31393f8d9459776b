// A formula's text with its lines: byte offsets become lines and columns in characters as a reader counts them.

/// One formula: its UTF-8 bytes and where its lines start.
package struct SourceText: Sendable, Equatable {
    /// A place as an editor shows it.
    package struct Location: Sendable, Hashable {
        /// 1-based line; lines end with a line feed.
        package let line: Int
        /// 1-based column in characters (extended grapheme clusters).
        package let column: Int
    }

    /// The text in UTF-8.
    package let bytes: [UInt8]
    /// Byte offset of each line's first byte, ascending; the first is 0.
    private let lineStarts: [Int]

    /// Measures `text`; linear in its length.
    package init(_ text: String) {
        bytes = Array(text.utf8)
        var starts = [0]
        for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            starts.append(offset + 1)
        }
        lineStarts = starts
    }

    /// The text under `span`, which is cut to the text where it reaches beyond.
    package subscript(span: Span) -> String {
        let start = clamp(span.start)
        return String(decoding: bytes[start..<max(start, clamp(span.end))], as: UTF8.self)
    }

    /// The line and column of a byte offset; offsets beyond the text mean its end, one inside a character means it.
    ///
    /// Costs the logarithm of the number of lines plus the length of the line.
    package func location(ofByte offset: Int) -> Location {
        let line = lineIndex(ofByte: offset)
        return Location(line: line + 1, column: character(ofByte: offset, inLine: line) + 1)
    }

    /// The number of lines; an empty text has one.
    package var lineCount: Int { lineStarts.count }

    /// The 0-based line that holds a byte offset; a line feed belongs to the line it ends.
    func lineIndex(ofByte offset: Int) -> Int {
        var low = 0
        var high = lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return low
    }

    /// The 0-based index, in its line's characters, of the character at a byte offset; at most the line's length.
    func character(ofByte offset: Int, inLine line: Int) -> Int {
        let span = lineSpan(line)
        var end = span.start
        var count = 0
        for character in self[span] {
            end += character.utf8.count
            if end > offset { return count }
            count += 1
        }
        return count
    }

    /// The bytes of a 0-based line without its line end (`\n` or `\r\n`).
    func lineSpan(_ line: Int) -> Span {
        let start = lineStarts[line]
        guard line + 1 < lineStarts.count else { return Span(start, bytes.count) }
        let end = lineStarts[line + 1] - 1
        let endsWithReturn = end > start && bytes[end - 1] == UInt8(ascii: "\r")
        return Span(start, endsWithReturn ? end - 1 : end)
    }

    private func clamp(_ offset: Int) -> Int { min(max(0, offset), bytes.count) }
}
