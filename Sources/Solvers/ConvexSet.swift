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

    /// Replaces the entries in `range` by those of the nearest point, the others being in place already.
    package func project(_ range: Range<Int>, of x: UnsafeMutableBufferPointer<Double>) {
        switch self {
        case .whole: break
        case .box(let box): for i in range { x[i] = box.nearest(to: x[i], at: i) }
        }
    }

    /// The set of the entries in `range`, which the others do not constrain.
    package func restricted(to range: Range<Int>) -> ConvexSet {
        switch self {
        case .whole: .whole
        case .box(let box): .box(Box(checkedLower: Array(box.lower[range]), upper: Array(box.upper[range])))
        }
    }

    /// The set of the vectors whose entry `i` is entry `origins[i]` of a member.
    package func permuted(_ origins: [Int]) -> ConvexSet {
        switch self {
        case .whole: .whole
        case .box(let box):
            .box(Box(checkedLower: origins.map { box.lower[$0] }, upper: origins.map { box.upper[$0] }))
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

    /// Bounds whose order has been checked.
    fileprivate init(checkedLower lower: [Double], upper: [Double]) {
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
