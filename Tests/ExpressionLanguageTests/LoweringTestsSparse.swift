// Sparse data in formulas: products from both sides, refusals with their place, sampling.
import ExpressionGraph
import ExpressionLanguage
import Testing

@Suite struct LoweringSparseTests {
    /// The standard scope with a sparse S [train, 3] and a sparse B [2, 3], of the numbers that `dense` has too.
    private func scope(isSparse: Bool = true, _ definitions: [String: String] = [:]) -> Lowered {
        let numbers = (0..<21).map { $0 % 3 == 1 ? 0 : Double($0) - 9 }
        return Lowered(
            [
                .init("S", ["train", 3], isSparse: isSparse, numbers),
                .init("B", [2, 3], isSparse: isSparse, [0, 1, 0, 2, 0, 3]), .init("X", ["train", 3]),
                .init("y", ["train"]), .init("w", [3], isVariable: true), .init("W", [3, 2], isVariable: true),
                .init("v", [2], isVariable: true), .init("s", [], isVariable: true),
                .init("a", ["train"], isVariable: true),
            ], rows: ["train": 7], definitions: definitions)
    }

    private static let products = [
        "sum(S @ w)", "sum((S @ W)^2)", "sum(S.T @ y)", "sum(S.T @ (S @ w - y))", "sum(y @ S)", "sum(W.T @ S.T)",
        "sum(w @ S.T)", "B @ w", "v @ B", "B @ W", "W @ B", "B.T @ v", "dot(B, w)", "dot(v, B)", "transpose(B) @ v",
        "transpose(B, [1, 0]) @ v", "transpose(B, [0, 1]) @ w", "X.T @ (S @ w)", "S.T @ X",
        "mean(logistic_loss(S @ w, 1))",
        "B.T.T @ w", "+B @ w", "T2 @ v", "sum(a @ S)",
    ]

    @Test(arguments: products) func givesWhatDenseDataGive(_ formula: String) throws {
        let definitions = ["T2": "B.T"]
        let (sparse, dense) = (scope(definitions), scope(isSparse: false, definitions))
        let (found, expected) = (try #require(sparse.lower(formula)), try #require(dense.lower(formula)))
        let (left, right) = (sparse.evaluate(found), dense.evaluate(expected))
        #expect(left.count == right.count)
        for (x, y) in zip(left, right) { #expect(abs(x - y) <= 1e-12 * max(1, abs(y))) }
        #expect(sparse.graph.nodes.contains { if case .sparseProduct = $0.operation { true } else { false } })
        #expect((found.samplingFault == nil) == (expected.samplingFault == nil))
        #expect(found.hasExpectation == expected.hasExpectation && found.isInteger == expected.isInteger)
    }

    @Test(arguments: [
        ("sum(S)", "1:5"), ("S * 2", "1:1"), ("w + S", "1:5"), ("-S @ w", "1:2"), ("exp(B)", "1:5"), ("S[0]", "1:1"),
        ("reshape(B, [3, 2])", "1:9"), ("concatenate([B, B])", "1:14"), ("where(B, w, w)", "1:7"), ("B", "1:1"),
        ("T2", "1:1"), ("norm(T2)", "1:6"), ("S == 0", "1:1"), ("softmax(B)", "1:9"), ("trace(B)", "1:7"),
        ("outer(B, w)", "1:7"), ("clip(B, 0, 1)", "1:6"), ("one_hot(B, 3)", "1:9"), ("take(B, [0])", "1:6"),
    ])
    func refusesEverythingElse(_ formula: String, _ place: String) {
        let lowered = scope(["T2": "B.T"])
        #expect(lowered.lower(formula) == nil)
        #expect(lowered.faults == ["\(place) unsupported"])
        let fault = lowered.lowering.diagnostics.kept.first
        #expect(fault?.message.hasSuffix("and sparse: it takes part in matrix products only") == true)
        #expect(fault?.hint?.contains("X @ w") == true)
    }

    @Test func refusesProductsOfTwo() {
        let lowered = scope()
        #expect(lowered.lower("B @ B.T") == nil && lowered.lower("S.T @ S") == nil)
        #expect(lowered.lower("S @ reshape(W, [1, 3, 2])") == nil)
        #expect(lowered.faults == ["1:3 unsupported", "1:5 unsupported", "1:3 unsupported"])
        #expect(
            lowered.lowering.diagnostics.kept[0].message == "B is [2, 3] and B.T is [3, 2], and both are sparse")
    }

    @Test func checksShapesAsOfDenseData() {
        let lowered = scope()
        #expect(lowered.lower("S @ v") == nil)
        #expect(lowered.faults == ["1:3 shape-mismatch"])
        #expect(
            lowered.lowering.diagnostics.kept[0].message
                == "S is [train, 3] and v is [2]: the inner dimensions 3 and 2 differ")
    }

    /// The mean over batches of one third each is the mean over all rows, for products that contract the axis too.
    @Test(arguments: ["mean((S @ w - y)^2)", "dot(S.T @ (S @ w - y), w)"])
    func batchesEstimateWithoutBias(_ formula: String) throws {
        let lowered = scope()
        let expression = try #require(lowered.lower(formula))
        let whole = lowered.evaluate(expression)[0]
        #expect(expression.samplingFault == nil)
        let batches = lowered.evaluateBatches(expression, of: "train", size: 7)
        #expect(batches.count == 1 && abs(batches[0][0] - whole) <= 1e-12 * abs(whole))
        let small = lowered.evaluateBatches(expression, of: "train", size: 1).map { $0[0] }
        #expect(abs(small.reduce(0, +) / 7 - whole) <= 1e-12 * abs(whole))
    }
}
