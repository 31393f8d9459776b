// Loops: unrolled differentiation as one node, whatever the number of steps.
import ExpressionGraph
import Tensors
import Testing

@Suite struct LoopTests {
    /// w ← λ w + 1 from 0, `count` steps; the output is w.
    private func rateSeparation(_ count: Int, segment: Int? = nil) -> (graph: Graph, lambda: NodeID, w: NodeID) {
        var body = Graph()
        let factor = body.addInput("lambda", shape: [.size(1)], role: .value)
        let row = body.addInput("row", shape: [.size(0)], role: .value)
        let carry = body.addInput("w", shape: [.size(1)], role: .value)
        let next = body.offset(1, body.multiply(factor, carry))
        let loop = Loop(body: GraphFunction(next, of: [factor, row, carry], in: body), count: count)
        var graph = Graph()
        let lambda = graph.addInput("lambda", shape: [.size(1)], role: .value)
        let rows = graph.constant(0, shape: Shape(sizes: [count, 0]))
        let start = graph.constant(0, shape: [.size(1)])
        let w: NodeID
        if let segment {
            w = graph.segmentedLoop(loop, length: segment, captures: [lambda], rows: rows, start: start)
        } else {
            w = graph.loop(loop, .final(0..<1), captures: [lambda], rows: rows, start: start)
        }
        return (graph, lambda, w)
    }

    /// P4: the derivative of t steps at λ = ½ is exact for those t steps, and tends to 4.
    @Test(arguments: [(5, 3.25), (10, 3.95703125), (20, 3.999919891357422)])
    func unrolledDerivative(_ count: Int, _ exact: Double) throws {
        for segment in [nil, 1, 3, 4, count] {
            var (graph, lambda, w) = rateSeparation(count, segment: segment)
            let gradient = graph.gradient(of: w, at: [lambda])[0]
            let one = graph.constant(1, shape: [.size(1)])
            let tangent = graph.linearize([w], along: [lambda: one])[0]
            let found = values(graph, [gradient, tangent], [lambda: ReferenceArray([1], [0.5])])
            #expect(abs(found[0][0] - exact) < 1e-14 && abs(found[1][0] - exact) < 1e-14, "\(found)")
        }
    }

    @Test func manyStepsAreOneBody() {
        var (graph, lambda, w) = rateSeparation(10_000)
        let gradient = graph.gradient(of: w, at: [lambda])[0]
        let plan = ProgramPlan(graph, outputs: [gradient])
        let nodes = plan.functions.reduce(graph.reachable(from: [gradient]).count) { $0 + $1.graph.nodes.count }
        #expect(nodes < 60)
        let found = values(graph, [gradient], [lambda: ReferenceArray([1], [0.999])])[0][0]
        // d/dλ (1 − λᵗ)/(1 − λ), with λᵗ = exp(10,000 log 0.999).
        let power = 4.517334597704865e-05
        let exact = (1 - power) / 1e-6 - 10_000 * power / 0.999 / 1e-3
        #expect(abs(found - exact) <= 1e-9 * exact, "\(found) and \(exact)")
    }

    /// Reverse mode by segments keeps one carry a segment: the stacks are √count long.
    @Test func segmentsTakeLessMemory() {
        func largest(_ segment: Int?) -> Int {
            var (graph, lambda, w) = rateSeparation(10_000, segment: segment)
            let gradient = graph.gradient(of: w, at: [lambda])[0]
            let plan = ProgramPlan(graph, outputs: [gradient])
            let graphs = [(graph, [gradient])] + plan.functions.map { ($0.graph, [$0.output]) }
            return graphs.flatMap { graph, outputs in
                graph.reachable(from: outputs).map { graph.shape($0).elementCount { _ in 1 } ?? .max }
            }.max() ?? 0
        }
        #expect(largest(nil) >= 10_000)
        #expect(largest(100) <= 101)
    }

    /// A body that joins parameters with what it computes, in two orders: three numbers move on by one place in a step, and
    /// the row comes in; or a product of two of them does, and the row's square is given beside.
    @Test func bodiesMayJoinParameters() {
        func shifted(_ computes: Bool) -> [[Double]] {
            var body = Graph()
            let row = body.addInput("row", shape: [.size(1)], role: .value)
            let carry = body.addInput("carry", shape: [.size(3)], role: .value)
            let (first, last) = (body.slice(carry, [SliceRange(0..<1)]), body.slice(carry, [SliceRange(2..<3)]))
            let value =
                computes
                ? body.concatenate(
                    [body.slice(carry, [SliceRange(1..<3)]), body.multiply(first, last), body.multiply(row, row)],
                    axis: 0)
                : body.concatenate([row, carry], axis: 0)
            let function = GraphFunction(value, of: [row, carry], in: body)
            let loop = Loop(body: function, count: 4)
            var graph = Graph()
            let rows = graph.addInput("rows", shape: Shape(sizes: [4, 1]), role: .value)
            let start = graph.addInput("start", shape: [.size(3)], role: .value)
            let outputs: [LoopOutput] = [.final(0..<3), .final(1..<3), .stacked(1..<4), .summed(2..<4)]
            let nodes = outputs.map { graph.loop(loop, $0, captures: [], rows: rows, start: start) }
            return values(
                graph, nodes, [rows: ReferenceArray([4, 1], [5, 6, 7, 8]), start: ReferenceArray([3], [1, 2, 3])])
        }
        // (1, 2, 3), (5, 1, 2), (6, 5, 1), (7, 6, 5), (8, 7, 6); what leaves is 3, 2, 1, 5.
        let joined: [[Double]] = [[8, 7, 6], [7, 6], [1, 2, 3, 5, 1, 2, 6, 5, 1, 7, 6, 5], [14, 11]]
        #expect(shifted(false) == joined)
        // (1, 2, 3), (2, 3, 3), (3, 3, 6), (3, 6, 18), (6, 18, 54), and the squares of 5, 6, 7, 8
        let computed: [[Double]] = [[6, 18, 54], [18, 54], [3, 3, 25, 3, 6, 36, 6, 18, 49, 18, 54, 64], [81, 174]]
        #expect(shifted(true) == computed)
    }

    @Test func oneLoopRunsOnceForAllItsOutputs() {
        var (graph, lambda, w) = rateSeparation(6)
        guard case .function(.loop(let loop, _)) = graph.operation(w) else { return }
        let operands = graph[w].operands
        let stack = graph.loop(loop, .stacked(0..<1), captures: [operands[0]], rows: operands[1], start: operands[2])
        let found = values(graph, [w, stack], [lambda: ReferenceArray([1], [0.5])])
        #expect(found[1] == [1, 1.5, 1.75, 1.875, 1.9375, 1.96875] && found[0] == [1.96875])
        let plan = ProgramPlan(graph, outputs: [w, stack])
        #expect(plan.violations() == [])
    }
}
