// A compiled graph before anything is allocated: what is computed when, by which steps, and in how much memory.
import Tensors

/// Everything about a program but its memory. Making one costs time by the number of nodes and none by their sizes, so
/// a program can be priced, and refused, before it exists.
package struct ProgramPlan {
    /// The graph that is computed: the given one, or an extension of it in which products are grouped anew.
    package let graph: Graph
    /// What is computed, in the order asked for: nodes of ``graph``, equal in value to those that were given.
    package let outputs: [NodeID]
    /// Of every array of the program.
    package let precision: Precision
    let schedule: Schedule
    /// The steps of each stage.
    let steps: [[PlannedStep]]
    let memory: MemoryPlan
    /// Per axis: the largest number of rows at a time.
    let maximumRows: [Int]

    /// Compiles the outputs.
    ///
    /// - Parameters:
    ///   - slots: inputs that change together; inputs that no slot names (data) are given once.
    ///   - batchRows: for sample axes that are drawn in batches, the largest batch; others run over all rows.
    ///   - precision: of every array: inputs, constants, what lies between, outputs.
    package init(
        _ graph: Graph, outputs: [NodeID], slots: [InputSlot] = [], batchRows: [AxisID: Int] = [:],
        precision: Precision = .float64, options: CompilationOptions = CompilationOptions()
    ) {
        let maximum = graph.axes.indices.map { batchRows[AxisID(index: $0)] ?? graph.axes[$0].rows }
        let table = SlotTable(slots)
        var regrouping = Regrouping(graph, outputs: outputs, slots: table, rows: maximum)
        if options.regroupsProducts { regrouping.run() }
        let graph = regrouping.graph
        var schedule = Schedule(graph, outputs: regrouping.outputs, slots: table, fuses: options.fuses)
        schedule.prepared = regrouping.prepared
        let planner = StepPlanner(schedule: schedule, options: options)
        let loops = RowLoopPlanner(
            schedule: schedule, rows: maximum, precision: precision, choice: options.rowLoops)
        let steps = loops.loops(schedule.stages.indices.map(planner.steps))
        self.graph = graph
        self.outputs = regrouping.outputs
        self.precision = precision
        self.schedule = schedule
        self.steps = steps
        maximumRows = maximum
        memory = MemoryPlan(
            schedule, stages: steps, lanes: precision.lanes,
            elementCount: steps.elementCounts(graph) { Self.elementCount(graph, $0, rows: maximum) })
    }

    /// The memory of the program, data not counted, in bytes. What no machine could address is some number beyond 2⁶¹.
    package var memoryBytes: Int {
        // The arena holds at most `MemoryPlan.largestCount` numbers, so this cannot overflow.
        let kept = memory.count * precision.size + Kernels(precision).blockScratchBytes + 2 * AlignedBuffer.slackBytes
        return min(kept.adding(passingBytes), 1 << 62)
    }

    /// What the largest product in doubles takes while it is made.
    private var passingBytes: Int {
        steps.joined().reduce(0) { largest, step in
            guard case .product(let plan) = step, schedule.isInDouble(plan, precision) else { return largest }
            let operands = graph[plan.node].operands.map { graph.shape($0).sizes { maximumRows[$0.index] } }
            let (m, k) = plan.transposeA ? (operands[0][1], operands[0][0]) : (operands[0][0], operands[0][1])
            let n = plan.transposeB ? operands[1][0] : operands[1][1]
            return max(largest, BLAS.doubleProductBytes(m: m, n: n, k: k))
        }
    }

    /// The functions that the program evaluates, those inside others first; their programs take memory of their own.
    package var functions: [GraphFunction] {
        var known: Set<GraphFunction> = []
        return graph.reachable(from: outputs).flatMap { graph.operation($0).functions }.flatMap(\.closure)
            .filter { known.insert($0).inserted }
    }

    private static func elementCount(_ graph: Graph, _ id: NodeID, rows: [Int]) -> Int {
        graph.shape(id).elementCount { rows[$0.index] } ?? .max
    }

    /// Of every output: what makes it stale, where its memory may change places with an input's of as many elements. That
    /// of an input, of two outputs or of a sum over the blocks of a loop, which has room for two, may not.
    func exchangeableOutputs() -> [SlotSet] {
        let roots = outputs.map(schedule.reshapeRoot)
        let uses = Dictionary(roots.map { ($0, 1) }, uniquingKeysWith: +)
        let sums = Set(
            steps.joined().flatMap { step in if case .rowLoop(let loop) = step { loop.sums } else { [NodeID]() } })
        return roots.map { root in
            let isOwn = uses[root] == 1 && !sums.contains(root)
            guard isOwn, memory.offsets[root] != nil, let stage = schedule.stage[root] else { return .none }
            return schedule.stages[stage].dependence
        }
    }

    // MARK: - Verification

    /// The fused passes of all stages.
    package var blockPlans: [BlockPlan] {
        func blocks(_ steps: [PlannedStep]) -> [BlockPlan] {
            steps.flatMap { step in
                switch step {
                case .block(let block): [block]
                case .rowLoop(let loop): blocks(loop.body)
                case .product, .productPair, .single, .function: [BlockPlan]()
                }
            }
        }
        return steps.flatMap(blocks)
    }

    /// How many loops over blocks of rows the program has.
    package var rowLoopCount: Int {
        steps.joined().reduce(0) { if case .rowLoop = $1 { $0 + 1 } else { $0 } }
    }

    /// The breaches of the rules of block programs in `block`, were it part of this program.
    package func violations(in block: BlockPlan) -> [PlanViolation] {
        BlockVerifier(schedule: schedule).violations(block)
    }

    /// Every breach of the rules of plans; empty unless the compiler has a fault.
    package func violations() -> [PlanViolation] { blockPlans.flatMap(violations) + violations(of: memory) }

    /// The breaches of the rules of memory, did one value begin where another does.
    package func violations(placing id: NodeID, at other: NodeID) -> [PlanViolation] {
        violations(of: memory.placing(id, at: other))
    }

    private func violations(of memory: MemoryPlan) -> [PlanViolation] {
        let counts = steps.elementCounts(graph) { [graph, maximumRows] id in
            Self.elementCount(graph, id, rows: maximumRows)
        }
        return MemoryVerifier(schedule: schedule, memory: memory, lanes: precision.lanes, elementCount: counts)
            .violations(steps)
    }
}
