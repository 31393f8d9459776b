// A LIBSVM file beside a document, from the command's start to its result.
import Foundation
import Testing

@Suite struct SparseDataTests {
    /// Forty samples of eight features, counted from 1; each has about a third of them, all have feature 1.
    private static let rows = (0..<40).map { row in
        let features = (2...8).filter { ($0 * 7 + row * 5) % 3 == 0 }
            .map { " \($0):\(Double(($0 * 13 + row * 29) % 17) / 8 - 1)" }
        return "\(row % 5 < 2 ? "+1" : "-1") 1:\(Double(row % 7) / 7)\(features.joined()) # sample \(row)"
    }

    private static func document(_ method: String, _ storage: String) -> String {
        """
        {"problem": {
          "data": {
            "X":  {"dataset": "samples", "array": "features", "rows": ":25"\(storage)},
            "y":  {"dataset": "samples", "array": "labels", "rows": ":25"},
            "Xv": {"dataset": "samples", "array": "features", "rows": "25:"\(storage)},
            "yv": {"dataset": "samples", "array": "labels", "rows": "25:"}},
          "samples": {"train": {"arrays": ["X", "y"], "batch": 8}, "held": {"arrays": ["Xv", "yv"], "batch": 8}},
          "levels": [
            {"variables": {"lambda": {"shape": [8], "start": -1}}, "minimize": "mean(logistic_loss(Xv @ w, yv))"},
            {"variables": {"w": {"shape": [8]}},
             "minimize": "mean(logistic_loss(X @ w, y)) + 0.5 * sum(exp(lambda) * w^2)"}]},
         "method": \(method), "limits": {"iterations": 8}}
        """
    }

    @Test(arguments: [#""soba""#, #"{"name": "aid-cg", "lower_solver": {"step": 1, "steps": 50}}"#])
    func theResultDoesNotDependOnTheStorage(_ method: String) throws {
        let scratch = try Scratch()
        _ = try scratch.write(Self.rows.joined(separator: "\n"), as: "samples.libsvm")
        let solved = try ["", #", "dense": true"#, #", "features": 8, "first_index": 1"#].map { storage in
            try solve(try scratch.write(Self.document(method, storage), as: "document.json"))
        }
        #expect(solved.allSatisfy { $0.result != nil && $0.iterations == 8 }, "\(solved[0].finished.errors)")
        for name in ["lambda", "w"] {
            #expect(solved[0].variable(name).count == 8)
            #expect(agrees(solved[0].variable(name), solved[1].variable(name), within: 1e-12))
            #expect(solved[0].variable(name) == solved[2].variable(name))
        }
        #expect(agrees(solved[0].objective, solved[1].objective, within: 1e-12))
    }

    @Test func aFaultInTheFileHasItsPlace() throws {
        let scratch = try Scratch()
        let document = try scratch.write(Self.document(#""soba""#, ""), as: "document.json")
        let missing = try Executable.run(["solve", document])
        #expect(missing.ending == .status(2))
        #expect(missing.errors.contains("there is no data set samples"))
        #expect(missing.errors.contains("put samples.libsvm beside the document"))
        _ = try scratch.write("1 1:2\n-1 3:x\n", as: "samples.svm")
        let faulty = try Executable.run(["solve", document])
        #expect(faulty.errors.contains("data set samples: line 2, column 6: wanted a number, came \"x\""))
    }
}
