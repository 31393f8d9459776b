// Runs of steps that treat the rows of one sample axis alike, executed block of rows by block of rows: a matrix of data
// is read once for X·W and Xᵀ·C together, and what lies between them never leaves the cache.
import Tensors

/// Steps to be executed for one block of rows after the other.
struct RowLoop: Hashable {
    let axis: AxisID
    /// Rows of a block; the last may be shorter. A constant of the plan, so that sums keep their order.
    let blockRows: Int
    let body: [PlannedStep]
    /// Nodes whose sums over rows are sums over blocks of what the body computes.
    let sums: [NodeID]
    /// Nodes with rows that only the body writes and reads: they hold one block.
    var locals: Set<NodeID> = []
    /// Second factors that are laid out once, before the first block.
    var laid: [LaidFactor] = []

    /// What the body writes, and what it reads from outside.
    func effects(_ schedule: Schedule) -> (writes: [NodeID], reads: [NodeID]) {
        let all = body.map { $0.effects(schedule) }
        let writes = all.flatMap(\.writes)
        let own = Set(writes)
        var seen: Set<NodeID> = []
        return (writes, all.flatMap(\.reads).filter { !own.contains($0) && seen.insert($0).inserted })
    }
}

/// The second factor of a product with many columns, laid out as the kernel reads it.
struct LaidFactor: Hashable {
    let product: ProductPlan
    /// Elements of the layout.
    let count: Int
}

/// Which steps are executed block by block of rows.
package enum RowLoopChoice: Hashable, Sendable {
    case never
    /// Those that go through more memory than a cache holds.
    case whereItPays
    /// All that can be, in blocks of so many rows, rounded up to whole vectors: for tests.
    case always(rows: Int)
}

/// Finds the loops of a program.
struct RowLoopPlanner {
    /// How a step treats the rows of an axis.
    private enum Role {
        /// Each row of the result comes from the same rows of the operands.
        case rowwise
        /// The result is a sum over the rows.
        case sum
    }

    /// The bytes that a block of rows may take: less than the second cache of any machine of the last ten years.
    static let blockBytes = 393_216
    /// Loops over less do not pay: all of it stays in the cache anyway.
    static let leastBytes = 1 << 20
    /// Rows of a block, multiples of a whole vector of either element type.
    static let rowBounds = 32...1024

    let schedule: Schedule
    /// Per axis: the largest number of rows at a time.
    let rows: [Int]
    let precision: Precision
    let choice: RowLoopChoice

    /// Gathers steps into loops, stage by stage.
    func loops(_ stages: [[PlannedStep]]) -> [[PlannedStep]] {
        if choice == .never { return stages }
        let looped = stages.map { steps in
            schedule.graph.axes.indices.reduce(steps) { gather($0, AxisID(index: $1)) }
        }
        return confined(looped)
    }

    // MARK: - Gathering

    /// One pass over the steps: those that can be executed together, those that come before, those that come after.
    private func gather(_ steps: [PlannedStep], _ axis: AxisID) -> [PlannedStep] {
        var (before, members, after): ([PlannedStep], [PlannedStep], [PlannedStep]) = ([], [], [])
        var sums: [NodeID] = []
        var inside: Set<NodeID> = []
        // What is complete only when the loop has ended, and what comes of that.
        var late: Set<NodeID> = []
        for step in steps {
            let effects = step.effects(schedule)
            let role = role(step, axis)
            if let role, late.isDisjoint(with: effects.reads) {
                members.append(step)
                inside.formUnion(effects.writes)
                let totals = totals(step, role)
                sums += totals
                late.formUnion(totals)
            } else if inside.isDisjoint(with: effects.reads) && late.isDisjoint(with: effects.reads) {
                before.append(step)
            } else {
                after.append(step)
                late.formUnion(effects.writes)
            }
        }
        if members.isEmpty { return steps }
        let rest = after.isEmpty ? [] : gather(after, axis)
        guard let loop = loop(members, sums, axis) else { return before + members + rest }
        return before + [.rowLoop(loop)] + rest
    }

    /// The loop over these steps where it pays: where they read or write more than a cache holds.
    private func loop(_ body: [PlannedStep], _ sums: [NodeID], _ axis: AxisID) -> RowLoop? {
        if case .always(let blockRows) = choice {
            return RowLoop(
                axis: axis, blockRows: (blockRows + 15) / 16 * 16, body: body, sums: sums,
                laid: body.compactMap(laidFactor))
        }
        guard body.count > 1 else { return nil }
        let arrays = Set(
            body.flatMap { step in
                let effects = step.effects(schedule)
                return (effects.reads + effects.writes).filter { schedule.graph.shape($0).axes == [axis] }
            })
        let width = arrays.reduce(0) { sum, id in
            sum + (schedule.graph.shape(id).elementCount { $0 == axis ? 1 : rows[$0.index] } ?? 0)
        }
        let rowBytes = max(width * precision.size, 1)
        guard width < 1 << 40, rowBytes * rows[axis.index] >= Self.leastBytes else { return nil }
        let fitting = Self.blockBytes / rowBytes / 16 * 16
        let blockRows = min(max(fitting, Self.rowBounds.lowerBound), Self.rowBounds.upperBound)
        guard blockRows < rows[axis.index] else { return nil }
        return RowLoop(
            axis: axis, blockRows: blockRows, body: body, sums: sums, laid: body.compactMap(laidFactor))
    }

    /// The factor that a step would otherwise lay out anew for every block.
    private func laidFactor(_ step: PlannedStep) -> LaidFactor? {
        guard case .product(let plan) = step, !plan.transposeA else { return nil }
        let sizes = schedule.graph.shape(schedule.graph[plan.node].operands[1]).sizes { rows[$0.index] }
        let (k, n) = plan.transposeB ? (sizes[1], sizes[0]) : (sizes[0], sizes[1])
        guard n > Kernels.thinMaxColumns, k >= 8, n * k <= InstructionEmitter.wideFactorLimit else { return nil }
        return LaidFactor(product: plan, count: Kernels(precision).laidCount(k: k, n: n))
    }

    private func totals(_ step: PlannedStep, _ role: Role) -> [NodeID] {
        switch step {
        case .block(let plan):
            return plan.steps.compactMap { if case .accumulator(let id) = $0.destination { id } else { nil } }
        case .product, .productPair, .single, .function, .rowLoop:
            return role == .sum ? step.effects(schedule).writes : []
        }
    }

    /// Values with rows that nothing outside the loop reads keep one block only.
    private func confined(_ stages: [[PlannedStep]]) -> [[PlannedStep]] {
        let outputs = Set(schedule.outputs.map(schedule.reshapeRoot))
        var readers: [NodeID: Int] = [:]
        for step in stages.joined() { for id in step.effects(schedule).reads { readers[id, default: 0] += 1 } }
        return stages.map { steps in
            steps.map { step in
                guard case .rowLoop(var loop) = step else { return step }
                let written = loop.effects(schedule).writes
                loop.locals = Set(
                    written.filter {
                        readers[$0] == nil && !outputs.contains($0) && schedule.graph.shape($0).axes == [loop.axis]
                    })
                return .rowLoop(loop)
            }
        }
    }

    // MARK: - Roles

    private func role(_ step: PlannedStep, _ axis: AxisID) -> Role? {
        switch step {
        case .block(let plan):
            return plan.shape.dimensions.first == .axis(axis) && plan.shape.axes == [axis] ? .rowwise : nil
        case .product(let plan): return role(plan, axis)
        case .productPair(let first, let second):
            let role = role(first, axis)
            return role == self.role(second, axis) ? role : nil
        case .single(let id): return role(id, axis)
        case .function, .rowLoop: return nil
        }
    }

    /// X·W with W for all rows, or Xᵀ·C.
    private func role(_ plan: ProductPlan, _ axis: AxisID) -> Role? {
        let operands = schedule.graph[plan.node].operands
        let (a, b) = (schedule.graph.shape(operands[0]), schedule.graph.shape(operands[1]))
        // A stack of matrices along the axis is no matrix of rows; sums in doubles are not rounded block by block.
        guard leads(axis, a), a.rank == 2, b.rank == 2, !schedule.isInDouble(plan, precision) else { return nil }
        if plan.transposeA { return !plan.transposeB && leads(axis, b) ? .sum : nil }
        return b.axes.contains(axis) ? nil : .rowwise
    }

    private func role(_ id: NodeID, _ axis: AxisID) -> Role? {
        let node = schedule.graph[id]
        let operands = node.operands.map(schedule.graph.shape)
        switch node.operation {
        case .logSumExp(let reduced), .softmax(let reduced), .extremum(_, let reduced), .cumulativeSum(let reduced, _):
            return reduced != 0 && leads(axis, operands[0]) ? .rowwise : nil
        case .sumTo:
            guard leads(axis, operands[0]) else { return nil }
            if leads(axis, node.shape) { return .rowwise }
            return node.shape.axes.contains(axis) ? nil : .sum
        case .broadcast:
            guard leads(axis, node.shape) else { return nil }
            let isRowwise = operands[0].rank == node.shape.rank && leads(axis, operands[0])
            return isRowwise || !operands[0].axes.contains(axis) ? .rowwise : nil
        case .oneHot: return leads(axis, operands[0]) ? .rowwise : nil
        case .input, .constant, .unary, .binary, .select, .matmul, .sparseProduct, .factor, .factoredSolve,
            .logDeterminant, .transpose, .reshape, .slice, .pad, .concatenate, .take, .takeAdd, .function:
            return nil
        }
    }

    /// Whether the axis is the first dimension, and stands nowhere else.
    private func leads(_ axis: AxisID, _ shape: Shape) -> Bool {
        shape.dimensions.first == .axis(axis) && shape.axes == [axis]
    }
}

extension [[PlannedStep]] {
    /// How loops change the number of elements that a node has in memory: locals hold a block, sums have a part of a
    /// block beside the total.
    func elementCounts(
        _ graph: Graph, _ elementCount: @escaping (NodeID) -> Int
    ) -> (NodeID) -> Int {
        var counts: [NodeID: Int] = [:]
        for case .rowLoop(let loop) in joined() {
            for id in loop.locals {
                // A loop is made only where the elements of a row are few.
                counts[id] = graph.shape(id).elementCount { $0 == loop.axis ? loop.blockRows : 0 } ?? .max
            }
            for id in loop.sums { counts[id] = 2 * RowLoop.padded(elementCount(id)) }
        }
        return { counts[$0] ?? elementCount($0) }
    }
}

extension RowLoop {
    /// Where the part of a block begins, in elements after the total: whole vectors of either element type.
    static func padded(_ count: Int) -> Int { (min(count, 1 << 58) + 15) / 16 * 16 }
}
