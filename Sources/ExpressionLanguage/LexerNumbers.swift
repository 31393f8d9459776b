// Number literals: Python's decimal ones (`1`, `1.`, `.5`, `1e-3`, `1_000`), read as the nearest float64.

extension Lexer {
    /// Whether a number literal starts at the cursor.
    var startsNumber: Bool { isDigit(ahead: 0) || (byte(ahead: 0) == UInt8(ascii: ".") && isDigit(ahead: 1)) }

    /// Takes the literal at the cursor; one beyond the range of float64 is reported as `not-finite`.
    mutating func scanNumber() {
        let start = position
        skipDigits()
        if byte(ahead: 0) == UInt8(ascii: ".") {
            position += 1
            skipDigits()
        }
        skipExponent()
        let span = Span(start, position)
        let literal = source[span]
        if let value = Double(literal.filter { $0 != "_" }), value.isFinite {
            append(.number(value), span)
        } else {
            let message = "the number \(Printable.quote(literal)) is beyond the greatest float64, 1.797e308"
            refuse(span, .notFinite, message)
        }
    }

    /// Digits with single underscores between them.
    private mutating func skipDigits() {
        while isDigit(ahead: 0) {
            position += 1
            if byte(ahead: 0) == UInt8(ascii: "_"), isDigit(ahead: 1) { position += 1 }
        }
    }

    /// An `e` counts as an exponent only when digits follow: `2exp(x)` is the number 2 and a name.
    private mutating func skipExponent() {
        guard byte(ahead: 0) == UInt8(ascii: "e") || byte(ahead: 0) == UInt8(ascii: "E") else { return }
        let isSigned = byte(ahead: 1) == UInt8(ascii: "+") || byte(ahead: 1) == UInt8(ascii: "-")
        let lead = isSigned ? 2 : 1
        guard isDigit(ahead: lead) else { return }
        position += lead
        skipDigits()
    }

    private func byte(ahead: Int) -> UInt8? {
        position + ahead < source.bytes.count ? source.bytes[position + ahead] : nil
    }

    private func isDigit(ahead: Int) -> Bool {
        guard let byte = byte(ahead: ahead) else { return false }
        return (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
