// Reverse mode as a map from graphs to graphs: cotangents of leaves, given cotangents of outputs.

extension Graph {
    /// The gradient of a scalar node with respect to `leaves`: one node per leaf, of the leaf's shape.
    package mutating func gradient(of scalar: NodeID, at leaves: [NodeID]) -> [NodeID] {
        precondition(shape(scalar).isSingleElement, "the gradient of a single number")
        return transpose([scalar: constant(1, shape: shape(scalar))], at: leaves)
    }

    /// Applies the transposed derivative of the outputs with respect to `leaves`: Σ (∂output/∂leaf)ᵀ cotangent.
    ///
    /// - Parameters:
    ///   - cotangents: for each output, a node of its shape.
    ///   - leaves: nodes to differentiate at; what they were computed from is held fixed.
    /// - Returns: one node per leaf, of the leaf's shape.
    /// - Complexity: linear in the part of the graph between leaves and outputs.
    package mutating func transpose(_ cotangents: [NodeID: NodeID], at leaves: [NodeID]) -> [NodeID] {
        var collected = cotangents.filter { !isZero($0.value) }
        let active = activeNodes(between: leaves, and: cotangents.keys.sorted())
        let wanted = Set(active).union(leaves)
        for id in active.reversed() {
            guard let cotangent = collected[id] else { continue }
            for (operand, contribution) in cotangentRule(id, cotangent, wanted) where !isZero(contribution) {
                collected[operand] = collected[operand].map { add($0, contribution) } ?? contribution
            }
        }
        return leaves.map { collected[$0] ?? constant(0, shape: shape($0)) }
    }

    /// What a node passes on to each wanted operand.
    private mutating func cotangentRule(
        _ id: NodeID, _ u: NodeID, _ wanted: Set<NodeID>
    ) -> [(NodeID, NodeID)] {
        let node = self[id]
        guard let x = node.operands.first else { return [] }
        switch node.operation {
        case .input, .constant, .oneHot: return []
        case .unary(let function):
            guard wanted.contains(x), let factor = partial(function, of: x, result: id) else { return [] }
            return [(x, multiply(factor, u))]
        case .binary(let function): return binaryCotangents(function, id, u, wanted)
        case .select: return selectCotangents(node, u, wanted)
        case .matmul(let transposeA, let transposeB):
            return matmulCotangents(node, u, transposeA, transposeB, wanted)
        case .factoredSolve(_, let transposed): return solveCotangents(id, u, transposed, wanted)
        case .sparseProduct(let transposed):
            guard wanted.contains(node.operands[1]) else { return [] }
            return [(node.operands[1], sparseProduct(x, u, transposed: !transposed))]
        case .concatenate(let axis): return concatenateCotangents(node, u, axis, wanted)
        case .function(let function): return functionCotangents(function, id, u, wanted)
        case .broadcast, .sumTo, .extremum, .logSumExp, .softmax, .cumulativeSum, .factor, .logDeterminant, .transpose,
            .reshape, .slice, .pad, .take, .takeAdd:
            return wanted.contains(x) ? [(x, singleOperandCotangent(id, u))] : []
        }
    }

    private mutating func singleOperandCotangent(_ id: NodeID, _ u: NodeID) -> NodeID {
        let node = self[id]
        let x = node.operands[0]
        switch node.operation {
        case .broadcast: return sumTo(u, shape(x))
        case .sumTo: return broadcast(u, to: shape(x))
        case .extremum:
            let weights = extremumWeights(of: x, result: id)
            return multiply(weights, broadcast(u, to: shape(x)))
        case .logSumExp(let axis):
            let weights = softmax(x, axis: axis)
            return multiply(weights, broadcast(u, to: shape(x)))
        case .softmax(let axis): return softmaxProduct(id, u, axis: axis)
        case .cumulativeSum(let axis, let reverse): return cumulativeSum(u, axis: axis, reverse: !reverse)
        case .factor(let kind): return factorTangent(kind, u)
        case .logDeterminant:
            let inverse = inverseTransposed(x)
            let weight = reshape(u, to: shape(inverse).withMatrix(.size(1), .size(1)))
            return multiply(inverse, broadcast(weight, to: shape(inverse)))
        case .transpose(let permutation):
            var inverse = permutation
            for (i, p) in permutation.enumerated() { inverse[p] = i }
            return transpose(u, inverse)
        case .reshape: return reshape(u, to: shape(x))
        case .slice(let ranges): return pad(u, ranges, to: shape(x))
        case .pad(let ranges): return slice(u, ranges)
        case .take(let axis): return takeAdd(u, indices: node.operands[1], axis: axis, to: shape(x))
        case .takeAdd(let axis): return take(u, indices: node.operands[1], axis: axis)
        case .input, .constant, .unary, .binary, .select, .matmul, .sparseProduct, .factoredSolve, .concatenate,
            .oneHot, .function:
            preconditionFailure("\(node.operation) has a rule of its own")
        }
    }

    private mutating func binaryCotangents(
        _ function: BinaryFunction, _ id: NodeID, _ u: NodeID, _ wanted: Set<NodeID>
    ) -> [(NodeID, NodeID)] {
        let a = self[id].operands[0]
        let b = self[id].operands[1]
        let want = (a: wanted.contains(a), b: wanted.contains(b))
        let factors = partials(function, a, b, result: id, wanted: want)
        var result: [(NodeID, NodeID)] = []
        if want.a, let factor = factors.a { result.append((a, multiply(factor, u))) }
        if want.b, let factor = factors.b { result.append((b, multiply(factor, u))) }
        return result
    }

    private mutating func selectCotangents(
        _ node: Node, _ u: NodeID, _ wanted: Set<NodeID>
    ) -> [(NodeID, NodeID)] {
        let condition = node.operands[0]
        let zero = constant(0, shape: node.shape)
        var result: [(NodeID, NodeID)] = []
        if wanted.contains(node.operands[1]) { result.append((node.operands[1], select(condition, u, zero))) }
        if wanted.contains(node.operands[2]) { result.append((node.operands[2], select(condition, zero, u))) }
        return result
    }

    /// C = op(A)·op(B): the cotangent of A is U·op(B)ᵀ, transposed itself where A is, and the same for B. A matrix that
    /// serves a whole stack gathers the sum.
    private mutating func matmulCotangents(
        _ node: Node, _ u: NodeID, _ transposeA: Bool, _ transposeB: Bool, _ wanted: Set<NodeID>
    ) -> [(NodeID, NodeID)] {
        let a = node.operands[0]
        let b = node.operands[1]
        var result: [(NodeID, NodeID)] = []
        if wanted.contains(a) {
            let cotangent =
                transposeA
                ? matmul(b, u, transposeB, true, addsStack: isShared(a, by: node))
                : matmul(u, b, false, !transposeB, addsStack: isShared(a, by: node))
            result.append((a, cotangent))
        }
        if wanted.contains(b) {
            let cotangent =
                transposeB
                ? matmul(u, a, true, transposeA, addsStack: isShared(b, by: node))
                : matmul(a, u, !transposeA, false, addsStack: isShared(b, by: node))
            result.append((b, cotangent))
        }
        return result
    }

    private mutating func concatenateCotangents(
        _ node: Node, _ u: NodeID, _ axis: Int, _ wanted: Set<NodeID>
    ) -> [(NodeID, NodeID)] {
        var result: [(NodeID, NodeID)] = []
        var start = 0
        for part in node.operands {
            guard case .size(let count) = shape(part)[axis] else { continue }
            if wanted.contains(part) {
                var ranges = shape(part).dimensions.map(SliceRange.all)
                ranges[axis] = SliceRange(start: start, step: 1, count: .size(count))
                result.append((part, slice(u, ranges)))
            }
            start += count
        }
        return result
    }
}
