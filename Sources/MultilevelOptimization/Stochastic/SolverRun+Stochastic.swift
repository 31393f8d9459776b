// Runs of methods on batches: as many iterations at a time as lie before the next look at all data or at the world.
import Solvers
import Tensors

extension SolverRun {
    /// Samples' evaluations between two looks at the stop check.
    private static let stride = 256
    /// Iterations of SOBA between two looks at the stop check.
    private static let sobaStride = 64

    // MARK: - One engine

    func advanceStochastic(upTo limit: Int?) -> RunEvent {
        guard let stepper = stochastic else {
            preconditionFailure("a state of another method; reading it back checks that")
        }
        if let reason = innerStop() { return stopped(by: reason) }
        var iterates = takeIterates()
        let first = iterates
        func calls(_ index: Int) -> Int {
            stepper.calls(at: first.iteration + index, age: first.iteration + index - first.begun)
        }
        let stride = max(1, Self.stride / max(1, calls(1)))
        let count = iterations(stride: stride, limit, calls: calls)
        if count == 0 {
            state.method = .stochastic(iterates)
            return stopped(by: .oracleLimit)
        }
        stepper.advance(&iterates, by: count)
        oracle.add(stepper.oracle.takeCounts())
        state.counts = oracle.counts
        state.method = .stochastic(iterates)
        guard stepper.isFinite(iterates) else {
            return diverged(by: state.iteration + count) {
                let quantity = stepper.blame(self.beginning(stepper, iterates))
                return Diagnosis.divergence(
                    byIteration: $0, of: quantity, self.culprit(stepper, quantity, after: first))
            }
        }
        state.iteration += count
        return pause()
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

    /// The memory at the start, with the steps of some iterates.
    private func beginning(_ stepper: StochasticStepper, _ iterates: StochasticState) -> StochasticState {
        var x = problem.upper.start
        problem.upper.constraint.project(&x)
        oracle.reference.setUpper(x)
        let y = oracle.reference.coldStart()
        let steps = StochasticSteps(
            lower: iterates.lowerStep, linear: iterates.linearStep, upper: iterates.upperStep)
        return stepper.layout.state(stepper.configuration, x: x, y: y, v: y.map { _ in 0 }, steps)
    }

    /// The variable in which a quantity first leaves its range, the iterations repeated one by one.
    private func culprit(
        _ stepper: StochasticStepper, _ quantity: DivergedQuantityOfBatches, after saved: StochasticState
    ) -> String {
        var (state, before) = (saved, saved)
        repeat {
            before = state
            stepper.advance(&state, by: 1)
        } while stepper.isFinite(state)
        let (now, past) = (stepper.iterates(state), stepper.iterates(before))
        switch quantity {
        case .lower: return Diagnosis.culprit(problem.lower, now.y, past.y)
        case .linear: return Diagnosis.culprit(problem.lower, now.v, past.v)
        case .upper: return Diagnosis.culprit(problem.upper, now.x, past.x)
        }
    }

    // MARK: - SOBA

    func advanceSOBA(_ saved: SOBAState, upTo limit: Int?) -> RunEvent {
        guard let soba else { preconditionFailure("a SOBA state with another method; reading it back checks that") }
        if let reason = innerStop() { return stopped(by: reason) }
        var iterates = saved
        let count = iterations(stride: Self.sobaStride, limit) { _ in OracleCounts.callsOfSampledIteration }
        if count == 0 { return stopped(by: .oracleLimit) }
        soba.advance(&iterates, by: count)
        oracle.countSampled(iterations: count, samplesPerIteration: soba.samplesPerIteration)
        state.counts = oracle.counts
        guard iterates.isFinite else {
            return diverged(by: state.iteration + count) { _ in self.diagnose(soba, after: saved) }
        }
        state.iteration += count
        state.method = .soba(iterates)
        return pause()
    }

    /// Repeats iterations that ended in numbers that are not finite, and finds which level is to blame.
    private func diagnose(_ soba: SOBAStepper, after saved: SOBAState) -> String {
        var (iterates, before) = (saved, saved)
        repeat {
            before = iterates
            soba.advance(&iterates, by: 1)
        } while iterates.isFinite
        let culprits = (
            upper: Diagnosis.culprit(problem.upper, iterates.x, before.x),
            lower: Diagnosis.culprit(problem.lower, iterates.y, before.y)
        )
        return Diagnosis.divergence(
            inIteration: iterates.iteration, lowerGrowth: soba.lowerGrowth(from: saved, iterations: Self.sobaStride),
            culprits)
    }

    // MARK: - How far

    /// Iterations up to the next pause, look at the stop check or end of the budget of oracle calls, a look at the pause
    /// included.
    ///
    /// - Parameter calls: of the iterations to come.
    private func iterations(stride: Int, _ limit: Int?, calls: (Int) -> Int) -> Int {
        let pause = min(nextReport, isControlled ? state.control?.next ?? .max : .max)
        let end = min(pause, state.iteration + stride, max(limit ?? .max, state.iteration + 1))
        let count = end - state.iteration
        guard let budget = limits.oracleCalls else { return count }
        var available = budget - state.counts.calls
        for index in 0..<count {
            available -= calls(index)
            if available < 0 { return index }
        }
        let look =
            isControlled && pause == state.control?.next
            ? IterateEvaluator.callLimit(problem) + BatchCurvature.calls : IterateEvaluator.calls
        return end == pause && available < look ? count - 1 : count
    }
}

extension StochasticStepper {
    /// x, y and v of a state.
    func iterates(_ state: StochasticState) -> (x: [Double], y: [Double], v: [Double]) {
        func part(_ first: Int, _ count: Int) -> [Double] { Array(state.memory[first..<(first + count)]) }
        return (part(layout.x, layout.upper), part(layout.y, layout.lower), part(layout.v, layout.lower))
    }

    /// Their average over the iterations that are summed up; the iterates themselves where none is.
    func averages(_ state: StochasticState) -> (x: [Double], y: [Double], v: [Double]) {
        guard let sum = layout.sum, state.iteration > state.averagedFrom else { return iterates(state) }
        let share = 1 / Double(state.iteration - state.averagedFrom)
        func part(_ first: Int, _ count: Int) -> [Double] {
            state.memory[(sum + first)..<(sum + first + count)].map { share * $0 }
        }
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

    /// Oracle calls of iteration `t`, with a memory of that age.
    func calls(at t: Int, age: Int) -> Int {
        if configuration.isInRounds { return roundCalls(at: t) }
        switch configuration.hypergradient {
        case .penalty: return 3 * configuration.lowerSteps + 3
        case .implicit(.moving): return singleLoopCalls(age)
        case .implicit(.sgd(let terms, _)), .implicit(.neumann(let terms)): return doubleLoopCalls(age, terms: terms)
        case .implicit(.randomisedNeumann(let terms)):
            return doubleLoopCalls(age, terms: seriesLength(at: t, below: terms))
        }
    }

    /// t_s on y, k_s on v, J_s of f and J each; of levels with a face as many gradients more.
    private func roundCalls(at s: Int) -> Int {
        let lengths = configuration.roundLengths(s)
        let averaged = [SampleUse.upper, .mixed].reduce(0) { $0 + (hasBatches($1) ? lengths.linear : 1) }
        return lengths.lower + lengths.linear + averaged + (geometry == nil ? 0 : lengths.linear)
    }

    private func singleLoopCalls(_ age: Int) -> Int {
        switch configuration.estimator {
        case .sgd, .average: return 4
        case .storm: return age == 0 ? 4 : 6
        case .sarah: return age.isMultiple(of: period) ? 5 : 8
        case .saga(.zero): return 4
        case .saga(.full):
            guard age == 0 else { return 4 }
            func batches(_ use: SampleUse) -> Int { draws.sources(of: use).first?.slotCount ?? 1 }
            return 4 + 3 * batches(.lower) + batches(.upper)
        }
    }

    private func doubleLoopCalls(_ age: Int, terms: Int) -> Int {
        // The terms of v, and the product at the centre.
        let products = terms + (configuration.centresSeries ? 1 : 0)
        // With f and J; g_y for the face.
        let hypergradient = products + (geometry == nil || layout.face != nil ? 2 : 3)
        switch configuration.estimator {
        case .sgd, .saga, .average: return configuration.lowerSteps + hypergradient
        case .storm: return (age == 0 ? 1 : 2) * (1 + hypergradient)
        case .sarah:
            return 2 * configuration.lowerSteps * (1 + hypergradient) + (age.isMultiple(of: period) ? 6 + products : 0)
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
    ///
    /// - Parameter culprit: ", first in w".
    static func divergence(
        byIteration iteration: Int, of quantity: DivergedQuantityOfBatches, _ culprit: String
    ) -> String {
        let place = "diverged by iteration \(iteration)\(culprit)"
        return switch quantity {
        case .lower: "the lower variables \(place): use a smaller lower_solver.step"
        case .linear: "the linear system \(place): use a smaller linear_solver.step"
        case .upper: "the upper variables \(place): use a smaller upper_step.step"
        }
    }
}

extension StochasticConfiguration {
    /// How often an iteration runs a piece, at the most; full passes not counted.
    func runs(of piece: SampledPiece, of problem: MultilevelProblem, at iteration: Int = 0) -> Int {
        let twice = usesTwoPoints ? 2 : 1
        switch hypergradient {
        case .penalty:
            switch piece {
            case .lowerGradient: return 2 * lowerSteps
            case .lowerGradients: return 2
            case .upper: return lowerSteps + 1
            case .hessian, .mixed, .directions, .lowerStep, .linearStep, .seriesStep: return 0
            }
        case .implicit(.moving):
            switch piece {
            case .directions: return isSARAH ? 2 : 1
            case .upper: return twice
            case .mixed: return 1
            case .lowerGradient, .lowerGradients, .hessian, .lowerStep, .linearStep, .seriesStep: return 0
            }
        case .implicit(.sgd) where isInRounds:
            let lengths = roundLengths(iteration)
            switch piece {
            case .lowerGradient: return lengths.lower
            case .hessian, .mixed, .upper: return lengths.linear
            case .lowerGradients, .directions, .lowerStep, .linearStep, .seriesStep: return 0
            }
        case .implicit(.sgd(let terms, _)), .implicit(.neumann(let terms)), .implicit(.randomisedNeumann(let terms)):
            let times = twice * (isSARAH ? lowerSteps : 1)
            switch piece {
            case .lowerGradient, .lowerStep: return twice * lowerSteps
            case .hessian: return times * ((carriesSteps(of: problem) ? 0 : terms) + (centresSeries ? 1 : 0))
            case .linearStep, .seriesStep: return times * terms
            case .mixed, .upper: return times
            case .lowerGradients, .directions: return 0
            }
        }
    }
}
