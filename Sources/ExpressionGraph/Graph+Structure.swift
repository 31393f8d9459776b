// Constructors of the nodes that move elements: broadcasting, reshaping, slicing, gathering.

extension Graph {
    /// Repeats `a` to `target` under NumPy's rules. The caller has checked that the shapes agree.
    package mutating func broadcast(_ a: NodeID, to target: Shape) -> NodeID {
        if shape(a) == target { return a }
        precondition(Shape.broadcast(shape(a), target) == target, "cannot broadcast \(shape(a)) to \(target)")
        if let value = constantValue(a) { return constant(value, shape: target) }
        switch operation(a) {
        case .broadcast: return broadcast(self[a].operands[0], to: target)
        // A scalar is repeated without a copy, whatever its rank.
        case .reshape where shape(a).isSingleElement && shape(self[a].operands[0]).isSingleElement:
            if Shape.broadcast(shape(self[a].operands[0]), target) == target {
                return broadcast(self[a].operands[0], to: target)
            }
        default: break
        }
        return intern(.broadcast, [a], target)
    }

    /// Gives the same elements, in row-major order, another shape. Sample axes keep their order.
    package mutating func reshape(_ a: NodeID, to target: Shape) -> NodeID {
        if shape(a) == target { return a }
        precondition(shape(a).axes == target.axes, "a reshape must keep the sample axes")
        if let value = constantValue(a) { return constant(value, shape: target) }
        switch operation(a) {
        case .reshape: return reshape(self[a].operands[0], to: target)
        // A repeated number has every shape.
        case .broadcast where shape(self[a].operands[0]).isSingleElement:
            let number = reshape(self[a].operands[0], to: .scalar)
            return broadcast(number, to: target)
        case .unary(.negate):
            let inner = reshape(self[a].operands[0], to: target)
            return negate(inner)
        default:
            if let (factor, rest) = scaling(a) {
                let inner = reshape(rest, to: target)
                return scale(factor, inner)
            }
            return intern(.reshape, [a], target)
        }
    }

    /// Permutes dimensions: dimension `i` of the result is dimension `permutation[i]` of `a`.
    package mutating func transpose(_ a: NodeID, _ permutation: [Int]) -> NodeID {
        precondition(permutation.sorted() == Array(0..<shape(a).rank), "not a permutation of the dimensions")
        if permutation == Array(0..<permutation.count) { return a }
        let target = Shape(permutation.map { shape(a)[$0] })
        if let value = constantValue(a) { return constant(value, shape: target) }
        if let factor = sparseFactor(a), !factor.isTransposed { return intern(.transpose(permutation), [a], target) }
        if case .transpose(let inner) = operation(a) {
            return transpose(self[a].operands[0], permutation.map { inner[$0] })
        }
        // Moving a dimension of size 1 moves no element.
        let moved = permutation.filter { !shape(a)[$0].isOne }
        if moved == moved.sorted(), shape(a).axes == target.axes { return reshape(a, to: target) }
        return intern(.transpose(permutation), [a], target)
    }

    /// Takes the given positions of every dimension.
    package mutating func slice(_ a: NodeID, _ ranges: [SliceRange]) -> NodeID {
        precondition(ranges.count == shape(a).rank, "a slice names every dimension")
        let target = Shape(ranges.map(\.count))
        if ranges == shape(a).dimensions.map(SliceRange.all) { return a }
        if let value = constantValue(a) { return constant(value, shape: target) }
        if let simpler = simplifySlice(a, ranges, target) { return simpler }
        return intern(.slice(ranges), [a], target)
    }

    /// Places `a` at the given positions of zeros of shape `target`: the transpose of ``slice(_:_:)``.
    package mutating func pad(_ a: NodeID, _ ranges: [SliceRange], to target: Shape) -> NodeID {
        precondition(shape(a) == Shape(ranges.map(\.count)), "the operand of a pad has the shape of its ranges")
        if isZero(a) { return constant(0, shape: target) }
        if ranges == target.dimensions.map(SliceRange.all) { return a }
        if case .unary(.negate) = operation(a) {
            let inner = pad(self[a].operands[0], ranges, to: target)
            return negate(inner)
        }
        // An infinite factor would turn the zeros around it into NaN.
        if let (factor, rest) = scaling(a), factor.isFinite {
            let inner = pad(rest, ranges, to: target)
            return scale(factor, inner)
        }
        return intern(.pad(ranges), [a], target)
    }

    /// Joins arrays along a dimension of fixed size.
    package mutating func concatenate(_ parts: [NodeID], axis: Int) -> NodeID {
        precondition(!parts.isEmpty, "nothing to concatenate")
        if parts.count == 1 { return parts[0] }
        let total = parts.reduce(0) { sum, part in
            guard case .size(let n) = shape(part)[axis] else {
                preconditionFailure("a sample axis cannot be concatenated")
            }
            return sum + n
        }
        let target = shape(parts[0]).replacing(axis, with: .size(total))
        let simpler = simplifyParts(parts, axis: axis)
        if simpler.count < 2 { return simpler.first ?? constant(0, shape: target) }
        if let pad = padForJoin(simpler, axis: axis, target) { return pad }
        return intern(.concatenate(axis: axis), simpler, target)
    }

    /// Picks positions `indices` (integers) of dimension `axis`, which has a fixed size; the dimensions of `indices` stand
    /// in its place.
    package mutating func take(_ a: NodeID, indices: NodeID, axis: Int) -> NodeID {
        precondition(!shape(a)[axis].isAxis, "take picks positions of a dimension of fixed size")
        let target = shape(a).replacing(axis, with: shape(indices).dimensions)
        if let value = constantValue(a) { return constant(value, shape: target) }
        return intern(.take(axis: axis), [a, indices], target)
    }

    /// Adds `cotangent` at positions `indices` of dimension `axis` into zeros of shape `target`.
    package mutating func takeAdd(_ cotangent: NodeID, indices: NodeID, axis: Int, to target: Shape) -> NodeID {
        if isZero(cotangent) { return constant(0, shape: target) }
        return intern(.takeAdd(axis: axis), [cotangent, indices], target)
    }

    /// Rows of zeros with a one at the class: [..] → [.., classes].
    package mutating func oneHot(_ labels: NodeID, classes: Int) -> NodeID {
        intern(.oneHot, [labels], Shape(shape(labels).dimensions + [.size(classes)]))
    }
}
