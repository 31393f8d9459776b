// What is repeated is not written out: sums of products become products of matrices, numbers leave both.
import ExpressionGraph
import Testing

@Suite struct RepeatedFactorTests {
    private var graph = Graph()
    private let a: NodeID
    private let row: NodeID
    private let column: NodeID
    private let number: NodeID
    private let shape = Shape(sizes: [4, 3])

    init() {
        a = graph.addInput("a", shape: shape, role: .data)
        row = graph.addInput("row", shape: [.size(3)], role: .value)
        column = graph.addInput("column", shape: Shape(sizes: [4, 1]), role: .value)
        number = graph.addInput("number", shape: .scalar, role: .value)
    }

    private var values: [NodeID: ReferenceArray] {
        var random = SplitMix(3)
        return [
            a: random.array([4, 3]), row: random.array([3]), column: random.array([4, 1]), number: random.array([]),
        ]
    }

    private func products(_ graph: Graph, _ output: NodeID) -> Int {
        graph.reachable(from: [output]).count { if case .matmul = graph.operation($0) { true } else { false } }
    }

    private func repetitions(_ graph: Graph, _ output: NodeID) -> Int {
        graph.reachable(from: [output]).count { id in
            graph.operation(id) == .broadcast && !graph.shape(graph[id].operands[0]).isSingleElement
        }
    }

    private func check(_ build: (inout Graph) -> NodeID, products: Int, repetitions: Int = 0) {
        var g = graph
        let output = build(&g)
        #expect(self.products(g, output) == products)
        #expect(self.repetitions(g, output) == repetitions)
        ExpressionGraphTests.check(g, [output], values.filter { g.inputs(of: [output]).contains($0.key) })
    }

    @Test func sumsOverRowsAndColumnsAreProducts() {
        check({ g in g.sumTo(g.multiply(a, g.broadcast(row, to: shape)), Shape(sizes: [4, 1])) }, products: 1)
        check({ g in g.sumTo(g.multiply(g.broadcast(column, to: shape), a), [.size(3)]) }, products: 1)
        check({ g in g.sum(g.multiply(a, g.broadcast(row, to: shape))) }, products: 0)
        check({ g in g.sumTo(g.multiply(a, g.broadcast(column, to: shape)), Shape(sizes: [4, 1])) }, products: 0)
        check(
            { g in g.sum(g.multiply(g.broadcast(row, to: shape), g.broadcast(column, to: shape))) }, products: 0)
    }

    @Test func stacksOfRowsMeetTheirMatrices() {
        var g = Graph()
        let tasks = g.addAxis(name: "tasks", rows: 5)
        let x = g.addInput("X", shape: [.axis(tasks), .size(4), .size(3)], role: .data)
        let w = g.addInput("w", shape: [.axis(tasks), .size(1), .size(3)], role: .value)
        let product = g.multiply(x, g.broadcast(w, to: g.shape(x)))
        let output = g.sumTo(product, [.axis(tasks), .size(4), .size(1)])
        #expect(g.operation(output) == .matmul(transposeA: false, transposeB: true))
        let gradient = g.gradient(of: g.sum(g.unary(.square, output)), at: [w])
        var random = SplitMix(8)
        ExpressionGraphTests.check(g, [output] + gradient, [x: random.array([5, 4, 3]), w: random.array([5, 1, 3])])
    }

    @Test func numbersLeaveSumsAndProducts() {
        var g = graph
        let scaled = g.multiply(g.broadcast(number, to: shape), a)
        let sum = g.sum(scaled)
        #expect(g.reachable(from: [sum]).allSatisfy { g.shape($0).isSingleElement || $0 == a })
        ExpressionGraphTests.check(g, [sum], values.filter { [a, number].contains($0.key) })
        let vector = g.reshape(row, to: Shape(sizes: [3, 1]))
        let product = g.matmul(scaled, vector)
        #expect(g.operation(product) == .binary(.multiply))
        let copies = g.broadcast(number, to: shape)
        let twelve = g.scale(12, number)
        #expect(g.sum(copies) == twelve)
        // An outer product has more elements than its factors.
        let outer = g.matmul(
            column,
            g.multiply(g.broadcast(number, to: Shape(sizes: [1, 3])), g.reshape(row, to: Shape(sizes: [1, 3]))))
        #expect(g.operation(outer) == .matmul(transposeA: false, transposeB: false))
    }

    @Test func copiesAlongSampleAxesAreCountedWhenTheyRun() {
        var g = Graph()
        let axis = g.addAxis(name: "train", rows: 6)
        let w = g.addInput("w", shape: [.size(3)], role: .value)
        let output = g.sumTo(g.broadcast(w, to: [.axis(axis), .size(3)]), .scalar)
        #expect(g.reachable(from: [output]).count == 6)
        ExpressionGraphTests.check(g, [output], [w: ReferenceArray([3], [1, 2, 4])])
    }
}
