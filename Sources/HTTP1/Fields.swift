// Header and trailer fields, RFC 9110 §5: ordered, names compared without case, values as bytes.

/// Why a field of an answer was refused.
package enum FieldError: Error, Equatable {
    /// The name is empty or holds something other than token characters.
    case invalidName(String)
    /// The value of `name` holds CR, LF, NUL or another control character.
    case invalidValue(name: String)
}

/// An ordered list of fields. All names and values live in one array of bytes, so that a head of forty fields costs two
/// allocations.
package struct Fields: Sendable {
    /// Where a name and its value stand in `storage`.
    struct Entry: Equatable, Sendable {
        var name: Range<UInt32>
        var value: Range<UInt32>
    }

    private(set) var storage: [UInt8]
    private(set) var entries: [Entry]

    /// No fields.
    package init() {
        storage = []
        entries = []
    }

    /// Takes over what a parser has checked.
    init(storage: [UInt8], entries: [Entry]) {
        self.storage = storage
        self.entries = entries
    }

    /// Number of field lines.
    package var count: Int { entries.count }

    /// Adds a field line at the end.
    ///
    /// - Throws: ``FieldError`` when the name is no token or the value could end the line.
    package mutating func append(_ name: String, _ value: String) throws(FieldError) {
        guard !name.isEmpty, name.utf8.allSatisfy({ ByteSet.token.contains($0) }) else { throw .invalidName(name) }
        guard value.utf8.allSatisfy({ $0.isFieldContent }) else { throw .invalidValue(name: name) }
        if entries.isEmpty {
            // What most answers need, had at once.
            storage.reserveCapacity(224)
            entries.reserveCapacity(6)
        }
        let start = UInt32(storage.count)
        storage.append(contentsOf: name.utf8)
        let middle = UInt32(storage.count)
        storage.append(contentsOf: value.utf8)
        entries.append(Entry(name: start..<middle, value: middle..<UInt32(storage.count)))
    }

    /// The value of the first field line of that name; nil when there is none. Bytes that are not UTF-8 are replaced.
    package subscript(name: String) -> String? {
        first(name).map { text($0.value) }
    }

    /// Whether there is a field line of that name. Makes no text of it.
    package func contains(_ name: String) -> Bool { first(name) != nil }

    /// The values of all field lines of that name, in order.
    package func values(of name: String) -> [String] {
        guard contains(name) else { return [] }
        return withMatching(name) { matches in entries.filter(matches).map { text($0.value) } }
    }

    /// All field lines as text, in order.
    package var lines: [(name: String, value: String)] {
        entries.map { (text($0.name), text($0.value)) }
    }

    func text(_ range: Range<UInt32>) -> String {
        String(decoding: storage[Int(range.lowerBound)..<Int(range.upperBound)], as: UTF8.self)
    }

    private func first(_ name: String) -> Entry? {
        withMatching(name) { matches in entries.first(where: matches) }
    }

    /// Calls `body` with the comparison of an entry's name to `name`.
    private func withMatching<Result>(_ name: String, _ body: ((Entry) -> Bool) -> Result) -> Result {
        var name = name
        return name.withUTF8 { wanted in
            storage.withUnsafeBufferPointer { bytes in
                body { entry in
                    entry.name.count == wanted.count && bytes.slice(entry.name).equalsIgnoringCase(wanted)
                }
            }
        }
    }
}

extension Fields: Equatable {
    /// Same lines in the same order, names without regard to case.
    package static func == (left: Fields, right: Fields) -> Bool {
        left.count == right.count
            && zip(left.lines, right.lines).allSatisfy {
                $0.name.lowercased() == $1.name.lowercased() && $0.value == $1.value
            }
    }
}

extension UInt8 {
    /// Visible characters, space, tab and `obs-text`: what a field value may hold.
    var isFieldContent: Bool {
        self >= Byte.space ? self != Byte.delete : self == Byte.horizontalTab
    }
}
