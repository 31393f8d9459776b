// The projection onto an intersection from the projections onto its members. Boyle & Dykstra 1986; stopping rule of
// Birgin & Raydan 2005.
import Tensors

/// Dykstra's alternating projections.
enum Dykstra {
    /// Cycles through all sets.
    static let maxCycles = 20_000

    /// Vectors of room that the cycles take besides what the members need: a correction for each, the new one, and its
    /// difference from the last.
    static func vectors(_ sets: [ConvexSet]) -> Int { sets.count + 2 }

    /// Replaces `x` by the nearest point of the intersection or, where that is empty or a limit is met, by the point
    /// reached: the caller looks at ``ConvexSet/distance(to:)`` of each member.
    ///
    /// - Parameters:
    ///   - cycles: the most cycles through all sets.
    ///   - room: ``vectors(_:)`` vectors as long as `x`, then what the members need.
    /// - Returns: whether the stopping rule was met.
    @discardableResult
    static func project(
        _ x: UnsafeMutableBufferPointer<Double>, _ sets: [ConvexSet], cycles: Int = maxCycles,
        _ room: UnsafeMutablePointer<Double>
    ) -> Bool {
        // A vector without entries has no address, and nothing to project.
        guard let point = x.baseAddress else { return true }
        let count = x.count
        let correction = room + sets.count * count
        let difference = correction + count
        let inner = difference + count
        if sets.count == 1 {
            sets[0].project(x, inner)
            return true
        }
        for place in 0..<sets.count * count { room[place] = 0 }
        let scale = max(VectorMath.norm(UnsafeBufferPointer(x)), .leastNormalMagnitude)
        for _ in 0..<cycles {
            // Σ of the corrections' changes, which bounds the distance to go; x alone may rest in the middle.
            var change = 0.0
            for index in sets.indices {
                let known = room + index * count
                Kernels.float64.axpy(1, known, point, count: count)
                correction.update(from: point, count: count)
                sets[index].project(x, inner)
                Kernels.float64.axpy(-1, point, correction, count: count)
                difference.update(from: correction, count: count)
                Kernels.float64.axpy(-1, known, difference, count: count)
                let length = VectorMath.norm(UnsafeBufferPointer(start: difference, count: count))
                change += length * length
                known.update(from: correction, count: count)
            }
            // Not ≤, so that NaN ends the loop.
            if !(change.squareRoot() > 1e-14 * scale) { return true }
        }
        return false
    }
}
