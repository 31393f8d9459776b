// A plan that a person can read: what each stage waits for, its steps as formulas, and what they cost.
import Tensors

/// The steps of a plan in words.
package struct PlanListing {
    /// One step: a kernel and the values that it computes.
    package struct Step {
        package let kernel: String
        /// `name [shape] = formula`, one line for each value that leaves the step and for what several of them share.
        package let lines: [String]
        package let cost: Cost
    }

    /// The steps that run together.
    package struct Stage {
        /// "once", "when x or y changes", "every run".
        package let occasion: String
        package let steps: [Step]
        package let cost: Cost
    }

    package let stages: [Stage]
    package let memoryBytes: Int

    /// - Parameter outputs: what the outputs are called, in order.
    package init(_ plan: ProgramPlan, outputs: [String]) {
        var names = ValueNames(plan, outputs: outputs)
        let schedule = plan.schedule
        stages = plan.steps.indices.map { index in
            let steps = plan.steps[index].map { step in
                Step(kernel: step.kernel(schedule), lines: names.lines(step), cost: plan.cost(step))
            }
            return Stage(
                occasion: Self.occasion(schedule.stages[index].dependence, schedule.slots), steps: steps,
                cost: steps.reduce(.none) { $0.adding($1.cost) })
        }
        memoryBytes = plan.memoryBytes
    }

    private static func occasion(_ dependence: SlotSet, _ table: SlotTable) -> String {
        let slots = table.slots.indices.filter { dependence.contains(slot: $0) }.map { table.slots[$0] }
        if slots.isEmpty { return "once" }
        if slots.contains(where: \.isWrittenEveryRun) { return "every run" }
        return "when \(slots.map(\.name).joined(separator: " or ")) changes"
    }

    /// The listing as lines of text.
    package var lines: [String] {
        stages.flatMap { stage in
            let count = stage.steps.count == 1 ? "1 step" : "\(stage.steps.count) steps"
            return ["  \(stage.occasion): \(count), \(stage.cost.text)"] + stage.steps.flatMap(Self.lines)
        }
    }

    private static let kernelWidth = 12

    private static func lines(_ step: Step) -> [String] {
        step.lines.enumerated().map { index, line in
            let label = index == 0 ? step.kernel : ""
            let cost = index == step.lines.count - 1 ? "  (\(step.cost.text))" : ""
            return "    \(label.padded(to: kernelWidth))\(line)\(cost)"
        }
    }
}

extension Cost {
    /// `1,200 operations, 4,800 bytes`.
    package var text: String {
        "\(operations.grouped) operation\(operations == 1 ? "" : "s"), \(bytes.grouped) bytes"
    }
}

extension Int {
    /// The number with a comma after every third digit from the right.
    package var grouped: String {
        let digits = Array(String(magnitude))
        let parts = stride(from: digits.count, to: 0, by: -3).map { String(digits[Swift.max(0, $0 - 3)..<$0]) }
        return (self < 0 ? "-" : "") + parts.reversed().joined(separator: ",")
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(1, width - count))
    }
}

extension ProgramPlan {
    /// What one step costs with the largest batches.
    func cost(_ step: PlannedStep) -> Cost {
        StepCost(schedule: schedule, rows: maximumRows, width: precision.size).cost(step)
    }

    /// What a run costs in which everything is computed.
    package var cost: Cost { cost { _ in true } }

    /// What a run costs before which only slots that are written every run were written.
    package var everyRunCost: Cost {
        cost { stage in
            schedule.slots.slots.enumerated().contains { index, slot in
                slot.isWrittenEveryRun && stage.dependence.contains(slot: index)
            }
        }
    }

    /// What a run costs that computes all but what data alone decide.
    package var changingCost: Cost { cost { $0.dependence != .none } }

    private func cost(of isComputed: (Schedule.Stage) -> Bool) -> Cost {
        zip(schedule.stages, steps).reduce(.none) { total, stage in
            isComputed(stage.0) ? stage.1.reduce(total) { $0.adding(cost($1)) } : total
        }
    }
}

extension PlannedStep {
    fileprivate func kernel(_ schedule: Schedule) -> String {
        switch self {
        case .block: "pass"
        case .product(let plan): isVector(plan, schedule) ? "gemv" : "gemm"
        case .productPair: "gemv pair"
        case .function: "function"
        case .rowLoop: "row blocks"
        case .single(let id):
            switch schedule.graph.operation(id) {
            case .sumTo, .extremum, .logSumExp, .cumulativeSum: "reduction"
            case .softmax: "softmax"
            case .factor: "factor"
            case .factoredSolve: "solve"
            case .logDeterminant: "reduction"
            case .sparseProduct: "sparse product"
            case .broadcast, .transpose, .slice: "copy"
            case .pad, .concatenate: "join"
            case .take, .oneHot: "gather"
            case .takeAdd: "scatter"
            case .input, .constant, .unary, .binary, .select, .matmul, .reshape, .function: "pass"
            }
        }
    }

    private func isVector(_ plan: ProductPlan, _ schedule: Schedule) -> Bool {
        schedule.graph.shape(plan.node).dimensions.last?.isOne == true
    }
}

/// Names for the values of a plan: data and variables by their own, outputs as asked, the rest numbered as they come.
private struct ValueNames {
    private let schedule: Schedule
    private let writer: FormulaWriter
    private var names: [NodeID: String] = [:]
    private let taken: Set<String>
    private var number = 0
    /// The longest formula that is written into another one.
    private static let longestInside = 100

    init(_ plan: ProgramPlan, outputs: [String]) {
        schedule = plan.schedule
        writer = FormulaWriter(graph: plan.graph)
        for (id, name) in zip(plan.outputs, outputs) {
            let root = schedule.reshapeRoot(id)
            if names[root] == nil && !plan.graph.operation(root).isLeaf { names[root] = name }
        }
        taken = Set(plan.graph.symbols.map(\.name) + outputs)
    }

    private mutating func fresh() -> String {
        repeat { number += 1 } while taken.contains("t\(number)")
        return "t\(number)"
    }

    /// What the step computes.
    mutating func lines(_ step: PlannedStep) -> [String] {
        switch step {
        case .block(let plan): return lines(plan)
        case .product(let plan): return [line(plan.node)]
        case .productPair(let first, let second): return [line(first.node), line(second.node)]
        case .single(let id): return [line(id)]
        case .function(let nodes): return nodes.map { line($0) }
        case .rowLoop(let loop): return loop.body.flatMap { lines($0) }
        }
    }

    private mutating func line(_ id: NodeID) -> String { define(id, formula(id, [:]), isStored: true) }

    /// Names a value and says how it is computed.
    private mutating func define(_ id: NodeID, _ piece: FormulaPiece, isStored: Bool) -> String {
        let name = names[id] ?? fresh()
        names[id] = name
        let shape = isStored ? writer.shape(schedule.graph.shape(id)) : ""
        return "\(name)\(shape.isEmpty ? "" : " \(shape)") = \(piece.text)"
    }

    /// A value in registers is written where it is read; one that is read more than once, or long, has a line of its own.
    private mutating func lines(_ plan: BlockPlan) -> [String] {
        var reads: [NodeID: Int] = [:]
        var holder: [Int: NodeID] = [:]
        for step in plan.steps {
            for case .register(let index) in step.sources { if let id = holder[index] { reads[id, default: 0] += 1 } }
            if case .register(let index) = step.destination { holder[index] = step.node }
        }
        var inside: [NodeID: FormulaPiece] = [:]
        var result: [String] = []
        for step in plan.steps {
            let piece = formula(step.node, inside)
            switch step.destination {
            case .register:
                if reads[step.node] == 1 && piece.text.count <= Self.longestInside {
                    inside[step.node] = piece
                } else {
                    result.append(define(step.node, piece, isStored: false))
                }
            case .memory, .accumulator, .splat: result.append(define(step.node, piece, isStored: true))
            }
        }
        return result
    }

    /// A node's operation on operands by name, or as written `inside` the step.
    private func formula(_ id: NodeID, _ inside: [NodeID: FormulaPiece]) -> FormulaPiece {
        if schedule.materialised.contains(id) && schedule.graph.operation(id).isLeaf { return writer.write(id, []) }
        return writer.write(id, schedule.graph[id].operands.map { operand($0, inside) })
    }

    private func operand(_ id: NodeID, _ inside: [NodeID: FormulaPiece]) -> FormulaPiece {
        let root = schedule.place(id).root
        if let piece = inside[root] { return piece }
        if let name = names[root] { return .atom(name) }
        let node = schedule.graph[root]
        if node.operation.isLeaf { return writer.write(root, []) }
        // What vanished into its user: a negated product at the most.
        return writer.write(root, node.operands.map { operand($0, inside) })
    }
}
