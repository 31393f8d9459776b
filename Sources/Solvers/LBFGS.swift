// Limited-memory BFGS with a Hager-Zhang line search. Liu & Nocedal 1989; Hager & Zhang 2005.

import Tensors

/// Minimises a smooth function without constraints, down to the gradients that rounding allows.
package struct LBFGS: Minimizer, Equatable {
    /// Curvature pairs kept.
    package var memory: Int

    /// The test on ‖∇f‖₂, relative to its first value.
    package var tolerance: Tolerance

    /// The largest number of updates of x.
    package var maxIterations: Int

    /// The method with these settings.
    package init(
        memory: Int = 10, tolerance: Tolerance = Tolerance(absolute: 1e-10), maxIterations: Int = 1_000
    ) {
        self.memory = memory
        self.tolerance = tolerance
        self.maxIterations = maxIterations
    }

    /// The best point is the lowest; among values that rounding cannot tell apart, that of the smallest gradient.
    package func minimize(
        _ objective: SmoothObjective, from start: [Double], shouldStop: InterruptionCheck
    ) -> Solution {
        var run = LBFGSRun(objective: objective, start: start, memory: memory)
        let first = run.current.norm
        let threshold = tolerance.threshold(scale: first)
        let status =
            run.statusOfStart(threshold)
            ?? IterationLoop.run(limit: maxIterations, shouldStop: shouldStop) { run.step($0, threshold: threshold) }
        let result = status == .converged ? run.current : run.best
        return Solution(
            point: result.x, status: status,
            statistics: SolveStatistics(
                iterations: run.iterations, residualNorm: result.norm, scale: first, value: result.value))
    }
}

/// A point with what is known there.
private struct Iterate {
    var x: [Double]
    var gradient: [Double]
    var value: Double
    var norm: Double
}

/// One run.
private struct LBFGSRun {
    let objective: SmoothObjective
    var current: Iterate
    var trial: Iterate
    var best: Iterate
    var direction: [Double]
    var history: CurvatureHistory
    var magnitude: AverageMagnitude
    var iterations = 0
    /// Updates since the last that improved on the best point.
    private var idle = 0

    /// Updates without improvement after which only rounding errors are left.
    private static let patience = 50

    init(objective: SmoothObjective, start: [Double], memory: Int) {
        self.objective = objective
        var gradient = [Double](repeating: 0, count: start.count)
        direction = gradient
        history = CurvatureHistory(memory: memory, dimension: start.count)
        let value = objective.valueAndGradient(start, &gradient)
        current = Iterate(x: start, gradient: gradient, value: value, norm: VectorMath.norm(gradient))
        trial = current
        best = current
        magnitude = AverageMagnitude(value, epsilon: objective.epsilon)
    }

    func statusOfStart(_ threshold: Double) -> SolveStatus? {
        if !current.value.isFinite { return .diverged(quantity: .value, iteration: 0) }
        if !current.norm.isFinite { return .diverged(quantity: .gradient, iteration: 0) }
        return current.norm <= threshold ? .converged : nil
    }

    /// One update; a failed search is repeated once along the negative gradient, without history.
    mutating func step(_ iteration: Int, threshold: Double) -> SolveStatus? {
        history.descentDirection(for: current.gradient, into: &direction)
        var outcome = search()
        if case .accepted = outcome {
        } else if history.count > 0 {
            history.removeAll()
            history.descentDirection(for: current.gradient, into: &direction)
            outcome = search()
        }
        switch outcome {
        case .accepted(let point): return adopt(point, threshold: threshold)
        case .unbounded: return .diverged(quantity: .value, iteration: iteration)
        case .exhausted: return .stagnated
        }
    }

    private mutating func search() -> LineSearchOutcome {
        let slope = VectorMath.dot(current.gradient, direction)
        guard slope < 0 else { return .exhausted }
        var lineSearch = HagerZhangLineSearch(
            origin: LinePoint(step: 0, value: current.value, slope: slope), noise: magnitude.noise)
        return lineSearch.search(from: history.count > 0 ? 1 : gradientStep) { probe($0) }
    }

    /// The first step along the negative gradient: of unit length at most, later by the last curvature seen.
    private var gradientStep: Double { history.scale ?? min(1, 1 / current.norm) }

    private mutating func probe(_ step: Double) -> LinePoint {
        for i in direction.indices { trial.x[i] = current.x[i] + step * direction[i] }
        trial.value = objective.valueAndGradient(trial.x, &trial.gradient)
        return LinePoint(step: step, value: trial.value, slope: VectorMath.dot(trial.gradient, direction))
    }

    private mutating func adopt(_ point: LinePoint, threshold: Double) -> SolveStatus? {
        trial.norm = VectorMath.norm(trial.gradient)
        history.append(from: current.x, current.gradient, to: trial.x, trial.gradient)
        swap(&current, &trial)
        magnitude.include(point.value)
        iterations += 1
        if current.norm <= threshold { return .converged }
        if isImprovement(current) {
            best = current
            idle = 0
            return nil
        }
        idle += 1
        return idle == Self.patience ? .stagnated : nil
    }

    private func isImprovement(_ iterate: Iterate) -> Bool {
        let change = iterate.value - best.value
        if change < -magnitude.rounding { return true }
        return change <= magnitude.noise && iterate.norm < best.norm
    }
}

/// A decaying average of |f|, the scale of f's rounding errors; (4.1) of Hager & Zhang with Δ = 0.7.
private struct AverageMagnitude {
    private var average: Double
    private var weight = 1.0
    private let epsilon: Double

    init(_ value: Double, epsilon: Double) {
        average = value.magnitude
        self.epsilon = epsilon
    }

    mutating func include(_ value: Double) {
        weight = 1 + 0.7 * weight
        average += (value.magnitude - average) / weight
    }

    /// What the line search takes for rounding: sums that cancel lose more than their last digit.
    var noise: Double { max(1e-10, 32 * epsilon) * average }

    /// The few last digits that always are.
    var rounding: Double { 16 * epsilon * average }
}
