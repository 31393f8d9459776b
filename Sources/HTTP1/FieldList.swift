// Lists in field values, RFC 9110 §5.6.1, as far as anything here looks at them.

/// Takes lists apart.
package enum FieldList {
    /// Members that are looked at. A head holds thirty thousand, and what is made of one costs a microsecond or more; beyond
    /// these a list of preferences or tags counts as if it ended.
    package static let most = 128

    /// The members over all lines of a field, in order, without blanks around them and without empty ones; at most ``most``.
    package static func members(of values: [String]) -> [Substring] {
        var members: [Substring] = []
        for value in values {
            for piece in value.utf8.split(separator: Byte.comma) {
                let member = trimmed(piece)
                if member.isEmpty { continue }
                if members.count == most { return members }
                members.append(Substring(member))
            }
        }
        return members
    }

    /// Without spaces and tabs at either end.
    static func trimmed(_ piece: Substring.UTF8View) -> Substring.UTF8View {
        var rest = piece.drop(while: \.isBlank)
        while let last = rest.last, last.isBlank { rest = rest.dropLast() }
        return rest
    }
}
