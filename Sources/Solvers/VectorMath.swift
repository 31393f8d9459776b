// Vector operations on `[Double]`, as few as the solvers need.

/// Operations on vectors of equal length.
enum VectorMath {
    /// `xᵀy`.
    static func dot(_ x: [Double], _ y: [Double]) -> Double {
        var sum = 0.0
        for i in 0..<min(x.count, y.count) { sum += x[i] * y[i] }
        return sum
    }

    /// `‖x‖₂`, rescaled where the plain sum of squares would overflow or underflow.
    static func norm(_ x: [Double]) -> Double {
        let plain = dot(x, x)
        if plain > 1e-280 && plain < 1e280 { return plain.squareRoot() }
        let largest = maxNorm(x)
        guard largest > 0, largest.isFinite else { return largest }
        var sum = 0.0
        for value in x { sum += (value / largest) * (value / largest) }
        return largest * sum.squareRoot()
    }

    /// `max |xᵢ|`; NaN if any entry is.
    static func maxNorm(_ x: [Double]) -> Double {
        var largest = 0.0
        for value in x where !(value.magnitude <= largest) {
            if value.isNaN { return .nan }
            largest = value.magnitude
        }
        return largest
    }

    /// `y ← y + αx`.
    static func add(_ alpha: Double, _ x: [Double], to y: inout [Double]) {
        for i in 0..<min(x.count, y.count) { y[i] += alpha * x[i] }
    }
}
