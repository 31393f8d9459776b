// What is wrong with a .npy file: the place, what was wanted, what came.

/// Why bytes are no array of the .npy format that can be read.
package enum NPYError: Error, Equatable {
    /// More bytes than the caller allows.
    case tooManyBytes(count: Int, limit: Int)
    /// The bytes do not begin with `\x93NUMPY`.
    case notNPY
    /// A version of the format other than 1.0, 2.0 and 3.0.
    case unknownVersion(major: UInt8, minor: UInt8)
    /// The bytes end inside the header.
    case truncatedHeader(expected: Int, actual: Int)
    /// A header longer than ``NPYReader/headerLimit``.
    case headerTooLong(length: Int, limit: Int)
    /// The header is no dictionary of `descr`, `fortran_order` and `shape`; `offset` counts the header's bytes from 0.
    case malformedHeader(offset: Int, wanted: String)
    /// A key other than the three.
    case unknownKey(String)
    /// A key that stands twice.
    case duplicateKey(String)
    /// A key that is missing.
    case missingKey(String)
    /// An element type that is not read, such as `<c16` or a record.
    case unsupportedType(String)
    /// More dimensions than ``NPYReader/rankLimit``, or more elements than an integer counts.
    case invalidShape([Int])
    /// The bytes after the header are too few or too many for the shape.
    case wrongByteCount(expected: Int, actual: Int)
    /// The row range selects nothing of an array with `count` rows; a scalar has none.
    case noRows(count: Int)
    /// A 64-bit integer that no double holds exactly.
    case integerTooLarge(String, at: Int)

    /// The fault as a sentence without a full stop.
    package var message: String {
        switch self {
        case .tooManyBytes(let count, let limit): "the array has \(count) bytes; at most \(limit) are accepted"
        case .notNPY: "wanted the six bytes \\x93NUMPY at the beginning of a .npy file"
        case .unknownVersion(let major, let minor):
            "wanted version 1.0, 2.0 or 3.0 of the .npy format, came \(major).\(minor)"
        case .truncatedHeader(let expected, let actual):
            "wanted a header of \(expected) bytes, came \(actual): the file is cut off"
        case .headerTooLong(let length, let limit): "wanted a header of at most \(limit) bytes, came \(length)"
        case .malformedHeader(let offset, let wanted): "byte \(offset) of the header: wanted \(wanted)"
        case .unknownKey(let key): "the header has the key '\(key)'; wanted 'descr', 'fortran_order' and 'shape'"
        case .duplicateKey(let key): "the header has the key '\(key)' twice"
        case .missingKey(let key): "the header has no key '\(key)'"
        case .unsupportedType(let type):
            "wanted elements of type f2, f4, f8, i1 to i8, u1 to u8 or b1, came '\(type)'; convert them with astype"
        case .invalidShape(let shape): "no array has the shape \(shape)"
        case .wrongByteCount(let expected, let actual):
            "wanted \(expected) bytes of elements as the shape says, came \(actual)"
        case .noRows(let count): "the row range selects none of the \(count) rows"
        case .integerTooLarge(let text, let index): "element \(index): no double holds the integer \(text) exactly"
        }
    }
}
