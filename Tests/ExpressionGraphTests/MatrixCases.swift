// Cases of stacks of products and of linear systems, whose matrices are kept well conditioned.
import ExpressionGraph

extension OperationCases {
    /// Products of stacks: equal ones, one matrix for many, leading dimensions that broadcast, nothing at all.
    static let stacks: [OperationCase] = [
        ([2, 3, 4], [2, 4, 5]), ([2, 3, 4], [4, 5]), ([3, 4], [2, 4, 5]), ([2, 3, 4], [1, 4, 5]),
        ([1, 3, 4], [2, 4, 1]),
        ([2, 1, 3, 4], [3, 4, 2]), ([2, 3, 1, 4], [2, 3, 4, 1]), ([1, 1, 3, 4], [4, 2]), ([0, 3, 4], [0, 4, 2]),
        ([2, 3, 0], [0, 4]), ([0, 3, 4], [4, 2]), ([3, 4], [0, 4, 2]), ([2, 0, 4], [2, 4, 3]),
        ([3, 40, 33], [3, 33, 1]),
    ].flatMap { a, b in
        [(false, false), (true, false), (false, true), (true, true)].map { transposeA, transposeB in
            OperationCase(
                name: "stack \(transposeA) \(transposeB)",
                inputs: [transposeA ? swapped(a) : a, transposeB ? swapped(b) : b]
            ) { g, x in
                g.matmul(x[0], x[1], transposeA: transposeA, transposeB: transposeB)
            }
        }
    }

    private static func swapped(_ sizes: [Int]) -> [Int] {
        sizes.dropLast(2) + [sizes[sizes.count - 1], sizes[sizes.count - 2]]
    }

    static let systems: [OperationCase] = [
        ([3, 3], [3, 2]), ([1, 1], [1, 1]), ([7, 7], [7, 1]), ([2, 3, 3], [2, 3, 2]), ([2, 3, 3], [3, 2]),
        ([3, 3], [2, 3, 1]), ([2, 1, 2, 2], [3, 2, 2]), ([0, 0], [0, 2]), ([3, 3], [3, 0]), ([0, 3, 3], [3, 1]),
        ([1, 3, 3], [4, 3, 2]),
    ].flatMap { a, b in
        [
            OperationCase(name: "solve", inputs: [a, b]) { g, x in g.solve(dominant(&g, x[0]), x[1]) },
            OperationCase(name: "choleskySolve", inputs: [a, b]) { g, x in
                g.choleskySolve(dominant(&g, x[0]), x[1])
            },
            OperationCase(name: "inverse", inputs: [a]) { g, x in g.inverse(dominant(&g, x[0])) },
            OperationCase(name: "logDeterminant", inputs: [a]) { g, x in g.logDeterminant(dominant(&g, x[0])) },
            OperationCase(name: "all of one matrix", inputs: [a, b]) { g, x in
                let matrix = dominant(&g, x[0])
                let first = g.solve(matrix, x[1])
                let second = g.solve(matrix, g.unary(.sin, first))
                return g.add(g.sum(second), g.sum(g.logDeterminant(matrix)))
            },
        ]
    }

    /// Matrices moved away from singular ones: x + 4n on the diagonal.
    private static func dominant(_ graph: inout Graph, _ x: NodeID) -> NodeID {
        let sizes = graph.shape(x).sizes { _ in 0 }
        let n = sizes[sizes.count - 1]
        let range = SliceRange(start: 0, step: n + 1, count: .size(n))
        let diagonal = graph.pad(
            graph.constant(4 * Double(n), shape: [.size(n)]), [range], to: Shape(sizes: [n * n]))
        let unit = graph.reshape(diagonal, to: Shape(sizes: [n, n]))
        return graph.add(x, graph.broadcast(unit, to: graph.shape(x)))
    }
}
