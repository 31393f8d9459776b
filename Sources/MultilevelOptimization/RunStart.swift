// What happens before the first iteration: the exact report of the start, and everything that is settled once.
import Solvers
import Tensors

/// The start of a run.
struct RunStart {
    let state: SolverState
    /// F and the full hypergradient at the start, by the reference evaluation, whatever the method.
    let reference: Evaluation

    /// Evaluates the start and settles estimated steps; `nil` when stopped.
    init?(
        _ problem: MultilevelProblem, _ configuration: MethodConfiguration, _ oracle: BilevelOracle, seed: UInt64,
        draws: SOBADraws?, stop: @escaping StopCheck
    ) {
        var x = problem.upper.start
        problem.upper.constraint.project(&x)
        oracle.setUpper(x)
        let y = oracle.coldStart()
        guard let exact = ReferenceEvaluator(oracle: oracle.reference, stop: stop).evaluate(at: x, from: y) else {
            return nil
        }
        var norm = problem.upper.constraint.projectedGradientNorm(at: x, gradient: exact.hypergradient)
        let method: MethodState
        var control: StepControl?
        var best = exact
        var (estimatedStep, jointStep): (Double?, Double?)
        switch configuration.algorithm {
        case .doubleLoop(let axes):
            (estimatedStep, jointStep) = axes.estimatedSteps(oracle, x: x, y: y, seed: seed)
            let evaluator = HypergradientEvaluator(
                oracle: oracle, configuration: axes, estimatedStep: estimatedStep, jointStep: jointStep, stop: stop,
                seed: seed)
            guard let first = evaluator.evaluate(at: x, after: nil) else { return nil }
            best = first
            var stepper = UpperStepper(
                axes.upperStep(jointStep, at: 0), start: x, set: problem.upper.constraint, problem.precision,
                seed: seed)
            _ = stepper.receive(value: first.value, gradient: first.hypergradient)
            method = .doubleLoop(stepper.state, first)
        case .nested(let axes):
            let evaluator = RunEvaluator(.nested(axes), oracle, estimatedStep: nil, seed: seed, stop: stop)
            guard let first = evaluator.evaluate(at: x, after: nil, iteration: 0) else { return nil }
            best = first
            var stepper = UpperStepper(
                axes.upper, start: x, set: problem.upper.constraint, problem.precision, seed: seed)
            _ = stepper.receive(value: first.value, gradient: first.hypergradient)
            method = .doubleLoop(stepper.state, first)
        case .soba(let axes):
            let survey = StochasticStart(
                problem: problem, configuration: axes.axes, oracle: oracle.reference, seed: seed, stop: stop)
            guard let settled = survey.settle(exact, norm: norm) else { return nil }
            let begun = survey.point(y, exact)
            method = .soba(
                SOBAState(
                    x: x, y: begun.y, v: begun.v, lowerStep: settled.steps.lower, upperStep: settled.steps.upper))
            control = settled.control
        case .stochastic(let axes):
            let survey = StochasticStart(
                problem: problem, configuration: axes, oracle: oracle.reference, seed: seed, stop: stop)
            guard let settled = survey.settle(exact, norm: norm) else { return nil }
            let begun = survey.point(y, exact)
            let layout = StochasticPlan(problem, axes, seed: seed, given: draws).layout
            var memory = layout.state(
                axes, x: x, y: begun.y, v: begun.v, gradient: settled.control.anchorGradient,
                penalty: settled.control.weight, settled.steps)
            if axes.hasAutomaticSteps {
                layout.remember(x: exact.hypergradient, y: settled.control.anchorGradient, of: axes, in: &memory)
            }
            method = .stochastic(memory)
            control = settled.control
        case .nestedStochastic(let axes):
            let stepper = NestedStochasticStepper(problem, axes, seed: seed)
            method = .nestedStochastic(stepper.begin(exact))
            let spent = stepper.takeCounts()
            oracle.add(spent.total)
            oracle.add(spent.byLevel, [])
            if stop() != nil { return nil }
        }
        // By full gradients, or where all levels have just been solved.
        let isEvaluated = !configuration.isStochastic || configuration.responses != nil
        if isEvaluated && !exact.isUsable && best.isUsable {
            norm = problem.upper.constraint.projectedGradientNorm(at: x, gradient: best.hypergradient)
        }
        var state = SolverState(startValue: exact.value, startNorm: norm, method: method, best: best)
        state.estimatedStep = estimatedStep
        state.estimatedJointStep = jointStep
        if configuration.isStochastic { state.reportedPoint = x }
        state.control = control
        state.counts = oracle.counts
        state.levelCounts = oracle.levelCounts
        let isUsable = exact.isUsable && (best.isUsable || !isEvaluated)
        if !isUsable, let undefined = Diagnosis.lowerStart(oracle.reference, x) {
            state.termination = .diverged
            state.remarks.append(undefined)
        } else if !exact.isFinite {
            state.termination = .diverged
            state.remarks.append(Diagnosis.undefined(exact, problem))
        } else if isEvaluated && !best.isUsable {
            state.termination = best.isInfeasible ? .infeasible : .diverged
            state.remarks.append(Diagnosis.divergence(best, growth: 1, "at the start", problem))
        } else if isEvaluated {
            state.remarks = Diagnosis.remarks(best)
        }
        self.state = state
        reference = exact.isUsable ? exact : exact.withoutNumbers
    }
}

extension DoubleLoopConfiguration {
    /// The step of lower solvers, and that of both levels together, where one must be estimated from curvature at the
    /// start.
    func estimatedSteps(
        _ oracle: BilevelOracle, x: [Double], y: [Double], seed: UInt64
    ) -> (lower: Double?, joint: Double?) {
        switch hypergradient {
        case .valueGap, .moreauEnvelope:
            let below = JointCurvature(oracle, x: x, y: y, .lower, seed: seed)
            let both = JointCurvature(oracle, x: x, y: y, .both, seed: seed)
            return (below.lowerStep ?? both.step, both.step)
        case .barrier, .aggregated, .learnedStart:
            return (JointCurvature(oracle, x: x, y: y, .lower, seed: seed).step, nil)
        case .implicit, .unrolledReverse, .unrolledForward, .rankOne, .differenced, .zerothOrder, .initialisation:
            guard needsEstimatedStep && oracle.isSymmetric else { return (nil, nil) }
            guard let step = Curvature(oracle.reference, seed: seed)?.gradientStep else { return (nil, nil) }
            // Solved in few steps, the gradient that stands for the Hessian is rounding alone.
            return (hypergradient == .rankOne ? 0.5 * step : step, nil)
        }
    }

    /// Whether a step must be estimated from the curvature of the lower level at the start.
    private var needsEstimatedStep: Bool {
        switch lower {
        case .gradientDescent(let step, _, _), .rule(_, let step, _, _), .anderson(_, let step, _, _):
            if step == .automatic || step == .lineSearch { return true }
        case .lbfgs, .accelerated, .newtonCG, .closedForm: break
        }
        switch hypergradient {
        case .implicit(.fixedPoint(nil, _, _)), .implicit(.neumann(nil, _)): return true
        case .implicit, .unrolledReverse, .unrolledForward, .rankOne, .differenced, .zerothOrder, .valueGap,
            .moreauEnvelope, .barrier, .aggregated, .learnedStart, .initialisation:
            return false
        }
    }

    /// The upper step of iteration t, with what was estimated filled in.
    func upperStep(_ estimated: Double?, at t: Int) -> UpperStep {
        switch upper {
        case .joint: .projectedGradient(schedule: .constant(jointStep(estimated, at: t)), momentum: 0)
        case .projectedGradient, .lineSearch, .adam, .lbfgs, .polyak, .search: upper
        }
    }
}
