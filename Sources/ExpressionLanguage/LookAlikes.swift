// Letters that look like others and are not: the usual reason for a name that "is there" and is not found.

/// Finds the known name that a name looks like.
package enum LookAlikes {
    /// `did you mean 'x'? here stands U+0445, there U+0078`, where a candidate looks the same.
    ///
    /// - Complexity: O(n) in the candidates' scalars.
    package static func hint(for name: String, among candidates: some Sequence<String>) -> String? {
        guard name.unicodeScalars.count <= Suggestions.lengthLimit, !name.unicodeScalars.allSatisfy(\.isASCII)
        else { return asciiHint(for: name, among: candidates) }
        let shape = skeleton(name)
        let match = candidates.filter { $0 != name && skeleton($0) == shape }.min()
        return match.map { "did you mean '\($0)'? \(difference(name, $0))" }
    }

    /// A plain name may look like one that has the odd letter.
    private static func asciiHint(for name: String, among candidates: some Sequence<String>) -> String? {
        let odd = candidates.filter { !$0.unicodeScalars.allSatisfy(\.isASCII) && skeleton($0) == name }.min()
        return odd.map { "did you mean '\($0)'? \(difference(name, $0))" }
    }

    /// The first pair of scalars that differ, by number.
    private static func difference(_ name: String, _ other: String) -> String {
        for (came, wanted) in zip(name.unicodeScalars, other.unicodeScalars) where came != wanted {
            return "here stands \(code(came)), there \(code(wanted))"
        }
        return "they look alike"
    }

    private static func code(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// The name with every letter replaced by the plain one it looks like.
    private static func skeleton(_ name: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in name.unicodeScalars { result.append(plain(scalar)) }
        return String(result)
    }

    private static func plain(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.value {
        // Full-width forms stand in the order of ASCII.
        case 0xFF21...0xFF3A, 0xFF41...0xFF5A, 0xFF10...0xFF19:
            Unicode.Scalar(scalar.value - 0xFEE0) ?? scalar
        // Mathematical bold and italic letters, both cases one after the other.
        case 0x1D400...0x1D433: letter(scalar.value - 0x1D400)
        case 0x1D434...0x1D467: letter(scalar.value - 0x1D434)
        default: pairs[scalar] ?? scalar
        }
    }

    private static func letter(_ place: UInt32) -> Unicode.Scalar {
        Unicode.Scalar(UInt8(place < 26 ? 65 + place : 97 + place - 26))
    }

    private static let pairs: [Unicode.Scalar: Unicode.Scalar] = {
        let odd = "асеорхуіјѕԁһԛԝкАВСЕНІЈКМОРЅТХУοανΑΒΕΖΗΙΚΜΝΟΡΤΥΧµϵϑϕϱıℓ"
        let usual = "aceopxyijsdhqwkABCEHIJKMOPSTXYoavABEZHIKMNOPTYXμεθφρil"
        return Dictionary(zip(odd.unicodeScalars, usual.unicodeScalars).filter { $0.0 != $0.1 }) { first, _ in first }
    }()
}
