// Parts of convex sets: what some entries of a vector are confined to, and sets of vectors in another order.

extension ConvexSet {
    /// The set of the entries in `range`, which the others do not constrain: those of one factor, or of any stretch of a
    /// box.
    package func restricted(to range: Range<Int>) -> ConvexSet {
        switch self {
        case .whole: return .whole
        case .box(let box):
            return .box(Box(checkedLower: Array(box.lower[range]), upper: Array(box.upper[range])))
        case .product(let parts):
            var start = 0
            for part in parts {
                if start == range.lowerBound && part.count == range.count { return part.set }
                start += part.count
            }
            preconditionFailure("entries \(range) are no factor of the set")
        case .simplex, .l1Ball, .l2Ball, .affine, .halfspace, .spectralBall, .rows, .intersection: return self
        }
    }

    /// The set of the vectors whose entry `i` is entry `origins[i]` of a member. Rows move as wholes, and each factor of
    /// a product keeps its entries.
    package func permuted(_ origins: [Int]) -> ConvexSet {
        switch self {
        // Sets that treat all entries, or all rows, alike.
        case .whole, .simplex, .l1Ball, .l2Ball, .spectralBall, .rows: return self
        case .box(let box):
            return .box(Box(checkedLower: origins.map { box.lower[$0] }, upper: origins.map { box.upper[$0] }))
        case .affine(let set):
            return .affine(
                AffineSet(
                    normals: set.normals.map { normal in origins.map { normal[$0] } }, offsets: set.offsets,
                    dimension: set.dimension))
        case .halfspace(let normal, let offset):
            return .halfspace(normal: origins.map { normal[$0] }, offset: offset)
        case .intersection(let sets): return .intersection(sets.map { $0.permuted(origins) })
        case .product(let parts):
            var start = 0
            return .product(
                parts.map { part in
                    defer { start += part.count }
                    let own = origins[start..<(start + part.count)].map { $0 - start }
                    return Part(count: part.count, set: part.set.permuted(own))
                })
        }
    }
}
