// Simplifications keep special values: what a simplified node computes is what the formula as written computes, or, where
// that overflows or cancels on the way, its exact value.
import ExpressionGraph
import Testing

import func Foundation.exp
import func Foundation.log
import func Foundation.log1p

@Suite struct SpecialValueTests {
    static let specials: [Double] = [
        0, -0.0, 1, -1, 2.5, .infinity, -.infinity, .nan, 1e200, -1e200, 1e-200, 800, -800, .leastNonzeroMagnitude,
    ]

    /// Values of nodes over x, and over x and y, at all special values.
    private func values(_ build: (inout Graph, NodeID, NodeID) -> NodeID) -> [(x: Double, y: Double, value: Double)] {
        let count = Self.specials.count
        var graph = Graph()
        let x = graph.addInput("x", shape: [.size(count * count)], role: .value)
        let y = graph.addInput("y", shape: [.size(count * count)], role: .value)
        let output = build(&graph, x, y)
        let xs = (0..<count * count).map { Self.specials[$0 / count] }
        let ys = (0..<count * count).map { Self.specials[$0 % count] }
        let program = Program(graph, outputs: [output])
        program.write(xs, to: x)
        program.write(ys, to: y)
        program.run()
        return zip(zip(xs, ys), program.result(0)).map { ($0.0, $0.1, $1) }
    }

    private func isSame(_ a: Double, _ b: Double) -> Bool {
        a == b || (a.isNaN && b.isNaN) || abs(a - b) <= 1e-15 * abs(b)
    }

    struct Rule: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let build: @Sendable (inout Graph, NodeID, NodeID) -> NodeID
        /// As written.
        let plain: @Sendable (Double, Double) -> Double
    }

    private static func rule(
        _ name: String, _ build: @escaping @Sendable (inout Graph, NodeID, NodeID) -> NodeID,
        _ plain: @escaping @Sendable (Double, Double) -> Double
    ) -> Rule { Rule(testDescription: name, build: build, plain: plain) }

    /// Rules that change no value at all.
    static let exact: [Rule] = [
        rule("x + 0", { g, x, _ in g.offset(0, x) }, { x, _ in x }),
        rule("x · 1", { g, x, _ in g.scale(1, x) }, { x, _ in x }),
        rule("x / 1", { g, x, _ in g.divide(x, g.constant(1, shape: g.shape(x))) }, { x, _ in x }),
        rule("x − x", { g, x, _ in g.subtract(x, x) }, { x, _ in x - x }),
        rule("x + x", { g, x, _ in g.add(x, x) }, { x, _ in x + x }),
        rule("x · x", { g, x, _ in g.multiply(x, x) }, { x, _ in x * x }),
        rule("−(−x)", { g, x, _ in g.negate(g.negate(x)) }, { x, _ in x }),
        rule("(−x) · y", { g, x, y in g.multiply(g.negate(x), y) }, { -$0 * $1 }),
        rule("(−x) + (−y)", { g, x, y in g.add(g.negate(x), g.negate(y)) }, { -$0 - $1 }),
        rule("(−x)²", { g, x, _ in g.unary(.square, g.negate(x)) }, { x, _ in x * x }),
        rule("|x|²", { g, x, _ in g.unary(.square, g.unary(.absolute, x)) }, { x, _ in x * x }),
        rule("|−x|", { g, x, _ in g.unary(.absolute, g.negate(x)) }, { x, _ in abs(x) }),
        rule("x^0", { g, x, _ in g.binary(.power, x, g.constant(0, shape: g.shape(x))) }, { _, _ in 1 }),
        rule("x^1", { g, x, _ in g.binary(.power, x, g.constant(1, shape: g.shape(x))) }, { x, _ in x }),
        rule("x^2", { g, x, _ in g.binary(.power, x, g.constant(2, shape: g.shape(x))) }, { x, _ in x * x }),
        rule("x^-1", { g, x, _ in g.binary(.power, x, g.constant(-1, shape: g.shape(x))) }, { x, _ in 1 / x }),
        rule("1 / x", { g, x, _ in g.divide(g.constant(1, shape: g.shape(x)), x) }, { x, _ in 1 / x }),
        rule("min(x, x)", { g, x, _ in g.binary(.minimum, x, x) }, { x, _ in x }),
        rule("where(x, y, y)", { g, x, y in g.select(x, y, y) }, { _, y in y }),
    ]

    @Test(arguments: exact) func exactRulesChangeNothing(_ rule: Rule) {
        for (x, y, value) in values(rule.build) {
            #expect(isSame(value, rule.plain(x, y)), "\(x) \(y): \(value), as written \(rule.plain(x, y))")
        }
    }

    /// Rules that give what the formula as written gives, except where that leaves the range of numbers on the way.
    static let stable: [(rule: Rule, exact: @Sendable (Double) -> Double)] = [
        (rule("log(exp(x))", { g, x, _ in g.unary(.log, g.unary(.exp, x)) }, { x, _ in log(exp(x)) }), { $0 }),
        (
            rule(
                "log(1 + exp(x))", { g, x, _ in g.unary(.log, g.offset(1, g.unary(.exp, x))) },
                { x, _ in log(1 + exp(x)) }),
            { $0 > 0 ? $0 : exp($0) }
        ),
        (
            rule("log1p(exp(x))", { g, x, _ in g.unary(.log1p, g.unary(.exp, x)) }, { x, _ in log1p(exp(x)) }),
            { $0 > 0 ? $0 : exp($0) }
        ),
        (
            rule(
                "log(sigmoid(x))", { g, x, _ in g.unary(.log, g.unary(.sigmoid, x)) },
                { x, _ in log(1 / (1 + exp(-x))) }),
            { $0 < 0 ? $0 : -exp(-$0) }
        ),
        (
            rule(
                "log(1 − sigmoid(x))", { g, x, _ in g.unary(.log, g.offset(1, g.negate(g.unary(.sigmoid, x)))) },
                { x, _ in log(1 - 1 / (1 + exp(-x))) }), { $0 > 0 ? -$0 : -exp($0) }
        ),
        (
            rule(
                "sqrt(x²)", { g, x, _ in g.unary(.squareRoot, g.unary(.square, x)) }, { x, _ in (x * x).squareRoot() }),
            { abs($0) }
        ),
    ]

    @Test(arguments: stable.indices) func stableRulesStayInRange(_ index: Int) {
        let (rule, exact) = Self.stable[index]
        for (x, y, value) in values(rule.build) {
            let plain = rule.plain(x, y)
            // Where the formula as written has lost all or some of its digits, far from 0, the limit is known.
            let isExtreme = abs(x) > 30 || abs(x) < 1e-100
            #expect(
                isSame(value, plain) || abs(value - plain) < 1e-14 || (isExtreme && isSame(value, exact(x))),
                "\(rule) at \(x): \(value), as written \(plain)")
        }
    }

    // MARK: - Sums of products

    /// Sums of products with a repeated factor against sums of the factor written out, over every special value: the
    /// numbers are the same, or neither is one.
    @Test(arguments: [[1, 3], [3, 1], [1, 1], [3]], [[1, 1], [1, 3], [4, 1], []])
    func sumsOfRepeatedFactorsShowWhatIsNotFinite(_ factor: [Int], _ target: [Int]) {
        guard factor.first != 3 || factor.count == 1 else { return }
        for special in Self.specials {
            var graph = Graph()
            let a = graph.addInput("a", shape: Shape(sizes: [4, 3]), role: .value)
            let b = graph.addInput("b", shape: Shape(sizes: factor), role: .value)
            let product = graph.multiply(a, graph.broadcast(b, to: Shape(sizes: [4, 3])))
            let output = graph.sumTo(product, Shape(sizes: target))
            #expect(GraphVerifier(graph).violations() == [])
            let count = factor.reduce(1, *)
            let inputs = [
                a: ReferenceArray([4, 3], [1, special, 0.5, 2, 1, -1, 0, 3, 1, 1, 1, 1]),
                b: ReferenceArray(factor, (0..<count).map { $0 == 1 ? special : Double($0) + 0.5 }),
            ]
            let written = inputs[a]!.zip(inputs[b]!.broadcast(to: [4, 3])) { $0 * $1 }.sum(to: target)
            let program = Program(graph, outputs: [output])
            for (input, value) in inputs { program.set(input, to: value) }
            program.run()
            for (value, expected) in zip(program.results[0], written.values) {
                #expect(value.isFinite == expected.isFinite && (!value.isFinite || isSame(value, expected)))
            }
        }
    }
}
