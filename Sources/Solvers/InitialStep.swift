// Constant gradient steps from the extreme curvatures of an objective. Nesterov 2004, Theorem 2.1.15.

/// Chooses a constant step for gradient descent.
package enum InitialStep {
    /// 2/(L + μ), the step of the fastest worst case on [μ, L]; 1/L where μ ≤ 0 or unknown.
    ///
    /// - Parameters:
    ///   - largest: L, an upper bound of the curvature.
    ///   - smallest: μ, a lower bound.
    /// - Returns: nil when L is not positive and finite: there is no curvature to go by.
    package static func gradientStep(largest: Double, smallest: Double? = nil) -> Double? {
        guard largest > 0, largest.isFinite else { return nil }
        guard let smallest, smallest > 0, smallest <= largest else { return 1 / largest }
        return 2 / (largest + smallest)
    }

    /// The same from Ritz values, each moved outwards by its error bound.
    package static func gradientStep(_ ritz: Lanczos.RitzValues) -> Double? {
        guard let largest = ritz.largest, let bound = ritz.errorBounds.last else { return nil }
        let smallest = ritz.smallest.flatMap { value in ritz.errorBounds.first.map { value - $0 } }
        return gradientStep(largest: largest + bound, smallest: smallest)
    }
}
