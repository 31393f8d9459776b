// Gives loops over blocks of rows their instructions: one body for whole blocks, one for the rows that are left.
import Tensors

extension InstructionEmitter {
    func rowLoop(_ loop: RowLoop) -> Instruction {
        let (blocks, left) = rows[loop.axis.index].quotientAndRemainder(dividingBy: loop.blockRows)
        let effects = loop.effects(schedule)
        let graph = schedule.graph
        // A constant with rows that is no array is one number for all of them.
        let moving = Set(effects.writes + effects.reads).filter {
            graph.shape($0).axes == [loop.axis] && slots[$0] != nil && !loop.locals.contains($0)
        }
        let views = moving.sorted().map { id in
            // The planner saw that the elements of a row are few.
            let width = graph.shape(id).elementCount { _ in 1 } ?? 0
            return RowLoopCode.View(slot: slot(id), stride: width * loop.blockRows * precision.size)
        }
        let totals = loop.sums.map { id in
            let count = sizes(id).reduce(1, *)
            return RowLoopCode.Total(
                slot: slot(id), count: count, offset: RowLoop.padded(count) * precision.size)
        }
        let whole = emitter(loop, rows: loop.blockRows)
        let rest = emitter(loop, rows: left)
        let code = RowLoopCode(
            layouts: loop.laid.map { whole.layout($0.product) },
            wholeBlocks: blocks, whole: blocks > 0 ? whole.body(loop) : [],
            rest: left > 0 ? rest.body(loop) : [], views: views, totals: totals)
        return Instruction(kernel: .rowLoop(code), sources: [], destinations: [])
    }

    /// The emitter for some rows of the loop's axis.
    private func emitter(_ loop: RowLoop, rows count: Int) -> InstructionEmitter {
        var rows = rows
        rows[loop.axis.index] = count
        return InstructionEmitter(
            schedule: schedule, slots: slots, constants: constants, laid: laid, rows: rows, precision: precision,
            memory: memory)
    }

    private func body(_ loop: RowLoop) -> [Instruction] {
        if let gram = weightedGram(loop) { return [gram] }
        let laid = Set(loop.laid.map(\.product))
        return loop.body.map { step in
            if case .product(let plan) = step, laid.contains(plan) { laidProduct(plan) } else { instruction(step) }
        }
    }

    /// The one instruction that computes Xᵀ (w ∘ (X v)), where that is what the loop does and nobody else reads what
    /// lies between: the Hessian-vector product of a sum of losses of X y.
    private func weightedGram(_ loop: RowLoop) -> Instruction? {
        guard loop.body.count == 3, case .product(let forward) = loop.body[0], case .block(let plan) = loop.body[1],
            case .product(let backward) = loop.body[2], plan.steps.count == 1, plan.steps[0].opcode == .multiply,
            plan.steps[0].destination == .memory(backward.b), forward.a == backward.a,
            loop.locals.isSuperset(of: [forward.node, backward.b]),
            case .gemvN(let rows, let columns) = product(forward).kernel, case .gemvT = product(backward).kernel,
            let weights = weights(plan.steps[0].sources, beside: forward.node)
        else { return nil }
        return Instruction(
            kernel: .weightedGram(m: rows, k: columns),
            sources: [slot(forward.a), slot(weights), slot(forward.b)], destinations: [slot(backward.node)])
    }

    /// The other of two factors, where both are arrays.
    private func weights(_ factors: [BlockValue], beside product: NodeID) -> NodeID? {
        guard factors.count == 2, case .memory(let first) = factors[0], case .memory(let second) = factors[1],
            first != second
        else { return nil }
        return first == product ? second : second == product ? first : nil
    }
}
