// Sparse data in documents: what is read, what is refused where, and that solving does not depend on the storage.

import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

@Suite struct SparseDocumentTests {
    private func decode(_ data: String) throws -> (source: DataSource?, faults: [String]) {
        var diagnostics = Diagnostics()
        let text = #"{"problem": {"data": {"X": \#(data)}, "levels": [{"variables": {"x": {}}, "minimize": "x"}]}}"#
        let document = DocumentDecoder.decodePartially(try JSONParser.parse(text), into: &diagnostics)
        let faults = diagnostics.kept.map { "\($0.code.rawValue) \($0.pointer)" }
        return (document?.problem.data.first?.source, faults)
    }

    // MARK: - In the document

    @Test func readsStoredEntries() throws {
        let (source, faults) = try decode(
            #"{"csr": {"shape": [2, 3], "indptr": [0, 1, 3], "indices": [2, 0, 1], "data": [1.5, 2, -3]}}"#)
        let matrix = try SparseMatrix(
            rows: 2, columns: 3, starts: [0, 1, 3], columnIndices: [2, 0, 1], values: [1.5, 2, -3])
        #expect(faults == [] && source == .sparse(matrix))
        let empty = try decode(#"{"csr": {"shape": [1, 3], "indptr": [0, 0], "indices": [], "data": []}}"#)
        #expect(empty.faults == [])
    }

    @Test(arguments: [
        (#"{"csr": 1}"#, "wrong-type /problem/data/X/csr"),
        (#"{"csr": {"shape": [2, 3], "indices": [], "data": []}}"#, "missing-field /problem/data/X/csr"),
        (csr("[2]", "[0]", "[]", "[]"), "wrong-type /problem/data/X/csr/shape"),
        (csr("[2, 0]", "[0, 0, 0]", "[]", "[]"), "out-of-range /problem/data/X/csr/shape/1"),
        (csr("[1, 1048577]", "[0, 0]", "[]", "[]"), "out-of-range /problem/data/X/csr/shape/1"),
        (csr("[2, 3]", "[0, 1]", "[0]", "[1]"), "shape-mismatch /problem/data/X/csr/indptr"),
        (csr("[2, 3]", "[0, 2, 1]", "[0]", "[1]"), "out-of-range /problem/data/X/csr/indptr/1"),
        (csr("[1, 3]", "[0, 0.5]", "[0]", "[1]"), "wrong-type /problem/data/X/csr/indptr"),
        (csr("[1, 3]", "[[0, 1]]", "[0]", "[1]"), "shape-mismatch /problem/data/X/csr/indptr"),
        (csr("[1, 3]", "[0, 1]", "[0, 1]", "[1]"), "shape-mismatch /problem/data/X/csr/indices"),
        (csr("[1, 3]", "[0, 1]", "[3]", "[1]"), "index-out-of-range /problem/data/X/csr/indices"),
        (csr("[1, 3]", "[0, 2]", "[1, 0]", "[1, 2]"), "data-error /problem/data/X/csr/indices"),
        (csr("[1, 3]", "[0, 1]", #"["0"]"#, "[1]"), "wrong-type /problem/data/X/csr/indices/0"),
        (
            #"{"csr": {"shape": [1, 1], "indptr": [0, 0], "indices": [], "data": []}, "value": 1}"#,
            "data-error /problem/data/X"
        ),
    ])
    func refusesOtherEntries(_ data: String, _ fault: String) throws {
        #expect(try decode(data).faults.first == fault)
    }

    private static func csr(_ shape: String, _ starts: String, _ indices: String, _ data: String) -> String {
        #"{"csr": {"shape": \#(shape), "indptr": \#(starts), "indices": \#(indices), "data": \#(data)}}"#
    }

    // MARK: - Data sets

    @Test func selectsFeaturesAndLabels() throws {
        #expect(
            try decode(#"{"dataset": "news", "array": "features", "rows": "0:9", "features": 30, "first_index": 0}"#)
                .source
                == .dataset(
                    DatasetSelection(
                        dataset: "news", part: .features(FeatureSelection(count: 30, firstIndex: 0)),
                        rows: RowRange(start: 0, end: 9))))
        #expect(
            try decode(#"{"dataset": "news", "array": "features", "dense": true}"#).source
                == .dataset(DatasetSelection(dataset: "news", part: .features(FeatureSelection(isDense: true)))))
        #expect(
            try decode(#"{"dataset": "news", "array": "labels"}"#).source
                == .dataset(DatasetSelection(dataset: "news", part: .labels)))
    }

    @Test(arguments: [
        (#"{"dataset": "a", "array": "feature"}"#, "unknown-name /problem/data/X/array"),
        (#"{"dataset": "a", "array": "labels", "columns": ["b"]}"#, "wrong-argument /problem/data/X/columns"),
        (#"{"dataset": "a", "array": "labels", "dense": true}"#, "wrong-argument /problem/data/X/dense"),
        (#"{"dataset": "a", "features": 3}"#, "wrong-argument /problem/data/X/features"),
        (#"{"dataset": "a", "array": "features", "features": 0}"#, "out-of-range /problem/data/X/features"),
        (#"{"dataset": "a", "array": "features", "first_index": 2}"#, "out-of-range /problem/data/X/first_index"),
        (#"{"value": 1, "array": "features"}"#, "unknown-field /problem/data/X/array"),
    ])
    func refusesOtherSelections(_ data: String, _ fault: String) throws {
        #expect(try decode(data).faults == [fault])
    }

    // MARK: - Solving

    /// A multinomial regression with one penalty per feature, on rows of which a third of the entries are not zero.
    private struct Example {
        static let (rows, held, columns, classes) = (60, 30, 12, 3)
        let document: String
        let sparse: String

        init(method: String) throws {
            var random = TestRandom(seed: 9)
            func number(_ bound: Int) -> Double { Double(Int.random(in: 0..<bound, using: &random)) / Double(bound) }
            func matrix(_ rows: Int) throws -> SparseMatrix {
                let values = (0..<(rows * Self.columns)).map { _ in number(3) > 0.5 ? number(1000) - 0.3 : 0 }
                return try SparseMatrix(Tensor(shape: [rows, Self.columns], values: values))
            }
            func labels(_ rows: Int) -> String {
                "[\((0..<rows).map { _ in "\(Int.random(in: 0..<Self.classes, using: &random))" }.joined(separator: ","))]"
            }
            let (train, held) = (try matrix(Self.rows), try matrix(Self.held))
            let (y, yv) = (labels(Self.rows), labels(Self.held))
            func text(_ x: String, _ xv: String) -> String {
                """
                {"problem": {
                  "data": {"X": \(x), "y": {"value": \(y)}, "Xv": \(xv), "yv": {"value": \(yv)}},
                  "samples": {"train": {"arrays": ["X", "y"], "batch": 16}, "held": {"arrays": ["Xv", "yv"], "batch": 16}},
                  "levels": [
                    {"variables": {"lambda": {"shape": [12, 1], "start": -2}}, "minimize": "mean(cross_entropy(Xv @ W, yv))"},
                    {"variables": {"W": {"shape": [12, 3]}},
                     "minimize": "mean(cross_entropy(X @ W, y)) + 0.5 * sum(exp(lambda) * W^2)"}]},
                 "method": \(method), "limits": {"iterations": 10}, "seed": 4}
                """
            }
            document = text(try Self.dense(train), try Self.dense(held))
            sparse = text(Self.csr(train), Self.csr(held))
        }

        private static func dense(_ matrix: SparseMatrix) throws -> String {
            let values = try matrix.dense().values
            let rows = (0..<matrix.rows).map { "\(Array(values[$0 * matrix.columns..<($0 + 1) * matrix.columns]))" }
            return #"{"value": [\#(rows.joined(separator: ","))]}"#
        }

        private static func csr(_ matrix: SparseMatrix) -> String {
            let rows = 0..<matrix.rows
            return SparseDocumentTests.csr(
                "\(matrix.shape)", "\([0] + rows.map { matrix.byRow.entries(ofRow: $0).upperBound })",
                "\(rows.flatMap { matrix.byRow.columns(ofRow: $0) })",
                "\(rows.flatMap { matrix.byRow.values(ofRow: $0) })")
        }
    }

    @Test(arguments: [
        #"{"name": "aid-cg", "lower_solver": {"step": 0.5, "steps": 40}, "linear_solver": {"steps": 8}}"#,
        #"{"name": "itd", "lower_solver": {"step": 0.5, "steps": 20}}"#, #""soba""#, #""implicit""#,
    ])
    func solvesAsWithZerosWrittenOut(_ method: String) throws {
        let example = try Example(method: method)
        let (sparse, dense) = (try run(example.sparse), try run(example.document))
        #expect(sparse.result.iterations == dense.result.iterations && sparse.result.iterations > 0)
        let points = [(sparse.result.x, dense.result.x), (sparse.result.y, dense.result.y)]
        for (found, expected) in points {
            let error = VectorMath.maxNorm(VectorMath.subtract(found, expected))
            #expect(error <= 1e-12 * max(1, VectorMath.maxNorm(expected)))
        }
    }
}
