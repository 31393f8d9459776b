// The best point that a run has found so far, as a reader of its progress sees it.

/// Which point that is, and how good.
package struct Incumbent: Sendable, Equatable {
    /// The iteration that found it; 0 for the start.
    package let iteration: Int
    /// f(y, x), in the user's sign.
    package let upperObjective: Double
    package let lowerResidual: Double

    package init(iteration: Int, upperObjective: Double, lowerResidual: Double) {
        self.iteration = iteration
        self.upperObjective = upperObjective
        self.lowerResidual = lowerResidual
    }
}

extension SolverRun {
    /// The best point so far, without its variables.
    package var incumbent: Incumbent {
        Incumbent(
            iteration: state.bestIteration, upperObjective: sign * state.best.value,
            lowerResidual: state.best.lowerResidual)
    }

    /// The upper variables of the best point so far; a copy.
    package var incumbentPoint: [Double] { restoredUpper(state.best.x) }
}
