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
        let norm = problem.upper.constraint.projectedGradientNorm(at: x, gradient: exact.hypergradient)
        let method: MethodState
        var control: StepControl?
        var best = exact
        var estimatedStep: Double?
        switch configuration.algorithm {
        case .doubleLoop(let axes):
            if axes.needsEstimatedStep && oracle.isSymmetric {
                estimatedStep = Curvature(oracle.reference, seed: seed)?.gradientStep
            }
            let evaluator = HypergradientEvaluator(
                oracle: oracle, configuration: axes, estimatedStep: estimatedStep, stop: stop, seed: seed)
            guard let first = evaluator.evaluate(at: x, after: nil) else { return nil }
            best = first
            var stepper = UpperStepper(
                axes.upper, start: x, set: problem.upper.constraint, problem.precision, seed: seed)
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
            var memory = layout.state(axes, x: x, y: begun.y, v: begun.v, settled.steps)
            if axes.hasAutomaticSteps {
                layout.remember(x: exact.hypergradient, y: y.map { _ in 0 }, of: axes, in: &memory)
            }
            method = .stochastic(memory)
            control = settled.control
        }
        var state = SolverState(startValue: exact.value, startNorm: norm, method: method, best: best)
        state.estimatedStep = estimatedStep
        if configuration.isStochastic { state.reportedPoint = x }
        state.control = control
        state.counts = oracle.counts
        if !exact.isFinite {
            state.termination = .diverged
            state.remarks.append("the objective or the hypergradient is not finite at the start")
        } else if !configuration.isStochastic && !best.isUsable {
            state.termination = .diverged
            state.remarks.append(Diagnosis.divergence(best, growth: 1, "at the start"))
        }
        self.state = state
        reference = exact
    }
}

extension DoubleLoopConfiguration {
    /// Whether a step must be estimated from the curvature at the start.
    var needsEstimatedStep: Bool {
        switch lower {
        case .gradientDescent(let step, _, _), .rule(_, let step, _, _), .anderson(_, let step, _, _):
            if step == .automatic || step == .lineSearch { return true }
        case .lbfgs, .accelerated, .newtonCG, .closedForm: break
        }
        switch hypergradient {
        case .implicit(.fixedPoint(nil, _, _)), .implicit(.neumann(nil, _)), .valueGap(nil, _): return true
        case .implicit, .unrolledReverse, .unrolledForward, .rankOne, .differenced, .zerothOrder, .valueGap,
            .initialisation:
            return false
        }
    }
}
