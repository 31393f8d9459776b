// Nothing recurses over depth and no pass is quadratic: chains and fans of many thousands of nodes go through everything.
import ExpressionGraph
import Testing

import func Foundation.cos
import func Foundation.sin

@Suite struct DepthTests {
    /// sin(…) + c, `length` operations deep.
    private func chain(_ graph: inout Graph, from x: NodeID, length: Int) -> NodeID {
        var node = x
        for index in 0..<length / 2 {
            node = graph.unary(.sin, node)
            node = graph.offset(Double(index % 1000) / 1000, node)
        }
        return node
    }

    @Test(.timeLimit(.minutes(10))) func chainsOfAHundredThousandRun() {
        var graph = Graph()
        let x = graph.addInput("x", shape: [.size(3)], role: .value)
        let y = graph.addInput("y", shape: [.size(3)], role: .value)
        let end = chain(&graph, from: x, length: 100_000)
        let moved = graph.substitute([end], [x: y])
        #expect(graph.reachable(from: moved).count > 100_000)
        let program = Program(graph, outputs: moved)
        program.write([0.1, 0.2, 0.3], to: y)
        program.run()
        #expect(program.result(0).allSatisfy { $0.isFinite })
    }

    /// Gradient and Hessian product, against the product of the slopes along the chain.
    @Test(.timeLimit(.minutes(10))) func longChainsAreDifferentiated() {
        var graph = Graph()
        let x = graph.addInput("x", shape: .scalar, role: .value)
        let v = graph.addInput("v", shape: .scalar, role: .value)
        let length = 10_000
        let gradient = graph.gradient(of: chain(&graph, from: x, length: length), at: [x])
        let product = graph.linearize(gradient, along: [x: v])
        #expect(GraphVerifier(graph).violations() == [])
        let program = Program(graph, outputs: gradient + product)
        program.write(0.3, to: x)
        program.write(1, to: v)
        program.run()
        var (value, slope) = (0.3, 1.0)
        for index in 0..<length / 2 {
            slope *= cos(value)
            value = sin(value) + Double(index % 1000) / 1000
        }
        #expect(abs(program.scalar(0) - slope) <= 1e-9 * abs(slope))
        #expect(program.scalar(1).isFinite)
    }

    /// One concatenation of thousands of computed parts, and thousands of shapes at one level.
    @Test(.timeLimit(.minutes(10))) func wideLevelsArePlanned() {
        var graph = Graph()
        let x = graph.addInput("x", shape: [.size(3000)], role: .value)
        let parts = (1...3000).map { count in
            graph.unary(.sin, graph.slice(x, [SliceRange(start: 0, step: 1, count: .size(count))]))
        }
        let sums = parts.map { graph.reshape(graph.sum($0), to: [.size(1)]) }
        let joined = graph.concatenate(sums.map { graph.unary(.cos, $0) }, axis: 0)
        let program = Program(graph, outputs: [joined])
        program.write([Double](repeating: 0, count: 3000), to: x)
        program.run()
        #expect(program.result(0).allSatisfy { $0 == 1 })
    }

    /// Products between every two functions: a level for each of them.
    @Test(.timeLimit(.minutes(10))) func chainsOfKernelsRun() {
        var graph = Graph()
        let x = graph.addInput("x", shape: [.size(3)], role: .value)
        var node = x
        for _ in 0..<5000 { node = graph.cumulativeSum(graph.unary(.sin, node), axis: 0) }
        let gradient = graph.gradient(of: graph.sum(node), at: [x])
        let program = Program(graph, outputs: gradient)
        program.write([0.1, 0.2, 0.3], to: x)
        program.run()
        #expect(program.result(0).allSatisfy { $0.isFinite })
    }
}
