// States which blocks are legal: every step computes its node from that node's operands, found where the step looks for
// them. Tests run it on every compiled program.
import Tensors

/// A breach of the rules of compiled plans. The node is the one whose step is at fault.
package enum PlanViolation: Hashable {
    /// The step reads another number of operands than its opcode.
    case arity(NodeID, BlockOpcode)
    /// The block needs more operands or registers than the machine has.
    case blockLimit(operands: Int, registers: Int)
    /// A source is a register that holds nothing yet, or an accumulator.
    case unreadable(NodeID, BlockValue)
    /// A register's value is lost, or a splat or a second time an accumulator or memory is written.
    case unwritable(NodeID, BlockValue)
    /// The value of a register is overwritten or dropped without having been read.
    case unused(NodeID)
    /// A value with another number of elements than the block stands in a vector's place, or an array in a splat's.
    case elementCount(NodeID, BlockValue)
    /// The opcode on these sources is not what the node says.
    case wrongEdges(NodeID, BlockOpcode, [BlockValue])
    /// A step reads a value from memory that was not written before, or was overwritten since.
    case lostValue(NodeID, stage: Int, step: Int)
}

/// Checks block programs against the graph they were selected from.
struct BlockVerifier {
    let schedule: Schedule

    func violations(_ plan: BlockPlan) -> [PlanViolation] {
        var state = BlockState()
        var result: [PlanViolation] = []
        if plan.operands.count > Kernels.blockMaxOperands || plan.registerCount > Kernels.blockMaxRegisters {
            result.append(.blockLimit(operands: plan.operands.count, registers: plan.registerCount))
        }
        for step in plan.steps {
            if step.sources.count != step.opcode.arity { result.append(.arity(step.node, step.opcode)) }
            for source in step.sources {
                if !state.read(source) { result.append(.unreadable(step.node, source)) }
                if !hasElements(source, of: plan) { result.append(.elementCount(step.node, source)) }
            }
            if !matches(step, state) { result.append(.wrongEdges(step.node, step.opcode, step.sources)) }
            if !hasElements(step.destination, of: plan) { result.append(.elementCount(step.node, step.destination)) }
            result += state.write(step)
        }
        return result + state.unread.values.sorted().map { .unused($0) }
    }

    private func hasElements(_ value: BlockValue, of plan: BlockPlan) -> Bool {
        switch value {
        case .register: true
        case .memory(let id): sameElements(schedule.graph.shape(id), plan.shape)
        case .splat(let id):
            schedule.graph.constantValue(id) != nil || schedule.graph.shape(id).isSingleElement
        case .accumulator(let id): schedule.graph.shape(id).isSingleElement
        }
    }

    private func sameElements(_ a: Shape, _ b: Shape) -> Bool {
        a.axes == b.axes && a.elementCount { _ in 1 } == b.elementCount { _ in 1 }
    }

    // MARK: - Meaning

    /// Whether the opcode on the sources computes the node.
    private func matches(_ step: BlockStep, _ state: BlockState) -> Bool {
        let graph = schedule.graph
        if schedule.materialised.contains(step.node) {
            guard step.opcode == .copy, case .splat(let root) = step.sources.first else { return false }
            return root == (schedule.sources(step.node).first?.root ?? step.node)
        }
        let operands = graph[step.node].operands
        func isSource(_ index: Int, _ node: NodeID) -> Bool {
            step.sources.indices.contains(index) && state.denotes(step.sources[index], schedule.place(node))
        }
        func areSources(_ nodes: [NodeID]) -> Bool { nodes.indices.allSatisfy { isSource($0, nodes[$0]) } }
        switch (graph.operation(step.node), step.opcode) {
        case (.unary(let function), let opcode): return opcode == BlockOpcode(function) && areSources(operands)
        case (.binary(.add), .fusedMultiplyAdd):
            return splits(operands).contains { x, y in
                factors(y).map { areSources($0 + [x]) } ?? false
            }
        case (.binary(.add), .fusedNegatedMultiplyAdd):
            return splits(operands).contains { x, y in
                negated(y).flatMap(factors).map { areSources($0 + [x]) } ?? false
            }
        case (.binary(.add), .subtract):
            return splits(operands).contains { x, y in negated(y).map { areSources([x, $0]) } ?? false }
        case (.binary(let function), let opcode): return opcode == BlockOpcode(function) && areSources(operands)
        case (.select, let opcode): return opcode == .select && areSources(operands)
        case (.sumTo, .sum): return areSources(operands)
        case (.sumTo, .dot): return factors(operands[0]).map(areSources) ?? false
        default: return false
        }
    }

    private func splits(_ x: [NodeID]) -> [(NodeID, NodeID)] { [(x[0], x[1]), (x[1], x[0])] }

    /// The factors of a product or square.
    private func factors(_ id: NodeID) -> [NodeID]? {
        let node = schedule.graph[schedule.reshapeRoot(id)]
        if node.operation == .binary(.multiply) { return node.operands }
        return node.operation == .unary(.square) ? [node.operands[0], node.operands[0]] : nil
    }

    private func negated(_ id: NodeID) -> NodeID? {
        let node = schedule.graph[schedule.reshapeRoot(id)]
        return node.operation == .unary(.negate) ? node.operands[0] : nil
    }
}

/// What registers and written memory hold while a block is followed.
private struct BlockState {
    private var registers: [Int: NodeID] = [:]
    private var written: Set<BlockValue> = []
    /// Registers whose value nobody has read.
    private(set) var unread: [Int: NodeID] = [:]

    /// Notes a read; false where there is nothing to read.
    mutating func read(_ value: BlockValue) -> Bool {
        switch value {
        case .register(let index):
            unread[index] = nil
            return registers[index] != nil
        case .memory, .splat: return true
        case .accumulator: return false
        }
    }

    func denotes(_ value: BlockValue, _ place: Place) -> Bool {
        switch value {
        case .register(let index): !place.isSplat && registers[index] == place.root
        case .memory(let id): !place.isSplat && id == place.root
        case .splat(let id): place.isSplat && id == place.root
        case .accumulator: false
        }
    }

    mutating func write(_ step: BlockStep) -> [PlanViolation] {
        switch step.destination {
        case .register(let index):
            let lost = unread.updateValue(step.node, forKey: index)
            registers[index] = step.node
            if step.opcode.accumulates { return [.unwritable(step.node, step.destination)] }
            return lost.map { [.unused($0)] } ?? []
        case .memory(let id), .accumulator(let id):
            let isAccumulator = step.destination == .accumulator(id)
            let isFresh = written.insert(step.destination).inserted
            let isSound = isFresh && id == step.node && isAccumulator == step.opcode.accumulates
            return isSound ? [] : [.unwritable(step.node, step.destination)]
        case .splat: return [.unwritable(step.node, step.destination)]
        }
    }
}
