// Strings of JSON: RFC 8259 §7. Escapes are decoded, surrogates must come in pairs, control characters must be escaped.

extension JSONScanner {
    /// A string from its opening to its closing quote.
    mutating func string() throws(JSONError) -> String {
        offset += 1
        var decoded: [UInt8] = []
        while true {
            let start = offset
            while offset < text.count, text[offset] >= 0x20, text[offset] != 0x22, text[offset] != 0x5C { offset += 1 }
            let run = text[start..<offset]
            guard offset < text.count else { throw fault("expected '\"' at the end of the string, found \(found)") }
            switch text[offset] {
            case UInt8(ascii: "\""):
                offset += 1
                if decoded.isEmpty { return try validated(run, from: start) }
                try append(run, to: &decoded, from: start)
                return String(decoding: decoded, as: UTF8.self)
            case UInt8(ascii: "\\"):
                try append(run, to: &decoded, from: start)
                decoded.append(contentsOf: try escape().utf8)
            default:
                throw fault("a control character in a string must be escaped, found \(found)")
            }
        }
    }

    private func validated(_ run: Slice<UnsafeBufferPointer<UInt8>>, from start: Int) throws(JSONError) -> String {
        if let valid = String(validating: run, as: UTF8.self) { return valid }
        throw invalidUTF8(in: run, from: start)
    }

    private func append(
        _ run: Slice<UnsafeBufferPointer<UInt8>>, to decoded: inout [UInt8], from start: Int
    ) throws(JSONError) {
        if String(validating: run, as: UTF8.self) == nil { throw invalidUTF8(in: run, from: start) }
        decoded.append(contentsOf: run)
    }

    /// Names the first byte of `run` that no valid sequence has. Only called where there is one.
    private func invalidUTF8(in run: Slice<UnsafeBufferPointer<UInt8>>, from start: Int) -> JSONError {
        var bytes = run.makeIterator()
        var decoder = UTF8()
        var place = start
        decoding: while true {
            switch decoder.decode(&bytes) {
            case .scalarValue(let scalar): place += UTF8.width(scalar)
            case .emptyInput, .error: break decoding
            }
        }
        let digits = place < text.count ? String(text[place], radix: 16, uppercase: true) : "end"
        return fault(.invalidUTF8, at: place, "the byte 0x\(digits) is not valid UTF-8 here")
    }

    /// One escape, from its backslash on; a pair of surrogates is one escape.
    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        offset += 1
        let letter = byte
        switch letter {
        case UInt8(ascii: "u"): return try unicodeEscape()
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): break
        case UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"): break
        default: throw fault("expected one of \"\\/bfnrtu after the backslash, found \(found)")
        }
        offset += 1
        switch letter {
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        default: return Unicode.Scalar(letter)
        }
    }

    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let start = offset - 1
        offset += 1
        let first = try fourHexDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, byte == UInt8(ascii: "\\"), offset + 1 < text.count, text[offset + 1] == UInt8(ascii: "u")
        else { throw loneSurrogate(first, at: start) }
        offset += 2
        let second = try fourHexDigits()
        guard (0xDC00...0xDFFF).contains(second) else { throw loneSurrogate(first, at: start) }
        let value = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        // A high and a low surrogate make a value in 0x10000...0x10FFFF, which is always a scalar.
        return Unicode.Scalar(value)!
    }

    private func loneSurrogate(_ value: UInt32, at place: Int) -> JSONError {
        fault(.malformed, at: place, "\\u\(String(value, radix: 16)) is one half of a surrogate pair without the other")
    }

    private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw fault("expected four hexadecimal digits after \\u, found \(found)")
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }
}
