// Lines of a head or trailer section, RFC 9112 §2.2 and §5. Strict: CRLF ends a line and nothing else does; no folding,
// no blank before the colon. What was scanned is never scanned again.

/// Finds the next complete line in bytes that arrive in any pieces. Every check happens at the position of the byte it
/// is about, so that the answer is the same however the bytes were cut.
struct LineScanner: Sendable {
    /// Bytes known to belong to lines, or to the beginning of the current one.
    private(set) var scanned = 0
    /// Where the current line begins.
    private(set) var lineStart = 0

    /// The next line without its line end; nil when more bytes are needed.
    ///
    /// - Parameters:
    ///   - input: the section from its first byte; only ever grows between calls.
    ///   - lineLimit: a longer line throws `tooLong`.
    ///   - sectionLimit: a section of more bytes, line ends included, throws `sectionTooLong`.
    mutating func nextLine(
        in input: UnsafeBufferPointer<UInt8>, lineLimit: Int, tooLong: RequestError, sectionLimit: Int,
        sectionTooLong: RequestError
    ) throws(RequestError) -> Range<Int>? {
        let stop = min(lineStart + lineLimit, sectionLimit)
        let end = min(input.count, stop)
        var index = scanned
        while index < end, input[index].isFieldContent { index += 1 }
        scanned = index
        guard index < input.count else { return nil }
        switch input[index] {
        case Byte.carriageReturn:
            guard index + 1 < input.count else { return nil }
            guard input[index + 1] == Byte.lineFeed else { throw .bareCarriageReturn }
        case Byte.lineFeed:
            throw .bareLineFeed
        case let byte where !byte.isFieldContent:
            throw .controlByte(byte)
        default:
            throw stop == sectionLimit ? sectionTooLong : tooLong
        }
        guard index + 2 <= sectionLimit else { throw sectionTooLong }
        let line = lineStart..<index
        scanned = index + 2
        lineStart = index + 2
        return line
    }
}

/// Reads one field line.
enum FieldLine {
    /// Where name and value stand; the value without blanks at its ends.
    static func parse(_ line: Range<Int>, in input: UnsafeBufferPointer<UInt8>) throws(RequestError) -> Fields.Entry {
        var colon = line.lowerBound
        while colon < line.upperBound, ByteSet.token.contains(input[colon]) { colon += 1 }
        if colon == line.lowerBound, input[colon].isBlank { throw .foldedField }
        guard colon > line.lowerBound, colon < line.upperBound, input[colon] == Byte.colon else {
            throw .invalidFieldName
        }
        var start = colon + 1
        var end = line.upperBound
        while start < end, input[start].isBlank { start += 1 }
        while end > start, input[end - 1].isBlank { end -= 1 }
        return Fields.Entry(name: UInt32(line.lowerBound)..<UInt32(colon), value: UInt32(start)..<UInt32(end))
    }
}
