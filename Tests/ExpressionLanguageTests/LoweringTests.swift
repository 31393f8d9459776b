// Formulas compute what NumPy computes.
import ExpressionGraph
import ExpressionLanguage
import Testing

@Suite struct LoweringTests {
    @Test(
        arguments: NumPyCase.elementwise + NumPyCase.operators + NumPyCase.reductions + NumPyCase.shaping
            + NumPyCase.indexing)
    func agreesWithNumPy(_ example: NumPyCase) throws {
        let indices: Set = ["k", "j", "signs", "bits"]
        let lowered = Lowered(
            NumPyCase.arrays.sorted { $0.key < $1.key }.map { name, array in
                .init(
                    name, array.shape.map { .size($0) }, isVariable: !indices.contains(name), array.values)
            })
        let expression = try #require(lowered.lower(example.formula), "\(example.formula): \(lowered.faults)")
        #expect(lowered.faults == [])
        #expect(lowered.graph.shape(expression.node) == Shape(sizes: example.shape), "\(example.formula)")
        #expect(GraphVerifier(lowered.graph).violations() == [])
        let values = lowered.evaluate(expression)
        #expect(values.count == example.values.count)
        for (value, expected) in zip(values, example.values) {
            #expect(
                abs(value - expected) <= 1e-14 * max(1, abs(expected)) || (value.isNaN && expected.isNaN),
                "\(example.formula): \(values) \(example.values)")
        }
    }

    @Test func everyFunctionIsTestedOrReserved() {
        let all = NumPyCase.elementwise + NumPyCase.operators + NumPyCase.reductions + NumPyCase.shaping
        for function in Function.allCases where !all.contains(where: { $0.formula.contains("\(function.rawValue)(") }) {
            let lowered = standard()
            let arity = ["logdet", "inverse"].contains(function.rawValue) ? "w" : "w, w"
            #expect(lowered.lower("\(function.rawValue)(\(arity))") == nil)
            #expect(lowered.faults == ["1:1 unsupported"], "\(function.rawValue)")
        }
    }

    @Test func labelsBecomeRequirements() throws {
        let lowered = standard()
        let formula = "mean(cross_entropy(X, k)) + mean(logistic_loss(X @ w, y)) + sum(binary_cross_entropy(u, 1))"
        _ = try #require(lowered.lower(formula))
        #expect(lowered.lowering.requirements.map(\.kind) == [.integers(below: 3), .signs, .zeroOrOne])
        #expect(
            lowered.lowering.requirements.map { Lowered.brief($0.fault) } == [
                "1:23 label-outside-set", "1:55 label-outside-set", "1:89 label-outside-set",
            ])
        #expect(lowered.lowering.requirements[0].node == lowered.inputs["k"])
    }

    @Test func shapesCarrySampleAxes() throws {
        let lowered = standard()
        for (formula, shape) in [
            ("X @ w", "[train]"), ("X.T", "[3, train]"), ("X.T @ y", "[3]"), ("X * w", "[train, 3]"),
            ("y - s", "[train]"),
            ("X[:, 1]", "[train]"), ("X @ Xv.T", "[train, validation]"), ("outer(y, w)", "[train, 3]"),
            ("mean(X, axis=0)", "[3]"), ("sum(X, axis=1, keepdims=true)", "[train, 1]"), ("mean(X @ w)", "a number"),
            ("reshape(X, [-1, 3, 1])", "[train, 3, 1]"), ("stack([y, a], axis=1)", "[train, 2]"),
            ("u[k]", "[train]"), ("one_hot(k, 4) @ u", "[train]"), ("X @ X.T", "[train, train]"), ("X[:2]", "[2, 3]"),
            ("X[0]", "[3]"), ("softmax(X)", "[train, 3]"),
        ] {
            let expression = try #require(lowered.lower(formula), "\(formula) \(lowered.faults)")
            #expect(lowered.lowering.describe(lowered.graph.shape(expression.node)) == shape, "\(formula)")
        }
    }
}
