// Bytes of LIBSVM text → labels, indices and values, line by line, each fault with its place.

/// Splits LIBSVM text; what was read so far stands in its properties.
struct LIBSVMScanner {
    /// Counted from 1, in bytes.
    struct Place {
        let line: Int
        let column: Int
    }

    private(set) var labels: [Double] = []
    /// Whether each label is an integer literal.
    private(set) var areIntegers: [Bool] = []
    /// Where each row's entries begin, and the end of the last.
    private(set) var starts = [0]
    private(set) var indices: [Int32] = []
    private(set) var values: [Double] = []
    private(set) var largestIndex = 0
    /// Where feature 0 first occurs.
    private(set) var zeroPlace: Place?
    private let bytes: [UInt8]
    private var offset: Int
    private var line = 1
    private var lineStart: Int

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        offset = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        lineStart = offset
    }

    /// Reads the next row; false at the end.
    mutating func row() throws(LIBSVMError) -> Bool {
        skipBlank()
        while takeLineEnd() { skipBlank() }
        guard offset < bytes.count else { return false }
        try label()
        var previous = -1
        while true {
            skipBlank()
            if offset == bytes.count || isLineEnd(bytes[offset]) { break }
            try pair(after: &previous)
        }
        starts.append(values.count)
        return true
    }

    private mutating func label() throws(LIBSVMError) {
        let word = word()
        switch DecimalNumber(bytes[word]) {
        case .integer(let value): append(value, isInteger: true)
        case .real(let value): append(value, isInteger: false)
        case .overflow: throw .overflow(line: line, column: column(word), text: text(word))
        case nil: throw .label(line: line, column: column(word), text: text(word))
        }
    }

    private mutating func append(_ label: Double, isInteger: Bool) {
        labels.append(label)
        areIntegers.append(isInteger)
    }

    private mutating func pair(after previous: inout Int) throws(LIBSVMError) {
        let word = word()
        guard let colon = bytes[word].firstIndex(of: UInt8(ascii: ":")) else {
            throw .pair(line: line, column: column(word), text: text(word))
        }
        let value = try number(colon + 1..<word.upperBound)
        let name = word.lowerBound..<colon
        if bytes[name].elementsEqual("qid".utf8) { return }
        guard let index = wholeNumber(name) else {
            throw .index(line: line, column: column(name), text: text(name), limit: LIBSVMReader.indexLimit)
        }
        guard index > previous else {
            throw .notAscending(line: line, column: column(name), index: index, previous: previous)
        }
        if index == 0 && zeroPlace == nil { zeroPlace = Place(line: line, column: column(name)) }
        previous = index
        largestIndex = max(largestIndex, index)
        indices.append(Int32(index))
        values.append(value)
    }

    private func number(_ range: Range<Int>) throws(LIBSVMError) -> Double {
        switch DecimalNumber(bytes[range]) {
        case .integer(let value), .real(let value): return value
        case .overflow: throw .overflow(line: line, column: column(range), text: text(range))
        case nil: throw .notANumber(line: line, column: column(range), text: text(range))
        }
    }

    /// Digits alone, up to the largest index.
    private func wholeNumber(_ range: Range<Int>) -> Int? {
        guard !range.isEmpty else { return nil }
        var value = 0
        for byte in bytes[range] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            if value > LIBSVMReader.indexLimit { return nil }
        }
        return value
    }

    // MARK: - Bytes

    private mutating func word() -> Range<Int> {
        let start = offset
        while offset < bytes.count, !isBlank(bytes[offset]), !isLineEnd(bytes[offset]), bytes[offset] != Self.hash {
            offset += 1
        }
        return start..<offset
    }

    private static let hash = UInt8(ascii: "#")

    /// Passes spaces, tabs and a comment.
    private mutating func skipBlank() {
        while offset < bytes.count, isBlank(bytes[offset]) { offset += 1 }
        guard offset < bytes.count, bytes[offset] == Self.hash else { return }
        while offset < bytes.count, !isLineEnd(bytes[offset]) { offset += 1 }
    }

    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

    /// Passes LF, CRLF or a lone CR.
    private mutating func takeLineEnd() -> Bool {
        guard offset < bytes.count, isLineEnd(bytes[offset]) else { return false }
        let isReturn = bytes[offset] == 0x0D
        offset += 1
        if isReturn, offset < bytes.count, bytes[offset] == 0x0A { offset += 1 }
        line += 1
        lineStart = offset
        return true
    }

    private func column(_ range: Range<Int>) -> Int { range.lowerBound - lineStart + 1 }

    private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range].prefix(40), as: UTF8.self) }
}
