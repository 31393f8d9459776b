// All that a method on batches remembers between iterations, in one piece of memory: iterates, estimates, tables.
import ExpressionGraph
import Solvers

/// The memory of a method on batches.
package struct StochasticState: Sendable, Equatable {
    /// Completed iterations since the last restart.
    package var iteration = 0
    /// Draws made, by use.
    package var draws: [Int]
    /// x, y, v, then what ``StochasticLayout`` says.
    package var memory: [Double]
    /// λ_t of penalties.
    package var penalty: Double
    /// Settled at the start.
    package var lowerStep: StepSchedule
    package var linearStep: StepSchedule
    package var upperStep: StepSchedule
    /// How often the run has begun anew with shorter steps.
    package var restarts = 0
    /// F at the best point, to first order, and the sum of its residuals: what ranks points.
    package var bestValue = Double.infinity
    package var bestResidual = Double.infinity

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
        iteration: Int, draws: [Int], memory: [Double], penalty: Double, lowerStep: StepSchedule,
        linearStep: StepSchedule, upperStep: StepSchedule, restarts: Int, bestValue: Double,
        bestResidual: Double
    ) {
        self.iteration = iteration
        self.draws = draws
        self.memory = memory
        self.penalty = penalty
        self.lowerStep = lowerStep
        self.linearStep = linearStep
        self.upperStep = upperStep
        self.restarts = restarts
        self.bestValue = bestValue
        self.bestResidual = bestResidual
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
    /// Numbers in all; the largest integer where that is exceeded.
    private(set) var count = 0

    init(_ configuration: StochasticConfiguration, upper: Int, lower: Int, tables: @autoclosure () -> SAGALayout) {
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
    }
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
