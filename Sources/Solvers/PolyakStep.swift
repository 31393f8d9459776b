// Projected gradient steps whose length follows from the distance to a known lowest value. Polyak 1969.
import Tensors

/// Minimises by `x ← P(x − γ∇f)` with γ = (f − target)/‖∇f‖².
package struct PolyakStep: SteppingMethod {
    /// All that is needed to continue: plain numbers.
    package struct State: SteppingState {
        /// x, the last accepted point, with f and ∇f there.
        package var point: [Double]
        package var value = Double.infinity
        package var gradient: [Double]
        /// ‖P(x − ∇f) − x‖₂ at x.
        package var stationarity = Double.infinity
        /// Accepted points after the start.
        package var iteration = 0
        /// Evaluations accepted. At 0 the start is the proposal.
        package var evaluations = 0

        /// The state before the first evaluation.
        package init(start: [Double]) {
            point = start
            gradient = [Double](repeating: 0, count: start.count)
        }
    }

    /// The lowest value, or a lower bound of it.
    package let target: Double
    package let set: ConvexSet
    package private(set) var state: State

    /// Starts at the projection of `start`.
    ///
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    package init(start: [Double], target: Double, set: ConvexSet = .whole) throws(SolverError) {
        try self.init(resuming: State(start: try set.projection(ofStart: start)), target: target, set: set)
    }

    /// Continues from a state that the same target and set have produced.
    ///
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    package init(resuming state: State, target: Double, set: ConvexSet = .whole) throws(SolverError) {
        try set.checkDimension(state.point.count)
        try SolverError.check("gradient", state.gradient, hasCount: state.point.count)
        self.state = state
        self.target = target
        self.set = set
    }

    package func propose() -> [Double] {
        let square = VectorMath.dot(state.gradient, state.gradient)
        // At a target that was too high, or without a gradient, there is nowhere to go.
        guard state.evaluations > 0, square > 0, state.value > target else { return state.point }
        var next = state.point
        set.move(from: state.point, by: -(state.value - target) / square, along: state.gradient, into: &next)
        return next
    }

    package mutating func receive(value: Double, gradient: [Double]) -> StepDecision {
        let trial = propose()
        let norm = set.projectedGradientNorm(at: trial, gradient: gradient)
        if let status = divergence(value: value, stationarity: norm) { return .stopped(status) }
        if state.evaluations > 0 {
            if trial == state.point { return .stopped(.stagnated) }
            state.iteration += 1
        }
        state.evaluations += 1
        state.point = trial
        state.value = value
        state.gradient = gradient
        state.stationarity = norm
        return .accepted
    }
}
