// What the types promise of sampling: where no fault is noted, the mean over all batches is the value over all rows.
import ExpressionGraph
import ExpressionLanguage

struct SamplingProperty {
    let scope: FuzzScope
    let graph: Graph
    /// Rows of a batch: neither axis's number of rows is a multiple of both, and the last batch of one is short.
    private let batch = 2

    func check(_ expression: Expression) throws(Violation) {
        guard expression.hasExpectation, expression.samplingFault == nil, graph.shape(expression.node).axes.isEmpty,
            !formsDataSums(expression.node)
        else { return }
        // Every node on the way is an output, so that rounding can be judged by the largest number.
        let nodes = graph.reachable(from: [expression.node]).filter { !graph.operation($0).isLeaf }
        guard !nodes.isEmpty, nodes.last == expression.node else { return }
        let full = ProgramPlan(graph, outputs: nodes)
        let drawn = ProgramPlan(graph, outputs: nodes, batchRows: [scope.train: batch, scope.validation: batch])
        guard scope.canRun(full), scope.canRun(drawn) else { return }
        let exact = scope.run(full)
        var magnitude = exact.joined().map(\.magnitude).max() ?? 0
        var mean = [Double](repeating: 0, count: exact[nodes.count - 1].count)
        let program = Program(drawn)
        scope.fill(program, isDrawn: true)
        let batches = [scope.train, scope.validation].map { axis in
            let rows = graph.axes[axis.index].rows
            return stride(from: 0, to: rows, by: batch).map { ($0, min(batch, rows - $0)) }
        }
        for (axis, draws) in zip([scope.train, scope.validation], batches) {
            guard let factor = scope.names.expansion[axis] else { continue }
            program.write(Double(draws.count), to: factor)
        }
        for train in batches[0] {
            for validation in batches[1] {
                program.selectRows(of: scope.train, start: train.0, count: train.1)
                program.selectRows(of: scope.validation, start: validation.0, count: validation.1)
                scope.writeRows(train.0..<(train.0 + train.1), to: program)
                program.run()
                for index in nodes.indices {
                    magnitude = max(magnitude, program.result(index).map(\.magnitude).max() ?? 0)
                }
                for (index, value) in program.result(nodes.count - 1).enumerated() {
                    mean[index] += value / Double(batches[0].count * batches[1].count)
                }
            }
        }
        guard magnitude.isFinite, exact.joined().allSatisfy(\.isFinite), mean.allSatisfy(\.isFinite) else { return }
        for (a, b) in zip(mean, exact[nodes.count - 1]) {
            try require(
                (a - b).magnitude <= 1e-9 * max(magnitude, 1e-250),
                "typed as an expectation, but batches give \(a) on average and all rows \(b)")
        }
    }

    /// Whether a sum over samples is formed of data alone. Those are computed once over all rows, by who samples the
    /// graph; a program that only draws rows would form them anew.
    private func formsDataSums(_ root: NodeID) -> Bool {
        let varies = graph.dependents(of: scope.variables + scope.names.expansion.values)
        return graph.reachable(from: [root]).contains { id in
            let node = graph[id]
            let axes = Set(node.operands.flatMap { graph.shape($0).axes })
            return !varies[id.index] && !axes.isSubset(of: node.shape.axes)
        }
    }
}
