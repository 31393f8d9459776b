// The limited-memory inverse Hessian of L-BFGS. Nocedal 1980; Nocedal & Wright, 2nd ed., Alg. 7.4 and (7.20).

import Tensors

/// The last few pairs s = x⁺ − x, y = g⁺ − g, and the inverse Hessian that they imply.
struct CurvatureHistory {
    private var steps: [[Double]]
    private var changes: [[Double]]
    /// sᵀy of each pair.
    private var curvatures: [Double]
    private var coefficients: [Double]
    private var newest = -1
    private let capacity: Int

    /// Pairs held.
    private(set) var count = 0

    /// sᵀy / yᵀy of the newest pair, the scale of the inverse Hessian. It outlives ``removeAll()``.
    private(set) var scale: Double?

    /// Room for `memory` pairs of [dimension] vectors; none makes L-BFGS a scaled gradient method.
    init(memory: Int, dimension: Int) {
        let zero = [Double](repeating: 0, count: dimension)
        // One slot also for no memory: the scale is computed in it.
        steps = Array(repeating: zero, count: max(memory, 1))
        changes = steps
        curvatures = Array(repeating: 0, count: max(memory, 1))
        coefficients = curvatures
        capacity = max(memory, 0)
    }

    /// Forgets the pairs.
    mutating func removeAll() { count = 0 }

    /// Adds the pair between two points, the oldest making room, unless its curvature is not safely positive.
    mutating func append(from x: [Double], _ g: [Double], to newX: [Double], _ newG: [Double]) {
        let slot = (newest + 1) % steps.count
        var (curvature, stepSquare, changeSquare) = (0.0, 0.0, 0.0)
        for i in x.indices {
            let (s, y) = (newX[i] - x[i], newG[i] - g[i])
            steps[slot][i] = s
            changes[slot][i] = y
            curvature += s * y
            stepSquare += s * s
            changeSquare += y * y
        }
        let bound = Double.ulpOfOne * (stepSquare * changeSquare).squareRoot()
        // The slot held the oldest pair, which is gone in either case.
        guard curvature > bound, curvature.isFinite, changeSquare.isFinite else {
            count = max(min(count, capacity - 1), 0)
            return
        }
        curvatures[slot] = curvature
        scale = curvature / changeSquare
        newest = slot
        count = min(count + 1, capacity)
    }

    /// `d ← −Hg` by the two-loop recursion, 4·count·n multiplications.
    mutating func descentDirection(for gradient: [Double], into d: inout [Double]) {
        for i in d.indices { d[i] = -gradient[i] }
        for age in 0..<count {
            let slot = index(age)
            coefficients[slot] = VectorMath.dot(steps[slot], d) / curvatures[slot]
            VectorMath.add(-coefficients[slot], changes[slot], to: &d)
        }
        if count > 0, let scale { for i in d.indices { d[i] *= scale } }
        for age in (0..<count).reversed() {
            let slot = index(age)
            let correction = coefficients[slot] - VectorMath.dot(changes[slot], d) / curvatures[slot]
            VectorMath.add(correction, steps[slot], to: &d)
        }
    }

    private func index(_ age: Int) -> Int { (newest - age + steps.count) % steps.count }
}
