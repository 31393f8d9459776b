// Parts of a function that do not change while some of its inputs do: what loops compute once.

extension Graph {
    /// The outputs with products grouped anew, so that matrices which `moving` inputs do not change are multiplied with each
    /// other first, A·(B·x) being (A·B)·x, where that pays. See ``Regrouping`` for what rounding makes of it.
    package mutating func regroup(_ outputs: [NodeID], moving: [NodeID]) -> [NodeID] {
        let isConsulted = association.isConsulted
        var regrouping = Regrouping(
            self, outputs: outputs, slots: SlotTable([.everyRun("moving", moving)]), rows: axes.map(\.rows))
        regrouping.run()
        self = regrouping.graph
        association.isConsulted = isConsulted
        return regrouping.outputs
    }

    /// The largest parts of what `outputs` compute that no `moving` input changes, each once, operands first. Not those that
    /// only repeat or arrange an input, a constant or another part.
    ///
    /// - Complexity: linear in the graph.
    package func invariantParts(of outputs: [NodeID], moving: [NodeID]) -> [NodeID] {
        let moves = dependents(of: moving)
        var parts: Set<NodeID> = []
        for id in reachable(from: outputs) where moves[id.index] {
            for operand in self[id].operands where !moves[operand.index] {
                let part = arranged(operand)
                if !operation(part).isLeaf { parts.insert(part) }
            }
        }
        return parts.sorted()
    }

    /// What a node repeats or arranges, or the node itself.
    private func arranged(_ id: NodeID) -> NodeID {
        var id = id
        while true {
            switch operation(id) {
            case .broadcast, .reshape, .transpose: id = self[id].operands[0]
            case .input, .constant, .unary, .binary, .select, .sumTo, .extremum, .logSumExp, .softmax, .cumulativeSum,
                .matmul, .sparseProduct, .factor, .factoredSolve, .logDeterminant, .slice, .pad, .concatenate, .take,
                .takeAdd, .oneHot, .function:
                return id
            }
        }
    }
}
