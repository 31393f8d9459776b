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
        let code = RowLoopCode(
            wholeBlocks: blocks, whole: blocks > 0 ? body(loop, rows: loop.blockRows) : [],
            rest: left > 0 ? body(loop, rows: left) : [], views: views, totals: totals)
        return Instruction(kernel: .rowLoop(code), sources: [], destinations: [])
    }

    private func body(_ loop: RowLoop, rows count: Int) -> [Instruction] {
        var rows = rows
        rows[loop.axis.index] = count
        let emitter = InstructionEmitter(
            schedule: schedule, slots: slots, constants: constants, rows: rows, precision: precision, memory: memory)
        return loop.body.map(emitter.instruction)
    }
}
