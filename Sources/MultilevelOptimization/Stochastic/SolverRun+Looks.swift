// Looks at all data while a method draws batches: reports, the best point, and what becomes of automatic steps.
import Solvers
import Tensors

extension SolverRun {
    /// Whether looks change steps.
    var isControlled: Bool { state.control?.isActive == true }

    /// After the iterations up to a report, to the end of a stage, or to a look at the world.
    func pause() -> RunEvent {
        guard var control = state.control else { preconditionFailure("methods on batches have it from the start") }
        let spacing = state.iteration < laterSpacing ? progressEvery : laterSpacing
        let isReport = state.iteration.isMultiple(of: spacing) || state.iteration == limits.iterations
        let isStage = control.isActive && state.iteration == control.next
        guard isReport || isStage else { return .silent }
        let (x, y, v) = isStage ? sampledAverages : sampledIterates
        let look = IterateEvaluator(oracle: oracle.reference).look(x: x, y: y, v: v)
        state.counts = oracle.counts
        let residual = residual(look.evaluation)
        rank(look, residual, &control)
        guard isStage else {
            state.control = control
            return report(look.evaluation)
        }
        control.next = state.iteration + control.stage
        let verdict = control.judge(look, residual: residual, start: state.startValue)
        state.control = control
        switch verdict {
        // A mean is a point that the iterates have to be brought to.
        case .good: settle(isReturn: hasAverage)
        case .poor: settle(isReturn: true)
        case .diverged:
            return diverged(by: state.iteration) {
                "the upper objective has risen out of its range by iteration \($0): give smaller steps"
            }
        }
        return isReport ? report(look.evaluation) : .silent
    }

    /// Iterations between reports from the first of this number on: where the document does not say, as many as a stage
    /// has, whose looks they share, so that measuring does not read more than it measures.
    var laterSpacing: Int {
        guard limits.progressEvery == nil, let stage = state.control?.stage else { return progressEvery }
        return max(stage, progressEvery)
    }

    /// Whether the stage that ends has summed points up.
    private var hasAverage: Bool {
        guard case .stochastic(let iterates) = state.method else { return false }
        return iterates.averagedFrom < state.iteration
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
        let isSolved =
            configuration.isConvergent && projectedNorm(look.evaluation) <= tolerance
            && look.evaluation.lowerResidual <= tolerance && (look.evaluation.linearResidual ?? 0) <= tolerance
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
        control.next = iteration + control.stage
        state.control = control
        state.iteration = iteration
        settle(isReturn: true)
        let origin = state.bestIteration == 0 ? "the start" : "the last good point"
        state.remarks.append(
            "the iterates diverged by iteration \(iteration): begun anew at \(origin) with automatic steps halved")
        return .silent
    }

    /// Settles automatic steps by the curvature at the last good point.
    ///
    /// - Parameter isReturn: whether the iterates return to that point.
    private func settle(isReturn: Bool) {
        guard let control = state.control else { return }
        let anchor = control.anchor
        let (curvature, counts) = batchCurvature.largest(anchor.x, anchor.y)
        oracle.add(counts)
        state.counts = oracle.counts
        switch (state.method, configuration.algorithm) {
        case (.soba(var iterates), .soba(let axes)):
            let steps = AutomaticSteps(configuration: axes.axes).steps(
                curvature: curvature, offset: iterates.lowerStep.offset, control: control)
            (iterates.lowerStep, iterates.upperStep) = (steps.lower, steps.upper)
            if isReturn {
                (iterates.x, iterates.y, iterates.v) = (anchor.x, anchor.y, anchor.v.map { -$0 })
                iterates.iteration = state.iteration
            }
            state.method = .soba(iterates)
        case (.stochastic(var iterates), .stochastic(let axes)):
            let steps = AutomaticSteps(configuration: axes).steps(
                curvature: curvature, offset: iterates.lowerStep.offset, control: control)
            if isReturn, let layout = stochastic?.layout {
                let (draws, penalty) = (iterates.draws, iterates.penalty)
                iterates = layout.state(
                    axes, x: anchor.x, y: anchor.y, v: anchor.v.map { -$0 }, penalty: penalty, steps)
                (iterates.iteration, iterates.begun, iterates.draws) = (state.iteration, state.iteration, draws)
                layout.remember(
                    x: anchor.hypergradient, y: control.anchorGradient, of: axes, in: &iterates)
            }
            (iterates.lowerStep, iterates.linearStep, iterates.upperStep) = (steps.lower, steps.linear, steps.upper)
            // The points of a map lag behind x, their mean the more; and the mean of points on faces lies on none of them.
            let isAveraged = control.isNoisy && problem.lower.isSmooth && problem.lower.fixedPoint == nil
            stochastic?.layout.average(
                from: isAveraged ? state.iteration + control.stage / 2 : .max, in: &iterates)
            state.method = .stochastic(iterates)
        case (.soba, _), (.stochastic, _), (.doubleLoop, _), (.nestedStochastic, _):
            preconditionFailure("a state of another method; reading it back checks that")
        }
    }
}

extension MethodConfiguration {
    /// Whether a run on batches may end by a tolerance: the noise of plain batches never falls.
    fileprivate var isConvergent: Bool {
        switch algorithm {
        case .stochastic: true
        case .soba, .doubleLoop, .nested, .nestedStochastic: false
        }
    }
}
