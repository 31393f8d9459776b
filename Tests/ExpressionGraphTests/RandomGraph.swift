// Random legal graphs of moderate numbers: mixed operations, broadcasts, views, a sample axis, data and value inputs.
import ExpressionGraph

/// A graph grown from a seed, with values that stay finite, moderate and away from ties.
struct RandomGraph {
    private(set) var graph = Graph()
    let axis: AxisID
    let rows: Int
    private(set) var inputs: [NodeID] = []
    /// Sparse data, which only products read and nothing differentiates.
    private(set) var sparse: [NodeID] = []
    private(set) var values: [NodeID: ReferenceArray] = [:]
    private(set) var outputs: [NodeID] = []
    private var pool: [NodeID] = []
    private var evaluator: ReferenceEvaluator
    private var random: SplitMix
    private static let widths = [1, 3, 4, 8]

    init(seed: Int, size: Int, rows: Int) {
        random = SplitMix(seed)
        self.rows = rows
        axis = graph.addAxis(name: "train", rows: rows)
        evaluator = ReferenceEvaluator(graph, inputs: [:])
        addInputs()
        var attempts = 0
        while pool.count < size && attempts < 20 * size {
            attempts += 1
            if let node = grow() { accept(node) }
        }
        chooseOutputs()
    }

    private mutating func addInputs() {
        let width = Self.widths.randomElement(using: &random) ?? 3
        let shapes: [(Shape, SymbolRole)] = [
            ([.axis(axis), .size(width)], .data), ([.axis(axis)], .data), ([.size(width)], .value), (.scalar, .value),
            ([.size(width), .size(3)], .value), ([.axis(axis)], .value), ([.size(4)], .data),
        ]
        for (index, (shape, role)) in shapes.enumerated() {
            let node = graph.addInput("x\(index)", shape: shape, role: role)
            inputs.append(node)
            pool.append(node)
            values[node] = draw(node)
        }
        for shape in [[.axis(axis), .size(width)], [.size(4), .size(width)]] as [Shape] {
            let node = graph.addInput("s\(sparse.count)", shape: shape, role: .data, storage: .sparse(entries: 0))
            sparse.append(node)
            values[node] = draw(node).map { $0.magnitude < 1 ? 0 : $0 }
        }
        evaluator = ReferenceEvaluator(graph, inputs: values)
    }

    /// New numbers for an input.
    mutating func draw(_ input: NodeID, rows: Int? = nil) -> ReferenceArray {
        let count = rows ?? self.rows
        return random.array(graph.shape(input).sizes { _ in count })
    }

    private mutating func pick() -> NodeID {
        pool[Int.random(in: max(0, pool.count - 12)..<pool.count, using: &random)]
    }

    /// Takes a node into the pool when its numbers are moderate.
    private mutating func accept(_ node: NodeID) {
        evaluator.graph = graph
        let value = evaluator.evaluate([node])[0]
        guard value.values.allSatisfy({ $0.magnitude < 20 }), value.values.count <= 20_000 else { return }
        if !pool.contains(node) { pool.append(node) }
    }

    // MARK: - Growth

    private mutating func grow() -> NodeID? {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<6: return unary()
        case 6..<11: return binary()
        case 11: return select()
        case 12: return sum()
        case 13: return alongAxis()
        case 14, 15: return product()
        case 16: return transpose()
        case 17: return reshape()
        case 18: return cut()
        default: return gather()
        }
    }

    private mutating func unary() -> NodeID? {
        let x = pick()
        switch Int.random(in: 0..<14, using: &random) {
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
        default: return graph.offset(0.75, x)
        }
    }

    private mutating func binary() -> NodeID? {
        guard let (a, b) = aligned(pick(), pick()) else { return nil }
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1: return graph.add(a, b)
        case 2, 3: return graph.subtract(a, b)
        case 4, 5: return graph.multiply(a, b)
        case 6: return graph.divide(a, graph.offset(1, graph.unary(.square, b)))
        default: return graph.binary(Bool.random(using: &random) ? .minimum : .maximum, a, b)
        }
    }

    private mutating func aligned(_ a: NodeID, _ b: NodeID) -> (NodeID, NodeID)? {
        guard let shape = Shape.broadcast(graph.shape(a), graph.shape(b)) else { return nil }
        return (graph.broadcast(a, to: shape), graph.broadcast(b, to: shape))
    }

    private mutating func select() -> NodeID? {
        // An input decides, so that rounding never flips a branch.
        let condition = inputs[Int.random(in: 0..<inputs.count, using: &random)]
        guard let (a, b) = aligned(pick(), pick()), let (c, d) = aligned(condition, a),
            let (e, f) = aligned(b, d)
        else { return nil }
        let mask = graph.unary(.isPositive, graph.broadcast(c, to: graph.shape(f)))
        return graph.select(mask, e, graph.broadcast(f, to: graph.shape(e)))
    }

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
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return graph.extremum(.maximum, x, axis: axis)
        case 1: return graph.extremum(.minimum, x, axis: axis)
        case 2: return graph.logSumExp(x, axis: axis)
        case 3: return graph.softmax(x, axis: axis)
        default: return graph.cumulativeSum(x, axis: axis, reverse: Bool.random(using: &random))
        }
    }

    private mutating func product() -> NodeID? {
        var (a, b) = (matrix(pick()), matrix(pick()))
        switch Int.random(in: 0..<4, using: &random) {
        case 0: a = sparse.randomElement(using: &random)
        case 1: b = sparse.randomElement(using: &random).map { graph.transpose($0, [1, 0]) }
        default: break
        }
        guard let a, let b else { return nil }
        for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)].shuffled(using: &random)
        where graph.shape(a)[ta ? 0 : 1] == graph.shape(b)[tb ? 1 : 0] {
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
            case .size(let n) = shape[axis]
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

    private mutating func gather() -> NodeID? {
        let x = pick()
        let shape = graph.shape(x)
        guard let axis = shape.dimensions.firstIndex(where: { !$0.isAxis }), case .size(let n) = shape[axis], n > 0
        else { return nil }
        let indices = graph.constant(Double(n - 1), shape: [.size(3)])
        let taken = graph.take(x, indices: indices, axis: axis)
        return Bool.random(using: &random) ? taken : graph.takeAdd(taken, indices: indices, axis: axis, to: shape)
    }

    // MARK: - Outputs

    private mutating func chooseOutputs() {
        // One number that the youngest nodes all flow into, and some nodes themselves.
        var total = graph.constant(0)
        for node in pool.suffix(10) {
            let part = graph.sum(graph.unary(.sin, node))
            total = graph.add(total, graph.scale(0.01, part))
        }
        outputs = [total]
        for _ in 0..<Int.random(in: 0..<4, using: &random) {
            outputs.append(pool[Int.random(in: 0..<pool.count, using: &random)])
        }
        guard Bool.random(using: &random) else { return }
        outputs += graph.gradient(of: total, at: inputs.filter { graph.shape($0).axes.isEmpty })
    }
}
