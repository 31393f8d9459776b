// "Did you mean": the nearest known name, by the distance of Damerau 1964 restricted to adjacent transpositions.

/// Finds the name a writer probably meant.
package enum Suggestions {
    /// Unicode scalars of the longest name compared; longer ones have no suggestion.
    package static let lengthLimit = 64

    /// The candidate nearest to `name` within a few edits; equal distances are settled by alphabetical order.
    ///
    /// One edit is allowed for two to four scalars, two for five to seven, three for more; a difference of case only is
    /// no edit. Costs at most ``lengthLimit``² per candidate.
    package static func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
        guard let wanted = comparable(name), !wanted.isEmpty else { return nil }
        var best: (distance: Int, candidate: String)?
        for candidate in candidates where candidate != name {
            guard let scalars = comparable(candidate) else { continue }
            let bound = best?.distance ?? allowance(wanted.count)
            guard let distance = distance(wanted, scalars, atMost: bound) else { continue }
            if let best, (best.distance, best.candidate) < (distance, candidate) { continue }
            best = (distance, candidate)
        }
        return best?.candidate
    }

    private static func allowance(_ length: Int) -> Int {
        switch length {
        case ...1: 0
        case ...4: 1
        case ...7: 2
        default: 3
        }
    }

    /// The scalars of the lower-cased text, nil past the limit. The limit is tested first, in constant time.
    private static func comparable(_ text: String) -> [Unicode.Scalar]? {
        guard text.utf8.count <= 4 * lengthLimit, text.unicodeScalars.count <= lengthLimit else { return nil }
        return Array(text.lowercased().unicodeScalars)
    }

    /// The optimal string alignment distance, nil when it exceeds `bound`; three rolling rows.
    private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar], atMost bound: Int) -> Int? {
        guard abs(a.count - b.count) <= bound else { return nil }
        var beforePrevious: [Int] = []
        var previous = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var cost = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforePrevious[j - 1] + 1) }
                row.append(cost)
            }
            beforePrevious = previous
            previous = row
        }
        return previous[b.count] <= bound ? previous[b.count] : nil
    }
}
