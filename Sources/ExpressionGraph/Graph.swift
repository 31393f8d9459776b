// The graph: an append-only arena of hash-consed nodes in topological order.

/// A node of a graph: its index in ``Graph/nodes``. Operands always have smaller indices.
package struct NodeID: Hashable, Sendable, Comparable {
    package let index: Int

    /// The node at an index.
    package init(index: Int) { self.index = index }

    package static func < (a: NodeID, b: NodeID) -> Bool { a.index < b.index }
}

/// An input of a graph: its index in ``Graph/symbols``.
package struct SymbolID: Hashable, Sendable {
    package let index: Int

    /// The input at an index.
    package init(index: Int) { self.index = index }
}

/// What an input is, which decides who holds its memory in a ``Program``.
package enum SymbolRole: Hashable, Sendable {
    /// A data array, bound by reference; rows of a leading sample axis can be a moving view.
    case data
    /// A value written before each run: variables, tangents, weights, steps.
    case value
}

/// How the numbers of an input are held.
package enum SymbolStorage: Hashable, Sendable {
    case dense
    /// A data matrix of which only so many entries are stored. It takes part in products alone.
    case sparse(entries: Int)
}

/// A named input of a graph.
package struct Symbol: Hashable, Sendable {
    package let name: String
    package let role: SymbolRole
    package let shape: Shape
    package let storage: SymbolStorage

    /// A symbol outside any graph; graphs make their own.
    package init(name: String, role: SymbolRole, shape: Shape, storage: SymbolStorage = .dense) {
        self.name = name
        self.role = role
        self.shape = shape
        self.storage = storage
    }

    package var isSparse: Bool { storage != .dense }

    /// Whether the two differ in their names at most.
    func isInterchangeable(with other: Symbol) -> Bool {
        role == other.role && shape == other.shape && storage == other.storage
    }
}

/// An operation applied to operands.
package struct Node: Hashable, Sendable {
    package let operation: Operation
    package let operands: [NodeID]
    package let shape: Shape

    /// A node outside any graph, legal or not; graphs make their own.
    package init(operation: Operation, operands: [NodeID], shape: Shape) {
        self.operation = operation
        self.operands = operands
        self.shape = shape
    }
}

/// A typed expression graph. Equal nodes exist once; constructors simplify; differentiation maps graphs to graphs.
///
/// A value type: a copy can be extended without disturbing the original, and ids of the original stay valid in it.
package struct Graph: Sendable {
    package private(set) var nodes: [Node] = []
    package private(set) var symbols: [Symbol] = []
    package private(set) var axes: [SampleAxisInfo] = []
    private var table: [Node: NodeID] = [:]
    var association = AssociationTable()
    /// Whether terms of opposite signs cancel: in derivatives, where an infinity that meets a structural zero makes no NaN
    /// either. In formulas as written x − x stays, which is NaN where x is not finite.
    package var cancelsTerms = false

    package init() {}

    package subscript(_ id: NodeID) -> Node { nodes[id.index] }
    package func shape(_ id: NodeID) -> Shape { nodes[id.index].shape }
    package func operation(_ id: NodeID) -> Operation { nodes[id.index].operation }

    /// Declares a sample axis of `rows` rows.
    package mutating func addAxis(name: String, rows: Int) -> AxisID {
        axes.append(SampleAxisInfo(name: name, rows: rows))
        return AxisID(index: axes.count - 1)
    }

    /// Declares an input and returns its node.
    package mutating func addInput(
        _ name: String, shape: Shape, role: SymbolRole, storage: SymbolStorage = .dense
    ) -> NodeID {
        symbols.append(Symbol(name: name, role: role, shape: shape, storage: storage))
        return intern(.input(SymbolID(index: symbols.count - 1)), [], shape)
    }

    /// How the numbers of an input are held.
    package func storage(ofInput id: NodeID) -> SymbolStorage {
        guard case .input(let symbol) = operation(id) else { preconditionFailure("only inputs are stored") }
        return symbols[symbol.index].storage
    }

    /// The node for this operation: the one that exists, or a new one. Simplification happens in the constructors
    /// that call this, never here.
    mutating func intern(_ operation: Operation, _ operands: [NodeID], _ shape: Shape) -> NodeID {
        let node = Node(operation: operation, operands: operands, shape: shape)
        if let existing = table[node] { return existing }
        let id = NodeID(index: nodes.count)
        nodes.append(node)
        table[node] = id
        associate(id)
        return id
    }

    /// A constant in every element of `shape`.
    package mutating func constant(_ value: Double, shape: Shape = .scalar) -> NodeID {
        intern(.constant(value.bitPattern), [], shape)
    }

    /// The value of a constant node; `nil` for any other.
    package func constantValue(_ id: NodeID) -> Double? {
        if case .constant(let bits) = nodes[id.index].operation { Double(bitPattern: bits) } else { nil }
    }

    /// Whether the node is a structural zero. (Zero times anything folds to zero: an infinity that meets a
    /// structural zero does not make a NaN, as in every differentiation by rules.)
    package func isZero(_ id: NodeID) -> Bool { constantValue(id) == 0 }

    /// Everything the outputs are computed from, operands before users; `without` some nodes and what only they need.
    package func reachable(from outputs: [NodeID], without cut: Set<NodeID> = []) -> [NodeID] {
        var seen = [Bool](repeating: false, count: nodes.count)
        var stack = outputs
        while let id = stack.popLast() {
            if seen[id.index] || cut.contains(id) { continue }
            seen[id.index] = true
            stack.append(contentsOf: nodes[id.index].operands)
        }
        return seen.indices.filter { seen[$0] }.map(NodeID.init(index:))
    }

    /// The inputs that the outputs depend on.
    package func inputs(of outputs: [NodeID]) -> [NodeID] {
        reachable(from: outputs).filter { if case .input = operation($0) { true } else { false } }
    }

    /// For every node, whether it depends on one of `leaves`. Linear in the size of the graph.
    package func dependents(of leaves: [NodeID], limit: Int? = nil) -> [Bool] {
        var result = [Bool](repeating: false, count: limit ?? nodes.count)
        for leaf in leaves where leaf.index < result.count { result[leaf.index] = true }
        for index in result.indices where !result[index] {
            result[index] = nodes[index].operands.contains { result[$0.index] }
        }
        return result
    }
}
