// Forward mode as a map from graphs to graphs: the tangents of outputs, given tangents of leaves.

extension Graph {
    /// The directional derivatives of `outputs` along `tangents`, as nodes of this graph.
    ///
    /// - Parameters:
    ///   - outputs: nodes to differentiate.
    ///   - tangents: for each leaf that moves, its direction, a node of the leaf's shape. Any node may be a leaf; what
    ///     it was computed from is then held fixed.
    /// - Returns: one node per output, of the output's shape; a structural zero where nothing moves.
    /// - Complexity: linear in the part of the graph between leaves and outputs; the result adds at most a small
    ///   constant number of nodes per node passed.
    package mutating func linearize(_ outputs: [NodeID], along tangents: [NodeID: NodeID]) -> [NodeID] {
        var tangent = tangents
        let active = activeNodes(between: Array(tangents.keys), and: outputs)
        for id in active where tangents[id] == nil {
            guard let result = tangentRule(id, tangent), !isZero(result) else { continue }
            tangent[id] = result
        }
        return outputs.map { tangent[$0] ?? constant(0, shape: shape($0)) }
    }

    /// Nodes that depend on a leaf and that an output depends on, operands first, the leaves themselves left out.
    func activeNodes(between leaves: [NodeID], and outputs: [NodeID]) -> [NodeID] {
        let count = (outputs.map(\.index).max() ?? -1) + 1
        let moves = dependents(of: leaves, limit: count)
        let isLeaf = Set(leaves)
        var needed = [Bool](repeating: false, count: count)
        for output in outputs { needed[output.index] = true }
        var active: [NodeID] = []
        for index in stride(from: count - 1, through: 0, by: -1) where needed[index] && moves[index] {
            let id = NodeID(index: index)
            if isLeaf.contains(id) { continue }
            active.append(id)
            for operand in self[id].operands { needed[operand.index] = true }
        }
        return active.reversed()
    }

    private mutating func tangentRule(_ id: NodeID, _ tangent: [NodeID: NodeID]) -> NodeID? {
        let node = self[id]
        let moving = node.operands.map { tangent[$0] }
        switch node.operation {
        case .input, .constant, .oneHot: return nil
        case .unary(let function): return unaryTangent(function, id, moving[0])
        case .binary(let function): return binaryTangent(function, id, moving)
        case .select:
            let a = moving[1] ?? constant(0, shape: node.shape)
            let b = moving[2] ?? constant(0, shape: node.shape)
            return select(node.operands[0], a, b)
        case .extremum:
            guard let dx = moving[0] else { return nil }
            let weights = extremumWeights(of: node.operands[0], result: id)
            return sumTo(multiply(weights, dx), node.shape)
        case .logSumExp(let axis):
            guard let dx = moving[0] else { return nil }
            let weights = softmax(node.operands[0], axis: axis)
            return sumTo(multiply(weights, dx), node.shape)
        case .softmax(let axis):
            guard let dx = moving[0] else { return nil }
            return softmaxProduct(id, dx, axis: axis)
        case .matmul(let transposeA, let transposeB):
            var terms: [NodeID] = []
            let addsStack = addsStack(node)
            if let da = moving[0] {
                terms.append(matmul(da, node.operands[1], transposeA, transposeB, addsStack: addsStack))
            }
            if let db = moving[1] {
                terms.append(matmul(node.operands[0], db, transposeA, transposeB, addsStack: addsStack))
            }
            return sumOfTerms(terms)
        case .factor(let kind): return moving[0].map { factorTangent(kind, $0) }
        case .factoredSolve(_, let transposed): return solveTangent(id, transposed, moving)
        case .logDeterminant:
            guard let dA = moving[0] else { return nil }
            let terms = multiply(inverseTransposed(node.operands[0]), dA)
            return reshape(sumTo(terms, shape(terms).withMatrix(.size(1), .size(1))), to: node.shape)
        case .sparseProduct(let transposed):
            return moving[1].map { sparseProduct(node.operands[0], $0, transposed: transposed) }
        case .concatenate(let axis):
            let parts = zip(node.operands, moving).map { $1 ?? constant(0, shape: shape($0)) }
            return concatenate(parts, axis: axis)
        case .function(let function): return functionTangent(function, id, moving)
        case .broadcast, .sumTo, .cumulativeSum, .transpose, .reshape, .slice, .pad, .take, .takeAdd:
            guard let dx = moving[0] else { return nil }
            return applyLinear(node, to: dx)
        }
    }

    private mutating func unaryTangent(_ function: UnaryFunction, _ id: NodeID, _ dx: NodeID?) -> NodeID? {
        guard let dx, let factor = partial(function, of: self[id].operands[0], result: id) else { return nil }
        return multiply(factor, dx)
    }

    private mutating func binaryTangent(_ function: BinaryFunction, _ id: NodeID, _ moving: [NodeID?]) -> NodeID? {
        let operands = self[id].operands
        let wanted = (a: moving[0] != nil, b: moving[1] != nil)
        let factors = partials(function, operands[0], operands[1], result: id, wanted: wanted)
        var terms: [NodeID] = []
        if let da = moving[0], let factor = factors.a { terms.append(multiply(factor, da)) }
        if let db = moving[1], let factor = factors.b { terms.append(multiply(factor, db)) }
        return sumOfTerms(terms)
    }

    private mutating func sumOfTerms(_ terms: [NodeID]) -> NodeID? {
        switch terms.count {
        case 0: nil
        case 1: terms[0]
        default: add(terms[0], terms[1])
        }
    }

    /// A linear operation of its first operand, applied to another operand of the same shape.
    private mutating func applyLinear(_ node: Node, to x: NodeID) -> NodeID? {
        switch node.operation {
        case .broadcast: broadcast(x, to: node.shape)
        case .sumTo: sumTo(x, node.shape)
        case .cumulativeSum(let axis, let reverse): cumulativeSum(x, axis: axis, reverse: reverse)
        case .transpose(let permutation): transpose(x, permutation)
        case .reshape: reshape(x, to: node.shape)
        case .slice(let ranges): slice(x, ranges)
        case .pad(let ranges): pad(x, ranges, to: node.shape)
        case .take(let axis): take(x, indices: node.operands[1], axis: axis)
        case .takeAdd(let axis): takeAdd(x, indices: node.operands[1], axis: axis, to: node.shape)
        case .input, .constant, .unary, .binary, .select, .extremum, .logSumExp, .softmax, .matmul, .sparseProduct,
            .factor,
            .factoredSolve, .logDeterminant, .concatenate, .oneHot, .function:
            preconditionFailure("\(node.operation) is not linear in its first operand alone")
        }
    }

    /// The derivative of y = softmax(x) applied to `u`: y ∘ (u − Σ y∘u). It is symmetric, so both modes use it.
    mutating func softmaxProduct(_ y: NodeID, _ u: NodeID, axis: Int) -> NodeID {
        let weighted = multiply(y, u)
        let total = sumTo(weighted, shape(y).replacing(axis, with: .size(1)))
        let repeated = broadcast(total, to: shape(y))
        return multiply(y, subtract(u, repeated))
    }
}
