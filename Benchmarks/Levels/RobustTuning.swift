// Trilevel robust hyperparameter tuning after Sato, Tanaka & Takeda, NeurIPS 2021, on the diabetes data: test errors under
// input noise of the trilevel model, of the bilevel model without an adversary, and of two trivial predictors.
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Tensors

/// Solves five splits of 40 training, 100 validation and 302 test patients.
struct RobustTuning {
    private static let noises = [0.0, 0.5, 1, 5]
    /// Draws of the noise for every split.
    private static let draws = 20
    /// The points of the grid of λ.
    private static let grid = stride(from: -6.0, through: 6, by: 1).map { $0 }
    /// The part of the ridge regression's coefficients that the shrunk one keeps.
    private static let shrinking = 0.07

    private let text: String
    private let splits: [[Int]]
    private let features: [[Double]]
    private let target: [Double]
    private let arrays: [String: Tensor]

    /// - Parameter root: the folder of the package.
    init(root: String) throws {
        func read(_ path: String) throws -> String {
            do { return try String(contentsOf: URL(filePath: root).appending(path: path), encoding: .utf8) } catch {
                throw LevelsError(description: "\(path) cannot be read from \(root)")
            }
        }
        text = try read("Examples/trilevel-robust-tuning.json")
        splits = try JSONDecoder().decode([[Int]].self, from: Data(read("Benchmarks/Levels/splits.json").utf8))
        let rows = try read("Examples/diabetes.csv").split(whereSeparator: \.isNewline).dropFirst().map { line in
            line.split(separator: ",").compactMap { Double($0) }
        }
        arrays = try [
            "raw": Tensor(shape: [rows.count, 10], values: rows.flatMap { $0.prefix(10) }),
            "target": Tensor(shape: [rows.count], values: rows.map { $0[10] }),
        ]
        let columns = (0..<11).map { column in Self.standardised(rows.map { $0[column] }) }
        features = rows.indices.map { row in (0..<10).map { columns[$0][row] } }
        target = columns[10]
    }

    private static func standardised(_ values: [Double]) -> [Double] {
        let (mean, spread) = (values.mean, values.spread)
        return values.map { ($0 - mean) / spread }
    }

    /// One model on one split: its coefficients and what it cost.
    private struct Fit {
        let name: String
        let theta: [Double]
        var lambda: Double?
        var value: Double?
        var best: Double?
        var time = 0.0
        var termination = ""
    }

    func print(_ count: Int) throws {
        say("| split | λ | validation, gradient | validation, best of grid | difference | seconds | ended |")
        say("|---|---|---|---|---|---|---|")
        var errors: [String: [[Double]]] = [:]
        let names = ["bilevel", "trilevel", "zero predictor", "ridge shrunk to 7 %"]
        for (index, order) in splits.prefix(count).enumerated() {
            for fit in try fits(order) {
                let found = testErrors(fit.theta, order, seed: UInt64(index))
                errors[fit.name, default: []].append(found)
                if let lambda = fit.lambda, let value = fit.value, let best = fit.best {
                    say(
                        "| \(index), \(fit.name) | \(lambda.text(3)) | \(value.text(6)) | \(best.text(6)) | "
                            + "\((value - best).scientific) | \(fit.time.text(1)) | \(fit.termination) |")
                }
            }
        }
        say("")
        say("| test MSE, input noise | " + Self.noises.map { $0.text(1) }.joined(separator: " | ") + " |")
        say("|---|---|---|---|---|")
        for name in names {
            let cells = Self.noises.indices.map { noise in
                let values = (errors[name] ?? []).map { $0[noise] }
                return "\(values.mean.text(3)) ± \(values.spread.text(3))"
            }
            say("| \(name) | " + cells.joined(separator: " | ") + " |")
        }
    }

    private func fits(_ order: [Int]) throws -> [Fit] {
        let split = "problem.data.order.value=\(order)"
        func levels(_ penalty: String, _ formula: String) -> [String] {
            let upper =
                #"{"name": "penalty", "variables": {"lambda": \#(penalty)}, "minimize": "mean((v - V @ theta)^2)"}"#
            let lower = #"{"name": "weights", "variables": {"theta": {"shape": [10]}}, "minimize": "\#(formula)"}"#
            return [split, "problem.definitions.noisy=X", "problem.levels=[\(upper), \(lower)]"]
        }
        let box = #"{"constraint": {"box": [-6, 6]}}"#
        let bilevel = levels(box, "loss + exp(lambda) / 10 * sum(sqrt(theta^2 + 0.25^2))")
        let ridge = levels(box, "loss + exp(lambda) / 10 * sum(theta^2)")
        var fits = [try fit("bilevel", bilevel), try fit("trilevel", [split])]
        fits.append(Fit(name: "zero predictor", theta: [Double](repeating: 0, count: 10)))
        let plain = try fit("ridge", ridge)
        fits.append(Fit(name: "ridge shrunk to 7 %", theta: plain.theta.map { Self.shrinking * $0 }))
        return fits
    }

    private func fit(_ name: String, _ assignments: [String]) throws -> Fit {
        let admitted = try Admitted(text, assignments, arrays: arrays)
        var result: RunResult?
        let time = try seconds { result = try admitted.solve() }
        guard let result else { throw LevelsError(description: "\(name) has no result") }
        let theta = Array(result.y.suffix(10))
        var fit = Fit(name: name, theta: theta, lambda: result.x[0], value: result.objectives[0])
        fit.time = time
        fit.termination = result.termination.rawValue
        // Every point of the grid by solves of its own, down to rounding.
        let evaluator = NestedEvaluator(admitted.problem)
        let values = Self.grid.map { evaluator.evaluateValue(at: [$0]) }.filter(\.isSound).map(\.value)
        fit.best = values.min()
        return fit
    }

    /// The mean squared error on the test patients, noise added to their features.
    private func testErrors(_ theta: [Double], _ order: [Int], seed: UInt64) -> [Double] {
        Self.noises.map { noise in
            var stream = RandomStream(seed: seed, stream: "test noise")
            let errors = (0..<(noise == 0 ? 1 : Self.draws)).flatMap { _ in
                order[140...].map { row in
                    let fitted = zip(features[row], theta).reduce(0) { $0 + ($1.0 + noise * stream.normal()) * $1.1 }
                    return (target[row] - fitted) * (target[row] - fitted)
                }
            }
            return errors.mean
        }
    }
}
