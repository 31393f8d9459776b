// The batches that recorded iterates of the workload W1 were made on; the README of the fixtures says how.
import Foundation
import Tensors
import Testing

/// Logistic regression with one L2 penalty per feature: 100 batches of 64 rows for each level, and 110 more of the lower.
struct W1Recording {
    static let document = """
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
    static let rows = 6400
    static let features = 22
    /// Rows of the batches that only some methods read.
    static let furtherRows = 7040
    private static let categories = 10

    /// Arrays by name.
    private(set) var datasets: [String: Tensor] = [:]
    let start: (y: [Double], x: [Double])
    /// Of SOBA.
    let expected: [(iteration: Int, y: [Double], x: [Double], v: [Double])]

    init() throws {
        var numbers = try Self.numbers("w1-soba")
        for (matrix, labels) in [("X", "y"), ("Xv", "yv")] {
            datasets[matrix] = try Tensor(
                shape: [Self.rows, Self.features], values: numbers.take(Self.rows * Self.features))
            datasets[labels] = try Tensor(shape: [Self.rows], values: numbers.take(Self.rows))
        }
        start = (numbers.take(Self.features), numbers.take(Self.features))
        expected = (0..<4).map { _ in
            let iteration = Int(numbers.take(1)[0])
            return (iteration, numbers.take(Self.features), numbers.take(Self.features), numbers.take(Self.features))
        }
        try #require(numbers.isEmpty)
    }

    /// Appends the further rows to X and y.
    ///
    /// - Returns: the iterates of SABA, AmIGO and StocBiO.
    mutating func extend() throws -> [String: [(iteration: Int, y: [Double], x: [Double])]] {
        var numbers = try Self.numbers("w1-further")
        var (features, labels) = (datasets["X"]?.values ?? [], datasets["y"]?.values ?? [])
        for _ in 0..<Self.furtherRows {
            let category = Int(numbers.take(1)[0])
            labels += numbers.take(1)
            features += (0..<Self.categories).map { $0 == category ? 1 : 0 }
            features += numbers.take(Self.features - Self.categories)
        }
        let rows = Self.rows + Self.furtherRows
        datasets["X"] = try Tensor(shape: [rows, Self.features], values: features)
        datasets["y"] = try Tensor(shape: [rows], values: labels)
        var iterates: [String: [(iteration: Int, y: [Double], x: [Double])]] = [:]
        for (method, count) in [("saba", 4), ("amigo", 3), ("stocbio", 3)] {
            iterates[method] = (0..<count).map { _ in
                let iteration = Int(numbers.take(1)[0])
                return (iteration, numbers.take(Self.features), numbers.take(Self.features))
            }
        }
        try #require(numbers.isEmpty)
        return iterates
    }

    private static func numbers(_ name: String) throws -> ArraySlice<Double> {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "f64", subdirectory: "Fixtures"))
        return try Data(contentsOf: url).withUnsafeBytes { bytes in
            bytes.bindMemory(to: UInt64.self).map { Double(bitPattern: UInt64(littleEndian: $0)) }[...]
        }
    }
}

extension ArraySlice<Double> {
    fileprivate mutating func take(_ count: Int) -> [Double] {
        defer { self = dropFirst(count) }
        return Array(prefix(count))
    }
}
