// Vectors as arrays of Double: the few operations that solvers need between calls of compiled programs.

/// Vector operations. Both vectors of an operation must have the same length.
package enum VectorMath {
    /// Σ x y, in the fixed order of ``Kernels/dot(_:_:count:)``.
    package static func dot(_ x: [Double], _ y: [Double]) -> Double {
        precondition(x.count == y.count, "lengths \(x.count) and \(y.count)")
        return Kernels.float64.dot(x, y, count: x.count)
    }

    /// ‖x‖₂, without overflow or underflow on the way: where the sum of squares leaves the safe range, it is formed
    /// again of x scaled by a power of two.
    package static func norm(_ x: [Double]) -> Double {
        let square = dot(x, x)
        if isSafe(square) { return square.squareRoot() }
        let largest = maxNorm(x)
        guard largest > 0, largest.isFinite else { return largest }
        // Clamped so that the factor itself is finite and normal.
        let factor = Double(sign: .plus, exponent: min(max(-largest.exponent, -1022), 1022), significand: 1)
        var scaled = x
        scale(factor, &scaled)
        return dot(scaled, scaled).squareRoot() / factor
    }

    /// `Σ x y` of a vector in memory.
    package static func dot(_ x: [Double], _ y: UnsafeBufferPointer<Double>) -> Double {
        precondition(x.count == y.count, "lengths \(x.count) and \(y.count)")
        // Without entries there may be no address, and nothing to add.
        return y.baseAddress.map { Kernels.float64.dot(x, $0, count: x.count) } ?? 0
    }

    /// ‖x‖₂ of a vector in memory; see ``norm(_:)-([Double])``. Allocates only where squares leave the safe range.
    package static func norm(_ x: UnsafeBufferPointer<Double>) -> Double {
        guard let base = x.baseAddress else { return 0 }
        let square = Kernels.float64.dot(base, base, count: x.count)
        if isSafe(square) { return square.squareRoot() }
        let largest = maxNorm(x)
        return largest > 0 && largest.isFinite ? norm(Array(x)) : largest
    }

    /// Whether no square that matters was lost in a sum: one below 2⁻¹⁰⁷⁴ is far below an ulp of 2⁻⁹⁰⁰.
    private static func isSafe(_ square: Double) -> Bool { square >= 0x1p-900 && square <= 0x1p+1000 }

    /// `y += alpha x` for a vector in memory.
    package static func add(_ alpha: Double, _ x: [Double], to y: UnsafeMutableBufferPointer<Double>) {
        precondition(x.count == y.count, "lengths \(x.count) and \(y.count)")
        if let base = y.baseAddress { Kernels.float64.axpy(alpha, x, base, count: x.count) }
    }

    /// `x *= alpha` for a vector in memory.
    package static func scale(_ alpha: Double, _ x: UnsafeMutableBufferPointer<Double>) {
        if let base = x.baseAddress { Kernels.float64.scale(alpha, base, count: x.count) }
    }

    /// ‖x‖∞; NaN if any element is, 0 for no elements.
    package static func maxNorm(_ x: [Double]) -> Double { x.withUnsafeBufferPointer { maxNorm($0) } }

    /// ‖x‖∞ of a vector in memory; NaN if any element is, 0 for no elements.
    package static func maxNorm(_ x: UnsafeBufferPointer<Double>) -> Double {
        var largest = 0.0
        for value in x where !(value.magnitude <= largest) {
            if value.isNaN { return value }
            largest = value.magnitude
        }
        return largest
    }

    /// `y += alpha x`.
    package static func add(_ alpha: Double, _ x: [Double], to y: inout [Double]) {
        precondition(x.count == y.count, "lengths \(x.count) and \(y.count)")
        let count = y.count
        y.withUnsafeMutableBufferPointer { target in
            // An empty array may have no address, and nothing to add to.
            if let base = target.baseAddress { Kernels.float64.axpy(alpha, x, base, count: count) }
        }
    }

    /// `x *= alpha`.
    package static func scale(_ alpha: Double, _ x: inout [Double]) {
        let count = x.count
        x.withUnsafeMutableBufferPointer { target in
            if let base = target.baseAddress { Kernels.float64.scale(alpha, base, count: count) }
        }
    }

    /// `x − y`.
    package static func subtract(_ x: [Double], _ y: [Double]) -> [Double] {
        var difference = x
        add(-1, y, to: &difference)
        return difference
    }

    /// Whether no element is infinite or NaN.
    package static func isFinite(_ x: [Double]) -> Bool { x.allSatisfy(\.isFinite) }
}
