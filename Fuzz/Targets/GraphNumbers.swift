// The values of all nodes of a graph, and whether rounding errors could decide what they are.
import ExpressionGraph

struct GraphNumbers {
    private let graph: Graph
    private let numbers: [NodeID: [Double]]
    /// The largest magnitude.
    let largest: Double
    let areFinite: Bool

    /// Computes every node that the outputs need; `nil` when that takes too much memory.
    init?(_ scope: FuzzScope, _ graph: Graph, outputs: [NodeID], extra: [NodeID: [Double]]) {
        let nodes = graph.reachable(from: outputs).filter { !graph.isSparse($0) }
        let plan = ProgramPlan(graph, outputs: nodes)
        guard scope.canRun(plan) else { return nil }
        let values = scope.run(plan, extra: extra)
        self.graph = graph
        numbers = Dictionary(uniqueKeysWithValues: zip(nodes, values))
        areFinite = values.joined().allSatisfy(\.isFinite)
        largest = values.joined().map(\.magnitude).max() ?? 0
    }

    func values(of node: NodeID) -> [Double] { numbers[node] ?? [] }

    /// Whether a comparison could come out otherwise, or a sum is so small beside its terms that few digits are left.
    var dependOnRounding: Bool {
        numbers.keys.contains { isDiscontinuous($0) || cancels($0) }
    }

    private func isDiscontinuous(_ id: NodeID) -> Bool {
        let operation = graph.operation(id)
        let jumps: [Operation] = [
            .select, .unary(.sign), .unary(.isPositive), .binary(.less), .binary(.lessEqual), .binary(.equal),
        ]
        return jumps.contains(operation)
    }

    private func cancels(_ id: NodeID) -> Bool {
        let operands = graph[id].operands
        let operation = graph.operation(id)
        if operation == .binary(.add) {
            let terms = zip(values(of: operands[0]), values(of: operands[1])).map { $0.magnitude + $1.magnitude }
            return zip(values(of: id), terms).contains(where: isSmall)
        }
        var terms: Double?
        if operation == .sumTo { terms = size(operands[0]) }
        if case .cumulativeSum = operation { terms = size(operands[0]) }
        if case .matmul = operation { terms = size(operands[0]) * size(operands[1]) }
        return terms.map { terms in values(of: id).contains { isSmall($0, terms) } } ?? false
    }

    private func size(_ id: NodeID) -> Double { values(of: id).map(\.magnitude).max() ?? 0 }

    private func isSmall(_ sum: Double, _ terms: Double) -> Bool { sum.magnitude < 1e-6 * terms }
}
