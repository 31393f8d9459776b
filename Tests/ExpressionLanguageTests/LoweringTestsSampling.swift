// Sampling has a type: what batches estimate without bias, what they cannot, and where that is said.
import ExpressionGraph
import ExpressionLanguage
import Testing

@Suite struct LoweringSamplingTests {
    /// Sound for batches; each contains an expectation unless it is data alone.
    @Test(
        arguments: [
            "mean((X @ w - y)^2)", "sum(log1p(exp(X @ w))) + 0.5 * sum(exp(s) * w^2)", "2 * mean(X @ w) / 3 - s",
            "w @ mean(X * w, axis=0)", "-mean(a * y)", "sum(X.T @ (X @ w))", "y @ (X @ w)", "dot(a, y)",
            "mean(X @ w) * exp(s)", "mean(X @ w) / exp(s)", "mean(X @ w) + mean(Xv @ w)", "mean(norm(X * w, axis=1))",
            "mean(logsumexp(X * w, axis=1))", "mean(max(X * w, axis=1))", "mean(cross_entropy(X * w, k))",
            "mean(where(y > 0, X @ w, 0))", "where(s > 0, mean(X @ w), mean(y * s))", "(mean(X @ w)) ^ 1",
            "sum(stack([mean(X @ w), s]))", "mean(u[k])", "mean(softmax(X * w))",
            "norm(mean(X)) * mean(X @ w)", "mean((X - mean(X, axis=0)) / norm(X, axis=0) @ w)",
            "logsumexp(y) + mean(X @ w)",
            "mean((X @ w - y)^2) * mean(y^2)", "mean(X[0] @ w + a)", "mean(X @ w) - log(mean(y))",
            "mean(a * (X @ (X.T @ y)))", "(y @ X) @ w + mean(a)",
        ])
    func isSound(_ formula: String) throws {
        let lowered = standard()
        let expression = try #require(lowered.lower(formula), "\(lowered.lowering.diagnostics.rendered)")
        #expect(expression.hasExpectation)
        #expect(expression.samplingFault == nil, "\(formula): \(expression.samplingFault?.rendered ?? "")")
    }

    @Test(arguments: [
        ("log(mean(X @ w))", "1:1 not-affine-in-expectations"),
        ("s + 2 * log(mean(exp(X @ w)))", "1:9 not-affine-in-expectations"),
        ("mean(X @ w)^2", "1:12 not-affine-in-expectations"), ("(mean(X @ w))^2", "1:14 not-affine-in-expectations"),
        ("mean(X @ w) * mean(a)", "1:13 not-affine-in-expectations"),
        ("mean(X @ w) * mean(Xv @ w)", "1:13 not-affine-in-expectations"),
        ("s / mean(X @ w)", "1:3 not-affine-in-expectations"), ("2 ^ mean(a)", "1:3 not-affine-in-expectations"),
        ("sqrt(sum(a^2))", "1:1 not-affine-in-expectations"),
        ("maximum(mean(X @ w), 0)", "1:1 not-affine-in-expectations"),
        ("where(mean(a) > 0, 1, s)", "1:15 not-affine-in-expectations"),
        ("mean((a - mean(a))^2)", "1:19 not-affine-in-expectations"),
        ("norm(X @ w)", "1:1 sampling-error"), ("logsumexp(X @ w)", "1:1 sampling-error"),
        ("max(a)", "1:1 sampling-error"), ("sum(cumsum(a))", "1:5 sampling-error"),
        ("sum(softmax(X @ w))", "1:5 sampling-error"), ("sum(softmax(X * w, axis=0))", "1:5 sampling-error"),
        ("sum(a[:3])", "1:5 sampling-error"), ("a[0] + s", "1:1 sampling-error"),
        ("sum((X * w) @ X.T)", "1:13 sampling-error"), ("sum(outer(a, y))", "1:5 sampling-error"),
        ("sum((X @ X.T) @ a)", "1:8 sampling-error"), ("y @ (X @ X.T) @ a", "1:8 sampling-error"),
        ("sum(a * ((X @ Xv.T) @ Xv[:, 0]))", "1:21 sampling-error"),
    ])
    func isRefusedByStochasticMethodsWithItsPlace(_ formula: String, _ place: String) throws {
        let lowered = standard()
        let expression = try #require(lowered.lower(formula), "\(lowered.lowering.diagnostics.rendered)")
        let fault = try #require(expression.samplingFault, "\(formula)")
        #expect(Lowered.brief(fault) == place, "\(formula)")
        #expect(lowered.faults == [], "a full-batch method accepts it")
    }

    @Test(arguments: [
        "mean(y)", "norm(X)", "log(mean(y))", "sum(X[0])", "max(y) * min(y)", "sum(X.T @ X)", "trace(X.T @ X)",
        "mean((y - mean(y))^2)", "cumsum(y)[3]", "sum(X @ X.T)",
    ])
    func expectationsOfDataAloneAreData(_ formula: String) throws {
        let lowered = standard()
        let expression = try #require(lowered.lower(formula))
        #expect(!expression.hasExpectation)
        #expect(expression.samplingFault == nil)
        #expect(!lowered.graph.inputs(of: [expression.node]).contains(lowered.expansions[lowered.axes["train"]!]!))
    }

    /// K batches, each as likely as any other, average to the value over all rows; also when the last is short.
    @Test(
        arguments: [
            "mean((X @ w - y)^2)", "sum(exp(X @ w / 5))", "2 * mean(X @ w) + s", "y @ (X @ w)",
            "sum(X.T @ (X @ w)) + 0.1 * sum(w^2)", "sum(mean(X * w, axis=0))", "mean(norm(X * w, axis=1)) * s",
        ], [1, 2, 3, 4, 7])
    func batchesAverageToTheWhole(_ formula: String, _ size: Int) throws {
        let lowered = standard()
        let expression = try #require(lowered.lower(formula))
        let whole = lowered.evaluate(expression)[0]
        let batches = lowered.evaluateBatches(expression, of: "train", size: size).map { $0[0] }
        #expect(batches.count == (7 + size - 1) / size)
        let average = batches.reduce(0, +) / Double(batches.count)
        #expect(abs(average - whole) <= 1e-13 * abs(whole), "\(average) \(whole)")
    }

    @Test func integersStayIntegers() throws {
        let lowered = standard()
        #expect(try #require(lowered.lower("2 * 3")).isInteger)
        #expect(try #require(lowered.lower("w > 0")).isInteger)
        #expect(!(try #require(lowered.lower("1 / 3")).isInteger))
        #expect(!(try #require(lowered.lower("exp(2)")).isInteger))
    }
}
