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
    /// Byte offset of each character's first byte, ascending; nil for ASCII, where every byte counts as a character.
    private let characterStarts: [Int]?

    /// Measures `text`; linear in its length.
    package init(_ text: String) {
        bytes = Array(text.utf8)
        var lineStarts = [0]
        var isASCII = true
        for (offset, byte) in bytes.enumerated() {
            if byte == UInt8(ascii: "\n") { lineStarts.append(offset + 1) }
            if byte >= 0x80 { isASCII = false }
        }
        self.lineStarts = lineStarts
        characterStarts = isASCII ? nil : Self.characterStarts(of: text)
    }

    private static func characterStarts(of text: String) -> [Int] {
        var starts: [Int] = []
        var offset = 0
        for character in text {
            starts.append(offset)
            offset += character.utf8.count
        }
        return starts
    }

    /// The text under `span`, which is cut to the text where it reaches beyond.
    package subscript(span: Span) -> String {
        let start = clamp(span.start)
        return String(decoding: bytes[start..<max(start, clamp(span.end))], as: UTF8.self)
    }

    /// The line and column of a byte offset; offsets beyond the text mean its end, one inside a character means it.
    ///
    /// Costs the logarithm of the text's length.
    package func location(ofByte offset: Int) -> Location {
        let line = lineIndex(ofByte: offset)
        return Location(line: line + 1, column: character(ofByte: offset, inLine: line) + 1)
    }

    /// The number of lines; an empty text has one.
    package var lineCount: Int { lineStarts.count }

    /// The 0-based line that holds a byte offset; a line feed belongs to the line it ends.
    func lineIndex(ofByte offset: Int) -> Int { Self.lastIndex(in: lineStarts, atMost: offset) }

    /// The 0-based index, in its line's characters, of the character at a byte offset; at most the line's length.
    func character(ofByte offset: Int, inLine line: Int) -> Int {
        let span = lineSpan(line)
        return characterIndex(ofByte: min(max(span.start, offset), span.end)) - characterIndex(ofByte: span.start)
    }

    /// The number of characters of a 0-based line, its end not counted.
    func characterCount(ofLine line: Int) -> Int { character(ofByte: lineSpan(line).end, inLine: line) }

    /// Some characters of a 0-based line; `range` lies within its characters.
    func characters(_ range: Range<Int>, ofLine line: Int) -> [Character] {
        let first = characterIndex(ofByte: lineSpan(line).start)
        return range.map { index in
            let span = Span(byteOffset(ofCharacter: first + index), byteOffset(ofCharacter: first + index + 1))
            return self[span].first ?? " "
        }
    }

    private func characterIndex(ofByte offset: Int) -> Int {
        guard let characterStarts else { return offset }
        return offset >= bytes.count ? characterStarts.count : Self.lastIndex(in: characterStarts, atMost: offset)
    }

    private func byteOffset(ofCharacter index: Int) -> Int {
        guard let characterStarts else { return index }
        return index < characterStarts.count ? characterStarts[index] : bytes.count
    }

    /// The last index whose value is at most `offset`, by bisection; 0 when there is none.
    private static func lastIndex(in starts: [Int], atMost offset: Int) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle } else { high = middle }
        }
        return low
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
