// How the JSON scanner says what it found instead of what it wanted.

extension JSONScanner {
    /// A fault of the grammar at the position.
    func fault(_ message: String) -> JSONError {
        fault(.malformed, at: offset, message)
    }

    /// A fault at byte `place`.
    func fault(_ kind: JSONError.Kind, at place: Int, _ message: String) -> JSONError {
        JSONError(kind, at: place, of: text, message: message)
    }

    /// What stands at the position, for a sentence; words that other notations allow are named whole.
    var found: String {
        guard offset < text.count else { return "the end of the text" }
        let word = text[offset...].prefix(24).prefix { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
        }
        if word.count > 1 {
            let name = String(decoding: word, as: UTF8.self)
            switch name {
            case "NaN", "Infinity", "nan", "inf": return "\(name), which JSON does not have"
            case "True", "False", "None": return "\(name) (JSON writes true, false, null)"
            default: return name
            }
        }
        if text[offset] == UInt8(ascii: "/") || text[offset] == UInt8(ascii: "#") {
            return "'\(Character(Unicode.Scalar(text[offset])))' (JSON has no comments)"
        }
        return character
    }

    /// The scalar at the position, quoted where it prints, by number where it does not.
    private var character: String {
        let sequence = text[offset...].prefix(4)
        guard let scalar = String(decoding: sequence, as: UTF8.self).unicodeScalars.first, scalar != "\u{FFFD}" else {
            return "the byte 0x\(String(text[offset], radix: 16, uppercase: true))"
        }
        if scalar.value < 0x20 || (0x7F...0xA0).contains(scalar.value) { return Excerpts.codePoint(scalar) }
        return "'\(Character(scalar))'"
    }
}

/// Pieces of a document's text as they stand in sentences: short, and without control characters.
enum Excerpts {
    /// Unicode scalars of a quoted text that are kept.
    static let scalarLimit = 40

    /// The text cut to ``scalarLimit`` scalars, control characters replaced.
    static func cut(_ text: String) -> String {
        var kept = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if kept.count == scalarLimit { return String(kept) + "…" }
            kept.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
        }
        return String(kept)
    }

    /// `U+` and at least four hexadecimal digits.
    static func codePoint(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
