// Gradient descent, projected and proximal, with scheduled or backtracked steps. Bertsekas 1976; Nocedal & Wright, 2nd ed., §3.1.

/// Minimises f, or f plus norms over a set, by `x ← prox(x − γ_t ∇f(x))`.
package struct GradientDescent: Minimizer, Equatable {
    /// How γ_t is chosen.
    package enum Step: Sendable, Equatable {
        /// In advance. Takes gradients only; f itself is never evaluated.
        case schedule(StepSchedule)

        /// By backtracking from twice the last accepted step (at most `largest`, which is also the first) until
        /// f(x⁺) ≤ f(x) + 10⁻⁴ ∇f(x)ᵀ(x⁺ − x). Where rounding hides that decrease, the derivatives decide.
        case armijo(largest: Double)
    }

    /// How long the steps are.
    package var step: Step

    /// The test on ‖P(x − ∇f) − x‖₂, relative to its first value. Nil: exactly ``maxIterations`` updates and no
    /// gradient after the last, so that the reported residual is that of the iterate before the last.
    package var tolerance: Tolerance?

    /// The largest number of updates. With a tolerance, the result of the last is tested too.
    package var maxIterations: Int

    /// The set where x is kept, and norms that are added to the objective. The start is projected first.
    package var regularizer: ProximalFunction

    /// The method with these settings.
    package init(step: Step, tolerance: Tolerance?, maxIterations: Int, regularizer: ProximalFunction = .none) {
        self.step = step
        self.tolerance = tolerance
        self.maxIterations = maxIterations
        self.regularizer = regularizer
    }

    /// The best point is, of a schedule, the last with a finite gradient; of backtracking, the last.
    package func minimize(
        _ objective: SmoothObjective, from start: [Double], shouldStop: InterruptionCheck
    ) throws(SolverError) -> Solution {
        try regularizer.set.checkDimension(start.count)
        var x = start
        regularizer.set.project(&x)
        switch step {
        case .schedule(let schedule):
            return descend(objective, from: x, by: schedule, shouldStop: shouldStop)
        case .armijo(let largest):
            var search = ArmijoDescent(objective: objective, method: self, start: x, largest: largest)
            return search.run(shouldStop: shouldStop)
        }
    }

    private func descend(
        _ objective: SmoothObjective, from start: [Double], by schedule: StepSchedule, shouldStop: InterruptionCheck
    ) -> Solution {
        var x = start
        // The last point whose gradient was finite.
        var previous = start
        var gradient = [Double](repeating: 0, count: x.count)
        var (norm, first) = (0.0, 0.0)
        var updates = 0
        let evaluations = tolerance == nil ? maxIterations : maxIterations + 1
        let status = IterationLoop.run(limit: evaluations, shouldStop: shouldStop) { iteration in
            objective.gradient(x, &gradient)
            norm = regularizer.stationarity(at: x, gradient: gradient)
            if iteration == 0 { first = norm }
            if Divergence.isDivergent(norm, from: first) {
                return .diverged(quantity: .gradient, iteration: iteration)
            }
            if let tolerance {
                if norm <= tolerance.threshold(scale: first) { return .converged }
                if iteration == maxIterations { return .iterationLimit }
            }
            swap(&x, &previous)
            regularizer.move(from: previous, step: schedule.value(at: iteration), along: gradient, into: &x)
            updates += 1
            return tolerance != nil && x == previous ? .stagnated : nil
        }
        if case .diverged = status { x = previous }
        return Solution(
            point: x, status: status,
            statistics: SolveStatistics(iterations: updates, residualNorm: norm, scale: first))
    }
}

extension ConvexSet {
    /// `result ← P(x + α d)`.
    func move(from x: [Double], by alpha: Double, along d: [Double], into result: inout [Double]) {
        for i in result.indices { result[i] = x[i] + alpha * d[i] }
        project(&result)
    }
}

/// One run of gradient descent with backtracking.
private struct ArmijoDescent {
    let objective: SmoothObjective
    let method: GradientDescent
    let largest: Double
    var x: [Double]
    var gradient: [Double]
    var trial: [Double]
    var trialGradient: [Double]
    var value: Double
    var norm: Double
    var length: Double

    init(objective: SmoothObjective, method: GradientDescent, start: [Double], largest: Double) {
        self.objective = objective
        self.method = method
        self.largest = largest
        length = largest
        x = start
        trial = start
        gradient = [Double](repeating: 0, count: start.count)
        trialGradient = gradient
        value = objective.valueAndGradient(x, &gradient)
        norm = method.regularizer.stationarity(at: x, gradient: gradient)
    }

    mutating func run(shouldStop: InterruptionCheck) -> Solution {
        let first = norm
        var updates = 0
        let status =
            statusOfStart(first)
            ?? IterationLoop.run(limit: method.maxIterations, shouldStop: shouldStop) { _ in
                guard backtrack() else { return .stagnated }
                updates += 1
                return isConverged(first) ? .converged : nil
            }
        return Solution(
            point: x, status: status,
            statistics: SolveStatistics(iterations: updates, residualNorm: norm, scale: first, value: value))
    }

    private func statusOfStart(_ first: Double) -> SolveStatus? {
        if !value.isFinite { return .diverged(quantity: .value, iteration: 0) }
        if !norm.isFinite { return .diverged(quantity: .gradient, iteration: 0) }
        return isConverged(first) ? .converged : nil
    }

    private func isConverged(_ first: Double) -> Bool {
        method.tolerance.map { norm <= $0.threshold(scale: first) } ?? false
    }

    /// Halvings of one step: down to the last digit of x, unless x is far smaller than the gradient.
    private static let maxTrials = 100

    /// Moves to the first acceptable trial; false when none is left that differs from x.
    private mutating func backtrack() -> Bool {
        for _ in 0..<Self.maxTrials {
            method.regularizer.move(from: x, step: length, along: gradient, into: &trial)
            if trial == x { return false }
            let trialValue = objective.valueAndGradient(trial, &trialGradient)
            if method.regularizer.terms.isEmpty ? accepts(trialValue) : isBelowModel(trialValue) {
                swap(&x, &trial)
                swap(&gradient, &trialGradient)
                value = trialValue
                norm = method.regularizer.stationarity(at: x, gradient: gradient)
                length = min(2 * length, largest)
                return true
            }
            length /= 2
        }
        return false
    }

    /// With norms: the test of proximal gradients, g(x⁺) ≤ g(x) + ∇gᵀ(x⁺ − x) + ‖x⁺ − x‖²/2γ, to rounding.
    private func isBelowModel(_ trialValue: Double) -> Bool {
        var model = value
        for i in x.indices {
            let move = trial[i] - x[i]
            model += gradient[i] * move + move * move / (2 * length)
        }
        return trialValue <= model + 1e-12 * value.magnitude
    }

    private func accepts(_ trialValue: Double) -> Bool {
        var (slope, trialSlope) = (0.0, 0.0)
        for i in x.indices {
            slope += gradient[i] * (trial[i] - x[i])
            trialSlope += trialGradient[i] * (trial[i] - x[i])
        }
        guard trialValue.isFinite, trialSlope.isFinite else { return false }
        // Differences below this are rounding; then a step must not climb more than half as steeply as it started.
        let noise = max(1e-12, 16 * objective.epsilon) * value.magnitude
        if (trialValue - value).magnitude <= noise { return trialSlope <= -slope / 2 }
        return trialValue <= value + 1e-4 * slope
    }
}
