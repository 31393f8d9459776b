// Rebuilds parts of a graph with other leaves: full data for a batch, a weight for a constant.

extension Graph {
    /// The outputs with nodes replaced, rebuilt through the simplifying constructors.
    ///
    /// - Parameters:
    ///   - replacements: nodes and what stands in their place. A replacement's shape is the node's with `axes` applied.
    ///   - axes: sample axes and what stands in their place in every rebuilt shape.
    /// - Complexity: linear in the part of the graph that the outputs depend on.
    package mutating func substitute(
        _ outputs: [NodeID], _ replacements: [NodeID: NodeID], axes: [AxisID: Dimension] = [:]
    ) -> [NodeID] {
        var image = replacements
        for id in reachable(from: outputs, without: Set(replacements.keys)) {
            let node = self[id]
            let operands = node.operands.map { image[$0] ?? $0 }
            if operands == node.operands && !node.operation.mentions(axes) && !node.shape.mentions(axes) { continue }
            image[id] = rebuild(node, operands, node.shape.replacingAxes(axes), axes)
        }
        return outputs.map { image[$0] ?? $0 }
    }

    /// What the outputs need of another graph, rebuilt in this one.
    ///
    /// - Parameters:
    ///   - image: nodes of `source` and what stands in their place here; every input that the outputs need is named.
    ///   - axes: sample axes of `source` and what stands in their place in every rebuilt shape.
    package mutating func copy(
        _ outputs: [NodeID], from source: Graph, image: [NodeID: NodeID], axes: [AxisID: Dimension] = [:]
    ) -> [NodeID] {
        var image = image
        for id in source.reachable(from: outputs, without: Set(image.keys)) {
            let node = source[id]
            // Operands come first, and inputs have an image.
            let operands = node.operands.map { image[$0]! }
            let shape = node.shape.replacingAxes(axes)
            image[id] = rebuild(
                Node(operation: node.operation, operands: operands, shape: shape), operands, shape, axes)
        }
        return outputs.map { image[$0]! }  // each is named or was just rebuilt
    }

    /// A node's operation on other operands, through the simplifying constructors.
    mutating func rebuild(
        _ node: Node, _ x: [NodeID], _ target: Shape, _ axes: [AxisID: Dimension] = [:]
    ) -> NodeID {
        switch node.operation {
        case .input: preconditionFailure("an input along a replaced axis needs a replacement itself")
        case .constant(let bits): constant(Double(bitPattern: bits), shape: target)
        case .unary(let function): unary(function, x[0])
        case .binary(let function): binary(function, x[0], x[1])
        case .select: select(x[0], x[1], x[2])
        case .broadcast: broadcast(x[0], to: target)
        case .sumTo: sumTo(x[0], target)
        case .extremum(let kind, let axis): extremum(kind, x[0], axis: axis)
        case .logSumExp(let axis): logSumExp(x[0], axis: axis)
        case .softmax(let axis): softmax(x[0], axis: axis)
        case .cumulativeSum(let axis, let reverse): cumulativeSum(x[0], axis: axis, reverse: reverse)
        case .matmul(let transposeA, let transposeB):
            matmul(x[0], x[1], transposeA, transposeB, addsStack: addsStack(node))
        case .factor(let kind): factor(kind, x[0])
        case .factoredSolve(_, let transposed): solve(factors: x[0], x[1], transposed: transposed)
        case .logDeterminant: logDeterminant(factors: x[0])
        // What stands in the place of a sparse array may be dense.
        case .sparseProduct(let transposed): matmul(x[0], x[1], transposeA: transposed)
        case .transpose(let permutation): transpose(x[0], permutation)
        case .reshape: reshape(x[0], to: target)
        case .slice(let ranges): slice(x[0], ranges.map { $0.replacingAxes(axes) })
        case .pad(let ranges): pad(x[0], ranges.map { $0.replacingAxes(axes) }, to: target)
        case .concatenate(let axis): concatenate(x, axis: axis)
        case .take(let axis): take(x[0], indices: x[1], axis: axis)
        case .takeAdd(let axis): takeAdd(x[0], indices: x[1], axis: axis, to: target)
        case .oneHot:
            if case .size(let classes) = target.dimensions.last {
                oneHot(x[0], classes: classes)
            } else {
                preconditionFailure("one-hot classes are a fixed size")
            }
        case .function(let function): rebuildFunctionNode(function, x)
        }
    }
}

extension Shape {
    func mentions(_ replaced: [AxisID: Dimension]) -> Bool { axes.contains { replaced[$0] != nil } }

    package func replacingAxes(_ replaced: [AxisID: Dimension]) -> Shape {
        Shape(dimensions.map { $0.replacingAxes(replaced) })
    }
}

extension Dimension {
    func replacingAxes(_ replaced: [AxisID: Dimension]) -> Dimension {
        if case .axis(let id) = self, let other = replaced[id] { other } else { self }
    }
}

extension SliceRange {
    func replacingAxes(_ replaced: [AxisID: Dimension]) -> SliceRange {
        SliceRange(start: start, step: step, count: count.replacingAxes(replaced))
    }
}

extension Operation {
    /// Whether the operation itself, apart from its node's shape, names a replaced axis.
    func mentions(_ replaced: [AxisID: Dimension]) -> Bool {
        switch self {
        case .slice(let ranges), .pad(let ranges): Shape(ranges.map(\.count)).mentions(replaced)
        case .input, .constant, .unary, .binary, .select, .broadcast, .sumTo, .extremum, .logSumExp, .softmax,
            .cumulativeSum, .matmul, .sparseProduct, .factor, .factoredSolve, .logDeterminant, .transpose, .reshape,
            .concatenate,
            .take,
            .takeAdd, .oneHot, .function:
            false
        }
    }
}
