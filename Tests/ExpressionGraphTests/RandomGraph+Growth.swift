// How random graphs grow: one more node from the youngest ones, by any operation whose shapes fit.
import ExpressionGraph

extension RandomGraph {
    mutating func grow() -> NodeID? {
        switch Int.random(in: 0..<26, using: &random) {
        case 0..<7: return unary()
        case 7..<12: return binary()
        case 12: return select()
        case 13: return sum()
        case 14, 15: return alongAxis()
        case 16, 17: return product()
        case 18: return stackedProduct()
        case 19: return system()
        case 20: return transpose()
        case 21: return reshape()
        case 22: return cut()
        case 23: return classes()
        default: return gather()
        }
    }

    // MARK: - Element by element

    private mutating func unary() -> NodeID? {
        let x = pick()
        switch Int.random(in: 0..<22, using: &random) {
        case 0: return graph.negate(x)
        case 1: return graph.unary(.absolute, x)
        case 2: return graph.unary(.square, x)
        case 3: return graph.unary(.squareRoot, graph.offset(1, graph.unary(.square, x)))
        case 4: return graph.unary(.reciprocal, graph.offset(1, graph.unary(.absolute, x)))
        case 5: return graph.unary(.exp, graph.unary(.tanh, x))
        case 6: return graph.unary(.log, graph.offset(1, graph.unary(.exp, x)))
        case 7: return graph.unary(.log1p, graph.unary(.square, x))
        case 8: return graph.unary(.sin, x)
        case 9: return graph.unary(.tanh, x)
        case 10: return graph.unary(.sigmoid, x)
        case 11: return graph.unary(.erf, x)
        case 12: return graph.scale(Double(Int.random(in: -3...3, using: &random)) / 2, x)
        case 13: return graph.unary(.expm1, graph.unary(.tanh, x))
        case 14: return graph.unary(.log, graph.offset(0.5, graph.unary(.absolute, x)))
        case 15: return graph.unary(.cos, x)
        case 16: return graph.unary(.tan, graph.unary(.tanh, x))
        case 17: return graph.unary(.softplus, x)
        case 18: return graph.unary(.relu, x)
        case 19: return graph.unary(.sign, input())
        case 20: return graph.unary(.isPositive, input())
        default: return graph.offset(0.75, x)
        }
    }

    /// An input, whose numbers are the same wherever they are computed, so that rounding never flips a branch.
    private mutating func input() -> NodeID { leaves[Int.random(in: 0..<leaves.count, using: &random)] }

    private mutating func binary() -> NodeID? {
        guard let (a, b) = aligned(pick(), pick()) else { return nil }
        switch Int.random(in: 0..<11, using: &random) {
        case 0, 1: return graph.add(a, b)
        case 2, 3: return graph.subtract(a, b)
        case 4, 5: return graph.multiply(a, b)
        case 6: return graph.divide(a, graph.offset(1, graph.unary(.square, b)))
        case 7:
            let base = graph.offset(0.5, graph.unary(.absolute, a))
            return graph.binary(.power, base, graph.unary(.tanh, b))
        case 8, 9: return comparison()
        default: return graph.binary(Bool.random(using: &random) ? .minimum : .maximum, a, b)
        }
    }

    private mutating func comparison() -> NodeID? {
        guard let (a, b) = aligned(input(), input()) else { return nil }
        let functions: [BinaryFunction] = [.less, .lessEqual, .equal]
        return graph.binary(functions[Int.random(in: 0..<3, using: &random)], a, b)
    }

    private mutating func aligned(_ a: NodeID, _ b: NodeID) -> (NodeID, NodeID)? {
        guard let shape = Shape.broadcast(graph.shape(a), graph.shape(b)) else { return nil }
        return (graph.broadcast(a, to: shape), graph.broadcast(b, to: shape))
    }

    private mutating func select() -> NodeID? {
        guard let (a, b) = aligned(pick(), pick()), let (c, d) = aligned(input(), a), let (e, f) = aligned(b, d) else {
            return nil
        }
        let mask = graph.unary(.isPositive, graph.broadcast(c, to: graph.shape(f)))
        return graph.select(mask, e, graph.broadcast(f, to: graph.shape(e)))
    }

    // MARK: - Reductions

    private mutating func sum() -> NodeID? {
        let x = pick()
        let shape = graph.shape(x)
        let kept = shape.dimensions.map { Bool.random(using: &random) ? $0 : .size(1) }
        let target = Bool.random(using: &random) ? Shape.scalar : Shape(kept)
        return graph.scale(0.125, graph.sumTo(x, target))
    }

    private mutating func alongAxis() -> NodeID? {
        let x = pick()
        let rank = graph.shape(x).rank
        guard rank > 0 else { return nil }
        let axis = Int.random(in: 0..<rank, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return graph.extremum(.maximum, x, axis: axis)
        case 1: return graph.extremum(.minimum, x, axis: axis)
        case 2: return graph.logSumExp(x, axis: axis)
        case 3: return graph.softmax(x, axis: axis)
        case 4: return graph.logSoftmax(x, axis: axis)
        default: return graph.cumulativeSum(x, axis: axis, reverse: Bool.random(using: &random))
        }
    }

    // MARK: - Matrices

    private mutating func product() -> NodeID? {
        var (a, b) = (matrix(pick()), matrix(pick()))
        switch Int.random(in: 0..<4, using: &random) {
        case 0: a = sparse.randomElement(using: &random)
        case 1: b = sparse.randomElement(using: &random).map { graph.transpose($0, [1, 0]) }
        default: break
        }
        guard let a, let b else { return nil }
        return anyProduct(a, b)
    }

    /// Matrices and stacks of them, with whatever transpositions make them fit.
    private mutating func anyProduct(_ a: NodeID, _ b: NodeID) -> NodeID? {
        let (m, n) = (graph.shape(a), graph.shape(b))
        let stacks = (Shape(Array(m.dimensions.dropLast(2))), Shape(Array(n.dimensions.dropLast(2))))
        guard Shape.broadcast(stacks.0, stacks.1) != nil else { return nil }
        for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)].shuffled(using: &random)
        where m[m.rank - (ta ? 2 : 1)] == n[n.rank - (tb ? 1 : 2)] {
            return graph.scale(0.25, graph.matmul(a, b, transposeA: ta, transposeB: tb))
        }
        return nil
    }

    private mutating func matrix(_ x: NodeID) -> NodeID? {
        let shape = graph.shape(x)
        switch shape.rank {
        case 1: return graph.reshape(x, to: [shape[0], .size(1)])
        case 2: return x
        default: return nil
        }
    }

    /// Products of an array with itself along its last or its last but one dimension, and with other stacks.
    private mutating func stackedProduct() -> NodeID? {
        let candidates = pool.filter { graph.shape($0).rank >= 3 }
        guard let a = candidates.randomElement(using: &random) else { return nil }
        let others = pool.filter { graph.shape($0).rank >= 2 }
        for b in others.shuffled(using: &random).prefix(5) + [a] {
            let (x, y) = Bool.random(using: &random) ? (a, b) : (b, a)
            if let product = anyProduct(x, y) { return product }
        }
        return nil
    }

    /// Solutions with well-conditioned matrices made of what is there, or their determinants.
    private mutating func system() -> NodeID? {
        let candidates = pool.filter { graph.shape($0).rank >= 2 }
        guard let b = candidates.randomElement(using: &random) else { return nil }
        let shape = graph.shape(b)
        guard case .size(let n) = shape[shape.rank - 2], n <= 4 else { return nil }
        let bounded = graph.unary(.tanh, b)
        let gram = graph.scale(0.25, graph.matmul(bounded, bounded, transposeB: true))
        let range = SliceRange(start: 0, step: n + 1, count: .size(n))
        let diagonal = graph.pad(graph.constant(2, shape: [.size(n)]), [range], to: Shape(sizes: [n * n]))
        let unit = graph.reshape(diagonal, to: Shape(sizes: [n, n]))
        let matrix = graph.add(gram, graph.broadcast(unit, to: graph.shape(gram)))
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return graph.solve(matrix, b)
        case 1: return graph.choleskySolve(matrix, b)
        case 2: return graph.inverse(matrix)
        case 3: return graph.logDeterminant(matrix)
        default: return graph.solve(matrix, graph.unary(.sin, graph.solve(matrix, b)))
        }
    }

    // MARK: - Movement

    private mutating func transpose() -> NodeID? {
        let x = pick()
        return graph.transpose(x, Array(0..<graph.shape(x).rank).shuffled(using: &random))
    }

    private mutating func reshape() -> NodeID? {
        let x = pick()
        let shape = graph.shape(x)
        let count = shape.elementCount { _ in 1 } ?? 1
        let fixed = count.isMultiple(of: 4) && Bool.random(using: &random) ? [4, count / 4] : [count]
        return graph.reshape(x, to: Shape(shape.axes.map(Dimension.axis) + fixed.map(Dimension.size)))
    }

    private mutating func cut() -> NodeID? {
        let x = pick()
        let shape = graph.shape(x)
        guard let axis = shape.dimensions.firstIndex(where: { !$0.isAxis && !$0.isOne }),
            case .size(let n) = shape[axis], n > 0
        else { return nil }
        var ranges = shape.dimensions.map(SliceRange.all)
        let backwards = Bool.random(using: &random)
        let part = SliceRange(start: backwards ? n - 1 : 1, step: backwards ? -1 : 1, count: .size(n - 1))
        ranges[axis] = part
        let piece = graph.slice(x, ranges)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: return piece
        case 1: return graph.pad(piece, ranges, to: shape)
        default: return graph.concatenate([piece, x], axis: axis)
        }
    }

    private mutating func classes() -> NodeID? {
        guard let (labels, limit) = indexInput() else { return nil }
        return graph.oneHot(labels, classes: limit + Int.random(in: 0..<2, using: &random))
    }

    private mutating func indexInput() -> (NodeID, below: Int)? {
        indices.sorted { $0.key < $1.key }.randomElement(using: &random).map { ($0.key, $0.value) }
    }

    private mutating func gather() -> NodeID? {
        let x = pick()
        let shape = graph.shape(x)
        guard let (indices, limit) = indexInput(), shape.rank + graph.shape(indices).rank <= 5,
            let axis = shape.dimensions.firstIndex(where: {
                if case .size(let n) = $0 { n >= limit } else { false }
            })
        else { return nil }
        let taken = graph.take(x, indices: indices, axis: axis)
        return Bool.random(using: &random) ? taken : graph.takeAdd(taken, indices: indices, axis: axis, to: shape)
    }
}
