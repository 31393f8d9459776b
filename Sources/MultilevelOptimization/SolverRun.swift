// One run from start to result: iterations, progress points, termination, the best point, the state between steps.
import Solvers
import Tensors

/// What a reader of a run's progress sees.
package struct ProgressPoint: Sendable, Equatable {
    package let iteration: Int
    /// f(y, x), in the user's sign.
    package let upperObjective: Double
    /// ‖projected hypergradient‖₂.
    package let hypergradientNorm: Double
    package let lowerResidual: Double
    package let linearResidual: Double?
    /// The length of the upper step that led here; `nil` at the start.
    package let step: Double?
    package let counts: OracleCounts
    package let x: [Double]
    /// At the start only: the whole hypergradient, by the reference evaluation, in the user's sign.
    package let hypergradient: [Double]?
    /// Of methods for any number of levels, those below the outermost.
    package let levels: [LevelProgress]
}

/// What one call to ``SolverRun/advance()`` did.
package enum RunEvent: Sendable, Equatable {
    case progress(ProgressPoint)
    /// Iterations were made whose points are not to be reported.
    case silent
    /// The run has ended by itself, or at a limit.
    case ended(Termination)
    /// The process wants to end; the state is that of the last complete iteration.
    case suspended
}

/// Solves a checked problem by a settled method, one iteration at a time.
///
/// Nothing here knows the time: limits on it come in through the stop check, and decide only where a run ends.
package final class SolverRun {
    private let layout: RowLayout
    package let configuration: MethodConfiguration
    package let limits: RunLimits
    package let seed: UInt64
    /// The state after the last complete iteration.
    package internal(set) var state: SolverState
    /// The problem, with its rows laid out for the method.
    package var problem: MultilevelProblem { layout.problem }

    let oracle: BilevelOracle
    let soba: SOBAStepper?
    let stochastic: StochasticStepper?
    let nestedStochastic: NestedStochasticStepper?
    let progressEvery: Int
    /// For automatic steps on batches; compiled when it is first asked for.
    lazy var batchCurvature = BatchCurvature(problem, seed: seed)
    private let externalStop: StopCheck
    /// Halvings of an estimated step in one iteration, after which something else makes the lower level diverge.
    private static let backOffLimit = 30

    private init(
        _ layout: RowLayout, _ configuration: MethodConfiguration, limits: RunLimits, seed: UInt64,
        draws: SOBADraws?, state: SolverState, oracle: BilevelOracle, stop: @escaping StopCheck
    ) {
        self.layout = layout
        self.configuration = configuration
        self.limits = limits
        self.seed = seed
        self.state = state
        self.oracle = oracle
        externalStop = stop
        switch configuration.algorithm {
        case .doubleLoop, .nested:
            soba = nil
            stochastic = nil
            nestedStochastic = nil
            progressEvery = limits.progressEvery ?? 1
        case .soba:
            let draws = draws ?? .seeded(layout.problem, seed: seed)
            soba = SOBAStepper(layout.problem, draws: draws)
            stochastic = nil
            nestedStochastic = nil
            progressEvery = limits.progressEvery ?? draws.epochLength
        case .stochastic(let axes):
            soba = nil
            let stepper = StochasticStepper(
                layout.problem, axes, seed: seed, given: draws, full: oracle.reference)
            stochastic = stepper
            nestedStochastic = nil
            progressEvery = limits.progressEvery ?? stepper.epochLength
        case .nestedStochastic(let axes):
            soba = nil
            stochastic = nil
            let stepper = NestedStochasticStepper(layout.problem, axes, seed: seed)
            nestedStochastic = stepper
            progressEvery = limits.progressEvery ?? stepper.epochLength
        }
    }

    /// Evaluates the start; `nil` when stopped before that is done.
    ///
    /// - Parameters:
    ///   - draws: given draws, for comparisons step by step; `nil` for seeded epochs.
    ///   - stopwatch: for reports of seconds by level; `nil` without such reports.
    package static func begin(
        _ problem: MultilevelProblem, _ configuration: MethodConfiguration, limits: RunLimits, seed: UInt64,
        draws: SOBADraws? = nil, stopwatch: Stopwatch? = nil, stop: @escaping StopCheck
    ) -> (run: SolverRun, start: ProgressPoint)? {
        let layout = RowLayout(problem, configuration, seed: seed, draws: draws)
        let oracle = BilevelOracle(layout.problem)
        oracle.stopwatch = stopwatch
        guard
            let start = RunStart(
                layout.problem, configuration, oracle, seed: seed, draws: draws, stop: stop)
        else { return nil }
        let run = SolverRun(
            layout, configuration, limits: limits, seed: seed, draws: draws, state: start.state,
            oracle: oracle, stop: stop)
        let reference = start.reference
        let point = ProgressPoint(
            iteration: 0, upperObjective: run.sign * reference.value,
            hypergradientNorm: reference.isFinite ? start.state.startNorm : .nan,
            lowerResidual: reference.lowerResidual, linearResidual: reference.linearResidual, step: nil,
            counts: start.state.counts, x: run.restoredUpper(reference.x),
            hypergradient: run.restoredUpper(reference.hypergradient.map { run.sign * $0 }),
            levels: run.levelProgress(reference))
        return (run, point)
    }

    /// Continues from a state that the same problem, method and seed produced.
    package static func resume(
        _ state: SolverState, _ problem: MultilevelProblem, _ configuration: MethodConfiguration, limits: RunLimits,
        seed: UInt64, draws: SOBADraws? = nil, stopwatch: Stopwatch? = nil, stop: @escaping StopCheck
    ) -> SolverRun {
        let layout = RowLayout(problem, configuration, seed: seed, draws: draws)
        let oracle = BilevelOracle(layout.problem)
        oracle.resumeCounts(state.counts, levels: state.levelCounts)
        oracle.stopwatch = stopwatch
        return SolverRun(
            layout, configuration, limits: limits, seed: seed, draws: draws, state: state, oracle: oracle,
            stop: stop)
    }

    /// From the minimised upper objective to the user's.
    package var sign: Double { problem.upper.sense.sign }

    /// The norm at which the run has converged.
    package var tolerance: Double {
        limits.hypergradientTolerance ?? problem.precision.defaultTolerance * max(1, state.startNorm)
    }

    /// A vector of the outermost level, and one of the innermost, with their entries where the document has them.
    func restoredUpper(_ x: [Double]) -> [Double] { layout.restored(x, level: 0) }
    func restoredLower(_ y: [Double]) -> [Double] { layout.restored(y, level: problem.levels.count - 1) }

    // MARK: - Advancing

    /// Makes the next iteration; methods that draw batches make as many as lie before the next progress point, the
    /// next look at the stop check, or `limit`.
    package func advance(upTo limit: Int? = nil) -> RunEvent {
        if let ended = state.termination { return .ended(ended) }
        if let ended = checkEnd() {
            state.termination = ended
            return .ended(ended)
        }
        if let reason = externalStop() { return stopped(by: reason) }
        switch state.method {
        case .doubleLoop(let stepper, let evaluation): return advanceDoubleLoop(stepper, evaluation)
        case .soba(let iterates): return advanceSOBA(iterates, upTo: limit)
        case .stochastic: return advanceStochastic(upTo: limit)
        case .nestedStochastic(let iterates): return advanceNestedStochastic(iterates, upTo: limit)
        }
    }

    /// Whether the present point is final.
    func checkEnd() -> Termination? {
        if case .doubleLoop(_, let evaluation) = state.method, configuration.convergesByNorm,
            projectedNorm(evaluation) <= tolerance
        {
            // The point that meets the tolerance is the answer, whatever the last digits of the values say.
            state.best = evaluation
            state.bestIteration = state.iteration
            return .converged
        }
        if state.iteration >= limits.iterations { return .iterationLimit }
        return limits.areSpent(state.counts) ? .oracleLimit : nil
    }

    func stopped(by reason: StopReason) -> RunEvent {
        oracle.resumeCounts(state.counts, levels: state.levelCounts)
        switch reason {
        case .suspension: return .suspended
        case .timeLimit: state.termination = .timeLimit
        case .oracleLimit: state.termination = .oracleLimit
        case .userStop: state.termination = .userStop
        }
        return .ended(state.termination ?? .userStop)
    }

    /// The stop check for inner loops: what was asked from outside, and the budget of oracle calls.
    var innerStop: StopCheck {
        let oracle = oracle
        let limits = limits
        let external = externalStop
        return {
            if let reason = external() { return reason }
            return limits.areSpent(oracle.counts) ? .oracleLimit : nil
        }
    }

    /// Whether the evaluations made since the last complete iteration exceed the budget, so that they do not count.
    private var isOverBudget: Bool { limits.areExceeded(oracle.counts) }

    func projectedNorm(_ evaluation: Evaluation) -> Double {
        problem.upper.constraint.projectedGradientNorm(at: evaluation.x, gradient: evaluation.hypergradient)
    }

    // MARK: - Double loop

    private func advanceDoubleLoop(_ saved: UpperStepState, _ current: Evaluation) -> RunEvent {
        let stop = innerStop
        var evaluator = RunEvaluator(
            configuration.algorithm, oracle, estimatedStep: state.estimatedStep, jointStep: state.estimatedJointStep,
            seed: seed, stop: stop)
        // Part of the state only once the iteration is complete.
        var (step, halvings) = (state.estimatedStep, 0)
        guard let upper = evaluator.upper(at: state.iteration),
            var stepper = UpperStepper(
                resuming: saved, upper, set: problem.upper.constraint, problem.precision, seed: seed)
        else { preconditionFailure("a state of another method; reading it back checks that") }
        while true {
            let found = evaluator.evaluate(
                at: stepper.propose(), after: current, iteration: state.iteration + 1,
                isFinal: { self.configuration.convergesByNorm && self.projectedNorm($0) <= self.tolerance })
            guard let evaluation = found else { return stopped(by: stop() ?? .userStop) }
            if isOverBudget { return stopped(by: .oracleLimit) }
            if evaluation.isLowerStepTooLong, let long = step, halvings < Self.backOffLimit {
                halvings += 1
                step = 0.5 * long
                evaluator = RunEvaluator(
                    configuration.algorithm, oracle, estimatedStep: step, jointStep: state.estimatedJointStep,
                    seed: seed,
                    stop: stop)
                continue
            }
            // A step that searches goes back from numbers that mean nothing; one that does not ends here.
            let value = evaluation.isUsable ? evaluation.value : .nan
            switch stepper.receive(value: value, gradient: evaluation.hypergradient) {
            case .rejected: continue
            case .accepted:
                if let step, halvings > 0 {
                    state.estimatedStep = step
                    state.remarks.append(
                        "the lower level diverged in iteration \(state.iteration + 1): the automatic step was halved "
                            + "to \(step)")
                }
                return accept(evaluation, stepper.state, from: current)
            case .stopped(let status):
                if status.isDivergence, let restarted = restart(stop) { return restarted }
                return end(status, evaluation, after: current)
            }
        }
    }

    /// Begins anew at the start with half the step, where one step from the curvature there moves both levels and was
    /// too long further on: by the time that it shows, neither level's point is of any use. `nil` where there is none.
    private func restart(_ stop: @escaping StopCheck) -> RunEvent? {
        guard case .doubleLoop(let axes) = configuration.algorithm, axes.upper == .joint,
            let long = state.estimatedJointStep, state.remarks.count < Self.backOffLimit
        else { return nil }
        var x = problem.upper.start
        problem.upper.constraint.project(&x)
        let iteration = state.iteration + 1
        let shorter = state.estimatedStep.map { 0.5 * $0 }
        let evaluator = RunEvaluator(
            configuration.algorithm, oracle, estimatedStep: shorter, jointStep: 0.5 * long, seed: seed, stop: stop)
        guard let evaluation = evaluator.evaluate(at: x, after: nil, iteration: iteration), !isOverBudget,
            let upper = evaluator.upper(at: iteration), evaluation.isUsable
        else { return nil }
        var stepper = UpperStepper(
            upper, start: x, set: problem.upper.constraint, problem.precision, seed: seed)
        guard stepper.receive(value: evaluation.value, gradient: evaluation.hypergradient) == .accepted else {
            return nil
        }
        state.estimatedStep = shorter
        state.estimatedJointStep = 0.5 * long
        state.remarks.append(
            "the iterates diverged in iteration \(iteration): begun anew with the automatic step halved to \(0.5 * long)"
        )
        return accept(evaluation, stepper.state, from: evaluation)
    }

    private func accept(_ evaluation: Evaluation, _ stepper: UpperStepState, from previous: Evaluation) -> RunEvent {
        state.iteration += 1
        keepCounts()
        state.method = .doubleLoop(stepper, evaluation)
        note(evaluation)
        if isImprovement(evaluation) {
            state.best = evaluation
            state.bestIteration = state.iteration
        }
        if let ended = checkEnd() { state.termination = ended }
        if configuration.searchesUpperStep, let remark = Diagnosis.escape(evaluation.x, of: problem.upper) {
            state.termination = .diverged
            state.remarks.append(remark)
        }
        guard state.iteration.isMultiple(of: progressEvery) || state.termination != nil else { return .silent }
        var length = evaluation.x
        VectorMath.add(-1, previous.x, to: &length)
        state.reported += 1
        return .progress(point(evaluation, step: VectorMath.norm(length)))
    }

    /// Whether an evaluation is better than the best so far. Where the lower level is followed and not solved, its value
    /// says little while the level is far from solved: then what is solved better by far counts as better.
    private func isImprovement(_ evaluation: Evaluation) -> Bool {
        // Values that rounding cannot tell apart leave the later point, which is the better solved one.
        let margin = problem.precision.indistinguishable * state.best.value.magnitude
        let isLower = evaluation.value <= state.best.value + margin
        guard configuration.followsLowerLevel else { return isLower }
        return isLower || evaluation.lowerResidual < Self.residualRatio * state.best.lowerResidual
    }

    /// Lower residuals further apart than this tell points apart by themselves.
    private static let residualRatio = 0.1

    private func end(_ status: SolveStatus, _ evaluation: Evaluation, after previous: Evaluation) -> RunEvent {
        keepCounts()
        switch status {
        case .diverged:
            // A search that went back as far as it can has its point, on the edge of where the levels below are solved.
            state.termination =
                !evaluation.isInfeasible ? .diverged : configuration.searchesUpperStep ? .stalled : .infeasible
            let growth = state.startNorm > 0 ? projectedNorm(previous) / state.startNorm : 1
            if evaluation.isInfeasible, state.remarks.contains(where: { evaluation.explains($0) }) { break }
            remark(
                Diagnosis.divergence(
                    evaluation, after: previous, growth: growth, "in iteration \(state.iteration + 1)", problem))
        case .converged, .iterationLimit, .stagnated, .indefinite, .interrupted: state.termination = .stalled
        }
        return .ended(state.termination ?? .stalled)
    }

    /// Remembers, once each, what makes the numbers less than they should be.
    private func note(_ evaluation: Evaluation) {
        for sentence in Diagnosis.remarks(evaluation) { remark(sentence) }
    }

    private func remark(_ sentence: String) {
        if !state.remarks.contains(where: { Diagnosis.isSame($0, sentence) }) { state.remarks.append(sentence) }
    }

    func point(_ evaluation: Evaluation, step: Double?) -> ProgressPoint {
        ProgressPoint(
            iteration: state.iteration, upperObjective: sign * evaluation.value,
            hypergradientNorm: projectedNorm(evaluation), lowerResidual: evaluation.lowerResidual,
            linearResidual: evaluation.linearResidual, step: step, counts: state.counts,
            x: restoredUpper(evaluation.x),
            hypergradient: nil, levels: levelProgress(evaluation))
    }

    /// The counts of the oracle as those of the state.
    func keepCounts() {
        state.counts = oracle.counts
        state.levelCounts = oracle.levelCounts
    }

    /// The levels below the outermost, of methods for any number of them.
    func levelProgress(_ evaluation: Evaluation) -> [LevelProgress] {
        guard configuration.responses != nil else { return [] }
        let seconds = oracle.levelSeconds
        return zip(problem.responding.indices, evaluation.levels).map { index, residual in
            LevelProgress(
                name: problem.levels[index].name, residual: residual,
                counts: state.levelCounts.isEmpty ? LevelCounts() : state.levelCounts[index],
                seconds: seconds.isEmpty ? nil : seconds[index])
        }
    }
}
