// Names that people give data sets, and how a path names one. Names are looked up in the store and never reach the disk.
import JobQueue

/// What names of data sets look like.
enum DatasetName {
    /// Characters of the longest.
    static let limit = 128
    static let wanted = "1 to \(limit) letters, digits, '.', '_' or '-', not beginning with '\(DatasetID.prefix)'"

    /// Whether the text has the form of a name, or of an id.
    static func isWellFormed(_ text: String) -> Bool {
        (1...limit).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// A name to be given.
    ///
    /// - Throws: ``APIError/invalidParameter(_:wanted:found:)``.
    static func given(_ text: String) throws(APIError) -> String {
        guard isWellFormed(text), !text.hasPrefix(DatasetID.prefix) else {
            throw .invalidParameter("name", wanted: wanted, found: text)
        }
        return text
    }
}
