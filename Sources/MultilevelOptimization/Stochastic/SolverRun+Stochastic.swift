// Runs of methods on batches: as many iterations at a time as lie before the next look at the world; reports on all data;
// a new beginning with shorter steps where the iterates diverge and the steps were ours to choose.
import Solvers
import Tensors

extension SolverRun {
    /// Samples' evaluations between two looks at the stop check.
    private static let stride = 256
    /// New beginnings before a run counts as diverged.
    static let restartLimit = 20

    func advanceStochastic(upTo limit: Int?) -> RunEvent {
        guard let stepper = stochastic else {
            preconditionFailure("a state of another method; reading it back checks that")
        }
        if let reason = innerStop() { return stopped(by: reason) }
        var iterates = takeIterates()
        let report = min((state.iteration / progressEvery + 1) * progressEvery, limits.iterations)
        let stride = max(1, Self.stride / max(1, stepper.calls(at: max(iterates.iteration, 1))))
        let wanted = min(report, state.iteration + stride, max(limit ?? .max, state.iteration + 1))
        let count = affordable(stepper, from: iterates.iteration, wanted - state.iteration, reports: wanted == report)
        if count == 0 {
            state.method = .stochastic(iterates)
            return stopped(by: .oracleLimit)
        }
        let end = state.iteration + count
        stepper.advance(&iterates, by: count)
        oracle.add(stepper.oracle.takeCounts())
        state.counts = oracle.counts
        guard stepper.isFinite(iterates) else { return beginAnew(iterates, stepper, by: end) }
        state.iteration = end
        state.method = .stochastic(iterates)
        return end == report ? reportIterates(stepper) : .silent
    }

    /// The iterates, with nothing left in their place: what is held twice would be copied when it changes.
    private func takeIterates() -> StochasticState {
        guard case .stochastic(let iterates) = state.method else {
            preconditionFailure("a state of another method; reading it back checks that")
        }
        let steps = StochasticSteps(
            lower: iterates.lowerStep, linear: iterates.linearStep, upper: iterates.upperStep)
        state.method = .stochastic(StochasticState(memory: [], penalty: 0, steps: steps))
        return iterates
    }

    /// How many of `count` iterations the budget of oracle calls allows, the report after the last included.
    private func affordable(_ stepper: StochasticStepper, from t: Int, _ count: Int, reports: Bool) -> Int {
        guard let limit = limits.oracleCalls else { return count }
        var available = limit - state.counts.calls
        for index in 0..<count {
            available -= stepper.calls(at: t + index)
            if available < 0 { return index }
        }
        return reports && available < IterateEvaluator.calls ? count - 1 : count
    }

    private func reportIterates(_ stepper: StochasticStepper) -> RunEvent {
        guard case .stochastic(var iterates) = state.method else { return .silent }
        let now = stepper.iterates(iterates)
        let (evaluation, estimate) = IterateEvaluator.evaluate(x: now.x, y: now.y, v: now.v, oracle.reference)
        state.counts = oracle.counts
        if isRising(estimate, evaluation) { return beginAnew(takeIterates(), stepper, by: state.iteration) }
        var moved = evaluation.x
        VectorMath.add(-1, state.reportedPoint, to: &moved)
        state.reportedPoint = evaluation.x
        let isSolved =
            projectedNorm(evaluation) <= tolerance && evaluation.lowerResidual <= tolerance
            && (evaluation.linearResidual ?? 0) <= tolerance
        let residual = projectedNorm(evaluation) + evaluation.lowerResidual + (evaluation.linearResidual ?? 0)
        // Far from y*(x), f and its correction may lie below any F: a smaller value counts where it is surely smaller.
        let margin = evaluation.lowerResidual * VectorMath.norm(evaluation.v)
        if isSolved || residual <= iterates.bestResidual || estimate + margin < iterates.bestValue {
            state.best = evaluation
            state.bestIteration = state.iteration
            iterates.bestValue = estimate
            iterates.bestResidual = residual
            state.method = .stochastic(iterates)
        }
        if isSolved { state.termination = .converged }
        state.reported += 1
        return .progress(point(evaluation, step: VectorMath.norm(moved)))
    }

    /// Whether F has risen from the start by more than its own size, after more than one epoch.
    private func isRising(_ estimate: Double, _ evaluation: Evaluation) -> Bool {
        guard state.reported > 1, canShorten else { return false }
        if !estimate.isFinite || !evaluation.isFinite { return true }
        let fall = state.startValue - min(state.best.value, state.startValue)
        return estimate - state.startValue > 10 * max(state.startValue.magnitude, fall)
    }

    /// Whether steps are ours to shorten.
    private var canShorten: Bool {
        guard case .stochastic(let axes) = configuration.algorithm, case .stochastic(let iterates) = state.method else {
            return false
        }
        return (axes.lowerStep.isAutomatic || axes.upperStep.isAutomatic || axes.linearStep.isAutomatic)
            && iterates.restarts < Self.restartLimit
    }

    // MARK: - Divergence

    /// Begins at the start with automatic steps halved, or ends.
    private func beginAnew(_ iterates: StochasticState, _ stepper: StochasticStepper, by iteration: Int) -> RunEvent {
        guard case .stochastic(let axes) = configuration.algorithm else { return .ended(.diverged) }
        state.method = .stochastic(iterates)
        guard canShorten else {
            state.termination = .diverged
            state.remarks.append(
                Diagnosis.divergence(byIteration: iteration, of: stepper.blame(start(axes, iterates, 1))))
            oracle.add(stepper.oracle.takeCounts())
            state.counts = oracle.counts
            return .ended(.diverged)
        }
        var fresh = start(axes, iterates, 0.5)
        fresh.restarts = iterates.restarts + 1
        fresh.bestValue = iterates.bestValue
        fresh.bestResidual = iterates.bestResidual
        state.method = .stochastic(fresh)
        state.iteration = iteration
        state.remarks.append(
            "the iterates diverged by iteration \(iteration): begun anew with automatic steps halved")
        return .silent
    }

    /// The memory at the start, with automatic steps multiplied by `factor`.
    private func start(_ axes: StochasticConfiguration, _ iterates: StochasticState, _ factor: Double)
        -> StochasticState
    {
        func shortened(_ rule: StepRule, _ step: StepSchedule) -> StepSchedule {
            rule.isAutomatic ? step.scaled(by: factor) : step
        }
        var x = problem.upper.start
        problem.upper.constraint.project(&x)
        oracle.reference.setUpper(x)
        let steps = StochasticSteps(
            lower: shortened(axes.lowerStep, iterates.lowerStep),
            linear: shortened(axes.linearStep, iterates.linearStep),
            upper: shortened(axes.upperStep, iterates.upperStep))
        return StochasticStart.state(
            stochastic?.layout ?? StochasticPlan(problem, axes, seed: seed, given: nil).layout, axes, x: x,
            y: oracle.reference.coldStart(), steps)
    }
}

extension StochasticStepper {
    /// x, y and v of a state.
    func iterates(_ state: StochasticState) -> (x: [Double], y: [Double], v: [Double]) {
        func part(_ first: Int, _ count: Int) -> [Double] { Array(state.memory[first..<(first + count)]) }
        return (part(layout.x, layout.upper), part(layout.y, layout.lower), part(layout.v, layout.lower))
    }

    func isFinite(_ state: StochasticState) -> Bool {
        state.memory[..<(layout.v + layout.lower)].allSatisfy(\.isFinite)
    }

    /// Which quantity leaves its range while the upper variables stand still: y, v, or neither.
    func blame(_ start: StochasticState) -> DivergedQuantityOfBatches {
        var state = start
        state.upperStep = .constant(0)
        var steps: [Double] = []
        for _ in 0..<64 {
            let before = iterates(state)
            advance(&state, by: 1)
            let after = iterates(state)
            if !VectorMath.isFinite(after.y) { return .lower }
            if !VectorMath.isFinite(after.v) { return .linear }
            steps.append(VectorMath.norm(VectorMath.subtract(after.y, before.y)))
        }
        // Batches alone make steps longer or shorter by a small factor.
        return steps[steps.count - 1] <= 8 * steps[0] ? .upper : .lower
    }

    /// Oracle calls of iteration `t`.
    func calls(at t: Int) -> Int {
        switch configuration.hypergradient {
        case .penalty: return 3 * configuration.lowerSteps + 3
        case .implicit(.moving): return singleLoopCalls(at: t)
        case .implicit(.sgd(let terms, _)), .implicit(.neumann(let terms)):
            return doubleLoopCalls(at: t, terms: terms)
        case .implicit(.randomisedNeumann(let terms)):
            return doubleLoopCalls(at: t, terms: seriesLength(at: t, below: terms))
        }
    }

    private func singleLoopCalls(at t: Int) -> Int {
        switch configuration.estimator {
        case .sgd, .average: return 4
        case .storm: return t == 0 ? 4 : 6
        case .sarah: return t.isMultiple(of: period) ? 5 : 8
        case .saga(.zero): return 4
        case .saga(.full):
            guard t == 0 else { return 4 }
            func batches(_ use: SampleUse) -> Int { draws.sources(of: use).first?.slotCount ?? 1 }
            return 4 + 3 * batches(.lower) + batches(.upper)
        }
    }

    private func doubleLoopCalls(at t: Int, terms: Int) -> Int {
        // f, the terms of v, J.
        let hypergradient = terms + 2
        switch configuration.estimator {
        case .sgd, .saga, .average: return configuration.lowerSteps + hypergradient
        case .storm: return (t == 0 ? 1 : 2) * (1 + hypergradient)
        case .sarah:
            return 2 * configuration.lowerSteps * (1 + hypergradient) + (t.isMultiple(of: period) ? 6 + terms : 0)
        }
    }
}

/// What diverged, of a method on batches.
enum DivergedQuantityOfBatches {
    case lower
    case linear
    case upper
}

extension Diagnosis {
    /// What a run on batches ended for, and what to try.
    static func divergence(byIteration iteration: Int, of quantity: DivergedQuantityOfBatches) -> String {
        switch quantity {
        case .lower: "the lower variables diverged by iteration \(iteration): use a smaller lower_solver.step"
        case .linear: "the linear system diverged by iteration \(iteration): use a smaller linear_solver.step"
        case .upper: "the upper variables diverged by iteration \(iteration): use a smaller upper_step.step"
        }
    }
}

extension StochasticConfiguration {
    /// How often one iteration runs a piece, at the most; full passes not counted.
    func runs(of piece: SampledPiece) -> Int {
        let twice = usesTwoPoints ? 2 : 1
        switch hypergradient {
        case .penalty:
            switch piece {
            case .lowerGradient: return 2 * lowerSteps
            case .lowerGradients: return 2
            case .upper: return lowerSteps + 1
            case .hessian, .mixed, .directions: return 0
            }
        case .implicit(.moving):
            switch piece {
            case .directions: return isSARAH ? 2 : 1
            case .upper: return twice
            case .mixed: return 1
            case .lowerGradient, .lowerGradients, .hessian: return 0
            }
        case .implicit(.sgd(let terms, _)), .implicit(.neumann(let terms)), .implicit(.randomisedNeumann(let terms)):
            let times = twice * (isSARAH ? lowerSteps : 1)
            switch piece {
            case .lowerGradient: return twice * lowerSteps
            case .hessian: return times * terms
            case .mixed, .upper: return times
            case .lowerGradients, .directions: return 0
            }
        }
    }
}
