// The convex sets that variables may be confined to, with their projections.

import Tensors

/// A closed convex subset of ℝⁿ.
package enum ConvexSet: Sendable, Equatable {
    /// ℝⁿ, for every n.
    case whole

    /// lower ≤ x ≤ upper, entry by entry.
    case box(Box)

    /// The box between two bounds, [n] each, where an entry may be −∞ below or +∞ above.
    ///
    /// - Throws: ``SolverError``: lengths that differ, or a variable whose bounds leave no real number.
    package static func box(lower: [Double], upper: [Double]) throws(SolverError) -> ConvexSet {
        .box(try Box(lower: lower, upper: upper))
    }

    /// Replaces `x` by the nearest point of the set. NaN stays NaN: a bound must not hide it.
    package func project(_ x: inout [Double]) {
        switch self {
        case .whole: break
        case .box(let box): for i in x.indices { x[i] = box.nearest(to: x[i], at: i) }
        }
    }

    /// ‖P(x − g) − x‖₂: zero exactly at the stationary points of the set, ‖g‖₂ in the whole space.
    package func projectedGradientNorm(at x: [Double], gradient: [Double]) -> Double {
        switch self {
        case .whole:
            return VectorMath.norm(gradient)
        case .box(let box):
            var difference = gradient
            for i in x.indices where box.isBeyond(x[i] - gradient[i], at: i) {
                difference[i] = box.nearest(to: x[i] - gradient[i], at: i) - x[i]
            }
            return VectorMath.norm(difference)
        }
    }

    /// Whether `x` lies in the set; a vector with NaN lies in none.
    package func contains(_ x: [Double]) -> Bool {
        switch self {
        case .whole: x.allSatisfy { !$0.isNaN }
        case .box(let box): x.count == box.lower.count && x.indices.allSatisfy { box.admits(x[$0], at: $0) }
        }
    }

    /// Throws unless the set is one of vectors with `count` entries.
    func checkDimension(_ count: Int) throws(SolverError) {
        switch self {
        case .whole: break
        case .box(let box): try SolverError.check("bounds", box.lower, hasCount: count)
        }
    }
}

/// Bounds that leave at least one real number for every variable.
package struct Box: Sendable, Equatable {
    /// [n], −∞ where there is none.
    package let lower: [Double]

    /// [n], +∞ where there is none.
    package let upper: [Double]

    fileprivate init(lower: [Double], upper: [Double]) throws(SolverError) {
        try SolverError.check("upper", upper, hasCount: lower.count)
        for i in lower.indices where !(lower[i] <= upper[i]) || lower[i] == .infinity || upper[i] == -.infinity {
            throw .emptyInterval(index: i, lower: lower[i], upper: upper[i])
        }
        self.lower = lower
        self.upper = upper
    }

    fileprivate func nearest(to value: Double, at i: Int) -> Double {
        if value < lower[i] { return lower[i] }
        return value > upper[i] ? upper[i] : value
    }

    fileprivate func isBeyond(_ value: Double, at i: Int) -> Bool { value < lower[i] || value > upper[i] }

    fileprivate func admits(_ value: Double, at i: Int) -> Bool { lower[i] <= value && value <= upper[i] }
}
