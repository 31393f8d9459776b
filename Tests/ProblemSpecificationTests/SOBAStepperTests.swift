// SOBA, from the document's formulas to its iterates, against iterates of another implementation on the same batches.

import Foundation
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors
import Testing

@Suite struct SOBAStepperTests {
    /// Logistic regression with one L2 penalty per feature: 100 batches of 64 rows for each level.
    private static let document = """
        {"problem": {
          "data": {
            "X":  {"dataset": "train"}, "y":  {"dataset": "train", "columns": "label"},
            "Xv": {"dataset": "validation"}, "yv": {"dataset": "validation", "columns": "label"}},
          "samples": {
            "train": {"arrays": ["X", "y"], "batch": 64}, "validation": {"arrays": ["Xv", "yv"], "batch": 64}},
          "levels": [
            {"variables": {"lambda": {"shape": [22]}}, "minimize": "mean(logistic_loss(Xv @ w, yv))"},
            {"variables": {"w": {"shape": [22]}},
             "minimize": "mean(logistic_loss(X @ w, y)) + 0.5 * sum(exp(lambda) * w^2)"}]},
         "method": "soba"}
        """

    /// The file's arrays in their order; the README beside it says how it was made.
    private struct Recording {
        static let rows = 6400
        static let features = 22
        var datasets: [String: Tensor] = [:]
        let start: (y: [Double], x: [Double])
        let expected: [(iteration: Int, y: [Double], x: [Double], v: [Double])]

        init() throws {
            let url = try #require(
                Bundle.module.url(forResource: "w1-soba", withExtension: "f64", subdirectory: "Fixtures"))
            let bytes = [UInt8](try Data(contentsOf: url))
            let numbers = stride(from: 0, to: bytes.count, by: 8).map { start in
                Double(bitPattern: bytes[start..<(start + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) })
            }
            var rest = numbers[...]
            func take(_ count: Int) -> [Double] {
                defer { rest = rest.dropFirst(count) }
                return Array(rest.prefix(count))
            }
            for (matrix, labels) in [("X", "y"), ("Xv", "yv")] {
                datasets[matrix] = try Tensor(
                    shape: [Self.rows, Self.features], values: take(Self.rows * Self.features))
                datasets[labels] = try Tensor(shape: [Self.rows], values: take(Self.rows))
            }
            start = (take(Self.features), take(Self.features))
            expected = (0..<4).map { _ in
                (Int(take(1)[0]), take(Self.features), take(Self.features), take(Self.features))
            }
            try #require(rest.isEmpty)
        }
    }

    private static func largestError(_ found: [Double], _ expected: [Double]) -> Double {
        VectorMath.maxNorm(VectorMath.subtract(found, expected)) / VectorMath.maxNorm(expected)
    }

    @Test func reproducesRecordedIterates() throws {
        let recording = try Recording()
        let admitted = try admit(Self.document, datasets: recording.datasets)
        let problem = try #require(admitted.built, "\(admitted.faults)").problem
        let draws = (0..<100).map { Draw(start: 64 * $0, count: 64, weight: 100, slot: $0) }
        let stepper = SOBAStepper(
            problem, draws: SOBADraws(lower: ["train": .sequence(draws)], upper: ["validation": .sequence(draws)]))
        var state = SOBAState(
            x: recording.start.x, y: recording.start.y, v: [Double](repeating: 0, count: Recording.features),
            lowerStep: .power(initial: 0.03125, exponent: 0.5), upperStep: .power(initial: 3.125, exponent: 0.5))
        #expect(recording.expected.map(\.iteration) == [1, 2, 10, 100])
        for (iteration, y, x, v) in recording.expected {
            stepper.advance(&state, by: iteration - state.iteration)
            #expect(Self.largestError(state.y, y) <= 1e-9, "y after \(iteration)")
            #expect(Self.largestError(state.x, x) <= 1e-9, "x after \(iteration)")
            #expect(Self.largestError(state.v, v) <= 1e-9, "v after \(iteration)")
        }
    }
}
