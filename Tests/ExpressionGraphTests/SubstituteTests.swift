// Substitution: the same formula on other leaves and other sample axes.
import ExpressionGraph
import Testing

@Suite struct SubstituteTests {
    @Test func replacesAnInput() {
        var graph = Graph()
        let x = graph.addInput("x", shape: [.size(3)], role: .value)
        let y = graph.addInput("y", shape: [.size(3)], role: .value)
        let f = graph.sum(graph.unary(.exp, graph.multiply(x, y)))
        let g = graph.substitute([f], [x: y])[0]
        #expect(g == graph.sum(graph.unary(.exp, graph.unary(.square, y))))
    }

    @Test func simplifiesOnTheWay() {
        var graph = Graph()
        let x = graph.addInput("x", shape: .scalar, role: .value)
        let w = graph.addInput("w", shape: .scalar, role: .value)
        let f = graph.multiply(w, graph.unary(.sin, x))
        let one = graph.constant(1)
        #expect(graph.substitute([f, x], [w: one]) == [graph.unary(.sin, x), x])
    }

    @Test func leavesTheRestAlone() {
        var graph = Graph()
        let x = graph.addInput("x", shape: .scalar, role: .value)
        let z = graph.addInput("z", shape: .scalar, role: .value)
        let f = graph.unary(.sin, x)
        let count = graph.nodes.count
        #expect(graph.substitute([f], [z: x]) == [f])
        #expect(graph.nodes.count == count)
    }

    /// Every operation, rebuilt over another axis, computes on fewer rows what the original computes on all.
    @Test(arguments: 0..<40) func movesRandomGraphsToAnotherAxis(_ seed: Int) {
        let random = RandomGraph(seed: seed, size: 40, rows: 9)
        var graph = random.graph
        let other = graph.addAxis(name: "drawn", rows: 4)
        var replacements: [NodeID: NodeID] = [:]
        var inputs = random.values
        for input in random.inputs + random.sparse where !graph.shape(input).axes.isEmpty {
            let shape = graph.shape(input).replacingAxes([random.axis: .axis(other)])
            let storage = graph.storage(ofInput: input)
            replacements[input] = graph.addInput(
                "drawn", shape: shape, role: storage == .dense ? .value : .data, storage: storage)
            let value = random.values[input]!
            let width = value.sizes.dropFirst().reduce(1, *)
            inputs[replacements[input]!] = ReferenceArray(
                [4] + value.sizes.dropFirst(), Array(value.values.prefix(4 * width)))
        }
        let moved = graph.substitute(random.outputs, replacements, axes: [random.axis: .axis(other)])
        #expect(GraphVerifier(graph).violations() == [])
        #expect(graph.reachable(from: moved).allSatisfy { !graph.shape($0).axes.contains(random.axis) })
        var fewer = ReferenceEvaluator(graph, inputs: inputs, rows: [4, 4])
        let result = fewer.evaluate(moved).map(\.values)
        var onFirstRows = inputs
        for (original, replacement) in replacements { onFirstRows[original] = inputs[replacement] }
        var original = ReferenceEvaluator(graph, inputs: onFirstRows, rows: [4, 4])
        for (a, b) in zip(result, original.evaluate(random.outputs)) { #expect(distance(a, b.values) < 1e-9) }
    }

    /// What stands below a replaced node is not looked at: its inputs need no replacement of their own.
    @Test func stopsAtReplacedNodes() {
        var graph = Graph()
        let axis = graph.addAxis(name: "train", rows: 5)
        let drawn = graph.addAxis(name: "drawn", rows: 5)
        let data = graph.addInput("X", shape: [.axis(axis)], role: .data)
        let other = graph.addInput("Y", shape: [.axis(axis)], role: .data)
        let batch = graph.addInput("Y drawn", shape: [.axis(drawn)], role: .data)
        let mean = graph.unary(.exp, graph.sum(data))
        let f = graph.sum(graph.multiply(other, graph.broadcast(mean, to: [.axis(axis)])))
        let moved = graph.substitute([f], [other: batch, mean: mean], axes: [axis: .axis(drawn)])[0]
        #expect(moved == graph.sum(graph.multiply(batch, graph.broadcast(mean, to: [.axis(drawn)]))))
    }
}
