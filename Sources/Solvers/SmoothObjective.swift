// Differentiable functions as the minimisers see them.

/// A differentiable function ℝⁿ → ℝ. Values and gradients may be NaN or infinite outside the function's domain.
package struct SmoothObjective {
    /// f(x).
    package let value: (_ x: [Double]) -> Double

    /// Overwrites the second argument, [n], with ∇f(x).
    package let gradient: (_ x: [Double], _ gradient: inout [Double]) -> Void

    /// Both at once, which is usually cheaper than one after the other.
    package let valueAndGradient: (_ x: [Double], _ gradient: inout [Double]) -> Double

    /// The distance from 1 to the next number of those that f and ∇f are computed in.
    package let epsilon: Double

    /// The objective whose parts are evaluated separately; all three must describe the same function.
    package init(
        epsilon: Double = .ulpOfOne,
        value: @escaping (_ x: [Double]) -> Double,
        gradient: @escaping (_ x: [Double], _ gradient: inout [Double]) -> Void,
        valueAndGradient: @escaping (_ x: [Double], _ gradient: inout [Double]) -> Double
    ) {
        self.epsilon = epsilon
        self.value = value
        self.gradient = gradient
        self.valueAndGradient = valueAndGradient
    }

    /// The objective whose parts are all taken from the joint evaluation.
    package init(
        epsilon: Double = .ulpOfOne, valueAndGradient: @escaping (_ x: [Double], _ gradient: inout [Double]) -> Double
    ) {
        self.init(
            epsilon: epsilon,
            value: { x in
                var unused = [Double](repeating: 0, count: x.count)
                return valueAndGradient(x, &unused)
            },
            gradient: { _ = valueAndGradient($0, &$1) },
            valueAndGradient: valueAndGradient)
    }
}

/// Finds a stationary point of a smooth function.
package protocol Minimizer: Sendable {
    /// - Parameters:
    ///   - objective: f.
    ///   - start: the first iterate, [n].
    ///   - shouldStop: asked once per iteration.
    /// - Returns: the best point met, with the norm of its (projected) gradient as the residual norm, relative to
    ///   that of the start.
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)`` when the method's set has other dimensions.
    func minimize(
        _ objective: SmoothObjective, from start: [Double], shouldStop: InterruptionCheck
    ) throws(SolverError) -> Solution
}

extension Minimizer {
    /// `minimize` without interruption.
    package func minimize(_ objective: SmoothObjective, from start: [Double]) throws(SolverError) -> Solution {
        try minimize(objective, from: start, shouldStop: { false })
    }
}
