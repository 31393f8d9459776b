// Runs of steps on batches at every level: iterations up to a report, which solves all levels on all data from where the
// iterates stand, so that what is reported and ranked is F itself.
import Solvers
import Tensors

extension SolverRun {
    /// Iterations between two returns to the caller.
    private static let nestedStride = 16
    /// The largest Newton step of level 1 at which a look at all data counts as solved.
    private static let lookTolerance = 1e-10
    /// The part of |F| that F falls by between looks, at the least, while the levels below are followed closely enough.
    private static let stall = 1e-2
    /// Returns to the best point with halved automatic steps at the most.
    private static let retreatLimit = 20

    func advanceNestedStochastic(_ saved: NestedStochasticState, upTo limit: Int?) -> RunEvent {
        guard let stepper = nestedStochastic else {
            preconditionFailure("a state of another method; reading it back checks that")
        }
        var iterates = saved
        let report = min((state.iteration / progressEvery + 1) * progressEvery, limits.iterations)
        let end = min(report, state.iteration + Self.nestedStride, max(limit ?? .max, state.iteration + 1))
        while state.iteration < end {
            if let reason = innerStop() { return stopped(by: reason) }
            stepper.advance(&iterates)
            let spent = stepper.takeCounts()
            oracle.add(spent.total)
            oracle.add(spent.byLevel, [])
            if limits.areExceeded(oracle.counts) { return stopped(by: .oracleLimit) }
            if let level = stepper.diverged(iterates) { return retreat(iterates, level) }
            // An iteration and its report are one: a run that is taken up again has both or neither.
            if state.iteration + 1 == report { return look(iterates) }
            state.iteration += 1
            keepCounts()
            state.method = .nestedStochastic(iterates)
        }
        return .silent
    }

    private func look(_ iterates: NestedStochasticState) -> RunEvent {
        let stop = innerStop
        var iterates = iterates
        let found = oracle.reference.evaluateNested(
            at: iterates.points[0], from: iterates.responses, tolerance: Self.lookTolerance, stop: stop)
        guard let evaluation = found else { return stopped(by: stop() ?? .userStop) }
        if limits.areExceeded(oracle.counts) { return stopped(by: .oracleLimit) }
        guard evaluation.isUsable else { return retreat(iterates, 0) }
        state.iteration += 1
        keepCounts()
        if !(evaluation.value < iterates.lastValue - Self.stall * abs(iterates.lastValue)) {
            for index in iterates.steps.indices where iterates.steps[index] < NestedStochasticConfiguration.stepLimit {
                iterates.steps[index] += 1
            }
        }
        iterates.lastValue = evaluation.value
        state.method = .nestedStochastic(iterates)
        let norm = projectedNorm(evaluation)
        for remark in evaluation.remarks where !state.remarks.contains(remark) { state.remarks.append(remark) }
        if norm <= tolerance
            || StepControl.isBetter(evaluation.value, norm, than: state.best.value, projectedNorm(state.best))
        {
            state.best = evaluation
            state.bestIteration = state.iteration
        }
        if norm <= tolerance { state.termination = .converged }
        return report(evaluation)
    }

    /// Returns to the best point with automatic steps halved, or ends the run.
    private func retreat(_ iterates: NestedStochasticState, _ level: Int) -> RunEvent {
        keepCounts()
        let name = problem.levels[level].name
        let iteration = state.iteration + 1
        let retreats = state.remarks.count { $0.hasPrefix(Self.retreatWords) }
        guard case .nestedStochastic(let axes) = configuration.algorithm, axes.hasAutomaticSteps,
            retreats < Self.retreatLimit
        else {
            state.termination = .diverged
            let field = level == 0 ? "upper_step.step" : "solver.step of its entry in levels, or lower_solver.step"
            state.remarks.append(
                "the steps of level \(name) diverged by iteration \(iteration): use a smaller \(field); its objective "
                    + "may have no \(problem.levels[level].extremum)")
            return .ended(.diverged)
        }
        var begun = iterates
        begun.points = [state.best.x] + problem.cutResponses(state.best.y)
        begun.schedules = begun.schedules.map { $0.scaled(by: 0.5) }
        begun.upper = begun.upper.scaled(by: 0.5)
        begun.trial *= 0.5
        state.method = .nestedStochastic(begun)
        state.iteration = iteration
        state.remarks.append(
            "\(Self.retreatWords)\(name) diverged by iteration \(iteration): begun anew at the best point with automatic "
                + "steps halved")
        if iteration >= limits.iterations { state.termination = .iterationLimit }
        return .silent
    }

    private static let retreatWords = "the steps of level "
}

extension NestedStochasticConfiguration {
    /// Whether a step is ours to choose.
    var hasAutomaticSteps: Bool {
        let isUpper =
            switch upper {
            case .schedule(let rule): rule.isAutomatic
            case .lineSearch: true
            }
        return isUpper || levels.contains { $0.step.isAutomatic }
    }
}
