// The workloads as problem documents over .npy files: what `Benchmarks/peers` computes in Python, as a user would post it.
import DataFormats
import ExpressionLanguage
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Tensors

/// What went wrong, for the reader of the terminal.
struct BenchError: Error, CustomStringConvertible {
    let description: String
}

/// The arrays that the generator wrote.
struct DataFolder {
    let path: String
    /// What the programs of its problems compute in.
    var precision: Precision = .float64

    /// An array of `<name>.npy`.
    func array(_ name: String) throws -> Tensor {
        let file = URL(filePath: path).appending(path: "\(name).npy")
        do throws(NPYError) {
            guard let bytes = try? Data(contentsOf: file) else {
                throw NPYError.notNPY
            }
            return try NPYReader.read([UInt8](bytes), byteLimit: 1 << 32)
        } catch { throw BenchError(description: "\(file.path): \(error.message)") }
    }

    func values(_ name: String) throws -> [Double] { try array(name).values }

    /// A sparse matrix of `<name>_indptr.npy`, `<name>_indices.npy` and `<name>_data.npy`.
    func matrix(_ name: String, columns: Int) throws -> SparseMatrix {
        let starts = try values("\(name)_indptr").map { Int($0) }
        return try SparseMatrix(
            rows: starts.count - 1, columns: columns, starts: starts,
            columnIndices: try values("\(name)_indices").map { Int($0) }, values: try values("\(name)_data"))
    }

    /// The problem of a document whose data sets are names of arrays; of sparse matrices where it asks for features.
    func problem(_ document: String) throws -> MultilevelProblem {
        try Self.problem(Self.asking(document, precision)) { selection in
            guard case .features(let features) = selection.part, let columns = features.count else {
                return .dense(try array(selection.dataset))
            }
            return .sparse(try matrix(selection.dataset, columns: columns))
        }
    }

    /// The document, to be computed in `precision`.
    static func asking(_ document: String, _ precision: Precision) -> String {
        document.replacing("{\"problem\": {", with: "{\"problem\": {\"precision\": \"\(precision.name)\",")
    }

    /// The problem of a document over arrays that `array` finds.
    static func problem(
        _ document: String, _ array: (DatasetSelection) throws -> DataValue
    ) throws -> MultilevelProblem {
        var diagnostics = Diagnostics()
        var fault: (any Error)?
        let source = try JSONParser.parse(document)
        let built = DocumentDecoder.decode(source, into: &diagnostics).flatMap { document in
            ProblemBuilder.build(
                document.problem, seed: 0,
                resolve: { _, selection in
                    do { return .success(try array(selection)) } catch {
                        fault = error
                        return .failure(DatasetFault(message: "\(error)"))
                    }
                }, into: &diagnostics)
        }
        if let fault { throw fault }
        guard let built else { throw BenchError(description: diagnostics.rendered) }
        return built.problem
    }
}

/// The documents. Starts that are arrays of the workload are given beside them.
enum Documents {
    static let w1 = """
        {"problem": {
          "data": {
            "X":  {"dataset": "w1_Xtr"}, "y":  {"dataset": "w1_ytr"},
            "Xv": {"dataset": "w1_Xva"}, "yv": {"dataset": "w1_yva"}},
          "samples": {
            "train": {"arrays": ["X", "y"], "batch": 64}, "validation": {"arrays": ["Xv", "yv"], "batch": 64}},
          "levels": [
            {"variables": {"lambda": {"shape": [22]}}, "minimize": "mean(logistic_loss(Xv @ w, yv))"},
            {"variables": {"w": {"shape": [22]}},
             "minimize": "mean(logistic_loss(X @ w, y)) + 0.5 * sum(exp(lambda) * w^2)"}]},
         "method": "soba"}
        """

    static let w2 = """
        {"problem": {
          "data": {
            "X":  {"dataset": "w2_Xtr"}, "y":  {"dataset": "w2_ytr"},
            "Xv": {"dataset": "w2_Xva"}, "yv": {"dataset": "w2_yva"}},
          "samples": {
            "train": {"arrays": ["X", "y"], "batch": 64}, "validation": {"arrays": ["Xv", "yv"], "batch": 64}},
          "levels": [
            {"variables": {"x": {"per": "train", "start": -2}}, "minimize": "mean(cross_entropy(Xv @ W, yv))"},
            {"variables": {"W": {"shape": [784, 10]}},
             "minimize": "mean(sigmoid(x) * cross_entropy(X @ W, y)) + 0.2 * sum(W^2)"}]},
         "method": "aid-cg"}
        """

    static let w3 = """
        {"problem": {
          "data": {
            "X":  {"dataset": "w3_tr", "array": "features", "features": 20000}, "y":  {"dataset": "w3_ytr"},
            "Xv": {"dataset": "w3_va", "array": "features", "features": 20000}, "yv": {"dataset": "w3_yva"}},
          "samples": {"train": {"arrays": ["X", "y"]}, "validation": {"arrays": ["Xv", "yv"]}},
          "levels": [
            {"variables": {"lambda": {"shape": [20000, 1]}}, "minimize": "mean(cross_entropy(Xv @ W, yv))"},
            {"variables": {"W": {"shape": [20000, 20]}},
             "minimize": "mean(cross_entropy(X @ W, y)) + 0.5 * mean(exp(lambda) * W^2)"}]},
         "method": "aid-cg"}
        """

    static let w6 = """
        {"problem": {
          "data": {
            "X": {"dataset": "w6_Xtr"}, "y": {"dataset": "w6_ytr"},
            "V": {"dataset": "w6_Xva"}, "v": {"dataset": "w6_yva"}},
          "definitions": {"loss": "mean((y - (X + P) @ theta)^2)"},
          "levels": [
            {"variables": {"lambda": {}}, "minimize": "mean((v - V @ theta)^2)"},
            {"variables": {"P": {"shape": [221, 10]}}, "maximize": "loss - 10 * sum(P^2) / 2210"},
            {"variables": {"theta": {"shape": [10]}}, "minimize": "loss + exp(lambda) / 10 * sum(theta^2)"}]},
         "method": "unrolled"}
        """

    static let w4 = """
        {"problem": {
          "data": {
            "X":  {"dataset": "w4_Xtr"}, "y":  {"dataset": "w4_ytr"},
            "Xv": {"dataset": "w4_Xva"}, "yv": {"dataset": "w4_yva"}},
          "samples": {"train": {"arrays": ["X", "y"]}, "validation": {"arrays": ["Xv", "yv"]}},
          "levels": [
            {"variables": {"lambda": {"shape": [500], "start": -2}}, "minimize": "0.5 * mean((Xv @ w - yv)^2)"},
            {"variables": {"w": {"shape": [500]}},
             "minimize": "0.5 * mean((X @ w - y)^2) + 0.5 * sum(exp(lambda) * w^2)"}]},
         "method": "aid-cg"}
        """
}
