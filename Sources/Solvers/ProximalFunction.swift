// What a level adds to its smooth objective: a set, and norms that are not differentiable at 0; with its proximal map.
// Parikh & Boyd, Proximal Algorithms, 2014, §6.
import Tensors

/// A weighted norm of some entries.
package struct ProximalTerm: Sendable, Equatable {
    package enum Norm: Sendable, Equatable {
        /// Σ wᵢ |xᵢ|.
        case absolute
        /// Σ w_g ‖x_g‖₂ over groups of `width` entries, one after the other.
        case groups(width: Int)
    }
    /// The entries that it is the norm of.
    package let entries: Range<Int>
    package let norm: Norm
    /// One for each entry or group, not negative. A negative weight makes NaN.
    package var weights: [Double]

    package init(entries: Range<Int>, norm: Norm, weights: [Double]) {
        self.entries = entries
        self.norm = norm
        self.weights = weights
    }

    /// The groups' ranges; single entries for absolute values.
    var groups: [Range<Int>] {
        let width: Int
        switch norm {
        case .absolute: width = 1
        case .groups(let count): width = count
        }
        return weights.indices.map { (entries.lowerBound + $0 * width)..<(entries.lowerBound + ($0 + 1) * width) }
    }

    /// h(x).
    func value(_ x: [Double]) -> Double { zip(norms(x), weights).reduce(0) { $0 + $1.1 * $1.0 } }

    /// ∂h/∂w: the norm that each weight multiplies.
    package func norms(_ x: [Double]) -> [Double] {
        switch norm {
        case .absolute: entries.map { x[$0].magnitude }
        case .groups: groups.map { VectorMath.norm(Array(x[$0])) }
        }
    }

    /// x ← argmin_z step · h(z) + ½‖z − x‖².
    func apply(_ x: inout [Double], step: Double) {
        switch norm {
        case .absolute:
            for (index, weight) in zip(entries, weights) { x[index] = Self.shrunk(x[index], step * weight) }
        case .groups:
            for (group, weight) in zip(groups, weights) {
                let factor = Self.shrinkage(VectorMath.norm(Array(x[group])), step * weight)
                for index in group { x[index] *= factor }
            }
        }
    }

    /// sign(x) max(|x| − threshold, 0), NaN for NaN and for negative thresholds.
    private static func shrunk(_ x: Double, _ threshold: Double) -> Double {
        if threshold < 0 || x.isNaN || threshold.isNaN { return .nan }
        if x.magnitude <= threshold { return 0 }
        return x < 0 ? x + threshold : x - threshold
    }

    /// max(1 − threshold/size, 0), NaN for NaN and for negative thresholds.
    private static func shrinkage(_ size: Double, _ threshold: Double) -> Double {
        if threshold < 0 || size.isNaN || threshold.isNaN { return .nan }
        return size <= threshold ? 0 : 1 - threshold / size
    }
}

/// The indicator of a set plus norms. Entries are in one norm at the most, and where that and the set meet, they compose:
/// see ``ProximalTerm/Norm/composes(with:)``.
package struct ProximalFunction: Sendable, Equatable {
    package var set: ConvexSet
    package var terms: [ProximalTerm]

    package init(set: ConvexSet = .whole, terms: [ProximalTerm] = []) {
        self.set = set
        self.terms = terms
    }

    /// The same set, and the norms times a factor, which must be positive.
    package func scaled(by factor: Double) -> ProximalFunction {
        if factor == 1 || terms.isEmpty { return self }
        var result = self
        for index in terms.indices { VectorMath.scale(factor, &result.terms[index].weights) }
        return result
    }

    package static let none = ProximalFunction()

    /// Σ of the norms, for points of the set.
    package func value(_ x: [Double]) -> Double { terms.reduce(0) { $0 + $1.value(x) } }

    /// x ← argmin_z step · h(z) + ½‖z − x‖² over the set.
    package func apply(_ x: inout [Double], step: Double) {
        for term in terms { term.apply(&x, step: step) }
        set.project(&x)
    }

    /// `result ← prox(x − step · g)`.
    package func move(from x: [Double], step: Double, along g: [Double], into result: inout [Double]) {
        for i in result.indices { result[i] = x[i] - step * g[i] }
        apply(&result, step: step)
    }

    /// ‖prox(x − g) − x‖₂, of step 1: zero exactly at the minimisers of a convex objective with gradient g.
    package func stationarity(at x: [Double], gradient: [Double]) -> Double {
        if terms.isEmpty { return set.projectedGradientNorm(at: x, gradient: gradient) }
        var moved = x
        move(from: x, step: 1, along: gradient, into: &moved)
        return VectorMath.norm(VectorMath.subtract(moved, x))
    }
}
