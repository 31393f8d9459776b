// Whole iterations of SABA, AmIGO and StocBiO on the workloads' own sequences of batches.
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors

/// A workload that batches are drawn from.
enum StochasticWorkload: String {
    case w1
    case w2

    /// Rows of the lower and of the upper level.
    var rows: (lower: Int, upper: Int) {
        switch self {
        case .w1: (50_000, 50_000)
        case .w2: (20_000, 5_000)
        }
    }

    var document: String {
        switch self {
        case .w1: Documents.w1
        case .w2: Documents.w2
        }
    }

    /// Iterations after which results are compared.
    var comparedIterations: Int {
        switch self {
        case .w1: 1000
        case .w2: 300
        }
    }
}

/// Iterations of one method, with steps that do not change.
final class StochasticIterations {
    private let workload: StochasticWorkload
    private let stepper: StochasticStepper
    private let start: StochasticState
    private let dimensions: (upper: Int, lower: Int)
    private var state: StochasticState

    init(
        _ workload: StochasticWorkload, _ method: StochasticPreset, steps: (lower: Double, upper: Double),
        _ folder: DataFolder
    ) throws {
        self.workload = workload
        let problem = try folder.problem(workload.document)
        func draws(_ name: String, _ rows: Int) throws -> DrawSource {
            .sequence(
                try folder.values("\(workload.rawValue)_\(name)").map { number in
                    let slot = Int(number)
                    let first = min(64 * slot, rows - 64)
                    // The last batch overlaps the one before; tables weigh it with its own rows alone.
                    return Draw(
                        start: first, count: 64, weight: Double(rows) / 64, slot: slot,
                        share: Double(min(64, rows - 64 * slot)) / Double(rows))
                })
        }
        var axes = method.defaults
        axes.lowerStep = .given(.constant(steps.lower))
        axes.linearStep = .given(.constant(steps.lower))
        axes.upperStep = .given(.constant(steps.upper))
        if case .saga = axes.estimator { axes.estimator = .saga(start: .zero) }
        stepper = StochasticStepper(
            problem, axes, seed: 1,
            given: SOBADraws(
                lower: ["train": try draws("batches_inner", workload.rows.lower)],
                upper: ["validation": try draws("batches_outer", workload.rows.upper)]),
            full: BilevelOracle(problem))
        let isLogistic = workload == .w1
        start = stepper.start(
            x: isLogistic ? try folder.values("w1_outer0") : problem.upper.start,
            y: isLogistic ? try folder.values("w1_inner0") : problem.lower.start)
        dimensions = (problem.upper.dimension, problem.lower.dimension)
        state = start
    }

    func reset() {
        state = start
        // Its own copy of the tables, before anything is timed.
        advance(0)
    }
    func advance(_ count: Int) { stepper.advance(&state, by: count) }

    func results() -> [String: [Double]] {
        reset()
        advance(workload.comparedIterations)
        let split = dimensions.upper
        return [
            "x": Array(state.memory[..<split]), "y": Array(state.memory[split..<(split + dimensions.lower)]),
        ]
    }
}
