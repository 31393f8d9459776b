// Curvature of the lower level: extreme Ritz values of its Hessian, for step sizes, reports and certificates.
import Solvers
import Tensors

/// The smallest and largest Ritz values of a lower Hessian.
package struct Curvature: Sendable, Equatable {
    package let smallest: Double
    package let largest: Double
    /// Whether the Krylov space was exhausted, which makes the values eigenvalues.
    package let isExact: Bool

    /// Lanczos steps by default: enough for the largest eigenvalue to a few per cent.
    package static let defaultSteps = 30

    /// Estimates the curvature at the oracle's present point.
    ///
    /// - Parameters:
    ///   - seed: of the random start vector.
    ///   - steps: Lanczos steps, each one Hessian-vector product.
    /// - Returns: `nil` when there is nothing to measure (no lower variables, or numbers that are not finite).
    package init?(_ oracle: BilevelOracle, seed: UInt64, steps: Int = Curvature.defaultSteps) {
        let dimension = oracle.lowerDimension
        guard dimension > 0 else { return nil }
        var stream = RandomStream(seed: seed, stream: "curvature")
        let start = (0..<dimension).map { _ in stream.normal() }
        self.init(
            of: LinearOperator(dimension: dimension) { oracle.hessianProduct($0, into: &$1) }, from: start, steps: steps
        )
    }

    /// Of any symmetric operator.
    init?(of hessian: LinearOperator, seed: UInt64, steps: Int = Curvature.defaultSteps) {
        guard hessian.dimension > 0 else { return nil }
        var stream = RandomStream(seed: seed, stream: "curvature")
        self.init(of: hessian, from: (0..<hessian.dimension).map { _ in stream.normal() }, steps: steps)
    }

    private init?(of hessian: LinearOperator, from start: [Double], steps: Int) {
        let dimension = hessian.dimension
        // The start has the operator's dimension by construction.
        guard let ritz = try? Lanczos(steps: min(steps, dimension)).ritzValues(of: hessian, start: start),
            let smallest = ritz.smallest, let largest = ritz.largest, smallest.isFinite, largest.isFinite
        else { return nil }
        self.smallest = smallest
        self.largest = largest
        isExact = ritz.status == .converged || dimension <= steps
    }

    /// Of the larger of the two.
    var magnitude: Double { max(largest.magnitude, smallest.magnitude) }

    /// A safe constant step for gradient descent: 2/(L + μ) with a margin for what Ritz values miss.
    package var gradientStep: Double? {
        let margin = isExact ? 1.0 : 1.05
        return InitialStep.gradientStep(largest: largest * margin, smallest: max(smallest, 0))
    }
}
