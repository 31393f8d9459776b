// Which cells are numbers: decimal literals with an optional sign, point and exponent; no NaN, infinity or hexadecimal.

/// A cell that is a number.
enum CSVNumber: Equatable {
    /// An integer literal of magnitude up to 2⁵³.
    case integer(Double)
    /// Any other number.
    case real(Double)
    /// Larger than any double.
    case overflow

    /// Nil where the trimmed text is no decimal number.
    init?(_ text: String) {
        var isInteger = true
        var hasDigit = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): hasDigit = true
            case UInt8(ascii: "+"), UInt8(ascii: "-"): break
            case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): isInteger = false
            default: return nil
            }
        }
        // The alphabet excludes "nan", "inf" and "0x"; the standard library checks the order and rounds correctly.
        guard hasDigit, let value = Double(text) else { return nil }
        guard value.isFinite else {
            self = .overflow
            return
        }
        // The literal itself is compared: 2⁵³ + 1 would round to 2⁵³.
        let isExact = isInteger && Int(text).map { $0.magnitude <= 1 << 53 } ?? false
        self = isExact ? .integer(value) : .real(value)
    }

    /// The text without spaces and tabs around it.
    static func trimmed(_ text: String) -> String {
        guard let first = text.utf8.first, let last = text.utf8.last else { return text }
        guard isBlank(first) || isBlank(last) else { return text }
        let head = text.utf8.drop(while: isBlank)
        return String(decoding: head.reversed().drop(while: isBlank).reversed(), as: UTF8.self)
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09
    }
}
