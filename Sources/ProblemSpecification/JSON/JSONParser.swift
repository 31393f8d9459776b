// JSON text → value, RFC 8259. Strict: no extension of the grammar is accepted, and every size has a limit.

/// Parses JSON documents.
package enum JSONParser {
    /// Arrays and objects that may be open at once.
    package static let depthLimit = 64
    /// Bytes accepted where the caller names no limit: 64 MiB.
    package static let defaultByteLimit = 64 << 20

    /// Parses one document.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8 text, without a byte order mark.
    ///   - byteLimit: the most bytes accepted.
    /// - Throws: ``JSONError`` for the first fault in the text.
    /// - Complexity: O(n).
    package static func parse(_ bytes: [UInt8], byteLimit: Int = defaultByteLimit) throws(JSONError) -> JSONValue {
        guard bytes.count <= byteLimit else {
            let message = "the document has \(bytes.count) bytes; at most \(byteLimit) are accepted"
            throw JSONError(.tooLarge, line: 1, column: 1, message: message)
        }
        let result = bytes.withUnsafeBufferPointer { text -> Result<JSONValue, JSONError> in
            var scanner = JSONScanner(text: text)
            do throws(JSONError) { return .success(try scanner.document()) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Parses the UTF-8 form of `text`; see ``parse(_:byteLimit:)``.
    package static func parse(_ text: String, byteLimit: Int = defaultByteLimit) throws(JSONError) -> JSONValue {
        try parse(Array(text.utf8), byteLimit: byteLimit)
    }
}

/// A position in a JSON text, and the grammar's productions. Lives only as long as the text's buffer.
struct JSONScanner {
    /// Objects with more members than this look up repeated names in a set instead of one by one.
    private static let linearNameLimit = 16

    let text: UnsafeBufferPointer<UInt8>
    var offset = 0
    var depth = 0

    init(text: UnsafeBufferPointer<UInt8>) {
        self.text = text
    }

    /// The byte at the position, 0 (which no production accepts) at the end.
    var byte: UInt8 { offset < text.count ? text[offset] : 0 }

    /// `ws value ws` and nothing after it.
    mutating func document() throws(JSONError) -> JSONValue {
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { throw fault("a byte order mark is not part of JSON") }
        skipSpace()
        let value = try value()
        skipSpace()
        guard offset == text.count else { throw fault("expected the end of the document, found \(found)") }
        return value
    }

    mutating func skipSpace() {
        while offset < text.count {
            switch text[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }

    mutating func value() throws(JSONError) -> JSONValue {
        switch byte {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number().value
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: throw fault("expected a value, found \(found)")
        }
    }

    private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let matches = word.withUTF8Buffer { text[offset...].starts(with: $0) }
        guard matches else { throw fault("expected a value, found \(found)") }
        offset += word.utf8CodeUnitCount
        return value
    }

    private mutating func object() throws(JSONError) -> JSONValue {
        try enter()
        var members: [JSONMember] = []
        var names: Set<String> = []
        skipSpace()
        if byte != UInt8(ascii: "}") {
            repeat {
                skipSpace()
                members.append(try member(after: members, names: &names))
                skipSpace()
            } while take(UInt8(ascii: ","))
        }
        guard take(UInt8(ascii: "}")) else { throw fault("expected ',' or '}' in the object, found \(found)") }
        depth -= 1
        return .object(members)
    }

    private mutating func member(
        after members: [JSONMember], names: inout Set<String>
    ) throws(JSONError) -> JSONMember {
        guard byte == UInt8(ascii: "\"") else {
            let place = members.isEmpty ? "" : " after the comma"
            throw fault("expected a name in double quotes\(place), found \(found)")
        }
        let start = offset
        let name = try string()
        let isRepeated: Bool
        if members.count <= Self.linearNameLimit {
            isRepeated = members.contains { $0.name == name }
        } else {
            if names.isEmpty { names = Set(members.map(\.name)) }
            isRepeated = !names.insert(name).inserted
        }
        if isRepeated { throw fault(.duplicateKey, at: start, "the name \"\(Excerpts.cut(name))\" occurs twice") }
        skipSpace()
        guard take(UInt8(ascii: ":")) else { throw fault("expected ':' after the name, found \(found)") }
        skipSpace()
        return JSONMember(name: name, value: try value())
    }

    private mutating func array() throws(JSONError) -> JSONValue {
        try enter()
        skipSpace()
        let start = offset
        if let numbers = try denseNumbers() {
            depth -= 1
            return .numbers(numbers)
        }
        // Not all plain numbers: read again as values. Nothing nested has been read yet, so no text is read three times.
        offset = start
        var elements: [JSONValue] = []
        if byte != UInt8(ascii: "]") {
            repeat {
                skipSpace()
                elements.append(try value())
                skipSpace()
            } while take(UInt8(ascii: ","))
        }
        guard take(UInt8(ascii: "]")) else { throw fault("expected ',' or ']' in the array, found \(found)") }
        depth -= 1
        return .array(elements)
    }

    /// The rest of an array after `[`, when all its elements are plain numbers; nil, at any position, when not.
    private mutating func denseNumbers() throws(JSONError) -> JSONNumbers? {
        guard byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        var values: [Double] = []
        var allIntegers = true
        repeat {
            skipSpace()
            guard byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
                return nil
            }
            switch try number() {
            case .integer(let integer):
                guard integer.magnitude <= JSONValue.exactIntegerLimit.magnitude else { return nil }
                values.append(Double(integer))
            case .real(let real):
                values.append(real)
                allIntegers = false
            }
            skipSpace()
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "]")) ? JSONNumbers(values: values, allIntegers: allIntegers) : nil
    }

    private mutating func enter() throws(JSONError) {
        depth += 1
        if depth > JSONParser.depthLimit {
            throw fault(.nestingTooDeep, at: offset, "nested deeper than \(JSONParser.depthLimit) levels")
        }
        offset += 1
    }

    private mutating func take(_ wanted: UInt8) -> Bool {
        guard offset < text.count, text[offset] == wanted else { return false }
        offset += 1
        return true
    }
}
