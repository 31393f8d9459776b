// The projection onto an intersection from the projections onto its members. Boyle & Dykstra 1986; stopping rule of
// Birgin & Raydan 2005.
import Tensors

/// Dykstra's alternating projections.
enum Dykstra {
    /// Cycles through all sets.
    private static let maxCycles = 20_000

    /// Replaces `x` by the nearest point of the intersection, or, where that is empty or the limit is met, by the point
    /// reached: the caller looks at ``ConvexSet/distance(to:)`` of each member.
    static func project(_ x: inout [Double], _ sets: [ConvexSet]) {
        if sets.count == 1 { return sets[0].project(&x) }
        var corrections = sets.map { _ in [Double](repeating: 0, count: x.count) }
        let scale = max(VectorMath.norm(x), .leastNormalMagnitude)
        for _ in 0..<maxCycles {
            // Σ of the corrections' changes, which bounds the distance to go; x alone may rest in the middle.
            var change = 0.0
            for (index, set) in sets.enumerated() {
                VectorMath.add(1, corrections[index], to: &x)
                let before = x
                set.project(&x)
                let correction = VectorMath.subtract(before, x)
                let difference = VectorMath.norm(VectorMath.subtract(correction, corrections[index]))
                change += difference * difference
                corrections[index] = correction
            }
            // Not ≤, so that NaN ends the loop.
            if !(change.squareRoot() > 1e-14 * scale) { return }
        }
    }
}
