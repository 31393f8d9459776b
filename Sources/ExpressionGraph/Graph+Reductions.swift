// Constructors of reductions. They keep the reduced dimension with size 1; callers reshape it away.

extension Graph {
    /// Sums `a` to `target`: the transpose of broadcasting `target` to the shape of `a`.
    package mutating func sumTo(_ a: NodeID, _ target: Shape) -> NodeID {
        if shape(a) == target { return a }
        precondition(Shape.broadcast(target, shape(a)) == shape(a), "cannot sum \(shape(a)) to \(target)")
        if isZero(a) { return constant(0, shape: target) }
        if case .unary(.negate) = operation(a) {
            let inner = sumTo(self[a].operands[0], target)
            return negate(inner)
        }
        if let (factor, rest) = scaling(a) {
            let inner = sumTo(rest, target)
            return scale(factor, inner)
        }
        let kept = Shape(
            (0..<shape(a).rank).map { i in
                let j = i - (shape(a).rank - target.rank)
                return j < 0 ? .size(1) : target[j]
            })
        if let simpler = sumOfRepetition(a, kept) { return reshape(simpler, to: target) }
        let runs = reducedRuns(from: shape(a), to: kept)
        guard let first = runs.first else { return reshape(a, to: target) }
        // Each node reduces one run of neighbouring dimensions, which a kernel does in one pass.
        var intermediate = shape(a)
        for dimension in first { intermediate = intermediate.replacing(dimension, with: .size(1)) }
        let partial = intern(.sumTo, [a], intermediate)
        return intermediate == kept ? reshape(partial, to: target) : sumTo(partial, target)
    }

    /// The sum of all elements.
    package mutating func sum(_ a: NodeID) -> NodeID { sumTo(a, .scalar) }

    /// Σ aᵢ bᵢ over all elements.
    package mutating func dot(_ a: NodeID, _ b: NodeID) -> NodeID {
        let product = multiply(a, b)
        return sum(product)
    }

    /// Maximal runs of dimensions that `target` reduces, the size-1 dimensions between them included.
    private func reducedRuns(from source: Shape, to target: Shape) -> [[Int]] {
        var runs: [[Int]] = []
        var current: [Int] = []
        for i in 0..<source.rank {
            if source[i] != target[i] {
                current.append(i)
            } else if !source[i].isOne, !current.isEmpty {
                runs.append(current)
                current = []
            }
        }
        if !current.isEmpty { runs.append(current) }
        return runs
    }

    /// The largest or smallest value along `axis`, kept with size 1. Propagates NaN.
    package mutating func extremum(_ kind: Extremum, _ a: NodeID, axis: Int) -> NodeID {
        if shape(a)[axis].isOne { return a }
        return intern(.extremum(kind, axis: axis), [a], shape(a).replacing(axis, with: .size(1)))
    }

    /// log Σ exp along `axis`, kept with size 1; stable.
    package mutating func logSumExp(_ a: NodeID, axis: Int) -> NodeID {
        if shape(a)[axis].isOne { return a }
        return intern(.logSumExp(axis: axis), [a], shape(a).replacing(axis, with: .size(1)))
    }

    package mutating func softmax(_ a: NodeID, axis: Int) -> NodeID {
        intern(.softmax(axis: axis), [a], shape(a))
    }

    /// a − logsumexp(a), along `axis`.
    package mutating func logSoftmax(_ a: NodeID, axis: Int) -> NodeID {
        let normaliser = logSumExp(a, axis: axis)
        let repeated = broadcast(normaliser, to: shape(a))
        return subtract(a, repeated)
    }

    package mutating func cumulativeSum(_ a: NodeID, axis: Int, reverse: Bool = false) -> NodeID {
        if shape(a)[axis].isOne || isZero(a) { return a }
        return intern(.cumulativeSum(axis: axis, reverse: reverse), [a], shape(a))
    }
}
