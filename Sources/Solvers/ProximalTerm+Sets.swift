// Which norms and sets of one variable have a proximal map in closed form: where it is P ∘ prox, the projection of what the
// norm alone would have. Yu, On Decomposing the Proximal Map, NeurIPS 2013.

extension ProximalTerm.Norm {
    /// Whether, for all weights, the norm's proximal map followed by the projection onto a set of the same entries is the
    /// proximal map of both.
    ///
    /// - Intervals: a convex function of one number is least, over an interval, at the point of it nearest to the minimum
    ///   without it; absolute values and boxes are such functions, entry by entry.
    /// - ℓ2 balls scale a vector down, which leaves the subgradients of every norm as they are (Yu, theorem 4).
    /// - ℓ1 balls lower all magnitudes by one threshold, and thresholds add up.
    package func composes(with set: ConvexSet) -> Bool {
        switch (self, set) {
        case (_, .whole), (_, .l2Ball): true
        case (.absolute, .box), (.absolute, .l1Ball): true
        case (.absolute, .rows(_, let row)): composes(with: row)
        case (.groups(let width), .rows(let length, let row)):
            // A group has to lie in one row.
            width > 0 && length.isMultiple(of: width) && composes(with: row)
        case (.groups, .box), (.groups, .l1Ball): false
        // On a simplex absolute values are linear; see where problems are built.
        case (_, .simplex): false
        case (_, .affine), (_, .halfspace), (_, .spectralBall), (_, .intersection), (_, .product): false
        }
    }
}
