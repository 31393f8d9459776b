// The layout of a written state. A change of any field is a new version.
import Solvers

extension SolverState {
    /// The state as bytes.
    ///
    /// - Parameter identity: what the state belongs to (document, method, seed); reading demands the same.
    package func archive(identity: String) -> [UInt8] {
        var writer = StateWriter()
        writer.write(identity)
        writer.write(iteration)
        writer.write(counts)
        writer.write(levelCounts)
        writer.write(reported)
        writer.write(reportedPoint)
        writer.write(startValue)
        writer.write(startNorm)
        writer.write(estimatedStep)
        writer.write(estimatedJointStep)
        writer.write(method)
        writer.write(control != nil)
        if let control { writer.write(control) }
        writer.write(best)
        writer.write(bestIteration)
        writer.write(termination?.rawValue ?? "")
        writer.write(remarks.count)
        for remark in remarks { writer.write(remark) }
        return writer.archive
    }

    /// Reads a state.
    package init(archive: [UInt8], identity: String) throws(StateArchiveError) {
        var reader = try StateReader(archive)
        guard try reader.readString() == identity else { throw .otherProblem }
        iteration = try reader.readInt()
        counts = try reader.readCounts()
        levelCounts = try reader.readLevelCounts()
        reported = try reader.readInt()
        reportedPoint = try reader.readDoubles()
        startValue = try reader.readDouble()
        startNorm = try reader.readDouble()
        estimatedStep = try reader.readOptionalDouble()
        estimatedJointStep = try reader.readOptionalDouble()
        method = try reader.readMethod()
        control = try reader.readBool() ? try reader.readControl() : nil
        best = try reader.readEvaluation()
        bestIteration = try reader.readInt()
        let ended = try reader.readString()
        termination = Termination(rawValue: ended)
        if termination == nil && !ended.isEmpty { throw .invalidField("termination") }
        remarks = try reader.readStrings()
        guard reader.isAtEnd else { throw .invalidField("trailing bytes") }
    }
}

extension StateWriter {
    fileprivate mutating func write(_ counts: OracleCounts) {
        for entry in counts.named { write(entry.count) }
    }

    fileprivate mutating func write(_ levels: [LevelCounts]) {
        write(levels.count)
        for level in levels { for field in LevelCounts.fields { write(level[keyPath: field]) } }
    }

    fileprivate mutating func write(_ evaluation: Evaluation) {
        for vector in [evaluation.x, evaluation.y, evaluation.v, evaluation.hypergradient] { write(vector) }
        write(evaluation.value)
        write(evaluation.lowerResidual)
        write(evaluation.linearResidual)
        write(evaluation.lowerStatus)
        write(evaluation.linearStatus != nil)
        if let status = evaluation.linearStatus { write(status) }
        write(evaluation.remarks.count)
        for remark in evaluation.remarks { write(remark) }
        write(evaluation.levels.count)
        for level in evaluation.levels {
            write(level.residual)
            write(level.linearResidual)
        }
        write(evaluation.isInfeasible)
    }

    fileprivate mutating func write(_ control: StepControl) {
        write(control.isActive)
        write(control.isPlain)
        write(control.stage)
        write(control.upperStep)
        write(control.weight)
        write(control.next)
        write(control.anchor)
        write(control.anchorGradient)
        for number in [
            control.anchorValue, control.bestValue, control.anchorResidual, control.bestResidual, control.noiseFactor,
            control.stabilityFactor, control.upperFactor, control.ceiling,
        ] { write(number) }
        for count in [control.failures, control.streak, control.divergences] { write(count) }
        write(control.isNoisy)
        write(control.noisyIterations)
        write(control.relaxation)
        write(control.lookSamples)
        write(control.length)
        write(control.curvature)
        for pairs in [control.pairs, control.upperPairs] {
            for vectors in [pairs.steps, pairs.images] {
                write(vectors.count)
                for vector in vectors { write(vector) }
            }
        }
        write(control.anchorDoubt)
        write(control.reach)
        write(control.misses)
        write(control.patience)
    }

    fileprivate mutating func write(_ status: SolveStatus) {
        switch status {
        case .converged: write(0)
        case .iterationLimit: write(1)
        case .stagnated: write(2)
        case .interrupted: write(3)
        case .indefinite(let curvature):
            write(4)
            write(curvature)
        case .diverged(let quantity, let iteration):
            write(5)
            write(quantity.rawValue)
            write(iteration)
        }
    }

    fileprivate mutating func write(_ schedule: StepSchedule) {
        switch schedule {
        case .constant(let value):
            write(0)
            write(value)
        case .power(let initial, let exponent):
            write(1)
            write(initial)
            write(exponent)
        case .inverse(let initial, let offset):
            write(2)
            write(initial)
            write(offset)
        case .cosine(let initial, let period):
            write(3)
            write(initial)
            write(period)
        }
    }

    fileprivate mutating func write(_ method: MethodState) {
        switch method {
        case .doubleLoop(.momentum(let state), let evaluation):
            write(0)
            write(state.point)
            write(state.stationarity)
            write(state.momentum)
            write(state.iteration)
            write(state.evaluations)
            write(evaluation)
        case .doubleLoop(.spectral(let state), let evaluation):
            write(1)
            write(state)
            write(evaluation)
        case .doubleLoop(.adam(let state), let evaluation):
            write(3)
            for vector in [state.point, state.first, state.second, state.gradient] { write(vector) }
            write(state.stationarity)
            write(state.iteration)
            write(state.evaluations)
            write(evaluation)
        case .doubleLoop(.lbfgs(let state), let evaluation):
            write(4)
            write(state)
            write(evaluation)
        case .doubleLoop(.polyak(let state), let evaluation):
            write(5)
            for vector in [state.point, state.gradient] { write(vector) }
            write(state.value)
            write(state.stationarity)
            write(state.iteration)
            write(state.evaluations)
            write(evaluation)
        case .doubleLoop(.search(let state), let evaluation):
            write(6)
            for vector in [state.point, state.points, state.values] { write(vector) }
            write(state.stationarity)
            write(state.iteration)
            write(state.evaluations)
            write(evaluation)
        case .soba(let state):
            write(2)
            write(state.iteration)
            for vector in [state.x, state.y, state.v] { write(vector) }
            write(state.lowerStep)
            write(state.upperStep)
        case .stochastic(let state):
            write(10)
            write(state.iteration)
            write(state.begun)
            write(state.averagedFrom)
            write(state.draws.count)
            for count in state.draws { write(count) }
            write(state.memory)
            write(state.penalty)
            write(state.lowerStep)
            write(state.linearStep)
            write(state.upperStep)
        case .nestedStochastic(let state):
            write(11)
            write(state.iteration)
            write(state.points.count)
            for vector in state.points { write(vector) }
            for counts in [state.draws, state.steps] {
                write(counts.count)
                for count in counts { write(count) }
            }
            write(state.schedules.count)
            for schedule in state.schedules { write(schedule) }
            write(state.upper)
            write(state.damping)
            write(state.trial)
            write(state.lastValue)
        }
    }

    private mutating func write(_ state: ProjectedLBFGS.State) {
        for vector in [state.point, state.gradient, state.direction] { write(vector) }
        for pairs in [state.steps, state.changes] {
            write(pairs.count)
            for vector in pairs { write(vector) }
        }
        for number in [state.value, state.stationarity, state.length] { write(number) }
        for count in [state.rejectedTrials, state.idleIterations, state.iteration, state.evaluations] { write(count) }
    }

    private mutating func write(_ state: SpectralProjectedGradient.State) {
        for vector in [state.point, state.gradient, state.direction, state.values, state.norms] { write(vector) }
        for number in [
            state.value, state.stationarity, state.slope, state.spectralStep, state.fraction, state.firstValue,
            state.lowestValue, state.smallestNorm,
        ] { write(number) }
        for count in [state.rejectedTrials, state.idleIterations, state.iteration, state.evaluations] { write(count) }
    }
}

extension StateReader {
    fileprivate mutating func readCounts() throws(StateArchiveError) -> OracleCounts {
        var counts = OracleCounts()
        counts.lowerValue = try readInt()
        counts.lowerGradient = try readInt()
        counts.hessianProduct = try readInt()
        counts.mixedProduct = try readInt()
        counts.upperValue = try readInt()
        counts.upperGradient = try readInt()
        counts.samples = try readInt()
        return counts
    }

    fileprivate mutating func readLevelCounts() throws(StateArchiveError) -> [LevelCounts] {
        var levels: [LevelCounts] = []
        for _ in 0..<(try readLevelNumber()) {
            var counts = LevelCounts()
            for field in LevelCounts.fields { counts[keyPath: field] = try readInt() }
            levels.append(counts)
        }
        return levels
    }

    /// How many levels follow.
    private mutating func readLevelNumber() throws(StateArchiveError) -> Int {
        let count = try readInt()
        guard (0...1_000).contains(count) else { throw .invalidField("levels") }
        return count
    }

    private mutating func readLevelResiduals() throws(StateArchiveError) -> [LevelResidual] {
        var levels: [LevelResidual] = []
        for _ in 0..<(try readLevelNumber()) {
            levels.append(LevelResidual(residual: try readDouble(), linearResidual: try readOptionalDouble()))
        }
        return levels
    }

    fileprivate mutating func readEvaluation() throws(StateArchiveError) -> Evaluation {
        let x = try readDoubles()
        let y = try readDoubles()
        let v = try readDoubles()
        let hypergradient = try readDoubles()
        return Evaluation(
            x: x, y: y, v: v, value: try readDouble(), hypergradient: hypergradient,
            lowerResidual: try readDouble(), linearResidual: try readOptionalDouble(), lowerStatus: try readStatus(),
            linearStatus: try readBool() ? try readStatus() : nil, remarks: try readStrings(),
            levels: try readLevelResiduals(), isInfeasible: try readBool())
    }

    fileprivate mutating func readControl() throws(StateArchiveError) -> StepControl {
        var control = StepControl(
            isActive: try readBool(), isPlain: try readBool(), stage: try readInt(), upperStep: try readDouble(),
            weight: try readDouble(), next: try readInt(),
            anchor: try readEvaluation(), anchorGradient: try readDoubles(),
            values: (anchor: try readDouble(), best: try readDouble()),
            residuals: (anchor: try readDouble(), best: try readDouble()))
        control.noiseFactor = try readDouble()
        control.stabilityFactor = try readDouble()
        control.upperFactor = try readDouble()
        control.ceiling = try readDouble()
        control.failures = try readInt()
        control.streak = try readInt()
        control.divergences = try readInt()
        control.isNoisy = try readBool()
        control.noisyIterations = try readInt()
        control.relaxation = try readDouble()
        control.lookSamples = try readInt()
        control.length = try readInt()
        control.curvature = try readDouble()
        control.pairs = try readPairs()
        control.upperPairs = try readPairs()
        control.anchorDoubt = try readDouble()
        control.reach = try readDouble()
        control.misses = try readInt()
        control.patience = try readInt()
        return control
    }

    private mutating func readPairs() throws(StateArchiveError) -> CurvaturePairs {
        let (steps, images) = (try readVectors(), try readVectors())
        guard let pairs = CurvaturePairs(steps: steps, images: images) else { throw .invalidField("pairs") }
        return pairs
    }

    private mutating func readStatus() throws(StateArchiveError) -> SolveStatus {
        switch try readInt() {
        case 0: return .converged
        case 1: return .iterationLimit
        case 2: return .stagnated
        case 3: return .interrupted
        case 4: return .indefinite(curvature: try readDouble())
        case 5:
            guard let quantity = DivergedQuantity(rawValue: try readString()) else { throw .invalidField("status") }
            return .diverged(quantity: quantity, iteration: try readInt())
        default: throw .invalidField("status")
        }
    }

    private mutating func readSchedule() throws(StateArchiveError) -> StepSchedule {
        switch try readInt() {
        case 0: .constant(try readDouble())
        case 1: .power(initial: try readDouble(), exponent: try readDouble())
        case 2: .inverse(initial: try readDouble(), offset: try readDouble())
        case 3: .cosine(initial: try readDouble(), period: try readInt())
        default: throw .invalidField("schedule")
        }
    }

    fileprivate mutating func readMethod() throws(StateArchiveError) -> MethodState {
        switch try readInt() {
        case 0:
            var state = ProjectedGradientMomentum.State(start: try readDoubles())
            state.stationarity = try readDouble()
            state.momentum = try readDoubles()
            state.iteration = try readInt()
            state.evaluations = try readInt()
            return .doubleLoop(.momentum(state), try readEvaluation())
        case 1: return .doubleLoop(.spectral(try readSpectral()), try readEvaluation())
        case 2:
            let iteration = try readInt()
            let x = try readDoubles()
            let y = try readDoubles()
            let v = try readDoubles()
            var state = SOBAState(x: x, y: y, v: v, lowerStep: try readSchedule(), upperStep: try readSchedule())
            state.iteration = iteration
            return .soba(state)
        case 3:
            var state = ProjectedAdam.State(start: try readDoubles())
            state.first = try readDoubles()
            state.second = try readDoubles()
            state.gradient = try readDoubles()
            state.stationarity = try readDouble()
            state.iteration = try readInt()
            state.evaluations = try readInt()
            return .doubleLoop(.adam(state), try readEvaluation())
        case 4: return .doubleLoop(.lbfgs(try readQuasiNewton()), try readEvaluation())
        case 5:
            var state = PolyakStep.State(start: try readDoubles())
            state.gradient = try readDoubles()
            state.value = try readDouble()
            state.stationarity = try readDouble()
            state.iteration = try readInt()
            state.evaluations = try readInt()
            return .doubleLoop(.polyak(state), try readEvaluation())
        case 6:
            var state = BoxSearch.State(start: try readDoubles())
            state.points = try readDoubles()
            state.values = try readDoubles()
            state.stationarity = try readDouble()
            state.iteration = try readInt()
            state.evaluations = try readInt()
            return .doubleLoop(.search(state), try readEvaluation())
        case 10: return .stochastic(try readStochastic())
        case 11: return .nestedStochastic(try readNestedStochastic())
        default: throw .invalidField("method")
        }
    }

    private mutating func readNestedStochastic() throws(StateArchiveError) -> NestedStochasticState {
        let iteration = try readInt()
        var points: [[Double]] = []
        for _ in 0..<(try readLevelNumber()) { points.append(try readDoubles()) }
        let (draws, steps) = (try readLevelIntegers(), try readLevelIntegers())
        var schedules: [StepSchedule] = []
        for _ in 0..<(try readLevelNumber()) { schedules.append(try readSchedule()) }
        guard !points.isEmpty, draws.count == points.count, schedules.count == points.count - 1,
            steps.count == schedules.count
        else { throw .invalidField("levels") }
        let upper = try readSchedule()
        let damping = try readDoubles()
        guard damping.count == points.count else { throw .invalidField("levels") }
        var state = NestedStochasticState(
            points: points, draws: draws, steps: steps, schedules: schedules, upper: upper, damping: damping,
            trial: try readDouble(), lastValue: try readDouble())
        state.iteration = iteration
        return state
    }

    private mutating func readLevelIntegers() throws(StateArchiveError) -> [Int] {
        var numbers: [Int] = []
        for _ in 0..<(try readLevelNumber()) { numbers.append(try readInt()) }
        return numbers
    }

    private mutating func readQuasiNewton() throws(StateArchiveError) -> ProjectedLBFGS.State {
        var state = ProjectedLBFGS.State(start: try readDoubles())
        state.gradient = try readDoubles()
        state.direction = try readDoubles()
        state.steps = try readVectors()
        state.changes = try readVectors()
        state.value = try readDouble()
        state.stationarity = try readDouble()
        state.length = try readDouble()
        state.rejectedTrials = try readInt()
        state.idleIterations = try readInt()
        state.iteration = try readInt()
        state.evaluations = try readInt()
        return state
    }

    private mutating func readStochastic() throws(StateArchiveError) -> StochasticState {
        let (iteration, begun, averagedFrom) = (try readInt(), try readInt(), try readInt())
        guard try readInt() == DrawCounters.scalarCount else { throw .invalidField("draws") }
        var draws: [Int] = []
        for _ in 0..<DrawCounters.scalarCount { draws.append(try readInt()) }
        return StochasticState(
            iteration: iteration, begun: begun, averagedFrom: averagedFrom, draws: draws, memory: try readDoubles(),
            penalty: try readDouble(),
            lowerStep: try readSchedule(), linearStep: try readSchedule(), upperStep: try readSchedule())
    }

    private mutating func readSpectral() throws(StateArchiveError) -> SpectralProjectedGradient.State {
        var state = SpectralProjectedGradient.State(start: try readDoubles())
        state.gradient = try readDoubles()
        state.direction = try readDoubles()
        state.values = try readDoubles()
        state.norms = try readDoubles()
        state.value = try readDouble()
        state.stationarity = try readDouble()
        state.slope = try readDouble()
        state.spectralStep = try readDouble()
        state.fraction = try readDouble()
        state.firstValue = try readDouble()
        state.lowestValue = try readDouble()
        state.smallestNorm = try readDouble()
        state.rejectedTrials = try readInt()
        state.idleIterations = try readInt()
        state.iteration = try readInt()
        state.evaluations = try readInt()
        return state
    }
}
