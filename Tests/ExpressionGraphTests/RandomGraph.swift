// Random legal graphs of moderate numbers: every operation, broadcasts, views, a sample axis, data and value inputs,
// scalars and arrays without elements.
import ExpressionGraph

/// A graph grown from a seed, with values that stay finite, moderate and away from ties.
struct RandomGraph {
    var graph = Graph()
    let axis: AxisID
    let rows: Int
    /// Every dense input, also those that hold indices.
    private(set) var inputs: [NodeID] = []
    /// Sparse data, which only products read and nothing differentiates.
    private(set) var sparse: [NodeID] = []
    /// Inputs of integers, and the number that they stay below.
    private(set) var indices: [NodeID: Int] = [:]
    private(set) var values: [NodeID: ReferenceArray] = [:]
    private(set) var outputs: [NodeID] = []
    private(set) var pool: [NodeID] = []
    private var evaluator: ReferenceEvaluator
    var random: SplitMix
    private static let widths = [1, 3, 4, 8, 1, 3, 4, 0]

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

    /// The inputs that can be differentiated at.
    var leaves: [NodeID] { inputs.filter { indices[$0] == nil } }

    private mutating func addInputs() {
        let width = Self.widths.randomElement(using: &random) ?? 3
        let shapes: [(Shape, SymbolRole)] = [
            ([.axis(axis), .size(width)], .data), ([.axis(axis)], .data), ([.size(width)], .value), (.scalar, .value),
            ([.size(width), .size(3)], .value), ([.axis(axis)], .value), ([.size(4)], .data),
            ([.axis(axis), .size(2), .size(width)], .value),
        ]
        for (index, (shape, role)) in shapes.enumerated() {
            pool.append(addInput("x\(index)", shape, role, below: nil))
        }
        _ = addInput("i", [.axis(axis)], .data, below: 3)
        _ = addInput("j", [.size(2), .size(2)], .value, below: 1)
        _ = addInput("k", .scalar, .data, below: 4)
        for shape in [[.axis(axis), .size(width)], [.size(4), .size(width)]] as [Shape] {
            let node = graph.addInput("s\(sparse.count)", shape: shape, role: .data, storage: .sparse(entries: 0))
            sparse.append(node)
            values[node] = draw(node).map { $0.magnitude < 1 ? 0 : $0 }
        }
        evaluator = ReferenceEvaluator(graph, inputs: values)
    }

    private mutating func addInput(_ name: String, _ shape: Shape, _ role: SymbolRole, below: Int?) -> NodeID {
        let node = graph.addInput(name, shape: shape, role: role)
        inputs.append(node)
        indices[node] = below
        values[node] = draw(node)
        return node
    }

    /// New numbers for an input.
    mutating func draw(_ input: NodeID, rows: Int? = nil) -> ReferenceArray {
        let count = rows ?? self.rows
        let sizes = graph.shape(input).sizes { _ in count }
        guard let limit = indices[input] else { return random.array(sizes) }
        return ReferenceArray(sizes) { _ in Double(Int.random(in: 0..<limit, using: &random)) }
    }

    mutating func pick() -> NodeID {
        pool[Int.random(in: max(0, pool.count - 12)..<pool.count, using: &random)]
    }

    /// Takes a node into the pool when its numbers are moderate.
    private mutating func accept(_ node: NodeID) {
        evaluator.graph = graph
        let value = evaluator.evaluate([node])[0]
        guard value.values.allSatisfy({ $0.magnitude < 20 }), value.values.count <= 20_000 else { return }
        if !pool.contains(node) { pool.append(node) }
    }

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
        outputs += graph.gradient(of: total, at: leaves.filter { graph.shape($0).axes.isEmpty })
    }
}
