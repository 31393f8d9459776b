// States which placements are legal: every value in memory is still there when it is read, whatever was written between
// runs. Tests run it on every compiled program.
import Tensors

/// Follows who owns which part of the arena while stages run.
///
/// A run computes the stages that depend on a slot written before it. The first computes all; then every set of slots
/// is tried, each time with everything forgotten that only lives within a run. A stage that finds what it needs under
/// each of them does so after any sequence of runs: what it reads beyond that has one owner for ever.
struct MemoryVerifier {
    let schedule: Schedule
    let memory: MemoryPlan
    /// Elements of a vector.
    let lanes: Int
    let elementCount: (NodeID) -> Int

    /// Above this many slots, single slots and pairs are tried.
    private static let exhaustiveSlots = 6

    func violations(_ stages: [[PlannedStep]]) -> [PlanViolation] {
        var owners: [Int: NodeID] = [:]
        for id in memory.constants.keys { claim(id, memory.constants[id], count: 1, &owners) }
        for id in memory.offsets.keys {
            if case .input = schedule.graph.operation(id) {
                claim(id, memory.offsets[id], count: elementCount(id), &owners)
            }
        }
        let passing = MemoryPlan.passingValues(schedule)
        let outputs = Set(schedule.outputs.map(schedule.reshapeRoot)).sorted()
        var result: [PlanViolation] = []
        for written in [SlotSet.everything] + writtenSets() {
            owners = owners.filter { !passing.contains($0.value) }
            for index in stages.indices where written == .everything || schedule.stages[index].dependence.meets(written)
            {
                result += run(stages[index], index, &owners)
            }
            for output in outputs where !isOwner(output, owners) {
                result.append(.lostValue(output, stage: stages.count, step: 0))
            }
        }
        return result
    }

    /// The sets of slots to try, of those that some stage depends on.
    private func writtenSets() -> [SlotSet] {
        let used = schedule.stages.reduce(SlotSet.none) { $0.union($1.dependence) }
        let single = (0..<SlotSet.limit).map(SlotSet.init(slot:)).filter { $0.meets(used) }
        guard single.count <= Self.exhaustiveSlots else {
            return single + single.flatMap { first in single.map { first.union($0) } }
        }
        return single.reduce([SlotSet.none]) { sets, slot in sets + sets.map { $0.union(slot) } }
    }

    private func run(_ steps: [PlannedStep], _ stage: Int, _ owners: inout [Int: NodeID]) -> [PlanViolation] {
        var lost: [(id: NodeID, step: Int)] = []
        for (index, step) in steps.enumerated() {
            let effects = step.effects(schedule)
            let own = Set(effects.writes)
            let present = effects.reads.filter { own.contains($0) || isOwner($0, owners) }
            lost += effects.reads.filter { !present.contains($0) }.map { ($0, index) }
            for id in effects.writes { claim(id, memory.offsets[id], count: elementCount(id), &owners) }
            lost += effects.writes.filter { !isOwner($0, owners) }.map { ($0, index) }
            for id in present where !own.contains(id) && !isOwner(id, owners) && !isReplaced(id, in: step, owners) {
                lost.append((id, index))
            }
        }
        return lost.map { .lostValue($0.id, stage: stage, step: $0.step) }
    }

    /// Whether an array that the step overwrites is overwritten element by element, by one value that begins where it
    /// begins, and after its last element was read.
    private func isReplaced(_ id: NodeID, in step: PlannedStep, _ owners: [Int: NodeID]) -> Bool {
        guard case .block(let plan) = step, let offset = memory.offsets[id] else { return false }
        let thieves = Set(cells(offset, elementCount(id)).compactMap { owners[$0] })
        guard thieves.count == 1, let thief = thieves.first, memory.offsets[thief] == offset,
            elementCount(thief) == elementCount(id),
            let write = plan.steps.firstIndex(where: { $0.destination == .memory(thief) })
        else { return false }
        let isSplat = plan.steps.contains { $0.sources.contains(.splat(id)) }
        let lastRead = plan.steps.lastIndex { $0.sources.contains(.memory(id)) }
        return !isSplat && (lastRead ?? -1) <= write
    }

    /// Kernels may overwrite all of a value's last vector.
    private func cells(_ offset: Int, _ count: Int) -> Range<Int> {
        offset / lanes..<(offset + max(count, 1) + lanes - 1) / lanes
    }

    private func claim(_ id: NodeID, _ offset: Int?, count: Int, _ owners: inout [Int: NodeID]) {
        guard let offset else { return }
        for cell in cells(offset, count) { owners[cell] = id }
    }

    private func isOwner(_ id: NodeID, _ owners: [Int: NodeID]) -> Bool {
        if let offset = memory.offsets[id] {
            return cells(offset, elementCount(id)).allSatisfy { owners[$0] == id }
        }
        if let offset = memory.constants[id] { return owners[offset / lanes] == id }
        // A data array, bound from outside, is always there.
        if case .input = schedule.graph.operation(id) { return true }
        return false
    }
}
