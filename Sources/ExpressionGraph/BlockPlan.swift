// Turns a group of elementwise nodes into one program of the block machine: instruction selection (fused
// multiply-adds, differences, sums at the end), registers for what stays inside, memory for what leaves.
import Tensors

/// A value of a block program before memory is planned.
package enum BlockValue: Hashable {
    case memory(NodeID)
    case splat(NodeID)
    case register(Int)
    case accumulator(NodeID)
}

/// One operation of a block program.
package struct BlockStep: Hashable {
    /// The node that the step computes.
    package var node: NodeID
    package var opcode: BlockOpcode
    package var destination: BlockValue
    package var sources: [BlockValue]
}

/// A fused pass over the elements of one shape.
package struct BlockPlan: Hashable {
    /// The dimensions passed over, those of size 1 left out.
    package let shape: Shape
    package var steps: [BlockStep]

    var operands: Set<BlockValue> { Set(steps.flatMap { [$0.destination] + $0.sources }) }

    var registerCount: Int {
        steps.reduce(0) { count, step in
            if case .register(let index) = step.destination { max(count, index + 1) } else { count }
        }
    }
}

/// Selects and allocates the block programs of one group.
struct BlockAssembler {
    /// An operation between nodes, before registers are assigned.
    private struct Selected {
        let opcode: BlockOpcode
        let node: NodeID
        let sources: [NodeID]
    }

    let schedule: Schedule
    let members: [NodeID]
    private let inside: Set<NodeID>
    private let outputs: Set<NodeID>
    private var absorbed: Set<NodeID> = []

    init(_ schedule: Schedule, members: [NodeID]) {
        self.schedule = schedule
        self.members = members
        inside = Set(members)
        outputs = Set(schedule.outputs.map(schedule.reshapeRoot))
    }

    /// The block programs that compute the members, in order: one, or several where a limit of the machine demands it.
    mutating func assemble(fuses: Bool) -> [BlockPlan] {
        guard let shape = members.first.flatMap(schedule.blockShape) else { return [] }
        var selected: [Selected] = []
        for id in members.reversed() where !absorbed.contains(id) { selected.append(select(id, fuses: fuses)) }
        selected.reverse()
        return split(selected[...], shape)
    }

    // MARK: - Selection

    /// Whether a node exists only for this one user in the group, so that it can vanish into it.
    private func isPrivate(_ id: NodeID) -> Bool {
        inside.contains(id) && !absorbed.contains(id) && !outputs.contains(id) && schedule.users[id]?.count == 1
    }

    private mutating func select(_ id: NodeID, fuses: Bool) -> Selected {
        if schedule.materialised.contains(id) { return Selected(opcode: .copy, node: id, sources: [id]) }
        let node = schedule.graph[id]
        switch node.operation {
        case .unary(let function): return Selected(opcode: BlockOpcode(function), node: id, sources: node.operands)
        case .binary(.add) where fuses: return selectSum(id, node)
        case .binary(let function): return Selected(opcode: BlockOpcode(function), node: id, sources: node.operands)
        case .select: return Selected(opcode: .select, node: id, sources: node.operands)
        case .sumTo: return selectReduction(id, node, fuses: fuses)
        case .input, .constant, .broadcast, .extremum, .logSumExp, .softmax, .cumulativeSum, .matmul, .sparseProduct,
            .factor,
            .factoredSolve, .logDeterminant, .transpose, .reshape, .slice, .pad, .concatenate, .take, .takeAdd, .oneHot,
            .function:
            preconditionFailure("\(node.operation) is not elementwise")
        }
    }

    private mutating func absorb(_ id: NodeID) -> [NodeID] {
        absorbed.insert(id)
        return schedule.graph[id].operands
    }

    private func privateOperand(_ id: NodeID, where matches: (Operation) -> Bool) -> NodeID? {
        let root = schedule.reshapeRoot(id)
        return isPrivate(root) && matches(schedule.graph.operation(root)) ? root : nil
    }

    private func isProduct(_ operation: Operation) -> Bool { operation == .binary(.multiply) }

    /// x + a·b, x − a·b and x − y in one operation each.
    private mutating func selectSum(_ id: NodeID, _ node: Node) -> Selected {
        for (x, y) in [(node.operands[0], node.operands[1]), (node.operands[1], node.operands[0])] {
            guard let negated = privateOperand(y, where: { $0 == .unary(.negate) }), negated != schedule.reshapeRoot(x)
            else { continue }
            let inner = absorb(negated)[0]
            if let product = privateOperand(inner, where: isProduct) {
                return Selected(opcode: .fusedNegatedMultiplyAdd, node: id, sources: absorb(product) + [x])
            }
            return Selected(opcode: .subtract, node: id, sources: [x, inner])
        }
        for (x, y) in [(node.operands[0], node.operands[1]), (node.operands[1], node.operands[0])] {
            guard let product = privateOperand(y, where: isProduct) else { continue }
            return Selected(opcode: .fusedMultiplyAdd, node: id, sources: absorb(product) + [x])
        }
        return Selected(opcode: .add, node: id, sources: node.operands)
    }

    private mutating func selectReduction(_ id: NodeID, _ node: Node, fuses: Bool) -> Selected {
        if fuses, let product = privateOperand(node.operands[0], where: isProduct) {
            return Selected(opcode: .dot, node: id, sources: absorb(product))
        }
        if fuses, let square = privateOperand(node.operands[0], where: { $0 == .unary(.square) }) {
            let x = absorb(square)[0]
            return Selected(opcode: .dot, node: id, sources: [x, x])
        }
        return Selected(opcode: .sum, node: id, sources: node.operands)
    }

    // MARK: - Allocation

    /// The most steps of one block. Longer ones gain nothing from being one pass.
    private static let stepLimit = 256

    /// Halves a group until each part fits the machine; values that cross a cut go through memory.
    private func split(_ group: ArraySlice<Selected>, _ shape: Shape) -> [BlockPlan] {
        if group.isEmpty { return [] }
        if group.count <= Self.stepLimit {
            let plan = allocate(group, shape)
            if plan.operands.count <= Kernels.blockMaxOperands && plan.registerCount <= Kernels.blockMaxRegisters {
                return [plan]
            }
        }
        let middle = group.startIndex + group.count / 2
        return split(group[..<middle], shape) + split(group[middle...], shape)
    }

    private func allocate(_ group: ArraySlice<Selected>, _ shape: Shape) -> BlockPlan {
        let produced = Set(group.map(\.node))
        var remaining: [NodeID: Int] = [:]
        for step in group { for root in roots(step) { remaining[root, default: 0] += 1 } }
        let outside = Set(group.map(\.node).filter { leaves($0, group: produced) })
        var registers: [NodeID: Int] = [:]
        var free: [Int] = []
        var used = 0
        var plan = BlockPlan(shape: shape, steps: [])
        for step in group {
            let sources = step.sources.map { value($0, step: step, registers: registers) }
            for root in Set(roots(step)) {
                remaining[root, default: 0] -= roots(step).filter { $0 == root }.count
                if remaining[root] == 0, let register = registers[root] { free.append(register) }
            }
            let destination: BlockValue
            if step.opcode.accumulates {
                destination = .accumulator(step.node)
            } else if outside.contains(step.node) {
                destination = .memory(step.node)
            } else {
                let register = free.popLast() ?? used
                used = max(used, register + 1)
                registers[step.node] = register
                destination = .register(register)
            }
            plan.steps.append(
                BlockStep(node: step.node, opcode: step.opcode, destination: destination, sources: sources))
        }
        return plan
    }

    private func roots(_ step: Selected) -> [NodeID] {
        schedule.materialised.contains(step.node) ? [] : step.sources.map { schedule.place($0).root }
    }

    /// Whether a node's value is read outside the part that computes it.
    private func leaves(_ id: NodeID, group: Set<NodeID>) -> Bool {
        if outputs.contains(id) || schedule.materialised.contains(id) { return true }
        let users = schedule.users[id] ?? []
        return users.contains { !group.contains($0) && !absorbedInto(group, $0) }
    }

    /// An absorbed node has no step of its own; it reads what its absorber, in the same part, reads.
    private func absorbedInto(_ group: Set<NodeID>, _ id: NodeID) -> Bool {
        var id = id
        while absorbed.contains(id), let user = schedule.users[id]?.first { id = user }
        return group.contains(id)
    }

    private func value(_ id: NodeID, step: Selected, registers: [NodeID: Int]) -> BlockValue {
        if schedule.materialised.contains(step.node) {
            return .splat(schedule.sources(step.node).first?.root ?? step.node)
        }
        let place = schedule.place(id)
        if let register = registers[place.root], !place.isSplat { return .register(register) }
        return place.isSplat ? .splat(place.root) : .memory(place.root)
    }
}

extension BlockOpcode {
    init(_ function: UnaryFunction) {
        self =
            switch function {
            case .negate: .negate
            case .absolute: .absolute
            case .sign: .sign
            case .squareRoot: .squareRoot
            case .square: .square
            case .reciprocal: .reciprocal
            case .exp: .exp
            case .expm1: .expm1
            case .log: .log
            case .log1p: .log1p
            case .sin: .sin
            case .cos: .cos
            case .tan: .tan
            case .tanh: .tanh
            case .sigmoid: .sigmoid
            case .softplus: .softplus
            case .erf: .erf
            case .relu: .relu
            case .isPositive: .isPositive
            }
    }

    init(_ function: BinaryFunction) {
        self =
            switch function {
            case .add: .add
            case .multiply: .multiply
            case .divide: .divide
            case .power: .power
            case .minimum: .minimum
            case .maximum: .maximum
            case .less: .less
            case .lessEqual: .lessOrEqual
            case .equal: .equal
            }
    }
}
