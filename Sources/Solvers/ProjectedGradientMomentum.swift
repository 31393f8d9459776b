// Projected gradient descent with momentum (heavy ball). Polyak 1964.

/// Minimises by `u ← μu + ∇f(x)`, `x ← P(x − γ_t u)`. The momentum u is not projected.
package struct ProjectedGradientMomentum: SteppingMethod {
    /// All that is needed to continue: plain numbers.
    package struct State: SteppingState {
        /// x, the last accepted point.
        package var point: [Double]

        /// ‖P(x − ∇f) − x‖₂ at x.
        package var stationarity = Double.infinity

        /// u.
        package var momentum: [Double]

        /// Accepted points after the start.
        package var iteration = 0

        /// Evaluations accepted. At 0 the start is the proposal.
        package var evaluations = 0

        /// The state before the first evaluation.
        package init(start: [Double]) {
            point = start
            momentum = [Double](repeating: 0, count: start.count)
        }
    }

    /// γ_t; γ_0 leads away from the start.
    package let schedule: StepSchedule

    /// μ; 0 is plain projected gradient descent.
    package let decay: Double

    /// Where x is kept.
    package let set: ConvexSet

    package private(set) var state: State

    /// Starts at the projection of `start`.
    ///
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    package init(
        start: [Double], schedule: StepSchedule, decay: Double, set: ConvexSet = .whole
    ) throws(SolverError) {
        try self.init(
            resuming: State(start: try set.projection(ofStart: start)), schedule: schedule, decay: decay, set: set)
    }

    /// Continues from a state that the same schedule, decay and set have produced.
    ///
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    package init(
        resuming state: State, schedule: StepSchedule, decay: Double, set: ConvexSet = .whole
    ) throws(SolverError) {
        try set.checkDimension(state.point.count)
        try SolverError.check("momentum", state.momentum, hasCount: state.point.count)
        self.state = state
        self.schedule = schedule
        self.decay = decay
        self.set = set
    }

    package func propose() -> [Double] {
        if state.evaluations == 0 { return state.point }
        var next = state.point
        set.move(from: state.point, by: -schedule.value(at: state.iteration), along: state.momentum, into: &next)
        return next
    }

    /// Every finite proposal is accepted; the values themselves decide nothing.
    package mutating func receive(value: Double, gradient: [Double]) -> StepDecision {
        let trial = propose()
        let norm = set.projectedGradientNorm(at: trial, gradient: gradient)
        if let status = divergence(value: value, stationarity: norm) { return .stopped(status) }
        if state.evaluations > 0 { state.iteration += 1 }
        state.evaluations += 1
        state.point = trial
        state.stationarity = norm
        for i in gradient.indices { state.momentum[i] = decay * state.momentum[i] + gradient[i] }
        return .accepted
    }
}
