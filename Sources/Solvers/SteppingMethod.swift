// Minimisers that ask for one evaluation at a time, for objectives that are expensive and evaluated elsewhere.

/// What became of the last proposal.
package enum StepDecision: Sendable, Equatable {
    /// It is the new iterate.
    case accepted

    /// It is not; the next proposal lies nearer to the old iterate.
    case rejected

    /// The method cannot go on. Its iterate stays the last accepted point.
    case stopped(SolveStatus)
}

/// What every such method remembers.
package protocol SteppingState: Sendable, Equatable {
    /// x, the last accepted point; before the first evaluation, the start.
    var point: [Double] { get }

    /// ‖P(x − ∇f) − x‖₂ at ``point``; infinite before the first evaluation.
    var stationarity: Double { get }

    /// Accepted points after the start.
    var iteration: Int { get }
}

/// A minimiser as a state machine: `propose`, evaluate f and ∇f there, `receive`, and again.
///
/// The state is a value; a copy continues with identical numbers.
package protocol SteppingMethod {
    associatedtype State: SteppingState

    /// All that the method remembers.
    var state: State { get }

    /// The next point to evaluate, within the set. Asking again gives the same.
    func propose() -> [Double]

    /// Takes f and ∇f at the proposed point. Values that are not finite are welcome.
    mutating func receive(value: Double, gradient: [Double]) -> StepDecision
}

extension SteppingMethod {
    package var point: [Double] { state.point }
    package var stationarity: Double { state.stationarity }
    package var iteration: Int { state.iteration }

    /// Why no method goes on from an evaluation whose numbers are not finite; `nil` where they are.
    func divergence(value: Double, stationarity: Double) -> SolveStatus? {
        if !value.isFinite { return .diverged(quantity: .value, iteration: iteration) }
        return stationarity.isFinite ? nil : .diverged(quantity: .gradient, iteration: iteration)
    }

    /// Runs the method on an objective at hand, from its present state.
    ///
    /// - Parameters:
    ///   - tolerance: on ``stationarity``, relative to its first value in this run.
    ///   - maxEvaluations: of f and ∇f, jointly.
    ///   - shouldStop: asked before each evaluation.
    /// - Returns: the converged point; otherwise the accepted point of the lowest value.
    package mutating func minimize(
        _ objective: SmoothObjective, tolerance: Tolerance, maxEvaluations: Int,
        shouldStop: InterruptionCheck = { false }
    ) -> Solution {
        var gradient = [Double](repeating: 0, count: point.count)
        var best = (point: point, value: Double.infinity, norm: stationarity)
        var first: Double?
        let status = IterationLoop.run(limit: maxEvaluations, shouldStop: shouldStop) { _ in
            let trial = propose()
            let value = objective.valueAndGradient(trial, &gradient)
            switch receive(value: value, gradient: gradient) {
            case .rejected: return nil
            case .stopped(let status): return status
            case .accepted: break
            }
            let scale = first ?? stationarity
            first = scale
            let isConverged = stationarity <= tolerance.threshold(scale: scale)
            if isConverged || value <= best.value { best = (trial, value, stationarity) }
            return isConverged ? .converged : nil
        }
        return Solution(
            point: best.point, status: status,
            statistics: SolveStatistics(
                iterations: iteration, residualNorm: best.norm, scale: first ?? 1,
                value: best.value.isFinite ? best.value : nil))
    }
}

extension ConvexSet {
    /// The point of the set that a method starts at.
    ///
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    func projection(ofStart start: [Double]) throws(SolverError) -> [Double] {
        try checkDimension(start.count)
        var projected = start
        project(&projected)
        return projected
    }
}
