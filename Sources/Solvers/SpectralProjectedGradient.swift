// Spectral projected gradients, SPG2 of Birgin, Martínez & Raydan 2000: Barzilai-Borwein steps, a nonmonotone Armijo
// test (Grippo, Lampariello & Lucidi 1986), and gradients instead of values where rounding hides the decrease.

import Tensors

/// Minimises over a convex set, one joint evaluation of f and ∇f at a time.
package struct SpectralProjectedGradient: SteppingMethod {
    /// What does not change during a run.
    package struct Options: Sendable, Equatable {
        /// M: a trial must lie below the highest of the last M values.
        package var memory = 10

        /// A trial may lie above the lowest value met by this part of the decrease since the start. Without it one step
        /// over a ridge of a function that is not convex gives away what the others have won.
        package var regress = 1e-2

        /// γ: by this part of the decrease that the slope promises.
        package var sufficientDecrease = 1e-4

        /// Relative error of f. Below it values decide nothing; gradients do.
        package var valueNoise = 1e-12

        /// The least λ, the step along the negative gradient.
        package var smallestStep = 1e-10

        /// The largest λ.
        package var largestStep = 1e10

        /// The largest where no positive curvature tells it.
        package var largestGuess = 1e10

        /// Rejected trials in a row after which the method stops.
        package var maxTrials = 30

        /// Iterates in a row that gain neither in value nor in gradient, after which the method stops.
        package var patience = 30

        /// The published settings.
        package init() {}
    }

    /// All that is needed to continue: plain numbers.
    package struct State: SteppingState {
        /// x, the last accepted point.
        package var point: [Double]

        /// f(x).
        package var value = Double.infinity

        /// ∇f(x).
        package var gradient: [Double]

        /// ‖P(x − ∇f(x)) − x‖₂.
        package var stationarity = Double.infinity

        /// d = P(x − λ∇f) − x.
        package var direction: [Double]

        /// ∇fᵀd.
        package var slope = 0.0

        /// λ.
        package var spectralStep = 1.0

        /// The trial is x + `fraction`·d.
        package var fraction = 1.0

        /// Trials rejected since the last accepted point.
        package var rejectedTrials = 0

        /// The last M accepted values, oldest first.
        package var values: [Double] = []

        /// ‖P(x − ∇f) − x‖₂ at the same points.
        package var norms: [Double] = []

        /// The lowest accepted value.
        package var firstValue = Double.infinity
        package var lowestValue = Double.infinity

        /// The smallest of all `norms`.
        package var smallestNorm = Double.infinity

        /// Iterates since either of the two improved.
        package var idleIterations = 0

        /// Accepted points after the start.
        package var iteration = 0

        /// Evaluations received. At 0 the start is the proposal.
        package var evaluations = 0

        /// The state before the first evaluation.
        package init(start: [Double]) {
            point = start
            gradient = [Double](repeating: 0, count: start.count)
            direction = gradient
        }
    }

    /// Where x is kept.
    package let set: ConvexSet

    /// The settings.
    package let options: Options

    package private(set) var state: State

    /// Starts at the projection of `start`.
    ///
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    package init(start: [Double], set: ConvexSet = .whole, options: Options = Options()) throws(SolverError) {
        try self.init(resuming: State(start: try set.projection(ofStart: start)), set: set, options: options)
    }

    /// Continues from a state that the same set and options have produced.
    ///
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    package init(resuming state: State, set: ConvexSet = .whole, options: Options = Options()) throws(SolverError) {
        try set.checkDimension(state.point.count)
        try SolverError.check("gradient", state.gradient, hasCount: state.point.count)
        try SolverError.check("direction", state.direction, hasCount: state.point.count)
        self.state = state
        self.set = set
        self.options = options
    }

    package func propose() -> [Double] {
        if state.evaluations == 0 { return state.point }
        var trial = state.point
        // The full step is projected anew, so that bounds are met exactly.
        if state.fraction == 1 {
            set.move(from: state.point, by: -state.spectralStep, along: state.gradient, into: &trial)
        } else {
            set.move(from: state.point, by: state.fraction, along: state.direction, into: &trial)
        }
        return trial
    }

    package mutating func receive(value: Double, gradient: [Double]) -> StepDecision {
        let trial = propose()
        let isStart = state.evaluations == 0
        state.evaluations += 1
        let norm = set.projectedGradientNorm(at: trial, gradient: gradient)
        if let status = divergence(value: value, stationarity: norm) {
            return isStart ? .stopped(status) : reject(shrinkingBy: 0.1, otherwise: status)
        }
        if !isStart {
            let trialSlope = VectorMath.dot(gradient, state.direction)
            guard accepts(value, trialSlope: trialSlope, norm: norm) else {
                let secant = state.slope / (state.slope - trialSlope)
                return reject(shrinkingBy: secant >= 0.1 ? min(secant, 0.5) : 0.1, otherwise: .stagnated)
            }
            updateSpectralStep(trial: trial, gradient: gradient)
            state.iteration += 1
        } else {
            state.spectralStep = clamp(1 / norm)
        }
        adopt(trial, value: value, gradient: gradient, norm: norm)
        return state.idleIterations >= options.patience ? .stopped(.stagnated) : .accepted
    }

    /// The nonmonotone Armijo test; where values are equal up to noise, the same idea for slopes and gradient norms.
    private func accepts(_ value: Double, trialSlope: Double, norm: Double) -> Bool {
        // Both lists hold the start at least.
        let highest = min(
            state.values.max() ?? state.value,
            max(state.value, state.lowestValue + options.regress * (state.firstValue - state.lowestValue)))
        let largestNorm = state.norms.max() ?? state.stationarity
        if (value - highest).magnitude <= options.valueNoise * highest.magnitude {
            return trialSlope <= -state.slope / 2 || norm < 0.99 * largestNorm
        }
        return value <= highest + options.sufficientDecrease * state.fraction * state.slope
    }

    private mutating func reject(shrinkingBy factor: Double, otherwise status: SolveStatus) -> StepDecision {
        state.rejectedTrials += 1
        state.fraction *= factor
        let isHopeless = state.rejectedTrials >= options.maxTrials || propose() == state.point
        return isHopeless ? .stopped(status) : .rejected
    }

    /// λ ← sᵀs / sᵀy, ten times the old λ where the curvature is not positive.
    private mutating func updateSpectralStep(trial: [Double], gradient: [Double]) {
        var (square, curvature) = (0.0, 0.0)
        for i in trial.indices {
            let step = trial[i] - state.point[i]
            square += step * step
            curvature += step * (gradient[i] - state.gradient[i])
        }
        let guess = min(10 * state.spectralStep, max(state.spectralStep, options.largestGuess))
        state.spectralStep = clamp(curvature > 0 ? square / curvature : guess)
    }

    private func clamp(_ step: Double) -> Double {
        min(max(step, options.smallestStep), options.largestStep)
    }

    private mutating func adopt(_ trial: [Double], value: Double, gradient: [Double], norm: Double) {
        state.point = trial
        state.value = value
        state.gradient = gradient
        state.stationarity = norm
        state.values = Array((state.values + [value]).suffix(max(options.memory, 1)))
        state.norms = Array((state.norms + [norm]).suffix(max(options.memory, 1)))
        if state.evaluations == 1 { state.firstValue = value }
        let isLower = value < state.lowestValue - options.valueNoise * value.magnitude
        let isImprovement = state.evaluations == 1 || isLower || norm < state.smallestNorm
        state.idleIterations = isImprovement ? 0 : state.idleIterations + 1
        state.lowestValue = min(state.lowestValue, value)
        state.smallestNorm = min(state.smallestNorm, norm)
        state.fraction = 1
        state.rejectedTrials = 0
        let target = propose()
        for i in target.indices { state.direction[i] = target[i] - trial[i] }
        state.slope = VectorMath.dot(gradient, state.direction)
    }
}
