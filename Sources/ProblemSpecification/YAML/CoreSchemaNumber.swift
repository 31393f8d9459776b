// Which plain scalars of YAML are numbers: the YAML 1.2 core schema (§10.3.2), decimal forms only.

/// A plain scalar that matches `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`.
enum CoreSchemaNumber: Equatable {
    /// No point, no exponent, fits `Int`.
    case integer(Int)
    /// Any other number.
    case real(Double)
    /// Larger than any double.
    case overflow

    /// Nil where the text is not of the form.
    init?(_ text: String) {
        var rest = text.utf8[...]
        if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
        let whole = Self.skipDigits(&rest)
        var isInteger = true
        var fraction = 0
        if rest.first == UInt8(ascii: ".") {
            isInteger = false
            rest.removeFirst()
            fraction = Self.skipDigits(&rest)
        }
        guard whole + fraction > 0 else { return nil }
        if let letter = rest.first, letter | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            rest.removeFirst()
            if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
            guard Self.skipDigits(&rest) > 0 else { return nil }
        }
        guard rest.isEmpty else { return nil }
        if isInteger, let integer = Int(text), !(integer == 0 && text.hasPrefix("-")) {
            self = .integer(integer)
        } else if let real = Double(text) {
            self = real.isFinite ? .real(real) : .overflow
        } else {
            return nil
        }
    }

    private static func skipDigits(_ text: inout Substring.UTF8View) -> Int {
        let before = text.count
        text = text.drop { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return before - text.count
    }
}
