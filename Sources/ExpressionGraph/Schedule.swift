// Decides when each node is computed: in which stage (the set of slots it depends on), and at which level of that stage
// (what can be fused into one pass). Pure bookkeeping over a graph; no memory, no kernels.

/// How a consumer reads a node.
struct Place: Hashable {
    /// The node that holds the memory.
    let root: NodeID
    /// Whether its one value stands for every element.
    let isSplat: Bool
}

/// When and with what each node of a program is computed.
struct Schedule {
    /// Everything that depends on the same slots, and is computed when one of them was written.
    struct Stage {
        let dependence: SlotSet
        /// Nodes to compute, grouped into levels; those of one level do not depend on each other unless they are
        /// elementwise members of one group, which run in the order given.
        var levels: [[NodeID]] = []
    }

    let graph: Graph
    let outputs: [NodeID]
    let slots: SlotTable
    /// In an order in which every stage comes after those whose values it reads.
    private(set) var stages: [Stage] = []
    /// Per computed node: the stage it belongs to.
    private(set) var stage: [NodeID: Int] = [:]
    /// Per computed node: the nodes that read it, aliases followed.
    private(set) var users: [NodeID: [NodeID]] = [:]
    /// Per node: the users for which its one value stands for every element.
    private var splatReaders: [NodeID: Set<NodeID>] = [:]
    /// Repeated scalars and constants that someone needs as an array in memory.
    private(set) var materialised: Set<NodeID> = []
    /// Products of data that stand for two that every run would take: ``Regrouping/prepared``.
    var prepared: Set<NodeID> = []
    private var level: [NodeID: Int] = [:]
    private let fuses: Bool

    /// - Parameter slots: the inputs that change together; those that no slot names are given once.
    init(_ graph: Graph, outputs: [NodeID], slots: SlotTable, fuses: Bool) {
        self.graph = graph
        self.outputs = outputs
        self.slots = slots
        self.fuses = fuses
        let order = graph.reachable(from: outputs)
        materialised = Self.findMaterialised(graph, order: order, outputs: outputs)
        let computed = order.filter { isComputed($0) }
        collectUsers(computed)
        assignStages(order, computed)
        assignLevels(computed)
        delayLevels(computed)
        fillStages(computed)
    }

    // MARK: - Reading

    /// Follows reshapes to the node whose memory they share.
    func reshapeRoot(_ id: NodeID) -> NodeID {
        var id = id
        while case .reshape = graph.operation(id) { id = graph[id].operands[0] }
        return id
    }

    /// Where an elementwise consumer finds a node.
    func place(_ id: NodeID) -> Place {
        let root = reshapeRoot(id)
        if materialised.contains(root) { return Place(root: root, isSplat: false) }
        switch graph.operation(root) {
        case .constant: return Place(root: root, isSplat: true)
        case .broadcast where graph.shape(graph[root].operands[0]).isSingleElement:
            let source = place(graph[root].operands[0])
            return Place(root: source.root, isSplat: true)
        default: return Place(root: root, isSplat: false)
        }
    }

    /// Whether the node is computed by an instruction (leaves, reshapes and repeated scalars are only read).
    func isComputed(_ id: NodeID) -> Bool {
        if materialised.contains(id) { return true }
        switch graph.operation(id) {
        case .input, .constant, .reshape: return false
        case .broadcast: return !graph.shape(graph[id].operands[0]).isSingleElement
        case .unary, .binary, .select, .sumTo, .extremum, .logSumExp, .softmax, .cumulativeSum, .matmul, .sparseProduct,
            .factor,
            .factoredSolve, .logDeterminant, .transpose, .slice, .pad, .concatenate, .take, .takeAdd, .oneHot,
            .function:
            return true
        }
    }

    /// The memory that a computed node reads.
    func sources(_ id: NodeID) -> [Place] {
        if materialised.contains(id) {
            if case .constant = graph.operation(id) { return [] }
            return [Place(root: place(graph[id].operands[0]).root, isSplat: true)]
        }
        return graph[id].operands.map(place)
    }

    /// The dimensions over which the block machine runs for this node (sizes of one do not matter); `nil` for nodes
    /// that other kernels compute.
    func blockShape(_ id: NodeID) -> Shape? {
        let shape: Shape
        if materialised.contains(id) || graph.operation(id).isElementwise {
            shape = graph.shape(id)
        } else if isFullSum(id) {
            shape = graph.shape(graph[id].operands[0])
        } else {
            return nil
        }
        return Shape(shape.dimensions.filter { !$0.isOne })
    }

    /// Whether the node sums an array to one number, which fuses onto the end of a block.
    func isFullSum(_ id: NodeID) -> Bool {
        if case .sumTo = graph.operation(id) { graph.shape(id).isSingleElement } else { false }
    }

    // MARK: - Building

    /// Constants and repeated scalars are read in place by the block machine; every other reader needs them in memory.
    private static func findMaterialised(_ graph: Graph, order: [NodeID], outputs: [NodeID]) -> Set<NodeID> {
        var result: Set<NodeID> = []
        func demand(_ id: NodeID) {
            var root = id
            while case .reshape = graph.operation(root) { root = graph[root].operands[0] }
            switch graph.operation(root) {
            case .constant: result.insert(root)
            case .broadcast where graph.shape(graph[root].operands[0]).isSingleElement: result.insert(root)
            default: break
            }
        }
        for id in order {
            let node = graph[id]
            let readsInPlace: Bool
            switch node.operation {
            case .unary, .binary, .select, .reshape: readsInPlace = true
            case .sumTo: readsInPlace = node.shape.isSingleElement
            case .broadcast: readsInPlace = graph.shape(node.operands[0]).isSingleElement
            case .input, .constant, .extremum, .logSumExp, .softmax, .cumulativeSum, .matmul, .sparseProduct, .factor,
                .factoredSolve, .logDeterminant, .transpose, .slice, .pad, .concatenate, .take, .takeAdd, .oneHot,
                .function:
                readsInPlace = false
            }
            if !readsInPlace { node.operands.forEach(demand) }
        }
        outputs.forEach(demand)
        return result
    }

    private mutating func assignStages(_ order: [NodeID], _ computed: [NodeID]) {
        var dependences = slots.dependences(graph, order)
        for id in computed.reversed() {
            if let later = joinedDependence(id, dependences) { dependences[id.index] = later }
        }
        let distinct = Set(computed.map { dependences[$0.index] }).sorted(by: SlotSet.precedes)
        stages = distinct.map { Stage(dependence: $0) }
        let place = Dictionary(uniqueKeysWithValues: zip(distinct, distinct.indices))
        for id in computed { stage[id] = place[dependences[id.index]] }
    }

    /// A change of sign costs nothing in the pass that reads it (a + (−b) is one operation there) and an array of its own
    /// in a stage before that: it joins its users where all of them are in one stage.
    private func joinedDependence(_ id: NodeID, _ dependences: [SlotSet]) -> SlotSet? {
        guard fuses, case .unary(.negate) = graph.operation(id), let users = users[id], let first = users.first,
            !outputs.contains(where: { reshapeRoot($0) == id })
        else { return nil }
        let later = dependences[first.index]
        guard users.allSatisfy({ shapesAgree(id, $0) && dependences[$0.index] == later }) else { return nil }
        return later
    }

    private func shapesAgree(_ a: NodeID, _ b: NodeID) -> Bool {
        guard let shape = blockShape(a) else { return false }
        return shape == blockShape(b)
    }

    private mutating func fillStages(_ computed: [NodeID]) {
        var members = [[NodeID]](repeating: [], count: stages.count)
        for id in computed { if let index = stage[id] { members[index].append(id) } }
        for index in stages.indices { stages[index].levels = levels(of: members[index]) }
    }

    private mutating func collectUsers(_ computed: [NodeID]) {
        for id in computed {
            let sources = sources(id)
            for source in Set(sources.map(\.root)) { users[source, default: []].append(id) }
            for source in sources where source.isSplat { splatReaders[source.root, default: []].insert(id) }
        }
    }

    /// Whether `producer` can be computed in the same block pass as `consumer`.
    private func shareBlock(_ producer: NodeID, _ consumer: NodeID) -> Bool {
        guard fuses, stage[producer] == stage[consumer], !isFullSum(producer), let shape = blockShape(producer) else {
            return false
        }
        return shape == blockShape(consumer)
    }

    private mutating func assignLevels(_ computed: [NodeID]) {
        for id in computed {
            var result = 0
            for source in sources(id) where isComputed(source.root) && stage[source.root] == stage[id] {
                let distance = !source.isSplat && shareBlock(source.root, id) ? 0 : 1
                result = max(result, (level[source.root] ?? 0) + distance)
            }
            level[id] = result
        }
    }

    /// Elementwise nodes move as late as their users allow, and join the pass that needs them.
    private mutating func delayLevels(_ computed: [NodeID]) {
        let outputRoots = Set(outputs.map(reshapeRoot))
        var lastOutputLevel: [Int: [Shape: Int]] = [:]
        for id in computed where outputRoots.contains(id) && isDelayable(id) {
            guard let shape = blockShape(id), let stage = stage[id], let level = level[id] else { continue }
            lastOutputLevel[stage, default: [:]][shape] = max(lastOutputLevel[stage]?[shape] ?? 0, level)
        }
        for id in computed.reversed() where isDelayable(id) {
            guard let own = stage[id], let shape = blockShape(id) else { continue }
            let latest = (users[id] ?? []).filter { stage[$0] == own }.map { user in
                (level[user] ?? 0) - (readsAsArray(user, id) && shareBlock(id, user) ? 0 : 1)
            }.min()
            let target = latest ?? (outputRoots.contains(id) ? lastOutputLevel[own]?[shape] : nil)
            if let target { level[id] = max(level[id] ?? 0, target) }
        }
    }

    private func isDelayable(_ id: NodeID) -> Bool { fuses && blockShape(id) != nil && !isFullSum(id) }

    private func readsAsArray(_ user: NodeID, _ id: NodeID) -> Bool {
        !(splatReaders[id]?.contains(user) ?? false)
    }

    private func levels(of nodes: [NodeID]) -> [[NodeID]] {
        guard let last = nodes.compactMap({ level[$0] }).max() else { return [] }
        var result = [[NodeID]](repeating: [], count: last + 1)
        for id in nodes { result[level[id] ?? 0].append(id) }
        return result
    }
}
