// JSON value → text: compact, pretty, or canonical; numbers with the fewest digits that read back to the same bits.

/// Writes JSON documents. A value that is not finite, which no parser returns, is written as `null`.
package enum JSONWriter {
    /// How the text is laid out.
    package enum Style: Sendable, Equatable, CaseIterable {
        /// No white space.
        case compact
        /// Two spaces a level; an array of numbers on one line.
        case pretty
        /// Compact, names sorted by their UTF-8 bytes: equal documents have equal bytes, whatever their order.
        case canonical
    }

    /// The UTF-8 text of `value`, without a line feed at the end. O(n); the stack does not grow with nesting.
    package static func bytes(_ value: JSONValue, style: Style = .compact) -> [UInt8] {
        var output = JSONOutput(style: style)
        output.write(value)
        return output.bytes
    }

    /// The text of `value`; see ``bytes(_:style:)``.
    package static func string(_ value: JSONValue, style: Style = .compact) -> String {
        String(decoding: bytes(value, style: style), as: UTF8.self)
    }

    /// The fewest digits that read back to the same bits; integral values below 2⁵³ without point and exponent.
    /// `null` where `value` is not finite.
    package static func number(_ value: Double) -> String {
        guard value.isFinite else { return "null" }
        if abs(value) < 0x1p53, value == value.rounded(.towardZero) {
            return value.sign == .minus && value == 0 ? "-0" : String(Int(value))
        }
        let text = value.description
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}

/// The text so far and what remains to be written, innermost last.
private struct JSONOutput {
    private enum Task {
        case value(JSONValue, level: Int)
        case member(JSONMember, level: Int)
        case text(StaticString)
        case lineBreak(level: Int)
    }

    let style: JSONWriter.Style
    var bytes: [UInt8] = []
    private var pending: [Task] = []

    init(style: JSONWriter.Style) {
        self.style = style
    }

    mutating func write(_ value: JSONValue) {
        pending.append(.value(value, level: 0))
        while let task = pending.popLast() {
            switch task {
            case .value(let value, let level): append(value, level: level)
            case .member(let member, let level):
                append(string: member.name)
                append(style == .pretty ? ": " : ":")
                append(member.value, level: level)
            case .text(let text): append(text)
            case .lineBreak(let level): lineBreak(level)
            }
        }
    }

    private mutating func append(_ value: JSONValue, level: Int) {
        switch value {
        case .null: append("null")
        case .bool(let flag): append(flag ? "true" : "false")
        case .integer(let integer): bytes.append(contentsOf: integer.description.utf8)
        case .number(let number): bytes.append(contentsOf: JSONWriter.number(number).utf8)
        case .string(let text): append(string: text)
        case .numbers(let numbers): append(numbers)
        case .array(let elements):
            push(elements.map { .value($0, level: level + 1) }, open: "[", close: "]", level: level)
        case .object(let members):
            let ordered = style == .canonical ? members.sorted { Self.precedes($0.name, $1.name) } : members
            push(ordered.map { .member($0, level: level + 1) }, open: "{", close: "}", level: level)
        }
    }

    private static func precedes(_ a: String, _ b: String) -> Bool {
        a.utf8.lexicographicallyPrecedes(b.utf8)
    }

    /// Opens a bracket and leaves the items, their separators and the closing bracket to be written.
    private mutating func push(_ items: [Task], open: StaticString, close: StaticString, level: Int) {
        append(open)
        pending.append(.text(close))
        if items.isEmpty { return }
        if style == .pretty { pending.append(.lineBreak(level: level)) }
        for (index, item) in items.enumerated().reversed() {
            pending.append(item)
            if style == .pretty { pending.append(.lineBreak(level: level + 1)) }
            if index > 0 { pending.append(.text(",")) }
        }
    }

    private mutating func append(_ numbers: JSONNumbers) {
        append("[")
        for (index, value) in numbers.values.enumerated() {
            if index > 0 { append(style == .pretty ? ", " : ",") }
            bytes.append(contentsOf: JSONWriter.number(value).utf8)
        }
        append("]")
    }

    private mutating func append(string text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): append("\\\"")
            case UInt8(ascii: "\\"): append("\\\\")
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x09: append("\\t")
            case 0x08: append("\\b")
            case 0x0C: append("\\f")
            case 0..<0x20: append(byte < 0x10 ? "\\u000" : "\\u001", hexDigit: byte & 0xF)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ prefix: StaticString, hexDigit: UInt8) {
        append(prefix)
        bytes.append(hexDigit < 10 ? UInt8(ascii: "0") + hexDigit : UInt8(ascii: "a") + hexDigit - 10)
    }

    private mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private mutating func lineBreak(_ level: Int) {
        bytes.append(0x0A)
        bytes.append(contentsOf: repeatElement(0x20, count: 2 * level))
    }
}
