// Looks at all data while a method draws batches: reports, the best point, and what becomes of automatic steps.
import Solvers
import Tensors

extension SolverRun {
    /// Whether looks change steps.
    var isControlled: Bool { state.control?.isActive == true }

    /// After the iterations up to a report, to the end of a stage, or to a look at the world.
    func pause() -> RunEvent {
        guard var control = state.control else { preconditionFailure("methods on batches have it from the start") }
        let isStage = control.isActive && state.iteration == control.next
        let isReport = isStage && reportsStages || state.iteration == reportDue
        guard isReport || isStage else { return .silent }
        let (x, y, v) = isStage ? sampledAverages : sampledIterates
        let depth = isStage ? adaptiveDepth(control) : .fixed
        let before = oracle.counts.samples
        var evaluator = IterateEvaluator(oracle: oracle.reference, depth: depth, pairs: control.pairs)
        let look = evaluator.look(x: x, y: y, v: v)
        if isStage, look.isFinite, control.isDoubtful(beside: look), hasCalls(IterateEvaluator.callLimit(problem)) {
            let anchor = control.anchor
            control.correct(by: evaluator.look(x: anchor.x, y: anchor.y, v: anchor.v.map { -$0 }))
        }
        control.pairs = evaluator.pairs
        state.counts = oracle.counts
        let residual = residual(look.evaluation)
        rank(look, residual, &control)
        guard isStage else {
            state.control = control
            return report(look.evaluation)
        }
        control.lookSamples = state.counts.samples - before
        let value = control.anchorValue
        let verdict = control.judge(look, residual: residual, start: state.startValue, iterations: control.length)
        control.length = stageLength(control)
        control.next = state.iteration + control.length
        let gain = max(0, value - control.anchorValue) / Double(StepControl.looksOfStage * control.lookSamples)
        let hasLeapt = verdict != .diverged && leaps(&control, beside: gain)
        state.control = control
        switch verdict {
        case .good, .poor: settle(hasLeapt ? .poor : verdict)
        case .diverged:
            return diverged(by: state.iteration) {
                "the upper objective has risen out of its range by iteration \($0): give smaller steps"
            }
        }
        return isReport ? report(look.evaluation) : .silent
    }

    private func adaptiveDepth(_ control: StepControl) -> LookDepth {
        .adaptive(step: AutomaticSteps.longest(control.curvature), value: control.anchorValue)
    }

    /// Leaps from the last good point, again while each gains more on F for what it reads than the stage has; and whether
    /// the run goes on from elsewhere.
    private func leaps(_ control: inout StepControl, beside gain: Double) -> Bool {
        for count in 0..<StepControl.leapLimit {
            let (value, samples) = (control.anchorValue, state.counts.samples)
            guard leaps(&control) else { return count > 0 }
            if (value - control.anchorValue) / Double(state.counts.samples - samples) <= gain { break }
        }
        return true
    }

    /// Looks where a quasi-Newton step leads from the last good point, and whether the run goes on from there.
    private func leaps(_ control: inout StepControl) -> Bool {
        guard configuration.sampledAxes?.upperStep.isAutomatic == true, problem.lower.fixedPoint == nil,
            state.termination == nil, !limits.areSpent(state.counts), hasCalls(IterateEvaluator.callLimit(problem)),
            let x = control.leap(in: problem.upper.constraint)
        else { return false }
        var evaluator = IterateEvaluator(
            oracle: oracle.reference, depth: adaptiveDepth(control), pairs: control.pairs)
        var look = evaluator.look(x: x, y: control.anchor.y, v: control.anchor.v.map { -$0 })
        // The iterates go on from where this look has found them.
        look.evaluation.lowerResidual = look.residual
        look.evaluation.linearResidual = look.linearResidual
        control.pairs = evaluator.pairs
        state.counts = oracle.counts
        let norms = (there: projectedNorm(look.evaluation), here: projectedNorm(control.anchor))
        guard control.accept(look, norm: norms) else { return false }
        rank(look, residual(look.evaluation), &control)
        return true
    }

    /// Whether that many calls, and a measurement of curvature, are left.
    private func hasCalls(_ count: Int) -> Bool {
        guard let budget = limits.oracleCalls else { return true }
        return budget - state.counts.calls >= count + BatchCurvature.calls
    }

    /// Whether the looks of stages are reports: where the document does not say how far apart these are, so that measuring
    /// does not read more than it measures.
    private var reportsStages: Bool { limits.progressEvery == nil && isControlled }

    /// The iteration of the next report that is not the end of a stage; of the last iteration at the latest. Without a wish
    /// they are an epoch apart up to the first stage, and a stage where steps are given.
    var nextReport: Int { report(after: state.iteration) }

    /// The iteration of the report that is due by now.
    private var reportDue: Int { report(after: state.iteration - 1) }

    private func report(after iteration: Int) -> Int {
        guard let stage = state.control?.stage, limits.progressEvery == nil else {
            return min((iteration / progressEvery + 1) * progressEvery, limits.iterations)
        }
        let early = (iteration / progressEvery + 1) * progressEvery
        if early < stage { return min(early, limits.iterations) }
        if isControlled { return limits.iterations }
        let spacing = max(stage, progressEvery)
        return min(max((iteration / spacing + 1) * spacing, 0), limits.iterations)
    }

    /// Iterations up to the next look at steps.
    private func stageLength(_ control: StepControl) -> Int {
        guard let axes = configuration.sampledAxes, control.lookSamples > 0 else { return control.stage }
        return axes.stage(problem, from: state.iteration, samples: control.lookSamples)
    }

    private var sampledAverages: (x: [Double], y: [Double], v: [Double]) {
        guard case .stochastic(let iterates) = state.method, let stochastic else { return sampledIterates }
        return stochastic.averages(iterates)
    }

    private var sampledIterates: (x: [Double], y: [Double], v: [Double]) {
        switch (state.method, stochastic) {
        case (.soba(let iterates), _): return (iterates.x, iterates.y, iterates.v)
        case (.stochastic(let iterates), let stepper?): return stepper.iterates(iterates)
        case (.stochastic, nil), (.doubleLoop, _), (.nestedStochastic, _):
            preconditionFailure("looks are of methods on batches")
        }
    }

    /// ‖P(x − h) − x‖ + ‖g_y‖ + ‖Hv + f_y‖.
    private func residual(_ evaluation: Evaluation) -> Double {
        projectedNorm(evaluation) + evaluation.lowerResidual + (evaluation.linearResidual ?? 0)
    }

    /// Remembers the best point.
    private func rank(_ look: IterateLook, _ residual: Double, _ control: inout StepControl) {
        // Automatic steps may have led to where F is flat and larger.
        let isSolved =
            configuration.isConvergent && projectedNorm(look.evaluation) <= tolerance
            && look.evaluation.lowerResidual <= tolerance && (look.evaluation.linearResidual ?? 0) <= tolerance
            && !(isControlled && look.estimate > control.bestValue + 1e-6 * max(1, control.bestValue.magnitude))
        guard
            look.isFinite,
            isSolved
                || StepControl.isBetter(look.estimate, residual, than: control.bestValue, control.bestResidual)
        else { return }
        state.best = look.evaluation
        state.best.lowerResidual = look.residual
        state.bestIteration = state.iteration
        control.bestValue = look.estimate
        control.bestResidual = residual
        if isSolved { state.termination = .converged }
    }

    func report(_ evaluation: Evaluation) -> RunEvent {
        let moved = VectorMath.subtract(evaluation.x, state.reportedPoint)
        state.reportedPoint = evaluation.x
        state.reported += 1
        return .progress(point(evaluation, step: VectorMath.norm(moved)))
    }

    // MARK: - Steps

    /// Ends the run, or returns to the last good point with automatic steps halved.
    ///
    /// - Parameter diagnosis: what to say of the end, given the iteration.
    func diverged(by iteration: Int, diagnosis: (Int) -> String) -> RunEvent {
        guard var control = state.control, control.isActive, control.divergences < StepControl.divergenceLimit else {
            state.termination = .diverged
            state.remarks.append(diagnosis(iteration))
            if let stochastic { oracle.add(stochastic.oracle.takeCounts()) }
            state.counts = oracle.counts
            return .ended(.diverged)
        }
        control.retreat()
        control.length = stageLength(control)
        control.next = iteration + control.length
        state.control = control
        state.iteration = iteration
        settle(.diverged)
        let origin = state.bestIteration == 0 ? "the start" : "the last good point"
        state.remarks.append(
            "the iterates diverged by iteration \(iteration): begun anew at \(origin) with automatic steps halved")
        return .silent
    }

    /// Settles automatic steps by the curvature at the last good point, and brings the iterates to it: y and v to where the
    /// look has found them, which is nearer to y*(x) and −H⁻¹ f_y than noise and lag leave them.
    private func settle(_ verdict: StageVerdict) {
        guard var control = state.control else { return }
        let anchor = control.anchor
        let (curvature, counts) = batchCurvature.largest(anchor.x, anchor.y)
        oracle.add(counts)
        state.counts = oracle.counts
        control.curvature = curvature
        state.control = control
        switch (state.method, configuration.algorithm) {
        case (.soba(var iterates), .soba(let axes)):
            let steps = AutomaticSteps(configuration: axes.axes).steps(
                curvature: curvature, offset: iterates.lowerStep.offset, control: control)
            (iterates.lowerStep, iterates.upperStep) = (steps.lower, steps.upper)
            (iterates.x, iterates.y, iterates.v) = (anchor.x, anchor.y, anchor.v.map { -$0 })
            iterates.iteration = state.iteration
            state.method = .soba(iterates)
        case (.stochastic(var iterates), .stochastic(let axes)):
            let steps = AutomaticSteps(configuration: axes).steps(
                curvature: curvature, offset: iterates.lowerStep.offset, control: control)
            if let layout = stochastic?.layout {
                let v = anchor.v.map { -$0 }
                if verdict == .good && layout.tables != nil {
                    // Tables stay true nearby.
                    layout.move(y: anchor.y, v: v, in: &iterates)
                } else {
                    let (draws, penalty) = (iterates.draws, iterates.penalty)
                    iterates = layout.state(
                        axes, x: anchor.x, y: anchor.y, v: v, gradient: control.anchorGradient, penalty: penalty, steps)
                    (iterates.iteration, iterates.begun, iterates.draws) = (state.iteration, state.iteration, draws)
                    layout.remember(
                        x: anchor.hypergradient, y: control.anchorGradient, of: axes, in: &iterates)
                }
            }
            (iterates.lowerStep, iterates.linearStep, iterates.upperStep) = (steps.lower, steps.linear, steps.upper)
            // The points of a map lag behind x, their mean the more; and the mean of points on faces lies on none of them.
            let isAveraged = control.isNoisy && problem.lower.isSmooth && problem.lower.fixedPoint == nil
            stochastic?.layout.average(
                from: isAveraged ? (state.iteration + control.next + 1) / 2 : .max, in: &iterates)
            state.method = .stochastic(iterates)
        case (.soba, _), (.stochastic, _), (.doubleLoop, _), (.nestedStochastic, _):
            preconditionFailure("a state of another method; reading it back checks that")
        }
    }
}

extension MethodConfiguration {
    /// The choices of a method on batches of two levels.
    fileprivate var sampledAxes: StochasticConfiguration? {
        switch algorithm {
        case .soba(let axes): axes.axes
        case .stochastic(let axes): axes
        case .doubleLoop, .nested, .nestedStochastic: nil
        }
    }

    /// Whether a run on batches may end by a tolerance: the noise of plain batches never falls.
    fileprivate var isConvergent: Bool {
        switch algorithm {
        case .stochastic: true
        case .soba, .doubleLoop, .nested, .nestedStochastic: false
        }
    }
}
