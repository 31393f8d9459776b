// A compiled graph: stages of instructions over one arena. Nothing is allocated while it runs.
import Tensors

/// Computes outputs of a graph, again and again, for changing inputs.
///
/// Inputs are assigned to ordered stages. Writing an input makes its stage and all later ones stale; ``run()`` computes
/// just what is stale. Not thread-safe: a program belongs to one thread at a time.
package final class Program {
    package let plan: ProgramPlan
    package let graph: Graph
    package let outputs: [NodeID]
    private let schedule: Schedule
    private let arena: AlignedBuffer
    private let scratch: AlignedBuffer
    private let slots: [NodeID: Int]
    private let constantSlots: [NodeID: Int]
    private let pointers: UnsafeMutablePointer<UnsafeMutablePointer<Double>?>
    private var bound: [NodeID: AlignedBuffer] = [:]
    private var rows: [Int]
    private var firstRow: [Int]
    private let maximumRows: [Int]
    private var code: [[Instruction]] = []
    /// Code for numbers of rows that were met before: an epoch's last batch comes again and again.
    private var known: [[Int]: [[Instruction]]] = [:]
    private static let knownLimit = 8
    private var stale = 0
    private let resultSlots: [Int]

    /// Allocates what the plan asks for. Traps when memory is exhausted; ``ProgramPlan/memoryBytes`` tells before.
    package init(_ plan: ProgramPlan) {
        let memory = plan.memory
        self.plan = plan
        graph = plan.graph
        outputs = plan.outputs
        schedule = plan.schedule
        maximumRows = plan.maximumRows
        rows = plan.maximumRows
        firstRow = plan.maximumRows.map { _ in 0 }
        arena = AlignedBuffer(count: memory.count)
        scratch = AlignedBuffer(count: Kernels.blockScratchCount)
        let layout = SlotLayout(graph: plan.graph, outputs: plan.outputs, memory: memory)
        slots = layout.slots
        constantSlots = layout.constants
        pointers = .allocate(capacity: max(layout.count, 1))
        pointers.initialize(repeating: nil, count: max(layout.count, 1))
        resultSlots = plan.outputs.map { layout.slots[plan.schedule.reshapeRoot($0)] ?? -1 }
        fillPointers()
        emit()
    }

    /// Compiles the outputs: ``ProgramPlan/init(_:outputs:stages:batchRows:options:)`` and ``init(_:)``.
    package convenience init(
        _ graph: Graph, outputs: [NodeID], stages: [[NodeID]] = [], batchRows: [AxisID: Int] = [:],
        options: CompilationOptions = CompilationOptions()
    ) {
        self.init(ProgramPlan(graph, outputs: outputs, stages: stages, batchRows: batchRows, options: options))
    }

    deinit { pointers.deallocate() }

    private func fillPointers() {
        for (id, offset) in plan.memory.offsets { if let slot = slots[id] { pointers[slot] = arena.base + offset } }
        for (id, offset) in plan.memory.constants {
            guard let slot = constantSlots[id] else { continue }
            pointers[slot] = arena.base + offset
            arena.base[offset] = graph.constantValue(id) ?? 0
        }
    }

    // MARK: - Inputs

    /// Whether the outputs depend on this input at all.
    package func uses(_ input: NodeID) -> Bool { slots[input] != nil }

    /// Binds a data input to an array, by reference. Inputs that no output needs are passed over.
    package func bind(_ input: NodeID, to buffer: AlignedBuffer) {
        guard slots[input] != nil else { return }
        bound[input] = buffer
        movePointer(input)
        invalidate(input)
    }

    /// Writes a value input. Inputs that no output needs are passed over.
    package func write(_ values: [Double], to input: NodeID) {
        values.withUnsafeBufferPointer { write($0, to: input) }
    }

    /// Writes a value input from memory.
    package func write(_ values: UnsafeBufferPointer<Double>, to input: NodeID) {
        guard let slot = slots[input], let target = pointers[slot] else { return }
        precondition(values.count == elementCount(input), "an input takes as many numbers as its shape holds")
        if let source = values.baseAddress { target.update(from: source, count: values.count) }
        invalidate(input)
    }

    /// Writes a scalar value input.
    package func write(_ value: Double, to input: NodeID) {
        guard let slot = slots[input], let target = pointers[slot] else { return }
        precondition(elementCount(input) == 1, "one number for an input of another shape")
        target[0] = value
        invalidate(input)
    }

    /// Moves every data input along `axis` to the batch of `count` rows from `start`. When `count` changes, value
    /// inputs along the axis are to be written anew.
    package func selectRows(of axis: AxisID, start: Int, count: Int) {
        precondition(count <= maximumRows[axis.index], "a batch larger than the program was compiled for")
        precondition(start >= 0 && count >= 0 && start + count <= graph.axes[axis.index].rows, "rows that do not exist")
        firstRow[axis.index] = start
        for input in bound.keys where graph.shape(input).axes.first == axis {
            movePointer(input)
            invalidate(input)
        }
        if rows[axis.index] != count {
            rows[axis.index] = count
            emit()
            stale = 0
        }
    }

    private func invalidate(_ input: NodeID) { stale = min(stale, schedule.stage[input] ?? 0) }

    private func movePointer(_ input: NodeID) {
        guard let slot = slots[input], let buffer = bound[input] else { return }
        let shape = graph.shape(input)
        var offset = 0
        if case .axis(let axis) = shape.dimensions.first, firstRow[axis.index] > 0 {
            let rest = Shape(Array(shape.dimensions.dropFirst()))
            offset = firstRow[axis.index] * (rest.elementCount { maximumRows[$0.index] } ?? 0)
        }
        pointers[slot] = buffer.base + offset
    }

    // MARK: - Running

    /// Computes what is stale.
    package func run() {
        guard stale < code.count else { return }
        for stage in stale..<code.count {
            code[stage].withUnsafeBufferPointer { execute($0, pointers: pointers, scratch: scratch.base) }
        }
        stale = code.count
    }

    /// The single value of an output.
    package func scalar(_ output: Int) -> Double { result(output).first ?? .nan }

    /// The value of an output; valid until the next write or run.
    package func result(_ output: Int) -> UnsafeBufferPointer<Double> {
        let slot = resultSlots[output]
        guard slot >= 0 else { return UnsafeBufferPointer(start: nil, count: 0) }
        return UnsafeBufferPointer(start: pointers[slot], count: elementCount(outputs[output]))
    }

    /// Copies an output to a value input, which becomes fresh input for the next run.
    package func carry(_ output: Int, to input: NodeID) { write(result(output), to: input) }

    private func elementCount(_ id: NodeID) -> Int { graph.shape(id).elementCount { rows[$0.index] } ?? 0 }

    /// The number of instructions of every stage, for measurements and tests.
    package var instructionCounts: [Int] { code.map(\.count) }

    private func emit() {
        if let earlier = known[rows] {
            code = earlier
            return
        }
        let emitter = InstructionEmitter(
            schedule: schedule, slots: slots, constants: constantSlots, rows: rows)
        code = plan.steps.map { $0.map(emitter.instruction) }
        if known.count < Self.knownLimit { known[rows] = code }
    }
}

/// Numbers the memory cells of a program: one slot for each owned value, data input and constant.
private struct SlotLayout {
    private(set) var slots: [NodeID: Int] = [:]
    private(set) var constants: [NodeID: Int] = [:]
    private(set) var count = 0

    init(graph: Graph, outputs: [NodeID], memory: MemoryPlan) {
        for id in memory.offsets.keys.sorted() { slots[id] = next() }
        for id in memory.constants.keys.sorted() { constants[id] = next() }
        for id in graph.inputs(of: outputs) where slots[id] == nil { slots[id] = next() }
    }

    private mutating func next() -> Int {
        defer { count += 1 }
        return count
    }
}
