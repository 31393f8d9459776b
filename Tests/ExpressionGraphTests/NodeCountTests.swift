// Derivatives of derivatives stay small: the counts of the engine's page, on a network of three layers.
import ExpressionGraph
import Testing

@Suite struct NodeCountTests {
    /// ½ mean (W₃ tanh(W₂ tanh(W₁ X)) − Y)², and the nodes that each order of derivative adds.
    @Test func threeLayerNetworkDoesNotExplode() {
        var graph = Graph()
        let data = graph.addInput("X", shape: Shape(sizes: [20, 5]), role: .data)
        let target = graph.addInput("Y", shape: Shape(sizes: [20, 2]), role: .data)
        let weights = [[5, 8], [8, 8], [8, 2]].enumerated().map { index, sizes in
            graph.addInput("W\(index)", shape: Shape(sizes: sizes), role: .value)
        }
        var hidden = data
        for (index, weight) in weights.enumerated() {
            hidden = graph.matmul(hidden, weight)
            if index < 2 { hidden = graph.unary(.tanh, hidden) }
        }
        let loss = graph.scale(1.0 / 80, graph.sum(graph.unary(.square, graph.subtract(hidden, target))))
        let gradient = graph.gradient(of: loss, at: weights)
        let gradientCount = graph.reachable(from: gradient).count
        var previous = gradient
        var counts: [Int] = []
        for order in 2...4 {
            let tangents = weights.map { graph.addInput("v\(order)", shape: graph.shape($0), role: .value) }
            previous = graph.linearize(previous, along: Dictionary(uniqueKeysWithValues: zip(weights, tangents)))
            counts.append(graph.reachable(from: previous).count)
        }
        #expect(gradientCount <= 37)
        #expect(counts[0] <= 79)
        #expect(counts[2] <= 434)
        #expect(GraphVerifier(graph).violations() == [])
    }
}
