// Formulas compute what NumPy computes.
import ExpressionGraph
import ExpressionLanguage
import Testing

@Suite struct LoweringTests {
    @Test(
        arguments: NumPyCase.elementwise + NumPyCase.operators + NumPyCase.reductions + NumPyCase.shaping
            + NumPyCase.lists
            + NumPyCase.indexing + NumPyCase.stacks + NumPyCase.linearAlgebra + NumPyCase.gathering
            + NumPyCase.axes + NumPyCase.empties + NumPyCase.newAxes)
    func agreesWithNumPy(_ example: NumPyCase) throws {
        let indices: Set = ["k", "j", "I", "signs", "bits"]
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

    /// Gradients of formulas against central differences of fourth order, kinks left out.
    @Test(
        arguments: NumPyCase.elementwise + NumPyCase.operators + NumPyCase.reductions + NumPyCase.shaping
            + NumPyCase.lists
            + NumPyCase.stacks + NumPyCase.linearAlgebra + NumPyCase.gathering + NumPyCase.axes + NumPyCase.newAxes)
    func gradientsAgreeWithDifferences(_ example: NumPyCase) throws {
        let kinked = [
            "sign(x - x)", "maximum(x, 0.5)", "x <= 0.5", "norm(x - x)", "x == 0.5", "x != 0.5",
            "clip(x, low=y, high=2)", "clip(A, x, 1)",
        ]
        guard !kinked.contains(example.formula) else { return }
        // T holds equal numbers.
        let hasTies = ["max(T", "min(T"].contains { example.formula.hasPrefix($0) }
        let leaves = ["s", "x", "y", "p", "v", "A", "B", "M", "S"] + (hasTies ? [] : ["T"])
        let lowered = Lowered(
            NumPyCase.arrays.sorted { $0.key < $1.key }.map { name, array in
                .init(name, array.shape.map { .size($0) }, isVariable: leaves.contains(name), array.values)
            })
        let expression = try #require(lowered.lower(example.formula))
        var graph = lowered.graph
        let scalar = graph.sum(graph.unary(.sin, expression.node))
        let nodes = leaves.compactMap { lowered.inputs[$0] }.filter { graph.inputs(of: [scalar]).contains($0) }
        let derivatives = graph.gradient(of: scalar, at: nodes)
        let program = Program(graph, outputs: [scalar] + derivatives)
        lowered.fill(program)
        program.run()
        let gradients = nodes.indices.map { Array(program.result($0 + 1)) }
        for (node, gradient) in zip(nodes, gradients) {
            let point = lowered.values[node] ?? []
            for (position, slope) in gradient.enumerated() {
                let h = 2e-4
                let samples = [2 * h, h, -h, -2 * h].map { step in
                    var moved = point
                    moved[position] += step
                    program.write(moved, to: node)
                    program.run()
                    return program.scalar(0)
                }
                program.write(point, to: node)
                let difference = (-samples[0] + 8 * samples[1] - 8 * samples[2] + samples[3]) / (12 * h)
                #expect(
                    abs(slope - difference) <= 1e-6 * max(1, abs(slope)),
                    "\(example.formula) \(position): \(slope) \(difference)")
            }
        }
    }

    @Test(arguments: [
        ("prod(w)", [0.0, 2, 3], [6.0, 0, 0]), ("prod(w)", [0, 0, 3], [0, 0, 0]),
        ("max(w[:, None] + w)", [1, 1, 0], [1, 1, 0]), ("norm(w)", [0, 0, 0], [0, 0, 0]),
        ("norm(w)", [3, 0, 4], [0.6, 0, 0.8]), ("sum(abs(w))", [0, -1, 2], [0, -1, 1]),
        ("sum(relu(w))", [0, -1, 2], [0, 0, 1]), ("max(w)", [2, 1, 2], [0.5, 0, 0.5]),
        ("sum(clip(w, 0, 1))", [0, 1, 0.5], [1, 1, 1]), ("sum(huber(w, 1))", [1, -1, 3], [1, -1, 1]),
        ("sum(w ^ 3)", [0, 1, -1], [0, 3, 3]), ("sum(sqrt(w * w + 1))", [0, 0, 0], [0, 0, 0]),
    ])
    func derivativesAtKinksAreTheSelections(_ formula: String, _ point: [Double], _ slope: [Double]) throws {
        let lowered = Lowered([.init("w", [3], isVariable: true, point)])
        let expression = try #require(lowered.lower(formula))
        var graph = lowered.graph
        let gradient = graph.gradient(of: expression.node, at: [lowered.inputs["w"]!])  // declared above
        let program = Program(graph, outputs: gradient)
        lowered.fill(program)
        program.run()
        for (value, expected) in zip(program.result(0), slope) { #expect(abs(value - expected) < 1e-15) }
    }

    @Test func everyFunctionIsTestedOrReserved() {
        let all =
            NumPyCase.elementwise + NumPyCase.operators + NumPyCase.reductions + NumPyCase.shaping
            + NumPyCase.lists
            + NumPyCase.linearAlgebra + NumPyCase.axes
        for function in Function.allCases where !all.contains(where: { $0.formula.contains("\(function.rawValue)(") }) {
            let lowered = standard()
            #expect(lowered.lower("\(function.rawValue)(w, w)") == nil)
            #expect(lowered.faults == ["1:1 unsupported"], "\(function.rawValue)")
        }
    }

    /// The parameters of every function as its own message lists them, each given by name in some case of the tables.
    @Test func everyParameterIsGivenByNameSomewhere() throws {
        let formulas =
            (NumPyCase.elementwise + NumPyCase.reductions + NumPyCase.shaping + NumPyCase.axes).map(\.formula)
        for function in Function.allCases {
            let lowered = standard()
            #expect(lowered.lower("\(function.rawValue)()") == nil)
            let message = try #require(lowered.lowering.diagnostics.kept.first?.message)
            for word in message.split(whereSeparator: { " (),".contains($0) }) where word.hasSuffix("=") {
                let isGiven = formulas.contains { $0.contains("\(function.rawValue)(") && $0.contains(word) }
                #expect(isGiven, "\(function.rawValue) \(word)")
            }
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
            ("X[0]", "[3]"), ("softmax(X)", "[train, 3]"), ("take(y, [0, -1])", "[2]"), ("X[[0, 2], 1]", "[2]"),
            ("solve(X.T @ X, X.T)", "[3, train]"), ("reshape(X, [-1, 1, 3]) @ A.T", "[train, 1, 2]"),
            ("reshape(X, [-1, 1, 3]) @ w", "[train, 1]"),
            ("logdet(reshape(X, [-1, 3, 1]) @ reshape(X, [-1, 1, 3]))", "[train]"),
            ("cholesky_solve(X @ X.T, y)", "[train]"), ("prod(X)", "a number"), ("prod(y)", "a number"),
            ("y[:, None]", "[train, 1]"), ("softmax(X, axis=(0, 1))", "[train, 3]"), ("max(X, axis=None)", "a number"),
            ("A[:, one_hot(k, 3)]", "[2, train, 3]"),
        ] {
            let expression = try #require(lowered.lower(formula), "\(formula) \(lowered.faults)")
            #expect(lowered.lowering.describe(lowered.graph.shape(expression.node)) == shape, "\(formula)")
        }
    }
}
