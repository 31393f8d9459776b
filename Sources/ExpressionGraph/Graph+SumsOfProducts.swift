// Sums of products in which one factor is repeated: what does not change along a summed dimension leaves the sum, and
// what is left is a product of matrices where one kernel computes that.

extension Graph {
    /// A simpler form of the sum of `a` to `kept`, a shape of the same rank with 1 in summed dimensions; with that shape.
    mutating func sumOfRepetition(_ a: NodeID, _ kept: Shape) -> NodeID? {
        let summed = (0..<kept.rank).filter { kept[$0] != shape(a)[$0] }
        switch operation(a) {
        case .broadcast: return sumOfCopies(a, kept, summed)
        case .binary(.multiply):
            let factors = self[a].operands
            for (repeated, other) in [(factors[1], factors[0]), (factors[0], factors[1])] {
                guard let source = repetition(repeated) else { continue }
                let free = summed.filter { shape(source)[$0].isOne }
                if !free.isEmpty { return sumOutside(source, other, free, kept) }
                if let product = sumAsProduct(source, other, summed) { return product }
            }
            return nil
        default: return nil
        }
    }

    /// What a node repeats, with the node's rank.
    private mutating func repetition(_ id: NodeID) -> NodeID? {
        guard case .broadcast = operation(id) else { return nil }
        let source = self[id].operands[0]
        let padding = [Dimension](repeating: .size(1), count: shape(id).rank - shape(source).rank)
        return reshape(source, to: Shape(padding + shape(source).dimensions))
    }

    /// What is not repeated is summed first; the sum of n copies is n times one, where n is known.
    private mutating func sumOfCopies(_ a: NodeID, _ kept: Shape, _ summed: [Int]) -> NodeID? {
        guard let source = repetition(a) else { return nil }
        let own = summed.filter { !shape(source)[$0].isOne }
        if !own.isEmpty {
            let sum = sumTo(source, own.reduce(shape(source)) { $0.replacing($1, with: .size(1)) })
            let repeated = broadcast(sum, to: own.reduce(shape(a)) { $0.replacing($1, with: .size(1)) })
            return sumTo(repeated, kept)
        }
        var count = 1.0
        for dimension in summed {
            guard case .size(let n) = shape(a)[dimension] else { return nil }
            count *= Double(n)
        }
        let scaled = scale(count, source)
        return broadcast(scaled, to: kept)
    }

    /// Σ x y over dimensions along some of which, `free`, x does not change: Σ x (Σ y) with the inner sum over those.
    private mutating func sumOutside(_ x: NodeID, _ y: NodeID, _ free: [Int], _ kept: Shape) -> NodeID {
        let inner = free.reduce(shape(y)) { $0.replacing($1, with: .size(1)) }
        let sum = sumTo(y, inner)
        let factor = broadcast(x, to: inner)
        return sumTo(multiply(factor, sum), kept)
    }

    /// Σ x y along one of the last two dimensions, of which x is repeated along the other: x is a row or a column.
    private mutating func sumAsProduct(_ x: NodeID, _ y: NodeID, _ summed: [Int]) -> NodeID? {
        let rank = shape(y).rank
        guard rank >= 2, summed.count == 1, let stack = Shape.commonStack(shape(x), shape(y)), stack == shape(y).stack
        else { return nil }
        if summed[0] == rank - 1 && shape(x).matrixRows.isOne && !shape(y).matrixRows.isOne {
            return matmul(y, x, false, true, addsStack: false)
        }
        if summed[0] == rank - 2 && shape(x).matrixColumns.isOne && !shape(y).matrixColumns.isOne {
            return matmul(x, y, true, false, addsStack: false)
        }
        return nil
    }
}
