// Derivatives at kinks are the documented selections, and special values show.
import ExpressionGraph
import Testing

@Suite struct KinkTests {
    private func gradient(
        _ x: [Double], _ build: (inout Graph, NodeID) -> NodeID
    ) -> [Double] {
        var graph = Graph()
        let node = graph.addInput("x", shape: Shape(sizes: [x.count]), role: .value)
        let output = build(&graph, node)
        let gradient = graph.gradient(of: graph.sum(output), at: [node])
        return values(graph, gradient, [node: ReferenceArray([x.count], x)])[0]
    }

    @Test func absoluteHasSlopeZeroAtZero() {
        #expect(gradient([-1, 0, 1]) { $0.unary(.absolute, $1) } == [-1, 0, 1])
    }

    @Test func reluHasSlopeZeroAtZero() {
        #expect(gradient([-1, 0, 1]) { $0.unary(.relu, $1) } == [0, 0, 1])
    }

    @Test func tiesOfTwoGoToTheFirst() {
        for function in [BinaryFunction.minimum, .maximum] {
            let first = gradient([2, 2]) { g, x in g.binary(function, x, g.constant(2, shape: g.shape(x))) }
            let second = gradient([2, 2]) { g, x in g.binary(function, g.constant(2, shape: g.shape(x)), x) }
            #expect(first == [1, 1])
            #expect(second == [0, 0])
        }
    }

    @Test func tiesAlongADimensionShare() {
        #expect(gradient([3, 1, 3]) { $0.extremum(.maximum, $1, axis: 0) } == [0.5, 0, 0.5])
        #expect(gradient([3, 1, 1]) { $0.extremum(.minimum, $1, axis: 0) } == [0, 0.5, 0.5])
    }

    @Test func powersAtZeroHaveFiniteSlopes() {
        var graph = Graph()
        let x = graph.addInput("x", shape: [.size(4)], role: .value)
        let k = graph.addInput("k", shape: [.size(4)], role: .value)
        let total = graph.sum(graph.binary(.power, x, k))
        let first = graph.gradient(of: total, at: [x, k])
        let second = graph.gradient(of: graph.sum(first[0]), at: [x])
        let inputs = [x: ReferenceArray([4], [0, 0, 0, 0]), k: ReferenceArray([4], [0, 1, 2, 3])]
        #expect(values(graph, first + second, inputs) == [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 2, 0]])
    }

    @Test func nonFiniteInputsShow() {
        var graph = Graph()
        let x = graph.addInput("x", shape: [.size(3)], role: .value)
        let outputs = UnaryFunction.allCases.map { graph.unary($0, x) }
        check(graph, outputs, [x: ReferenceArray([3], [.nan, .infinity, -.infinity])])
        let reductions = [
            graph.sum(x), graph.extremum(.maximum, x, axis: 0), graph.extremum(.minimum, x, axis: 0),
            graph.cumulativeSum(x, axis: 0),
        ]
        check(graph, reductions, [x: ReferenceArray([3], [1, .nan, 2])])
        check(graph, reductions, [x: ReferenceArray([3], [1, .infinity, 2])])
    }
}
