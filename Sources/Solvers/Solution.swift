// What every solver and minimiser returns: a point, how the run ended, and its measurements.

/// The measurements of one run.
package struct SolveStatistics: Sendable, Equatable {
    /// Updates of the point.
    package var iterations: Int

    /// The norm that the method tests, as last evaluated: ‖b − Hv‖₂, ‖Φ(v) − v‖₂, or the (projected) gradient's.
    package var residualNorm: Double

    /// `residualNorm` relative to the method's scale: ‖b‖₂ for a linear system, the first residual otherwise.
    /// 0 where both are 0.
    package var relativeResidual: Double

    /// The objective at the point, for methods that evaluate it.
    package var value: Double?

    /// The measurements, with the residual's relative size computed from `scale`.
    package init(iterations: Int, residualNorm: Double, scale: Double, value: Double? = nil) {
        self.iterations = iterations
        self.residualNorm = residualNorm
        self.relativeResidual = residualNorm == 0 ? 0 : residualNorm / scale
        self.value = value
    }
}

/// The outcome of a solver or minimiser. The point is usable whatever the status.
package struct Solution: Sendable, Equatable {
    /// The solution, or the best point found.
    package var point: [Double]

    /// How the run ended.
    package var status: SolveStatus

    /// What was measured at the point and on the way.
    package var statistics: SolveStatistics

    /// The outcome made of its parts.
    package init(point: [Double], status: SolveStatus, statistics: SolveStatistics) {
        self.point = point
        self.status = status
        self.statistics = statistics
    }
}

/// When a residual is small enough: at most max(`relative` · scale, `absolute`).
package struct Tolerance: Sendable, Equatable {
    /// The part of the method's scale; 0 for none.
    package var relative: Double

    /// In the residual's own unit; 0 for none.
    package var absolute: Double

    /// The test with these bounds; without any, only a residual of 0 passes.
    package init(relative: Double = 0, absolute: Double = 0) {
        self.relative = relative
        self.absolute = absolute
    }

    /// The bound for residuals measured against `scale`.
    func threshold(scale: Double) -> Double { max(relative * scale, absolute) }
}

/// A mistake of the caller, as opposed to an outcome of the iteration.
package enum SolverError: Error, Equatable {
    /// The vector named `of` must have `expected` entries and has `found`.
    case dimensionMismatch(of: String, expected: Int, found: Int)

    /// The bounds of this variable leave no real number: crossed, NaN, +∞ below or −∞ above.
    case emptyInterval(index: Int, lower: Double, upper: Double)

    /// This equation contradicts the ones before it: its sides are `residual` apart at every point that meets them.
    case inconsistentEquations(row: Int, residual: Double)

    static func check(_ name: String, _ vector: [Double], hasCount expected: Int) throws(SolverError) {
        try check(name, vector.count, hasCount: expected)
    }

    static func check(_ name: String, _ count: Int, hasCount expected: Int) throws(SolverError) {
        guard count == expected else {
            throw .dimensionMismatch(of: name, expected: expected, found: count)
        }
    }
}
