import GRDB
import JobQueue

// How values of the queue lie in columns: bytes as blobs, labels as netstrings, rows read by position.
import struct Foundation.Data

extension [UInt8] {
    /// The bytes as GRDB binds them.
    var blob: Data { Data(self) }
}

extension Row {
    /// The bytes of a blob that is not null.
    func bytes(_ index: Int) -> [UInt8] {
        let blob: Data = self[index]
        return [UInt8](blob)
    }

    /// A moment, or nil.
    func time(_ index: Int) -> Timestamp? {
        let milliseconds: Int64? = self[index]
        return milliseconds.map(Timestamp.init(milliseconds:))
    }
}

/// What a column holds that this program never wrote there.
struct UnreadableColumn: Error, Equatable {
    let column: String
    let found: String
}

/// Labels as one blob: key and value by turns, each a netstring `<bytes>:<text>,` in the order of the keys.
enum LabelBlob {
    static func encode(_ labels: [String: String]) -> [UInt8] {
        labels.sorted { $0.key < $1.key }.flatMap { netstring($0.key) + netstring($0.value) }
    }

    static func decode(_ bytes: [UInt8]) throws(UnreadableColumn) -> [String: String] {
        var rest = bytes[...]
        var labels: [String: String] = [:]
        while !rest.isEmpty {
            guard let key = takeNetstring(from: &rest), let value = takeNetstring(from: &rest) else {
                throw UnreadableColumn(column: "labels", found: String(decoding: bytes, as: UTF8.self))
            }
            labels[key] = value
        }
        return labels
    }

    private static func netstring(_ text: String) -> [UInt8] {
        Array("\(text.utf8.count):".utf8) + Array(text.utf8) + [UInt8(ascii: ",")]
    }

    private static func takeNetstring(from bytes: inout ArraySlice<UInt8>) -> String? {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            let count = Int(String(decoding: bytes[..<colon], as: UTF8.self)),
            count >= 0, count < bytes.endIndex - colon - 1
        else { return nil }
        let end = colon + 1 + count
        guard bytes[end] == UInt8(ascii: ",") else { return nil }
        defer { bytes = bytes[(end + 1)...] }
        return String(decoding: bytes[(colon + 1)..<end], as: UTF8.self)
    }
}

/// The strings as a JSON array, every character outside printable ASCII escaped.
func jsonArray(_ strings: Set<String>) -> String {
    let items = strings.sorted().map { string in
        let characters = string.utf16.map { unit -> String in
            let isPlain = (0x20..<0x7F).contains(unit) && unit != 0x22 && unit != 0x5C
            let digits = String(unit, radix: 16)
            return isPlain
                ? String(UnicodeScalar(UInt8(unit))) : "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
        return "\"\(characters.joined())\""
    }
    return "[\(items.joined(separator: ","))]"
}
