// Places in a JSON document: pointers of RFC 6901, and the dotted paths of the command line.

/// Builds and reads JSON pointers.
package enum JSONPointer {
    /// Scalars of one step that are kept: a pointer is read by people and repeated in every fault below it.
    package static let stepLimit = 200

    /// The pointer to member `name` of what `pointer` points to; `~` and `/` are escaped, what is longer than
    /// ``stepLimit`` is cut with `…`.
    package static func child(_ pointer: String, _ name: String) -> String {
        if name.utf8.count > stepLimit, name.unicodeScalars.dropFirst(stepLimit + 1).first != nil {
            return child(pointer, String(name.unicodeScalars.prefix(stepLimit)) + "…")
        }
        guard name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else {
            return pointer + "/" + name
        }
        var escaped = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "~": escaped += "~0"
            case "/": escaped += "~1"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return pointer + "/" + escaped
    }

    /// The pointer to element `index` of what `pointer` points to.
    package static func child(_ pointer: String, _ index: Int) -> String {
        pointer + "/" + String(index)
    }

    /// The unescaped steps of a pointer; nil when it does not begin with `/` or a `~` is followed by neither 0 nor 1.
    package static func steps(of pointer: String) -> [String]? {
        guard !pointer.isEmpty else { return [] }
        guard pointer.utf8.first == UInt8(ascii: "/") else { return nil }
        var steps: [String] = []
        for part in pointer.unicodeScalars.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let step = unescaped(part) else { return nil }
            steps.append(step)
        }
        return steps
    }

    private static func unescaped(_ part: Substring.UnicodeScalarView) -> String? {
        var text = String.UnicodeScalarView()
        var scalars = part.makeIterator()
        while let scalar = scalars.next() {
            guard scalar == "~" else {
                text.append(scalar)
                continue
            }
            switch scalars.next() {
            case "0": text.append("~")
            case "1": text.append("/")
            default: return nil
            }
        }
        return String(text)
    }
}
