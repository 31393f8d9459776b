// Derivatives of derivatives stay small and exact: the counts of the engine's page, on a network of three layers.
import ExpressionGraph
import Testing

@Suite struct NodeCountTests {
    /// ½ mean (tanh(tanh(X W₀) W₁) W₂ − Y)², its gradient and the directional derivatives of that, each along a
    /// direction of its own.
    private struct Network {
        var graph = Graph()
        let weights: [NodeID]
        /// The loss, its gradient, and derivatives of the gradient: one, two, three times.
        var orders: [[NodeID]]
        var inputs: [NodeID: ReferenceArray] = [:]
        /// For each order from the second, its direction.
        var directions: [[NodeID]] = []

        init() {
            var random = SplitMix(5)
            let data = graph.addInput("X", shape: Shape(sizes: [20, 5]), role: .data)
            let target = graph.addInput("Y", shape: Shape(sizes: [20, 2]), role: .data)
            inputs = [data: random.array([20, 5], in: -1...1), target: random.array([20, 2], in: -1...1)]
            var weights: [NodeID] = []
            for (index, sizes) in [[5, 8], [8, 8], [8, 2]].enumerated() {
                weights.append(graph.addInput("W\(index)", shape: Shape(sizes: sizes), role: .value))
                inputs[weights[index]] = random.array(sizes, in: -0.5...0.5)
            }
            var hidden = data
            for (index, weight) in weights.enumerated() {
                hidden = graph.matmul(hidden, weight)
                if index < 2 { hidden = graph.unary(.tanh, hidden) }
            }
            let squares = graph.unary(.square, graph.subtract(hidden, target))
            let loss = graph.scale(1.0 / 80, graph.sum(squares))
            orders = [[loss], graph.gradient(of: loss, at: weights)]
            self.weights = weights
            for order in 2...4 {
                let tangents = weights.map { graph.addInput("v\(order)", shape: graph.shape($0), role: .value) }
                for tangent in tangents { inputs[tangent] = random.array(sizes(tangent), in: -1...1) }
                directions.append(tangents)
                orders.append(
                    graph.linearize(orders[order - 1], along: Dictionary(uniqueKeysWithValues: zip(weights, tangents))))
            }
        }

        func sizes(_ id: NodeID) -> [Int] { graph.shape(id).sizes { _ in 0 } }

        func count(_ order: Int) -> Int { graph.reachable(from: orders[order]).count }

        /// Floating-point operations of the products of matrices, which are what costs in a network of any size.
        func work(_ order: Int) -> Double {
            graph.reachable(from: orders[order]).reduce(0) { total, id in
                guard case .matmul(let transposeA, _) = graph.operation(id) else { return total }
                let a = sizes(graph[id].operands[0])
                return total + Double(2 * a[transposeA ? 0 : 1] * sizes(id).reduce(1, *))
            }
        }
    }

    @Test func nodesAndWorkDoNotExplode() {
        let network = Network()
        #expect(network.count(1) <= 37)
        #expect(network.count(2) <= 79)
        #expect(network.count(4) <= 434)
        #expect(network.work(2) <= 1.97 * 1.5 * network.work(1), "\(network.work(2) / network.work(1))")
        #expect(network.work(4) <= 8.7 * 1.5 * network.work(1), "\(network.work(4) / network.work(1))")
        #expect(GraphVerifier(network.graph).violations() == [])
    }

    /// Gradient, Hessian product, third and fourth derivative against central differences of the order below, along the
    /// newest direction.
    @Test(arguments: 1...4) func everyOrderIsTheDifferenceOfTheOneBelow(_ order: Int) {
        let network = Network()
        let program = Program(network.graph, outputs: network.orders[order - 1] + network.orders[order])
        for (input, value) in network.inputs { program.set(input, to: value) }
        let direction = network.directions[max(order - 2, 0)]
        func results(_ step: Double) -> (below: [Double], exact: [Double]) {
            for (weight, tangent) in zip(network.weights, direction) {
                program.set(weight, to: network.inputs[weight]!.zip(network.inputs[tangent]!) { $0 + step * $1 })
            }
            program.run()
            let count = network.orders[order - 1].count
            return (program.results.prefix(count).flatMap { $0 }, program.results.dropFirst(count).flatMap { $0 })
        }
        let h = 1e-3
        let steps = [2 * h, h, -h, -2 * h].map { results($0).below }
        let differences = steps[0].indices.map {
            (-steps[0][$0] + 8 * steps[1][$0] - 8 * steps[2][$0] + steps[3][$0]) / (12 * h)
        }
        let exact = results(0).exact
        // The gradient has to meet its direction to be a derivative along it.
        let derivative = order == 1 ? [dot(exact, direction.flatMap { network.inputs[$0]!.values })] : exact
        #expect(distance(derivative, differences) <= 1e-7)
    }
}
