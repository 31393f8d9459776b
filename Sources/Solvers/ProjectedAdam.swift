// Adam with a projection after each step. Kingma & Ba, ICLR 2015, Alg. 1.

/// Minimises by Adam's rule over a convex set. The moments are not projected.
package struct ProjectedAdam: SteppingMethod {
    /// All that is needed to continue: plain numbers.
    package struct State: SteppingState {
        /// x, the last accepted point.
        package var point: [Double]
        /// ‖P(x − ∇f) − x‖₂ at x.
        package var stationarity = Double.infinity
        /// The gradient's moments, and the gradient that the next step takes.
        package var first: [Double]
        package var second: [Double]
        package var gradient: [Double]
        /// Accepted points after the start.
        package var iteration = 0
        /// Evaluations accepted. At 0 the start is the proposal.
        package var evaluations = 0

        /// The state before the first evaluation.
        package init(start: [Double]) {
            point = start
            first = [Double](repeating: 0, count: start.count)
            second = first
            gradient = first
        }
    }

    package let schedule: StepSchedule
    package let coefficients: AdamCoefficients
    package let set: ConvexSet
    package private(set) var state: State

    /// Starts at the projection of `start`.
    ///
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    package init(
        start: [Double], schedule: StepSchedule, coefficients: AdamCoefficients, set: ConvexSet = .whole
    ) throws(SolverError) {
        try self.init(
            resuming: State(start: try set.projection(ofStart: start)), schedule: schedule, coefficients: coefficients,
            set: set)
    }

    /// Continues from a state that the same settings have produced.
    ///
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    package init(
        resuming state: State, schedule: StepSchedule, coefficients: AdamCoefficients, set: ConvexSet = .whole
    ) throws(SolverError) {
        try set.checkDimension(state.point.count)
        for vector in [state.first, state.second, state.gradient] {
            try SolverError.check("moment", vector, hasCount: state.point.count)
        }
        self.state = state
        self.schedule = schedule
        self.coefficients = coefficients
        self.set = set
    }

    private func moved() -> RuleState {
        var moved = RuleState(point: state.point, first: state.first, second: state.second)
        UpdateRule.adam(coefficients).advance(
            &moved, gradient: state.gradient, alpha: schedule.value(at: state.iteration), step: state.iteration)
        return moved
    }

    package func propose() -> [Double] {
        if state.evaluations == 0 { return state.point }
        var next = moved().point
        set.project(&next)
        return next
    }

    /// Every finite proposal is accepted; the values themselves decide nothing.
    package mutating func receive(value: Double, gradient: [Double]) -> StepDecision {
        let trial = propose()
        let norm = set.projectedGradientNorm(at: trial, gradient: gradient)
        if let status = divergence(value: value, stationarity: norm) { return .stopped(status) }
        if state.evaluations > 0 {
            let moved = moved()
            state.first = moved.first
            state.second = moved.second
            state.iteration += 1
        }
        state.evaluations += 1
        state.point = trial
        state.stationarity = norm
        state.gradient = gradient
        return .accepted
    }
}
