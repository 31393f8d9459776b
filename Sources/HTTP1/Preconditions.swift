// Conditional requests by entity tag, RFC 9110 §8.8.3 and §13. Dates are not compared: we send no Last-Modified.

/// An entity tag.
package struct EntityTag: Hashable, Sendable {
    /// Whether equal tags mean equivalent content only, not the same bytes.
    package let isWeak: Bool
    /// Between the quotes.
    package let opaque: String

    /// - Returns: nil when `opaque` holds a quote, a blank or a control character.
    package init?(opaque: String, isWeak: Bool = false) {
        guard opaque.utf8.allSatisfy({ $0 > Byte.space && $0 != UInt8(ascii: "\"") && $0 != Byte.delete }) else {
            return nil
        }
        self.isWeak = isWeak
        self.opaque = opaque
    }

    /// Reads `"…"` or `W/"…"`; nil for anything else.
    package init?(text: some StringProtocol) {
        let isWeak = text.hasPrefix("W/")
        let quoted = isWeak ? text.dropFirst(2) : text[...]
        guard quoted.utf8.count >= 2, quoted.hasPrefix("\""), quoted.hasSuffix("\"") else { return nil }
        self.init(opaque: String(quoted.dropFirst().dropLast()), isWeak: isWeak)
    }

    /// As ETag carries it.
    package var text: String { (isWeak ? "W/\"" : "\"") + opaque + "\"" }

    /// Both strong and the same: what If-Range asks for.
    package func matchesStrongly(_ other: EntityTag) -> Bool {
        !isWeak && !other.isWeak && opaque == other.opaque
    }
}

/// What the conditions of a request come to.
package enum Precondition: Equatable, Sendable {
    case proceed
    /// Answer 304.
    case notModified
    /// Answer 412.
    case failed

    /// Evaluates If-Match, then If-None-Match, in the order of §13.2.2.
    ///
    /// - Parameter current: the tag of what the target has now; nil when it has nothing.
    package init(of head: RequestHead, current: EntityTag?) {
        let required = TagList(head.fields.values(of: "if-match"))
        let excluded = TagList(head.fields.values(of: "if-none-match"))
        if let required, !required.contains(current, weakly: false) {
            self = .failed
        } else if let excluded, excluded.contains(current, weakly: true) {
            self = head.method == .get || head.method == .head ? .notModified : .failed
        } else {
            self = .proceed
        }
    }
}

/// The value of If-Match or If-None-Match. All of its members count, and nothing is made of them: a head holds twenty thousand.
private struct TagList {
    private let values: [String]

    /// nil when there is no such field.
    init?(_ values: [String]) {
        if values.isEmpty { return nil }
        self.values = values
    }

    /// Whether a member matches `current`; `*` alone matches whatever there is. Members that are no tags match nothing.
    ///
    /// - Parameter weakly: also where one of the two, or both, are weak.
    func contains(_ current: EntityTag?, weakly: Bool) -> Bool {
        guard let current else { return false }
        if FieldList.members(of: values) == ["*"] { return true }
        if current.isWeak && !weakly { return false }
        let wanted = Array("\"\(current.opaque)\"".utf8)
        return values.contains { value in
            value.utf8.split(separator: Byte.comma).contains { piece in
                let member = FieldList.trimmed(piece)
                let tag = weakly && member.starts(with: "W/".utf8) ? member.dropFirst(2) : member
                return tag.elementsEqual(wanted)
            }
        }
    }
}
