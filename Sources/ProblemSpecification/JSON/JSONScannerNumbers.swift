// Numbers of JSON: RFC 8259 §6, correctly rounded. Short decimals are converted here; the rest by the standard library.

extension JSONScanner {
    /// A number as its literal is written.
    enum Number {
        /// No fraction, no exponent, fits `Int`.
        case integer(Int)
        /// Anything else, finite.
        case real(Double)

        /// The number as a document's value.
        var value: JSONValue {
            switch self {
            case .integer(let integer): .integer(integer)
            case .real(let real): .number(real)
            }
        }
    }

    /// `[ - ] int [ frac ] [ exp ]`.
    mutating func number() throws(JSONError) -> Number {
        let start = offset
        var decimal = Decimal()
        if byte == UInt8(ascii: "-") {
            decimal.isNegative = true
            offset += 1
        }
        try integerPart(into: &decimal)
        var isInteger = true
        if byte == UInt8(ascii: ".") {
            isInteger = false
            try fraction(into: &decimal)
        }
        if byte | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            try exponent(into: &decimal)
        }
        if isInteger, let integer = decimal.integer { return .integer(integer) }
        if let real = decimal.double { return .real(real) }
        return .real(try slowDouble(from: start))
    }

    private mutating func integerPart(into decimal: inout Decimal) throws(JSONError) {
        guard let first = digit else { throw fault("expected a digit, found \(found)") }
        if first == 0 {
            offset += 1
            if digit != nil { throw fault("a number does not begin with 0 and another digit") }
        } else {
            while let next = digit {
                decimal.append(next)
                offset += 1
            }
        }
    }

    private mutating func fraction(into decimal: inout Decimal) throws(JSONError) {
        offset += 1
        if digit == nil { throw fault("expected a digit after the decimal point, found \(found)") }
        while let next = digit {
            decimal.append(next)
            decimal.exponent -= 1
            offset += 1
        }
    }

    private mutating func exponent(into decimal: inout Decimal) throws(JSONError) {
        offset += 1
        let isNegative = byte == UInt8(ascii: "-")
        if isNegative || byte == UInt8(ascii: "+") { offset += 1 }
        if digit == nil { throw fault("expected a digit in the exponent, found \(found)") }
        var magnitude = 0
        while let next = digit {
            // Saturates far outside the fast range; the slow conversion reads the literal itself.
            magnitude = min(magnitude * 10 + Int(next), 1_000_000)
            offset += 1
        }
        decimal.exponent += isNegative ? -magnitude : magnitude
    }

    /// The value of the decimal digit at the position, nil where there is none.
    private var digit: UInt8? {
        let value = byte &- UInt8(ascii: "0")
        return value < 10 ? value : nil
    }

    private func slowDouble(from start: Int) throws(JSONError) -> Double {
        let literal = String(decoding: text[start..<offset], as: UTF8.self)
        // The grammar has been checked, so the standard library reads the literal.
        let value = Double(literal) ?? .nan
        guard value.isFinite else {
            let message = "the number \(Excerpts.cut(literal)) is larger than any double (about 1.8e308)"
            throw fault(.numberOverflow, at: start, message)
        }
        return value
    }
}

/// `± significand · 10^exponent`, as collected from a literal's digits.
struct Decimal {
    private static let digitLimit = 19
    private static let powersOfFive: [UInt64] = (0...27).map { (0..<$0).reduce(1) { power, _ in power * 5 } }

    var isNegative = false
    var exponent = 0
    private var significand: UInt64 = 0
    /// Digits after leading zeros; above ``digitLimit`` the significand is not kept.
    private var digitCount = 0

    mutating func append(_ digit: UInt8) {
        if digitCount < Self.digitLimit { significand = significand * 10 + UInt64(digit) }
        if significand != 0 { digitCount += 1 }
    }

    /// The value of a literal without fraction and exponent; nil for `-0` and what does not fit.
    var integer: Int? {
        guard digitCount <= Self.digitLimit, !(isNegative && significand == 0) else { return nil }
        guard significand <= UInt64(Int.max) + (isNegative ? 1 : 0) else { return nil }
        return Int(truncatingIfNeeded: isNegative ? 0 &- significand : significand)
    }

    /// The nearest double, ties to even; nil outside the range that 64-bit arithmetic rounds exactly: at most 19 digits
    /// and |exponent| ≤ 27.
    var double: Double? {
        guard digitCount <= Self.digitLimit, abs(exponent) < Self.powersOfFive.count else { return nil }
        guard significand != 0 else { return isNegative ? -0.0 : 0.0 }
        let power = Self.powersOfFive[abs(exponent)]
        let magnitude = exponent < 0 ? quotient(by: power) : product(with: power)
        return isNegative ? -magnitude : magnitude
    }

    /// significand · 5^e · 2^e from the exact 128-bit product.
    private func product(with power: UInt64) -> Double {
        let (high, low) = significand.multipliedFullWidth(by: power)
        if high == 0 { return Self.rounded(low, sticky: false, scale: exponent) }
        let shift = high.leadingZeroBitCount
        let top = shift == 0 ? high : high << shift | low >> (64 - shift)
        return Self.rounded(top, sticky: low << shift != 0, scale: exponent + 64 - shift)
    }

    /// significand / 5^−e · 2^e: the quotient's first 63 or 64 bits and whether anything follows them.
    private func quotient(by power: UInt64) -> Double {
        let dividendShift = significand.leadingZeroBitCount
        let divisorShift = power.leadingZeroBitCount
        // Both have their top bit set, so the halved dividend is below the divisor, as the division demands.
        let dividend = significand << dividendShift
        let (quotient, remainder) = (power << divisorShift).dividingFullWidth((dividend >> 1, dividend << 63))
        let scale = exponent - dividendShift + divisorShift - 63
        return Self.rounded(quotient, sticky: remainder != 0, scale: scale)
    }

    /// value · 2^scale, `sticky` standing for a positive fraction below the last bit. No subnormals arise in this range.
    private static func rounded(_ value: UInt64, sticky: Bool, scale: Int) -> Double {
        // With more than 54 bits in `value`, setting its last bit decides ties as the dropped fraction would; with fewer
        // the value is exact and nothing was dropped.
        let magnitude = Double(value | (sticky ? 1 : 0))
        return magnitude * Double(sign: .plus, exponent: scale, significand: 1)
    }
}
