// All that a method on batches remembers between iterations, in one piece of memory: iterates, estimates, tables.
import ExpressionGraph
import Solvers

/// The memory of a method on batches.
package struct StochasticState: Sendable, Equatable {
    /// Completed iterations.
    package var iteration = 0
    /// The iteration at which the memory was begun: 0, or a return to an earlier point.
    package var begun = 0
    /// Draws made, by use.
    package var draws: [Int]
    /// x, y, v, then what ``StochasticLayout`` says.
    package var memory: [Double]
    /// The iteration from which points are summed up for their average; beyond all of them where none is.
    package var averagedFrom = Int.max
    /// λ_t of penalties.
    package var penalty: Double
    /// Settled at the start.
    package var lowerStep: StepSchedule
    package var linearStep: StepSchedule
    package var upperStep: StepSchedule

    /// - Parameter memory: what the layout asks for.
    init(memory: [Double], penalty: Double, steps: StochasticSteps) {
        draws = (0..<DrawCounters.scalarCount).map { _ in 0 }
        self.memory = memory
        self.penalty = penalty
        lowerStep = steps.lower
        linearStep = steps.linear
        upperStep = steps.upper
    }

    package init(
        iteration: Int, begun: Int, averagedFrom: Int, draws: [Int], memory: [Double], penalty: Double,
        lowerStep: StepSchedule, linearStep: StepSchedule, upperStep: StepSchedule
    ) {
        self.iteration = iteration
        self.begun = begun
        self.averagedFrom = averagedFrom
        self.draws = draws
        self.memory = memory
        self.penalty = penalty
        self.lowerStep = lowerStep
        self.linearStep = linearStep
        self.upperStep = upperStep
    }
}

/// The steps of a run.
package struct StochasticSteps: Sendable, Equatable {
    package var lower: StepSchedule
    package var linear: StepSchedule
    package var upper: StepSchedule

    package init(lower: StepSchedule, linear: StepSchedule, upper: StepSchedule) {
        self.lower = lower
        self.linear = linear
        self.upper = upper
    }
}

/// Where the vectors of a state lie in its memory.
struct StochasticLayout {
    /// p and d.
    let upper: Int
    let lower: Int
    let x: Int
    let y: Int
    let v: Int
    /// z of penalties.
    private(set) var z = 0
    /// The iterates of the iteration before.
    private(set) var previousX = 0
    private(set) var previousY = 0
    private(set) var previousV = 0
    /// Estimates of the directions.
    private(set) var estimateX = 0
    private(set) var estimateY = 0
    private(set) var estimateV = 0
    private(set) var tables: SAGALayout?
    /// y and g_y of the last look, whose face v lies on.
    private(set) var face: Int?
    /// v of the last look, about which series are centred.
    private(set) var centre: Int?
    /// The sum of x, y and v over some iterations, of methods that average.
    private(set) var sum: Int?
    /// Numbers in all; the largest integer where that is exceeded.
    private(set) var count = 0

    /// - Parameter hasFace: of a lower level with a set or norms.
    init(
        _ configuration: StochasticConfiguration, upper: Int, lower: Int, hasFace: Bool,
        tables: @autoclosure () -> SAGALayout
    ) {
        self.upper = upper
        self.lower = lower
        x = 0
        y = upper
        v = upper.adding(lower)
        count = v.adding(lower)
        func room(_ numbers: Int, _ count: inout Int) -> Int {
            defer { count = count.adding(numbers) }
            return count
        }
        if case .penalty = configuration.hypergradient { z = room(lower, &count) }
        if configuration.usesTwoPoints {
            previousX = room(upper, &count)
            previousY = room(lower, &count)
            previousV = room(lower, &count)
        }
        switch configuration.estimator {
        case .sarah, .storm:
            estimateX = room(upper, &count)
            estimateY = room(lower, &count)
            estimateV = room(lower, &count)
        case .average: estimateX = room(upper, &count)
        case .saga:
            var tables = tables()
            tables.offset = count
            count = count.adding(tables.count)
            self.tables = tables
        case .sgd: break
        }
        if hasFace && configuration.holdsFaces { face = room(lower.times(2), &count) }
        if configuration.centresSeries { centre = room(lower, &count) }
        if configuration.averagesPoints { sum = room(upper.adding(lower).adding(lower), &count) }
    }

    /// Numbers of x, y and v, which lie at the beginning.
    var pointCount: Int { v + lower }
}

/// The tables of SAGA: averages of g_y, Hv, Jv, f_y and f_x; then an entry for every batch of the lower level (g_y, Hv
/// and the leaves of Jv) and of the upper (f_y and the leaves of f_x). Leaves that are always 0 have no room.
struct SAGALayout {
    let upper: Int
    let lower: Int
    /// Numbers of an entry.
    let lowerWidth: Int
    let upperWidth: Int
    let lowerSlots: Int
    let upperSlots: Int
    /// Where the tables begin in the state's memory.
    var offset = 0

    init(_ oracle: (upper: Int, lower: Int), widths: (lower: Int, upper: Int), slots: (lower: Int, upper: Int)) {
        upper = oracle.upper
        lower = oracle.lower
        lowerWidth = widths.lower
        upperWidth = widths.upper
        lowerSlots = slots.lower
        upperSlots = slots.upper
    }

    /// Averages, in order.
    var gradient: Int { offset }
    var hessian: Int { offset + lower }
    var upperGradientY: Int { offset + 2 * lower }
    var mixed: Int { offset + 3 * lower }
    var upperGradientX: Int { offset + 3 * lower + upper }
    private var averages: Int { lower.times(3).adding(upper.times(2)) }

    func lowerEntry(_ slot: Int) -> Int { offset + averages + slot * lowerWidth }
    func upperEntry(_ slot: Int) -> Int { offset + averages + lowerSlots * lowerWidth + slot * upperWidth }

    var count: Int { averages.adding(lowerWidth.times(lowerSlots)).adding(upperWidth.times(upperSlots)) }
}

extension StochasticLayout {
    /// The memory as it begins: estimates and tables empty; of penalties z at y, and y where λ(y − z) = v.
    ///
    /// - Parameters:
    ///   - v: tends to −H⁻¹ f_y.
    ///   - gradient: g_y; 0 where it is left out.
    func state(
        _ configuration: StochasticConfiguration, x: [Double], y: [Double], v: [Double], gradient: [Double] = [],
        penalty: Double? = nil, _ steps: StochasticSteps
    ) -> StochasticState {
        var memory = [Double](repeating: 0, count: count)
        memory.replaceSubrange(self.x..<(self.x + x.count), with: x)
        memory.replaceSubrange(self.y..<(self.y + y.count), with: y)
        memory.replaceSubrange(self.v..<(self.v + v.count), with: v)
        if let face {
            memory.replaceSubrange(face..<(face + y.count), with: y)
            memory.replaceSubrange((face + y.count)..<(face + y.count + gradient.count), with: gradient)
        }
        if let centre { memory.replaceSubrange(centre..<(centre + v.count), with: v) }
        guard case .penalty(let weight, _) = configuration.hypergradient else {
            return StochasticState(memory: memory, penalty: 0, steps: steps)
        }
        // The penalty's minimiser lies at y*(x) + v/λ to first order.
        let lambda = penalty ?? weight ?? 1
        for index in y.indices {
            memory[z + index] = y[index]
            memory[self.y + index] = y[index] + v[index] / lambda
        }
        return StochasticState(memory: memory, penalty: lambda, steps: steps)
    }

    /// Moves y and v, and nothing else.
    func move(y: [Double], v: [Double], in state: inout StochasticState) {
        state.memory.replaceSubrange(self.y..<(self.y + y.count), with: y)
        state.memory.replaceSubrange(self.v..<(self.v + v.count), with: v)
    }

    /// Sums points up from an iteration on, anew.
    func average(from iteration: Int, in state: inout StochasticState) {
        guard let sum else { return }
        for index in 0..<pointCount { state.memory[sum + index] = 0 }
        state.averagedFrom = iteration
    }

    /// Begins estimates that remember with directions on all data at the iterates, instead of with those of one batch.
    func remember(
        x direction: [Double], y gradient: [Double], of configuration: StochasticConfiguration,
        in state: inout StochasticState
    ) {
        switch configuration.estimator {
        case .sgd, .saga, .sarah: return
        case .storm:
            state.memory.replaceSubrange(estimateY..<(estimateY + gradient.count), with: gradient)
            for (previous, present, count) in [(previousX, x, upper), (previousY, y, lower), (previousV, v, lower)] {
                for index in 0..<count { state.memory[previous + index] = state.memory[present + index] }
            }
        case .average: break
        }
        state.memory.replaceSubrange(estimateX..<(estimateX + direction.count), with: direction)
        // As if the first estimate were an iteration old.
        state.begun -= 1
    }
}
