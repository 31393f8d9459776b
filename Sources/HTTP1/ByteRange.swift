// Single byte ranges, RFC 9110 §14. Several ranges, other units and malformed ones are ignored, as §14.2 allows: the
// whole is a right answer to them, and multipart answers are a known way to cost a server more than its content.

/// What part of a representation a request asks for.
package enum RangeSelection: Equatable, Sendable {
    /// Answer 200 with everything.
    case whole
    /// Answer 206 with these bytes.
    case part(Range<Int>)
    /// Answer 416.
    case unsatisfiable

    /// - Parameters:
    ///   - length: bytes of the representation.
    ///   - current: its tag, for If-Range; a weak one, or none, never agrees to a part.
    package init(of head: RequestHead, length: Int, current: EntityTag?) {
        let ranges = head.fields.values(of: "range")
        guard head.method == .get, ranges.count == 1, Self.allows(head, current) else {
            self = .whole
            return
        }
        self = Self.parse(ranges[0], length: length)
    }

    private static func allows(_ head: RequestHead, _ current: EntityTag?) -> Bool {
        guard let condition = head.fields["if-range"] else { return true }
        guard let current, let wanted = EntityTag(text: condition) else { return false }
        return wanted.matchesStrongly(current)
    }

    private static func parse(_ text: String, length: Int) -> RangeSelection {
        guard text.lowercased().hasPrefix("bytes=") else { return .whole }
        let bounds = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard bounds.count == 2 else { return .whole }
        switch (number(bounds[0]), number(bounds[1])) {
        case (.some(let first), .some(let last)):
            guard first <= last else { return .whole }
            return first < length ? .part(first..<(min(last, length - 1) + 1)) : .unsatisfiable
        case (.some(let first), nil) where bounds[1].isEmpty:
            return first < length ? .part(first..<length) : .unsatisfiable
        case (nil, .some(let suffix)) where bounds[0].isEmpty:
            return suffix > 0 && length > 0 ? .part(max(0, length - suffix)..<length) : .unsatisfiable
        case (nil, _), (.some, nil):
            return .whole
        }
    }

    /// Digits alone; a number beyond `Int` is as good as the greatest.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0.decimalValue != nil }) else { return nil }
        return Int(text) ?? Int.max
    }
}
