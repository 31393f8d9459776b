// What of a user's text may stand in a message: one visible column per character, and never more than a few words.

/// Makes hostile or odd text fit to print.
package enum Printable {
    /// Scalars one character may have before it is replaced: stacks of combining marks would swamp a message.
    package static let scalarLimit = 8
    /// Characters of a quotation before it is cut.
    package static let quotationLimit = 40

    /// `character` itself, a space for white space, or U+FFFD for controls, direction marks and overlong clusters.
    package static func character(_ character: Character) -> Character {
        if character.isWhitespace { return " " }
        let scalars = character.unicodeScalars
        let isLong = scalars.index(scalars.startIndex, offsetBy: scalarLimit + 1, limitedBy: scalars.endIndex) != nil
        return isLong || scalars.contains(where: isUnprintable) ? "\u{FFFD}" : character
    }

    /// Every character of `text` made printable; as many characters as came.
    package static func text(_ text: some Sequence<Character>) -> String {
        var printable = ""
        var last: Character = " "
        for original in text {
            let character = character(original)
            // A mark without a letter would join the character that was put before it and shift the rest.
            let joins = "\(last)\(character)".count < 2
            last = joins ? "\u{FFFD}" : character
            printable.append(last)
        }
        return printable
    }

    /// `text` in single quotes, printable, cut with `…` past ``quotationLimit`` characters.
    package static func quote(_ text: some StringProtocol) -> String {
        let head = text.prefix(quotationLimit)
        return "'\(self.text(head))\(head.endIndex < text.endIndex ? "…" : "")'"
    }

    /// A number as users write it: whole ones without a point.
    package static func number(_ value: Double) -> String {
        if value.isNaN { return "nan" }
        return value == value.rounded() && value.magnitude < 0x1p53 ? "\(Int(value))" : "\(value)"
    }

    /// `scalar` in single quotes, or as `U+200B` when it would not be seen.
    package static func name(_ scalar: Unicode.Scalar) -> String {
        guard
            isUnprintable(scalar) || scalar.properties.isWhitespace
                || scalar.properties.canonicalCombiningClass != .notReordered
        else { return "'\(scalar)'" }
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    private static func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
        let isJoiner = scalar == "\u{200C}" || scalar == "\u{200D}"
        switch scalar.properties.generalCategory {
        case .control, .surrogate, .unassigned, .privateUse, .lineSeparator, .paragraphSeparator: return true
        case .format: return !isJoiner
        default: return false
        }
    }
}
