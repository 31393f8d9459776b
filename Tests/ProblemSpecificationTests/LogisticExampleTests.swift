// The logistic example at its start, where the exact hypergradient and the errors of two methods are published.

import Foundation
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

@Suite struct LogisticExampleTests {
    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Examples")

    /// The twenty features and the label of a file.
    private static func table(_ name: String) throws -> (features: Tensor, labels: Tensor) {
        let text = try String(contentsOf: folder.appending(path: "\(name).csv"), encoding: .utf8)
        let rows = text.split(whereSeparator: \.isNewline).dropFirst().map {
            $0.split(separator: ",").compactMap { Double($0) }
        }
        let features = try Tensor(shape: [rows.count, 20], values: rows.flatMap { $0.prefix(20) })
        return (features, try Tensor(shape: [rows.count], values: rows.map { $0[20] }))
    }

    private static func hypergradients(_ changes: [String]) throws -> (exact: [Double], found: [Double]) {
        let text = try String(contentsOf: folder.appending(path: "logistic-per-feature.json"), encoding: .utf8)
        let (train, validation) = (try table("logistic-train"), try table("logistic-validation"))
        let datasets = [
            "X": train.features, "y": train.labels, "Xv": validation.features, "yv": validation.labels,
        ]
        let admitted = try admit(text, changes, datasets: datasets)
        let method = try #require(admitted.method, "\(admitted.faults)")
        let problem = try #require(admitted.built).problem
        let (run, start) = try #require(
            SolverRun.begin(problem, method, limits: RunLimits(iterations: 0), seed: 0, stop: { nil }))
        guard case .doubleLoop(_, let evaluation) = run.state.method else { return ([], []) }
        return (try #require(start.hypergradient), evaluation.hypergradient)
    }

    private static func relativeError(_ pair: (exact: [Double], found: [Double])) -> Double {
        VectorMath.norm(VectorMath.subtract(pair.found, pair.exact)) / VectorMath.norm(pair.exact)
    }

    @Test func truncatedReverse() throws {
        let pair = try Self.hypergradients([])
        #expect(abs(VectorMath.norm(pair.exact) - 0.02856583) <= 5e-9)
        #expect(abs(Self.relativeError(pair) - 0.2667) <= 5e-5)
    }

    /// What is left is the error of the hundred steps of the lower level.
    @Test func tenConjugateGradients() throws {
        let pair = try Self.hypergradients([
            "method={\"name\": \"aid-cg\", \"lower_solver\": {\"step\": 0.1, \"steps\": 100}, "
                + "\"linear_solver\": {\"steps\": 10, \"tolerance\": 0}}"
        ])
        #expect(abs(Self.relativeError(pair) - 1.7e-6) <= 5e-8)
    }
}
