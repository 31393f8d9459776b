// Decimal literals in bytes → numbers, correctly rounded. The same alphabet as in CSV: no NaN, infinity or hexadecimal.

/// A decimal literal.
enum DecimalNumber: Equatable {
    /// An integer literal of magnitude up to 2⁵³.
    case integer(Double)
    /// Any other number.
    case real(Double)
    /// Larger than any double.
    case overflow

    /// Nil where the bytes are no decimal number.
    init?(_ bytes: ArraySlice<UInt8>) {
        if let exact = Self.exact(bytes) {
            self = exact
            return
        }
        guard let number = CSVNumber(String(decoding: bytes, as: UTF8.self)) else { return nil }
        switch number {
        case .integer(let value): self = .integer(value)
        case .real(let value): self = .real(value)
        case .overflow: self = .overflow
        }
    }

    private static let powersOfTen = (0...22).map { exponent in
        (0..<exponent).reduce(1.0) { power, _ in power * 10 }
    }

    /// Literals of at most 15 digits without an exponent: both parts of the quotient are exact, so one division rounds
    /// correctly (Clinger 1990). Nil for all others, which are not judged here.
    private static func exact(_ bytes: ArraySlice<UInt8>) -> DecimalNumber? {
        var mantissa = 0
        var digits = 0
        var decimals: Int?
        var isNegative = false
        for (position, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                mantissa = mantissa * 10 + Int(byte - UInt8(ascii: "0"))
                digits += 1
                if digits > 15 { return nil }
                decimals = decimals.map { $0 + 1 }
            case UInt8(ascii: ".") where decimals == nil: decimals = 0
            case UInt8(ascii: "-") where position == 0: isNegative = true
            case UInt8(ascii: "+") where position == 0: break
            default: return nil
            }
        }
        guard digits > 0 else { return nil }
        let magnitude = Double(mantissa)
        guard let decimals else { return .integer(isNegative ? -magnitude : magnitude) }
        // A point without digits after it is read like any other literal below.
        guard decimals > 0, decimals < digits else { return nil }
        let value = magnitude / powersOfTen[decimals]
        return .real(isNegative ? -value : value)
    }
}
