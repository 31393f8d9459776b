// The five problems of `make auto-table`: documents with their data, and the methods whose step sizes a grid tries.
import DataFormats
import Foundation
import Tensors

/// A problem, and what the grid runs on it.
struct AutoProblem {
    let name: String
    /// `{"problem": …}`.
    let document: String
    /// Arrays by the names of data sets.
    let data: [String: Tensor]
    /// Methods with a place for two step sizes, LOWER and UPPER.
    let grid: [(name: String, method: String)]
    /// The six sizes of lower steps, times 1/L.
    var lowerSteps = [0.03, 0.1, 0.3, 0.6, 1, 2]
    /// Upper steps over lower ones.
    var ratios = [0.1, 1, 10, 100]
    /// The largest lower curvature L, where it is known; `nil`: measured at the start.
    var curvature: Double?

    static func all(examples: String) throws -> [AutoProblem] {
        try [logistic(examples), cleaning(examples), ridge(examples), elasticNet(), equilibrium()]
    }

    private static let sampled = ["soba", "saba", "amigo"].map {
        ($0, "{\"name\": \"\($0)\", \"lower_solver\": {\"step\": LOWER}, \"upper_step\": {\"step\": UPPER}}")
    }

    private static func table(_ path: String, _ columns: TableColumns, vector: Bool = false) throws -> Tensor {
        guard let bytes = try? Data(contentsOf: URL(filePath: path)) else {
            throw BenchError(description: "no file \(path)")
        }
        do throws(CSVError) {
            return try CSVReader.read(
                [UInt8](bytes), selection: TableSelection(columns: columns, isVector: vector), byteLimit: 1 << 28)
        } catch { throw BenchError(description: "\(path): \(error)") }
    }

    private static func rows(_ tensor: Tensor, _ range: Range<Int>) throws -> Tensor {
        let width = tensor.shape.dropFirst().reduce(1, *)
        return try Tensor(
            shape: [range.count] + tensor.shape.dropFirst(),
            values: Array(tensor.values[(range.lowerBound * width)..<(range.upperBound * width)]),
            elementType: tensor.elementType)
    }

    private static func logistic(_ examples: String) throws -> AutoProblem {
        let names = (1...20).map { "x\($0)" }
        var data: [String: Tensor] = [:]
        for (part, suffix) in [("train", ""), ("validation", "v")] {
            let path = "\(examples)/logistic-\(part).csv"
            data["X\(suffix)"] = try table(path, .names(names))
            data["y\(suffix)"] = try table(path, .names(["label"]), vector: true)
        }
        return AutoProblem(
            name: "logistic regression, a penalty for each of 20 features",
            document: """
                {"problem": {
                  "data": {"X": {"dataset": "X"}, "y": {"dataset": "y"}, "Xv": {"dataset": "Xv"}, "yv": {"dataset": "yv"}},
                  "samples": {"train": {"arrays": ["X", "y"]}, "validation": {"arrays": ["Xv", "yv"]}},
                  "levels": [
                    {"variables": {"lambda": {"shape": [20]}}, "minimize": "mean(binary_cross_entropy(Xv @ w, yv))"},
                    {"variables": {"w": {"shape": [20]}},
                     "minimize": "mean(binary_cross_entropy(X @ w, y)) + 0.5 * sum(exp(lambda) * w^2)"}]}}
                """, data: data, grid: sampled)
    }

    /// All 1,797 digits of scikit-learn, of which the examples hold 200. 40 % of the training labels of the digits are replaced at random; a weight for each row finds them.
    private static func cleaning(_ examples: String) throws -> AutoProblem {
        let all = try table("\(examples)/../Benchmarks/auto/digits.csv", .allNumeric)
        let (count, width) = (all.shape[0], all.shape[1])
        var pixels: [Double] = []
        var labels: [Double] = []
        for row in 0..<count {
            let entries = all.values[(row * width)..<((row + 1) * width)]
            pixels += entries.dropLast().map { $0 / 16 }
            labels.append(entries.last ?? 0)
        }
        var stream = RandomStream(seed: 9, stream: "noisy labels")
        for row in 0..<1000 where stream.uniform() < 0.4 { labels[row] = Double(stream.below(10)) }
        let images = try Tensor(shape: [count, width - 1], values: pixels)
        let targets = try Tensor(shape: [count], values: labels, elementType: .integer)
        return AutoProblem(
            name: "data cleaning: 1,000 digits, 40 % noisy labels",
            document: """
                {"problem": {
                  "data": {"X": {"dataset": "X"}, "y": {"dataset": "y"}, "Xv": {"dataset": "Xv"}, "yv": {"dataset": "yv"}},
                  "samples": {"train": {"arrays": ["X", "y"]}, "validation": {"arrays": ["Xv", "yv"]}},
                  "levels": [
                    {"variables": {"x": {"per": "train", "constraint": {"box": [-6, 6]}}}, "minimize": "mean(cross_entropy(Xv @ W, yv))"},
                    {"variables": {"W": {"shape": [64, 10]}},
                     "minimize": "mean(sigmoid(x) * cross_entropy(X @ W, y)) + 0.01 * sum(W^2)"}]}}
                """,
            data: [
                "X": try rows(images, 0..<1000), "y": try rows(targets, 0..<1000), "Xv": try rows(images, 1000..<1400),
                "yv": try rows(targets, 1000..<1400),
            ], grid: sampled, ratios: [1, 10, 100, 1000])
    }

    private static func ridge(_ examples: String) throws -> AutoProblem {
        let all = try table("\(examples)/diabetes.csv", .allNumeric)
        let (count, width) = (all.shape[0], all.shape[1])
        var columns = (0..<width).map { column in (0..<count).map { all.values[$0 * width + column] } }
        for column in columns.indices {
            let mean = columns[column].reduce(0, +) / Double(count)
            let deviation = (columns[column].reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)).squareRoot()
            for row in 0..<count { columns[column][row] = (columns[column][row] - mean) / deviation }
        }
        let features = try Tensor(
            shape: [count, width - 1], values: (0..<count).flatMap { row in columns.dropLast().map { $0[row] } })
        let target = try Tensor(shape: [count], values: columns[width - 1])
        return AutoProblem(
            name: "ridge regression on diabetes, a penalty for each of 10 features",
            document: """
                {"problem": {
                  "data": {"X": {"dataset": "X"}, "y": {"dataset": "y"}, "Xv": {"dataset": "Xv"}, "yv": {"dataset": "yv"}},
                  "samples": {"train": {"arrays": ["X", "y"]}, "validation": {"arrays": ["Xv", "yv"]}},
                  "levels": [
                    {"variables": {"lambda": {"shape": [\(width - 1)], "constraint": {"box": [-8, 8]}}}, "minimize": "mean((Xv @ w - yv)^2)"},
                    {"variables": {"w": {"shape": [\(width - 1)]}},
                     "minimize": "mean((X @ w - y)^2) + 0.5 * sum(exp(lambda) * w^2)"}]}}
                """,
            data: [
                "X": try rows(features, 0..<300), "y": try rows(target, 0..<300),
                "Xv": try rows(features, 300..<count), "yv": try rows(target, 300..<count),
            ], grid: sampled)
    }

    /// Methods on batches take no norms: the grid is one of unrolled proximal steps.
    private static func elasticNet() throws -> AutoProblem {
        AutoProblem(
            name: "elastic net, 100 rows, 60 features",
            document: """
                {"problem": {
                  "data": {"X": {"random": {"normal": [100, 60], "seed": 1}}, "Xv": {"random": {"normal": [200, 60], "seed": 2}},
                           "e": {"random": {"normal": [100], "seed": 3}}, "ev": {"random": {"normal": [200], "seed": 4}}},
                  "samples": {"train": {"arrays": ["X", "e"]}, "validation": {"arrays": ["Xv", "ev"]}},
                  "levels": [
                    {"variables": {"a": {"start": -2}, "b": {"start": -2}},
                     "minimize": "mean((Xv @ w - sum(Xv[:, 0:6], axis=1) - ev)^2)"},
                    {"variables": {"w": {"shape": [60]}},
                     "minimize": "0.5 * mean((X @ w - sum(X[:, 0:6], axis=1) - e)^2)",
                     "nonsmooth": {"w": {"elastic_net": {"l1": "exp(a)", "l2": "exp(b)"}}}}]}}
                """, data: [:],
            grid: [
                (
                    "itd",
                    "{\"name\": \"itd\", \"lower_solver\": {\"step\": LOWER, \"steps\": 200}, \"upper_step\": {\"step\": UPPER}}"
                )
            ])
    }

    /// A map is no objective to take batches of: the grid is one of damped fixed-point iterations for the adjoint, with as
    /// many steps below.
    private static func equilibrium() throws -> AutoProblem {
        AutoProblem(
            name: "equilibrium z = tanh(A z + b), 12 units",
            document: """
                {"problem": {
                  "data": {"t": {"random": {"uniform": [12], "low": -0.5, "high": 0.5, "seed": 5}},
                           "S": {"random": {"normal": [12, 12], "scale": 0.1, "seed": 6}}},
                  "levels": [
                    {"variables": {"A": {"shape": [12, 12]}, "b": {"shape": [12]}},
                     "minimize": "0.5*sum((z - t)^2) + 0.005*sum(b^2) + 0.005*sum((A - S)^2)"},
                    {"variables": {"z": {"shape": [12]}}, "fixed_point": {"z": "tanh(A @ z + b)"}}]}}
                """, data: [:],
            grid: [
                (
                    "aid-fixed-point",
                    "{\"name\": \"aid-fixed-point\", \"lower_solver\": {\"name\": \"fixed-point\", \"steps\": 30}, "
                        + "\"linear_solver\": {\"step\": LOWER, \"steps\": 30}, \"upper_step\": {\"step\": UPPER}}"
                )
            ], lowerSteps: [0.05, 0.1, 0.2, 0.4, 0.8, 1], curvature: 1)
    }
}
