// The iterations of methods on batches, assembled from their configuration's choices. Sources stand at each part.
import ExpressionGraph
import Solvers
import Tensors

/// Computes iterations. Its own memory holds nothing that lasts: all of that is in the state.
package final class StochasticStepper {
    typealias Vector = UnsafeMutablePointer<Double>

    let configuration: StochasticConfiguration
    let layout: StochasticLayout
    let oracle: SampledOracle
    /// On all data, for the full passes of SARAH.
    let full: BilevelOracle
    private let projection: UpperProjection
    /// Of a lower level with a set or norms.
    let geometry: LowerGeometry?
    private(set) var draws: SampledDraws
    var counters = DrawCounters()
    /// Lengths of randomised Neumann series.
    var terms: RandomStream
    /// Iterations between full passes.
    let period: Int
    /// Whether y and v stay within their programs from step to step.
    let carriesSteps: Bool
    /// Room for vectors of a step, one after the other: two for each dimension, and a third for entries of tables.
    private let work: AlignedBuffer
    private let fullVectors = FullVectors()

    /// - Parameters:
    ///   - problem: with its rows laid out in the order that the draws name.
    ///   - given: draws for comparisons step by step; `nil` for seeded epochs.
    package init(
        _ problem: MultilevelProblem, _ configuration: StochasticConfiguration, seed: UInt64, given: SOBADraws? = nil,
        full: BilevelOracle
    ) {
        let plan = StochasticPlan(problem, configuration, seed: seed, given: given)
        self.configuration = configuration
        self.full = full
        layout = plan.layout
        draws = plan.draws
        oracle = SampledOracle(problem, plan.programs, plan.pieces, plan.draws)
        carriesSteps = configuration.carriesSteps(of: problem)
        projection = UpperProjection(problem.upper.constraint)
        geometry = LowerGeometry(problem)
        terms = RandomStream(seed: seed, stream: "terms")
        period = plan.period
        work = AlignedBuffer(count: plan.workCount)
    }

    /// The memory before the first iteration, with steps that were given; automatic ones are 0.
    package func start(x: [Double], y: [Double]) -> StochasticState {
        let steps = StochasticSteps(
            lower: configuration.lowerStep.settled(0), linear: configuration.linearStep.settled(0),
            upper: configuration.upperStep.settled(0))
        return layout.state(configuration, x: x, y: y, v: y.map { _ in 0 }, steps)
    }

    /// Batches of one pass over the longer level.
    package var epochLength: Int { draws.epochLength }

    /// Advances the state by `count` iterations.
    package func advance(_ state: inout StochasticState, by count: Int) {
        precondition(state.memory.count == layout.count, "a state of another method, problem or sequence of draws")
        for index in state.draws.indices { counters[index] = state.draws[index] }
        var penalty = state.penalty
        let averagedFrom = state.averagedFrom
        let (start, end, begun) = (state.iteration, state.iteration + count, state.begun)
        let steps = StochasticSteps(lower: state.lowerStep, linear: state.linearStep, upper: state.upperStep)
        state.memory.withUnsafeMutableBufferPointer { memory in
            guard let base = memory.baseAddress else { return }
            for t in start..<end {
                let now = IterationSteps(
                    t: t, age: t - begun, lower: steps.lower.value(at: t), linear: steps.linear.value(at: t),
                    upper: steps.upper.value(at: t), steps: steps)
                step(base, now, &penalty)
                guard t >= averagedFrom, let sum = layout.sum else { continue }
                Kernels.float64.axpy(1, base, base + sum, count: layout.pointCount)
            }
        }
        state.penalty = penalty
        state.iteration = end
        for index in state.draws.indices { state.draws[index] = counters[index] }
    }

    private func step(_ m: Vector, _ now: IterationSteps, _ penalty: inout Double) {
        if configuration.isInRounds { return roundIteration(m, now) }
        switch configuration.hypergradient {
        case .penalty(_, let growth): penaltyIteration(m, now, growth: growth, &penalty)
        case .implicit(.moving): singleLoop(m, now)
        case .implicit(.sgd), .implicit(.neumann), .implicit(.randomisedNeumann):
            switch configuration.estimator {
            case .storm(let momentum): momentumIteration(m, now, momentum)
            case .sarah: spiderIteration(m, now)
            case .sgd, .saga, .average: doubleLoop(m, now)
            }
        }
    }

    // MARK: - Parts that several methods share

    /// The present iterates.
    func point(_ m: Vector) -> PointInMemory {
        PointInMemory(x: m + layout.x, y: m + layout.y, v: m + layout.v)
    }

    /// The iterates before.
    func previous(_ m: Vector) -> PointInMemory {
        PointInMemory(x: m + layout.previousX, y: m + layout.previousY, v: m + layout.previousV)
    }

    func rememberPoint(_ m: Vector) {
        (m + layout.previousX).update(from: m + layout.x, count: layout.upper)
        (m + layout.previousY).update(from: m + layout.y, count: layout.lower)
        (m + layout.previousV).update(from: m + layout.v, count: layout.lower)
    }

    /// Vectors of the lower dimension for a step: 0, 1 or 2.
    func lowerWork(_ index: Int) -> Vector { work.base + index * layout.lower }
    /// Vectors of the upper dimension for a step: 0 or 1.
    func upperWork(_ index: Int) -> Vector { work.base + 3 * layout.lower + index * layout.upper }
    /// Room for an entry of a table.
    var entryWork: Vector { work.base + 3 * layout.lower + 2 * layout.upper }

    func draw(_ use: SampleUse) { oracle.draw(use, &draws, &counters) }

    /// y ← prox(y − ρ g_y) on a fresh batch.
    func lowerStep(_ m: Vector, _ step: Double) {
        let gradient = lowerWork(0)
        draw(.lower)
        oracle.run(.lowerGradient, at: point(m))
        oracle.readLower(.lowerGradient, 0, into: gradient)
        lowerMove(m, step, gradient)
    }

    /// y by so many such steps.
    func lowerSteps(_ m: Vector, _ count: Int, _ step: Double) {
        if carriesSteps {
            take(count, of: .lowerStep, drawing: .lower, at: point(m), length: step, offset: nil)
            oracle.readSteps(.lowerStep, 0, into: m + layout.y)
        } else {
            for _ in 0..<count { lowerStep(m, step) }
        }
    }

    /// Steps on fresh batches; where they lead is the oracle's to tell.
    func take(
        _ count: Int, of piece: SampledPiece, drawing use: SampleUse, at point: PointInMemory, length: Double,
        offset: UnsafePointer<Double>?
    ) {
        oracle.beginSteps(piece, at: point, length: length, offset: offset)
        for _ in 0..<count {
            draw(use)
            oracle.step(piece, x: point.x)
        }
    }

    /// y ← prox(y − ρ d).
    func lowerMove(_ m: Vector, _ step: Double, _ direction: Vector) {
        Kernels.float64.axpy(-step, direction, m + layout.y, count: layout.lower)
        guard let geometry else { return }
        geometry.setUpper(m + layout.x)
        geometry.apply(m + layout.y, step: step)
    }

    /// x ← P(x − γ h).
    func upperStep(_ m: Vector, _ step: Double, _ direction: Vector) {
        Kernels.float64.axpy(-step, direction, m + layout.x, count: layout.upper)
        project(m)
    }

    func project(_ m: Vector) {
        projection.project(UnsafeMutableBufferPointer(start: m + layout.x, count: layout.upper))
    }

    /// f_y, f_x, g_y, Hv and Jv on all data: g_y into `y`, Hv + f_y into `v`, Jv + f_x into `x`. Copies the point.
    func fullDirections(at point: PointInMemory, y: Vector, v: Vector, x: Vector) {
        fullVectors.evaluate(full, at: point, upper: layout.upper, lower: layout.lower, y: y, v: v, x: x)
    }
}

/// The step sizes of one iteration.
struct IterationSteps {
    let t: Int
    /// Iterations since the memory was begun.
    let age: Int
    let lower: Double
    let linear: Double
    let upper: Double
    /// The schedules, for steps that are counted within an iteration.
    let steps: StochasticSteps
}

/// The projection of x, in place; sets other than boxes copy what they project.
struct UpperProjection {
    private let set: ConvexSet

    init(_ set: ConvexSet) { self.set = set }

    func project(_ x: UnsafeMutableBufferPointer<Double>) {
        switch set {
        case .whole: break
        case .box(let box): for i in x.indices { x[i] = min(max(x[i], box.lower[i]), box.upper[i]) }
        case .simplex, .l1Ball, .l2Ball, .affine, .halfspace, .spectralBall, .rows, .intersection, .product:
            var values = Array(x)
            set.project(&values)
            for i in x.indices { x[i] = values[i] }
        }
    }
}

/// Evaluates directions on all data. Full passes are rare: they may allocate.
final class FullVectors {
    func evaluate(
        _ oracle: BilevelOracle, at point: PointInMemory, upper: Int, lower: Int, y: UnsafeMutablePointer<Double>,
        v: UnsafeMutablePointer<Double>, x: UnsafeMutablePointer<Double>
    ) {
        func copy(_ from: UnsafePointer<Double>, _ count: Int) -> [Double] {
            Array(UnsafeBufferPointer(start: from, count: count))
        }
        let (tangent, zeroX) = (copy(point.v, lower), [Double](repeating: 0, count: upper))
        var (gradient, product, fromUpper) = (tangent, tangent, tangent)
        var (mixed, direct) = (zeroX, zeroX)
        oracle.setUpper(copy(point.x, upper))
        oracle.setLower(copy(point.y, lower))
        oracle.lowerGradient(into: &gradient)
        oracle.hessianProduct(tangent, into: &product)
        oracle.mixedProduct(tangent, into: &mixed)
        _ = oracle.upperGradients(y: &fromUpper, x: &direct)
        for i in 0..<lower {
            y[i] = gradient[i]
            v[i] = product[i] + fromUpper[i]
        }
        for i in 0..<upper { x[i] = mixed[i] + direct[i] }
    }
}
