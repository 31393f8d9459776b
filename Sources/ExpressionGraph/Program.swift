// A compiled graph: stages of instructions over one arena. Nothing is allocated while it runs.
import Tensors

/// Computes outputs of a graph, again and again, for changing inputs.
///
/// Writing an input makes stale what depends on its slot, and ``run()`` computes just that. Not thread-safe: a program
/// belongs to one thread at a time.
package final class Program {
    package let plan: ProgramPlan
    package let graph: Graph
    package let outputs: [NodeID]
    private let schedule: Schedule
    private let precision: Precision
    private let arena: AlignedBuffer
    private let scratch: AlignedBuffer
    private let slots: [NodeID: Int]
    private let constantSlots: [NodeID: Int]
    private let laidSlots: [NodeID: Int]
    private let pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private var bound: [NodeID: AlignedBuffer] = [:]
    private var boundSparse: [NodeID: SparseBinding] = [:]
    /// For every sample axis, the data inputs that are views of its rows.
    private var views: [[RowView]]
    private var sparseViews: [[SparseBinding]]
    private var rows: [Int]
    private var firstRow: [Int]
    private let maximumRows: [Int]
    private var code = CompiledCode()
    /// Code for numbers of rows that were met before: an epoch's last batch comes again and again.
    private var known: [CompiledCode] = []
    private static let knownLimit = 64
    /// What was written since the last run.
    private var written = SlotSet.everything
    /// Instructions executed so far, for measurements and tests.
    package private(set) var executedInstructions = 0
    private let resultSlots: [Int]
    /// Of every output: the slots that make it stale, and none where its memory is not its own alone.
    private let exchangeable: [SlotSet]
    /// Of every stage; all depend on the inputs that no slot names.
    private let dependences: [SlotSet]

    /// Allocates what the plan asks for. Traps when memory is exhausted; ``ProgramPlan/memoryBytes`` tells before.
    package init(_ plan: ProgramPlan) {
        let memory = plan.memory
        self.plan = plan
        graph = plan.graph
        outputs = plan.outputs
        schedule = plan.schedule
        dependences = plan.schedule.stages.map { $0.dependence.union(.unnamed) }
        maximumRows = plan.maximumRows
        rows = plan.maximumRows
        firstRow = plan.maximumRows.map { _ in 0 }
        views = plan.maximumRows.map { _ in [] }
        sparseViews = plan.maximumRows.map { _ in [] }
        precision = plan.precision
        arena = AlignedBuffer(count: memory.count, precision: plan.precision)
        scratch = AlignedBuffer(
            count: Kernels(plan.precision).blockScratchBytes / plan.precision.size, precision: plan.precision)
        let layout = SlotLayout(graph: plan.graph, outputs: plan.outputs, memory: memory)
        slots = layout.slots
        constantSlots = layout.constants
        laidSlots = layout.laid
        pointers = .allocate(capacity: max(layout.count, 1))
        pointers.initialize(repeating: nil, count: max(layout.count, 1))
        resultSlots = plan.outputs.map { layout.slots[plan.schedule.reshapeRoot($0)] ?? -1 }
        exchangeable = plan.exchangeableOutputs()
        fillPointers()
        emit()
    }

    /// Compiles the outputs: ``ProgramPlan/init(_:outputs:slots:batchRows:precision:options:)`` and ``init(_:)``.
    package convenience init(
        _ graph: Graph, outputs: [NodeID], slots: [InputSlot] = [], batchRows: [AxisID: Int] = [:],
        precision: Precision = .float64, options: CompilationOptions = CompilationOptions()
    ) {
        self.init(
            ProgramPlan(
                graph, outputs: outputs, slots: slots, batchRows: batchRows, precision: precision, options: options))
    }

    /// What the next run asks for while it computes.
    private let ahead = PrefetchQueue()
    /// Those that the last run executed.
    private var instructionsOfRun = 0

    deinit { pointers.deallocate() }

    private func fillPointers() {
        for (id, offset) in plan.memory.offsets { if let slot = slots[id] { pointers[slot] = place(offset) } }
        for (id, offset) in plan.memory.laid { if let slot = laidSlots[id] { pointers[slot] = place(offset) } }
        for (id, offset) in plan.memory.constants {
            guard let slot = constantSlots[id] else { continue }
            pointers[slot] = place(offset)
            precision.write(graph.constantValue(id) ?? 0, to: place(offset))
        }
    }

    private func place(_ offset: Int) -> UnsafeMutableRawPointer { arena.address + offset * precision.size }

    // MARK: - Inputs

    /// Whether the outputs depend on this input at all.
    package func uses(_ input: NodeID) -> Bool { slots[input] != nil }

    /// Binds a data input to an array, by reference. Inputs that no output needs are passed over.
    ///
    /// - Precondition: the array has the program's precision; see ``AlignedBuffer/converted(to:)``.
    package func bind(_ input: NodeID, to buffer: AlignedBuffer) {
        guard let slot = slots[input] else { return }
        precondition(buffer.precision == precision, "an array of another precision than the program")
        bound[input] = buffer
        pointers[slot] = buffer.address
        if case .axis(let axis) = graph.shape(input).dimensions.first {
            views[axis.index] = rowViews(of: axis)
            moveViews(of: axis)
        }
        invalidate(input)
    }

    /// Binds a sparse data input to its matrix, by reference. Inputs that no output needs are passed over.
    ///
    /// - Precondition: the matrix has the program's precision; see ``SparseMatrix/converted(to:)``.
    package func bind(_ input: NodeID, to matrix: SparseMatrix) {
        guard let slot = slots[input] else { return }
        precondition(matrix.precision == precision, "a matrix of another precision than the program")
        precondition(graph.isSparse(input), "a sparse matrix for a dense input")
        let binding = SparseBinding(matrix, written: schedule.slots.written(input))
        boundSparse[input] = binding
        pointers[slot] = binding.address
        if case .axis(let axis) = graph.shape(input).dimensions.first {
            sparseViews[axis.index] = boundSparse.keys.sorted().compactMap { id in
                graph.shape(id).axes.first == axis ? boundSparse[id] : nil
            }
            moveViews(of: axis)
        }
        invalidate(input)
    }

    /// What stands for a sparse input in the program's memory; `nil` where none is bound.
    func sparseCell(of input: NodeID) -> UnsafeMutableRawPointer? { boundSparse[input]?.address }

    /// Binds a data input to its numbers, by reference. Inputs that no output needs are passed over.
    package func bind(_ input: NodeID, to memory: DataMemory) {
        switch memory {
        case .dense(let buffer): bind(input, to: buffer)
        case .sparse(let matrix): bind(input, to: matrix)
        }
    }

    /// The bound inputs along an axis, with what moving them takes.
    private func rowViews(of axis: AxisID) -> [RowView] {
        bound.keys.sorted().compactMap { input in
            guard let slot = slots[input], let buffer = bound[input], graph.shape(input).axes.first == axis else {
                return nil
            }
            let row = Shape(Array(graph.shape(input).dimensions.dropFirst()))
            return RowView(
                slot: slot, base: buffer.address,
                stride: (row.elementCount { maximumRows[$0.index] } ?? 0) * precision.size,
                written: schedule.slots.written(input))
        }
    }

    private func moveViews(of axis: AxisID) {
        let first = firstRow[axis.index]
        for view in views[axis.index] {
            pointers[view.slot] = view.base + first * view.stride
            written = written.union(view.written)
        }
        for view in sparseViews[axis.index] {
            view.move(to: first)
            written = written.union(view.written)
        }
    }

    /// Resolves a value input once, for callers that write it at every iteration; `nil` where no output needs it.
    package func cell(_ input: NodeID) -> InputCell? {
        guard let slot = slots[input], pointers[slot] != nil else { return nil }
        return InputCell(slot: slot, count: elementCount(input), written: schedule.slots.written(input))
    }

    /// Writes a scalar value input.
    package func write(_ value: Double, to cell: InputCell) {
        precision.write(value, to: address(of: cell))
        written = written.union(cell.written)
    }

    /// Writes the numbers of a value input, or as many as the rows at hand take, or some of them, from `start` on. Allocates
    /// nothing.
    package func write(_ values: UnsafePointer<Double>, count: Int, to cell: InputCell, from start: Int = 0) {
        precondition(start + count <= cell.count, "\(count) numbers, and room for \(cell.count - start)")
        precision.write(values, count: count, to: address(of: cell) + start * precision.size)
        written = written.union(cell.written)
    }

    /// Writes zeros to all of a cell. Allocates nothing.
    package func clear(_ cell: InputCell) {
        let bytes = cell.count * precision.size
        address(of: cell).initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        written = written.union(cell.written)
    }

    /// Copies an output of the cell's shape to the cell, which becomes fresh input for the next run.
    package func carry(_ output: Int, to cell: InputCell) {
        let slot = resultSlots[output]
        guard slot >= 0, let source = pointers[slot] else { return }
        address(of: cell).copyMemory(from: source, byteCount: cell.count * precision.size)
        written = written.union(cell.written)
    }

    /// As ``carry(_:to:)-(_,InputCell)``, but the output is not to be read before the next run: the two change places
    /// where nothing speaks against it, and no number is moved.
    package func exchange(_ output: Int, with cell: InputCell) {
        let slot = resultSlots[output]
        guard slot >= 0, exchangeable[output].meets(cell.written), code.resultCounts[output] == cell.count else {
            return carry(output, to: cell)
        }
        (pointers[slot], pointers[cell.slot]) = (pointers[cell.slot], pointers[slot])
        written = written.union(cell.written)
    }

    /// A cell was made of an input that has memory.
    private func address(of cell: InputCell) -> UnsafeMutableRawPointer { pointers[cell.slot]! }

    /// A cell's numbers. A copy.
    package func values(of cell: InputCell) -> [Double] {
        [Double](unsafeUninitializedCapacity: cell.count) { target, initialized in
            if let base = target.baseAddress { precision.read(address(of: cell), count: cell.count, into: base) }
            initialized = cell.count
        }
    }

    /// Reads a cell's numbers, of which `target` has room for all. Allocates nothing.
    package func read(_ cell: InputCell, into target: UnsafeMutablePointer<Double>) {
        precision.read(address(of: cell), count: cell.count, into: target)
    }

    /// Changes a cell's numbers in place, without allocating.
    ///
    /// - Parameter copy: doubles, as many as the cell has; what `change` works on where the program computes in another
    ///   precision.
    package func update(
        _ cell: InputCell, through copy: AlignedBuffer,
        _ change: (UnsafeMutableBufferPointer<Double>) -> Void
    ) {
        precondition(
            copy.count == cell.count, "room for \(copy.count) numbers and a cell of \(cell.count)")
        let isDouble = precision == .float64
        let place = address(of: cell)
        let base = isDouble ? place.assumingMemoryBound(to: Double.self) : copy.base
        if !isDouble { precision.read(place, count: cell.count, into: base) }
        change(UnsafeMutableBufferPointer(start: base, count: cell.count))
        if !isDouble { precision.write(base, count: cell.count, to: place) }
        written = written.union(cell.written)
    }

    /// Asks for rows that a later ``selectRows(of:start:count:)`` will read, so that they arrive while this run computes.
    package func prefetchRows(of axis: AxisID, start: Int, count: Int) {
        for view in views[axis.index] {
            ahead.add(UnsafeRawPointer(view.base + start * view.stride), bytes: count * view.stride)
        }
        for view in sparseViews[axis.index] { view.prefetch(first: start, count: count) }
    }

    /// Writes a value input. Inputs that no output needs are passed over.
    package func write(_ values: [Double], to input: NodeID) {
        values.withUnsafeBufferPointer { write($0, to: input) }
    }

    /// Writes a value input from memory.
    package func write(_ values: UnsafeBufferPointer<Double>, to input: NodeID) {
        guard let slot = slots[input], let target = pointers[slot] else { return }
        precondition(values.count == elementCount(input), "an input takes as many numbers as its shape holds")
        if let source = values.baseAddress { precision.write(source, count: values.count, to: target) }
        invalidate(input)
    }

    /// Writes a scalar value input.
    package func write(_ value: Double, to input: NodeID) {
        guard let slot = slots[input], let target = pointers[slot] else { return }
        precondition(elementCount(input) == 1, "one number for an input of another shape")
        precision.write(value, to: target)
        invalidate(input)
    }

    /// Moves every data input along `axis` to the batch of `count` rows from `start`. When `count` changes, value
    /// inputs along the axis are to be written anew.
    package func selectRows(of axis: AxisID, start: Int, count: Int) {
        precondition(count <= maximumRows[axis.index], "a batch larger than the program was compiled for")
        precondition(start >= 0 && count >= 0 && start + count <= graph.axes[axis.index].rows, "rows that do not exist")
        firstRow[axis.index] = start
        moveViews(of: axis)
        if rows[axis.index] != count {
            rows[axis.index] = count
            emit()
            written = .everything
        }
    }

    /// Tells that the memory bound to a data input holds other numbers than at the last run.
    package func noteChange(of input: NodeID) {
        if slots[input] != nil { invalidate(input) }
    }

    private func invalidate(_ input: NodeID) { written = written.union(schedule.slots.written(input)) }

    // MARK: - Running

    /// Computes what depends on a slot that was written since the last run.
    ///
    /// - Parameter runtime: who evaluates functions and solves; needed where the graph carries functions.
    package func run(_ runtime: FunctionRuntime? = nil) {
        let before = executedInstructions
        ahead.spread(over: instructionsOfRun)
        for (index, dependence) in dependences.enumerated() where dependence.meets(written) {
            code.stages[index].withUnsafeBufferPointer { run($0, cuts: code.cuts[index], runtime) }
            executedInstructions += code.stages[index].count
        }
        instructionsOfRun = executedInstructions - before
        written = .none
        ahead.clear()
    }

    /// Executes the instructions of a stage, and between them what it is cut at.
    private func run(_ instructions: UnsafeBufferPointer<Instruction>, cuts: [Cut], _ runtime: FunctionRuntime?) {
        var start = 0
        for cut in cuts {
            let section = UnsafeBufferPointer(rebasing: instructions[start..<cut.position])
            execute(section, precision, pointers: pointers, scratch: scratch.address, ahead: ahead)
            guard let runtime, precision == .float64 else {
                preconditionFailure("a program with functions runs in a runtime, on doubles")
            }
            runtime.perform(cut, pointers: UnsafePointer(pointers))
            start = cut.position
        }
        let rest = UnsafeBufferPointer(rebasing: instructions[start...])
        execute(rest, precision, pointers: pointers, scratch: scratch.address, ahead: ahead)
    }

    /// The first number of an output, for those that hold one.
    package func scalar(_ output: Int) -> Double {
        let slot = resultSlots[output]
        guard slot >= 0, let source = pointers[slot] else { return .nan }
        return precision.read(source)
    }

    /// The value of an output. A copy, O(count).
    package func result(_ output: Int) -> [Double] {
        [Double](unsafeUninitializedCapacity: resultCount(output)) { target, initialized in
            initialized = read(output, into: target)
        }
    }

    /// An output of a program on doubles where it lies, until the next run.
    func doubles(_ output: Int) -> UnsafeBufferPointer<Double> {
        precondition(precision == .float64, "doubles of a program on \(precision.name)")
        let slot = resultSlots[output]
        guard slot >= 0, let source = pointers[slot] else { return UnsafeBufferPointer(start: nil, count: 0) }
        return UnsafeBufferPointer(
            start: UnsafePointer(source.assumingMemoryBound(to: Double.self)), count: resultCount(output))
    }

    /// The number of elements of an output, for the rows at hand.
    package func resultCount(_ output: Int) -> Int { code.resultCounts[output] }

    /// Copies an output to the beginning of `target`, which has room for it, and returns its number of elements.
    /// Allocates nothing.
    @discardableResult
    package func read(_ output: Int, into target: UnsafeMutableBufferPointer<Double>) -> Int {
        let (slot, count) = (resultSlots[output], resultCount(output))
        precondition(count <= target.count, "an output of \(count) numbers, and room for \(target.count)")
        // An empty buffer may have no address, and nothing to hold.
        guard slot >= 0, let source = pointers[slot], let base = target.baseAddress else { return 0 }
        precision.read(source, count: count, into: base)
        return count
    }

    /// Copies an output to a value input, which becomes fresh input for the next run.
    package func carry(_ output: Int, to input: NodeID) {
        if let cell = cell(input) { carry(output, to: cell) }
    }

    private func elementCount(_ id: NodeID) -> Int { graph.shape(id).elementCount { rows[$0.index] } ?? 0 }

    /// The number of instructions of every stage, for measurements and tests.
    package var instructionCounts: [Int] { code.stages.map(\.count) }

    private func emit() {
        if let earlier = known.first(where: { $0.rows.elementsEqual(rows) }) {
            code = earlier
            return
        }
        let emitter = InstructionEmitter(
            schedule: schedule, slots: slots, constants: constantSlots, laid: laidSlots, rows: rows,
            precision: precision, memory: CodeMemory())
        // The numbers of rows are copied: sharing their storage would allocate when a batch of another size comes.
        code = CompiledCode(
            memory: emitter.memory, rows: rows.map { $0 }, resultCounts: outputs.map { elementCount($0) })
        for steps in plan.steps {
            var instructions: [Instruction] = []
            var cuts: [Cut] = []
            for step in steps {
                if let cut = emitter.cut(step, at: instructions.count) {
                    cuts.append(cut)
                } else {
                    instructions.append(emitter.instruction(step))
                }
            }
            code.stages.append(instructions)
            code.cuts.append(cuts)
        }
        if known.count < Self.knownLimit { known.append(code) }
    }
}

/// A value input resolved to its memory.
package struct InputCell {
    let slot: Int
    let count: Int
    let written: SlotSet
}

/// A data input that shows the rows of a batch.
private struct RowView {
    let slot: Int
    let base: UnsafeMutableRawPointer
    /// Bytes of one row.
    let stride: Int
    let written: SlotSet
}

/// Numbers the memory cells of a program: one slot for each owned value, data input and constant.
private struct SlotLayout {
    private(set) var slots: [NodeID: Int] = [:]
    private(set) var constants: [NodeID: Int] = [:]
    /// Of the factors that are laid out for these products.
    private(set) var laid: [NodeID: Int] = [:]
    private(set) var count = 0

    init(graph: Graph, outputs: [NodeID], memory: MemoryPlan) {
        for id in memory.offsets.keys.sorted() { slots[id] = next() }
        for id in memory.constants.keys.sorted() { constants[id] = next() }
        for id in memory.laid.keys.sorted() { laid[id] = next() }
        for id in graph.inputs(of: outputs) where slots[id] == nil { slots[id] = next() }
    }

    private mutating func next() -> Int {
        defer { count += 1 }
        return count
    }
}
