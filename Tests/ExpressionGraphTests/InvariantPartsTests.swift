// What loops compute once: parts that the moving inputs do not change.
import ExpressionGraph
import Tensors
import Testing

@Suite struct InvariantPartsTests {
    /// Xᵀ(X w) + exp(λ) w + sin(c) with [rows, 4] X and a number λ.
    private func step(_ graph: inout Graph, rows: Int) -> (output: NodeID, w: NodeID, inputs: [NodeID]) {
        let x = graph.addInput("X", shape: Shape(sizes: [rows, 4]), role: .value)
        let lambda = graph.addInput("lambda", shape: .scalar, role: .value)
        let c = graph.addInput("c", shape: Shape(sizes: [4, 1]), role: .value)
        let w = graph.addInput("w", shape: Shape(sizes: [4, 1]), role: .value)
        let product = graph.matmul(x, graph.matmul(x, w), transposeA: true)
        let penalty = graph.multiply(graph.broadcast(graph.unary(.exp, lambda), to: graph.shape(w)), w)
        let output = graph.add(graph.add(product, penalty), graph.unary(.sin, c))
        return (output, w, [x, lambda, c, w])
    }

    @Test func areTheLargestThatDoNotMove() {
        var graph = Graph()
        let (output, w, _) = step(&graph, rows: 50)
        let regrouped = graph.regroup([output], moving: [w])
        let parts = graph.invariantParts(of: regrouped, moving: [w])
        let operations = Set(parts.map { graph.operation($0) })
        // A number is not repeated before it leaves the loop, and an input is nothing to compute.
        #expect(operations == [.matmul(transposeA: true, transposeB: false), .unary(.exp), .unary(.sin)])
        #expect(parts.count == 3 && parts == parts.sorted())
        #expect(GraphVerifier(graph).violations() == [])
    }

    @Test func matricesOfFewRowsAreNotMultiplied() {
        var graph = Graph()
        let (output, w, inputs) = step(&graph, rows: 2)
        let regrouped = graph.regroup([output], moving: [w])
        #expect(regrouped == [output])
        #expect(!graph.invariantParts(of: regrouped, moving: [w]).contains(inputs[0]))
    }

    @Test func standForThemselves() {
        var graph = Graph()
        let (output, w, inputs) = step(&graph, rows: 50)
        let regrouped = graph.regroup([output], moving: [w])
        let parts = graph.invariantParts(of: regrouped, moving: [w])
        var random = SplitMix(3)
        var values: [NodeID: ReferenceArray] = [:]
        for input in inputs { values[input] = random.array(graph.shape(input).sizes { _ in 0 }) }
        var reference = ReferenceEvaluator(graph, inputs: values)
        let (expected, known) = (reference.evaluate([output])[0], reference.evaluate(parts))
        let stands = parts.indices.map { index in
            graph.addInput("part \(index)", shape: graph.shape(parts[index]), role: .value)
        }
        let body = graph.substitute(regrouped, Dictionary(uniqueKeysWithValues: zip(parts, stands)))
        let moving = graph.dependents(of: inputs.dropLast())
        #expect(!moving[body[0].index], "nothing but w and the parts is read")
        for (stand, value) in zip(stands, known) { values[stand] = value }
        var second = ReferenceEvaluator(graph, inputs: values)
        #expect(distance(second.evaluate(body)[0].values, expected.values) <= 1e-14)
    }
}
