// SABA, AmIGO and StocBiO against iterates of another implementation (benchmark_bilevel, float64) on the same batches.
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors
import Testing

@Suite struct RecordedIterateTests {
    private static let settings = [
        "saba": ["method.upper_step.step=0.125", "method.estimator={\"start\": \"zero\"}"],
        "amigo": ["method.upper_step.step=\(0.125 / 0.1.squareRoot())", "method.linear_solver={\"step\": 0.125}"],
        "stocbio": ["method.upper_step.step=0.125", "method.linear_solver={\"step\": 0.125}"],
    ]

    /// The recorded sequence: batches of 64 rows in order, each with its part of the 50,000 rows that tables average over.
    ///
    /// - Parameter short: where the batch of the last rows stands, most of which the batch before has too.
    private static func draws(_ count: Int, short: Int?) -> DrawSource {
        .sequence(
            (0..<count).map {
                Draw(
                    start: 64 * $0, count: 64, weight: Double(count), slot: $0,
                    share: ($0 == short ? 16.0 : 64) / 50_000)
            })
    }

    @Test func areReproduced() throws {
        var recording = try W1Recording()
        let recorded = try recording.extend()
        for (method, settings) in Self.settings.sorted(by: { $0.key < $1.key }) {
            let admitted = try admit(
                W1Recording.document,
                ["method={\"name\": \"\(method)\"}", "method.lower_solver.step=0.125"] + settings,
                datasets: recording.datasets)
            let problem = try #require(admitted.built, "\(admitted.faults)").problem
            guard case .stochastic(let axes) = try #require(admitted.method, "\(admitted.faults)").algorithm else {
                Issue.record("\(method) draws batches")
                continue
            }
            let given = SOBADraws(
                lower: ["train": Self.draws(210, short: 103)], upper: ["validation": Self.draws(100, short: 22)])
            let stepper = StochasticStepper(problem, axes, seed: 1, given: given, full: BilevelOracle(problem))
            var state = stepper.start(x: recording.start.x, y: recording.start.y)
            for (iteration, y, x) in try #require(recorded[method]) {
                stepper.advance(&state, by: iteration - state.iteration)
                let found = (x: Array(state.memory[0..<22]), y: Array(state.memory[22..<44]))
                for (found, expected) in [(found.x, x), (found.y, y)] {
                    let error = VectorMath.maxNorm(VectorMath.subtract(found, expected))
                    #expect(error <= 1e-9 * VectorMath.maxNorm(expected), "\(method) after \(iteration)")
                }
            }
            #expect(state.iteration == recorded[method]?.last?.iteration)
        }
    }
}
