// Boxes: bounds entry by entry, which may be infinite.

/// Bounds that leave at least one real number for every variable.
package struct Box: Sendable, Equatable {
    /// [n], −∞ where there is none.
    package let lower: [Double]

    /// [n], +∞ where there is none.
    package let upper: [Double]

    /// The box between two bounds.
    ///
    /// - Throws: ``SolverError``: lengths that differ, or a variable whose bounds leave no real number.
    init(lower: [Double], upper: [Double]) throws(SolverError) {
        try SolverError.check("upper", upper, hasCount: lower.count)
        for i in lower.indices where !(lower[i] <= upper[i]) || lower[i] == .infinity || upper[i] == -.infinity {
            throw .emptyInterval(index: i, lower: lower[i], upper: upper[i])
        }
        self.lower = lower
        self.upper = upper
    }

    /// Bounds whose order has been checked.
    init(checkedLower lower: [Double], upper: [Double]) {
        self.lower = lower
        self.upper = upper
    }

    func nearest(to value: Double, at i: Int) -> Double {
        if value < lower[i] { return lower[i] }
        return value > upper[i] ? upper[i] : value
    }

    func isBeyond(_ value: Double, at i: Int) -> Bool { value < lower[i] || value > upper[i] }

    func admits(_ value: Double, at i: Int) -> Bool { lower[i] <= value && value <= upper[i] }
}
