// Gives planned steps their sizes, strides and slots, for the batch at hand.
import Tensors

/// Emits instructions for a fixed number of rows of every sample axis.
struct InstructionEmitter {
    let schedule: Schedule
    let slots: [NodeID: Int]
    let constants: [NodeID: Int]
    /// Of the factors that are laid out for these products.
    let laid: [NodeID: Int]
    let rows: [Int]
    let precision: Precision
    /// Where block programs are kept.
    let memory: CodeMemory

    func instruction(_ step: PlannedStep) -> Instruction {
        switch step {
        case .block(let plan): block(plan)
        case .product(let plan): product(plan)
        case .productPair(let first, let second): productPair(first, second)
        case .single(let id): single(id)
        case .function: preconditionFailure("a program is cut at functions")
        case .rowLoop(let loop): rowLoop(loop)
        }
    }

    /// The cut that a step makes; `nil` for instructions.
    func cut(_ step: PlannedStep, at position: Int) -> Cut? {
        guard case .function(let nodes) = step else { return nil }
        let graph = schedule.graph
        let operands = graph[nodes[0]].operands.map { operand in
            let root = schedule.place(operand).root
            return CutMemory(slot: slot(root), count: count(operand), isShared: graph.role(of: root) == .data)
        }
        return Cut(
            position: position, operations: nodes.compactMap { graph.operation($0).function }, operands: operands,
            results: nodes.map { CutMemory(slot: slot($0), count: count($0), isShared: false) })
    }

    private func count(_ id: NodeID) -> Int { count(sizes(id)) }

    func sizes(_ shape: Shape) -> [Int] { shape.sizes { rows[$0.index] } }
    func sizes(_ id: NodeID) -> [Int] { sizes(schedule.graph.shape(id)) }

    func count(_ sizes: [Int]) -> Int { sizes.reduce(1, *) }

    func slot(_ id: NodeID) -> Int {
        guard let slot = slots[id] ?? constants[id] else { preconditionFailure("a node without memory") }
        return slot
    }

    // MARK: - Blocks

    private func block(_ plan: BlockPlan) -> Instruction {
        var operands: [BlockOperand] = []
        var index: [BlockValue: Int] = [:]
        func operand(_ value: BlockValue) -> Int {
            if let existing = index[value] { return existing }
            operands.append(machineOperand(value))
            index[value] = operands.count - 1
            return operands.count - 1
        }
        let operations = plan.steps.map { step in
            let sources = step.sources.map(operand)
            return BlockOp(
                step.opcode, to: operand(step.destination), sources[0], sources.count > 1 ? sources[1] : 0,
                sources.count > 2 ? sources[2] : 0)
        }
        let count = sizes(plan.shape).reduce(1, *)
        return Instruction(
            kernel: .block(operations: memory.keep(operations), operands: memory.keep(operands), count: count),
            sources: [], destinations: [])
    }

    private func machineOperand(_ value: BlockValue) -> BlockOperand {
        switch value {
        case .memory(let id): .memory(slot(id))
        // A constant's single value, even where the constant also exists as an array.
        case .splat(let id): .splat(constants[id] ?? slot(id))
        case .register(let index): .register(index)
        case .accumulator(let id): .accumulator(slot(id))
        }
    }

    // MARK: - Single nodes

    private func single(_ id: NodeID) -> Instruction {
        let node = schedule.graph[id]
        let source = node.operands.first.map(sizes) ?? []
        return Instruction(
            kernel: kernel(id, node, source), sources: schedule.sources(id).map { slot($0.root) },
            destinations: [slot(id)])
    }

    private func kernel(_ id: NodeID, _ node: Node, _ source: [Int]) -> Kernel {
        switch node.operation {
        case .broadcast: broadcast(source, to: sizes(id))
        case .sumTo: .reduce(.sum, Extents(source, axes: reducedRange(source, sizes(id))))
        case .extremum(.maximum, let axis): .reduce(.max, Extents(source, axis: axis))
        case .extremum(.minimum, let axis): .reduce(.min, Extents(source, axis: axis))
        case .logSumExp(let axis): .logSumExp(Extents(source, axis: axis))
        case .softmax(let axis): .softmax(Extents(source, axis: axis))
        case .cumulativeSum(let axis, let reverse): .cumulativeSum(Extents(source, axis: axis), reverse: reverse)
        case .sparseProduct(let transposed): sparse(node, transposed: transposed)
        case .transpose(let permutation):
            .stridedCopy(
                dimensions: sizes(id), strides: permutation.map { Shapes.strides(source)[$0] }, offset: 0)
        case .slice(let ranges): slice(ranges, of: source, to: sizes(id))
        case .pad(let ranges): pad(ranges, source, to: sizes(id), slot: slot(schedule.place(node.operands[0]).root))
        case .concatenate(let axis): concatenate(node.operands, axis: axis, to: sizes(id))
        case .factor(let kind): factor(kind, source)
        case .factoredSolve(let kind, let transposed): solve(kind, transposed, source, sizes(node.operands[1]))
        case .logDeterminant: .logDeterminant(n: source[source.count - 1], count: count(sizes(id)))
        case .take(let axis): .take(Extents(source, axis: axis), count: count(sizes(node.operands[1])))
        case .takeAdd(let axis): .takeAdd(Extents(sizes(id), axis: axis), count: count(sizes(node.operands[1])))
        case .oneHot: .oneHot(count: count(source), classes: sizes(id)[source.count])
        case .input, .constant, .unary, .binary, .select, .matmul, .reshape, .function:
            preconditionFailure("\(node.operation) is no kernel of its own")
        }
    }

    /// All rows: by the stored transpose, which is read once. A batch: by its rows alone.
    private func sparse(_ node: Node, transposed: Bool) -> Kernel {
        let shape = schedule.graph.shape(node.operands[0])
        let result = sizes(node.shape)
        if !transposed { return .sparseTimes(rows: result[0], n: result[1]) }
        let whole = shape.sizes { schedule.graph.axes[$0.index].rows }
        let drawn = sizes(shape)
        if drawn == whole { return .sparseTransposedTimes(rows: result[0], n: result[1]) }
        return .sparseScatter(rows: drawn[0], columns: drawn[1], n: result[1])
    }

    private func broadcast(_ source: [Int], to target: [Int]) -> Kernel {
        let missing = target.count - source.count
        let inner = Shapes.strides(source)
        let strides = target.indices.map { i in
            i < missing || source[i - missing] == 1 ? 0 : inner[i - missing]
        }
        return .stridedCopy(dimensions: target, strides: strides, offset: 0)
    }

    /// The run of dimensions that a `sumTo` node reduces; graph construction made it one run.
    private func reducedRange(_ source: [Int], _ target: [Int]) -> Range<Int> {
        let reduced = source.indices.filter { source[$0] != target[$0] }
        guard let first = reduced.first, let last = reduced.last else { return 0..<0 }
        return first..<(last + 1)
    }

    private func slice(_ ranges: [SliceRange], of source: [Int], to target: [Int]) -> Kernel {
        let strides = Shapes.strides(source)
        return .stridedCopy(
            dimensions: target, strides: zip(ranges, strides).map { $0.step * $1 },
            offset: zip(ranges, strides).reduce(0) { $0 + $1.0.start * $1.1 })
    }

    private func pad(_ ranges: [SliceRange], _ source: [Int], to target: [Int], slot: Int) -> Kernel {
        let strides = Shapes.strides(target)
        let part = StridedPart(
            slot: slot, dimensions: source, strides: zip(ranges, strides).map { $0.step * $1 },
            offset: zip(ranges, strides).reduce(0) { $0 + $1.0.start * $1.1 })
        return .stridedAdd(count: target.reduce(1, *), parts: [part])
    }

    private func concatenate(_ operands: [NodeID], axis: Int, to target: [Int]) -> Kernel {
        let strides = Shapes.strides(target)
        var start = 0
        if target[..<axis].allSatisfy({ $0 == 1 }) { return join(operands) }
        let parts = operands.map { operand in
            defer { start += sizes(operand)[axis] }
            return StridedPart(
                slot: slot(schedule.place(operand).root), dimensions: sizes(operand), strides: strides,
                offset: start * strides[axis])
        }
        return .stridedAdd(count: target.reduce(1, *), parts: parts)
    }

    /// A concatenation along the first dimension.
    private func join(_ operands: [NodeID]) -> Kernel {
        var offset = 0
        return .join(
            operands.map { operand in
                let count = count(sizes(operand))
                defer { offset += count }
                return JoinedPart(slot: slot(schedule.place(operand).root), count: count, offset: offset)
            })
    }
}
