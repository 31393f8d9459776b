// The known names most like a mistyped one, so that a caller can ask "did you mean".

/// Ranks names by the edits that separate them from another, regardless of case.
enum NearestNames {
    /// Names returned.
    static let count = 3
    /// Names longer than this are not compared.
    static let lengthLimit = 64

    /// The nearest names within half of `name`'s length in edits, best first. O(names · ``lengthLimit``²).
    static func among(_ names: [String], to name: String) -> [String] {
        let wanted = Array(name.lowercased().unicodeScalars.prefix(lengthLimit + 1))
        guard wanted.count <= lengthLimit else { return [] }
        let allowance = max(1, wanted.count / 2)
        var ranked: [(distance: Int, name: String)] = []
        for candidate in names {
            let scalars = Array(candidate.lowercased().unicodeScalars.prefix(lengthLimit + 1))
            guard scalars.count <= lengthLimit else { continue }
            guard abs(scalars.count - wanted.count) <= allowance else { continue }
            let distance = distance(wanted, scalars)
            if distance <= allowance { ranked.append((distance, candidate)) }
        }
        return ranked.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(count).map(\.name)
    }

    /// Levenshtein's distance, two rolling rows.
    private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
        var previous = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var row = [i + 1]
            for (j, y) in b.enumerated() {
                row.append(min(previous[j + 1] + 1, row[j] + 1, previous[j] + (x == y ? 0 : 1)))
            }
            previous = row
        }
        return previous[b.count]
    }
}
