// A look at YAML text before it is composed: what would cost more than its size is refused. The composer hashes every
// key with all its aliases expanded and nests as deep as chains of aliases go, so both are bounded here.

/// Refuses texts whose composition could take exponential time or exhaust the stack.
enum YAMLScreen {
    /// Anchors in one document. Sixteen chained anchors of the composer's greatest depth (1,000) are still freed safely.
    static let anchorLimit = 16
    /// Bytes looked at for the end of an alias.
    private static let nameLimit = 128

    /// Counts what may be anchors. Text in quotes and comments is counted too, which errs on the safe side.
    ///
    /// - Throws: ``JSONError`` of kind `tooLarge` past ``anchorLimit``, `malformed` for a key that is not a scalar in a
    ///   document with anchors.
    static func check(_ text: String) throws(JSONError) {
        let bytes = Array(text.utf8)
        let places = bytes.indices.filter { isIndicator(UInt8(ascii: "&"), at: $0, of: bytes) }
        guard let first = places.first else { return }
        if places.count > anchorLimit {
            throw fault(.tooLarge, at: places[anchorLimit], of: bytes, "more than \(anchorLimit) anchors")
        }
        for place in bytes.indices where isCollectionKey(at: place, of: bytes) {
            let message = "in a document with anchors every name is a plain scalar"
            throw fault(.malformed, at: max(place, first), of: bytes, message)
        }
    }

    /// Whether `bytes[place]` is `indicator` at the beginning of a token, with a name behind it.
    private static func isIndicator(_ indicator: UInt8, at place: Int, of bytes: [UInt8]) -> Bool {
        guard bytes[place] == indicator, place + 1 < bytes.count, !isSpace(bytes[place + 1]) else { return false }
        return place == 0 || isSpace(bytes[place - 1]) || "[]{},:?-\"'".utf8.contains(bytes[place - 1])
    }

    /// Whether a key ends or begins here that may hold aliases: `]:`, `}:`, `*a :`, or an explicit `? `.
    private static func isCollectionKey(at place: Int, of bytes: [UInt8]) -> Bool {
        switch bytes[place] {
        case UInt8(ascii: "?"):
            return (place == 0 || isSpace(bytes[place - 1]) || "[{,-?".utf8.contains(bytes[place - 1]))
                && (place + 1 == bytes.count || isSpace(bytes[place + 1]))
        case UInt8(ascii: "]"), UInt8(ascii: "}"):
            return isColon(after: place + 1, of: bytes)
        case UInt8(ascii: "*"):
            guard isIndicator(UInt8(ascii: "*"), at: place, of: bytes) else { return false }
            let name = bytes[place...].prefix(nameLimit)
            let end = name.firstIndex { isSpace($0) || ",]}".utf8.contains($0) } ?? name.endIndex
            return name.count == nameLimit && end == name.endIndex || isColon(after: end, of: bytes)
                || bytes[end - 1] == UInt8(ascii: ":")
        default:
            return false
        }
    }

    private static func isColon(after place: Int, of bytes: [UInt8]) -> Bool {
        // A key and its colon stand on one line in block style; in flow style lines may lie between them.
        bytes[place...].first { !isSpace($0) } == UInt8(ascii: ":")
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    private static func fault(
        _ kind: JSONError.Kind, at place: Int, of bytes: [UInt8], _ message: String
    ) -> JSONError {
        bytes.withUnsafeBufferPointer { JSONError(kind, at: place, of: $0, message: message) }
    }
}
