// Places every computed value of a program in one arena, once, before anything runs.

/// Offsets, in elements, of the values that a program owns.
///
/// The arena has two parts. What is written from outside, read by another stage or returned keeps its place: it must
/// outlive any number of runs that do not compute it anew. All else lives within one run of its stage, in a part that
/// the stages use in turn.
struct MemoryPlan {
    /// Where each node's value begins.
    private(set) var offsets: [NodeID: Int] = [:]
    /// Where each constant's single value begins.
    private(set) var constants: [NodeID: Int] = [:]
    /// Where each factor begins that is laid out for a product.
    private(set) var laid: [NodeID: Int] = [:]
    /// The size of the arena, at most ``largestCount``.
    private(set) var count = 0
    /// Where counting ends: more than any machine addresses, and far enough from the largest integer to add to.
    static let largestCount = 1 << 59

    private struct Gap {
        var offset: Int
        var count: Int
    }
    private var gaps: [Gap] = []
    /// Elements of a cache line.
    private let lanes: Int

    /// - Parameters:
    ///   - stages: the steps of each stage.
    ///   - lanes: elements of a cache line, which is also a vector.
    ///   - elementCount: the largest number of elements of a node, over all batches; `Int.max` for what has no number.
    init(_ schedule: Schedule, stages: [[PlannedStep]], lanes: Int, elementCount: (NodeID) -> Int) {
        self.lanes = lanes
        let passing = Self.passingValues(schedule)
        for id in schedule.graph.reachable(from: schedule.outputs) {
            switch schedule.graph.operation(id) {
            case .constant: constants[id] = extend(1)
            case .input(let symbol) where schedule.graph.symbols[symbol.index].role == .value:
                offsets[id] = extend(elementCount(id))
            default: break
            }
        }
        let effects = stages.map { $0.map { $0.effects(schedule) } }
        for id in effects.joined().flatMap(\.writes) where !passing.contains(id) {
            offsets[id] = extend(elementCount(id))
        }
        for case .rowLoop(let loop) in stages.joined() {
            for factor in loop.laid { laid[factor.product.node] = extend(factor.count) }
        }
        let shared = count
        var largest = shared
        for (steps, effects) in zip(stages, effects) {
            gaps = []
            count = shared
            place(steps, effects, passing, elementCount)
            largest = max(largest, count)
        }
        count = largest
    }

    /// The values that only their own stage reads, and that are not asked for.
    static func passingValues(_ schedule: Schedule) -> Set<NodeID> {
        let outputs = Set(schedule.outputs.map(schedule.reshapeRoot))
        return Set(
            schedule.stage.keys.filter { id in
                !outputs.contains(id)
                    && (schedule.users[id] ?? []).allSatisfy { schedule.stage[$0] == schedule.stage[id] }
            })
    }

    /// The plan with one value where another begins.
    func placing(_ id: NodeID, at other: NodeID) -> MemoryPlan {
        var copy = self
        copy.offsets[id] = offsets[other]
        return copy
    }

    private mutating func place(
        _ steps: [PlannedStep], _ effects: [(writes: [NodeID], reads: [NodeID])], _ passing: Set<NodeID>,
        _ elementCount: (NodeID) -> Int
    ) {
        var lastRead: [NodeID: Int] = [:]
        for (index, effect) in effects.enumerated() { for id in effect.reads { lastRead[id] = index } }
        var expiring = [[NodeID]](repeating: [], count: steps.count)
        for (index, effect) in effects.enumerated() {
            // What nobody reads ends where it begins.
            for id in effect.writes where passing.contains(id) { expiring[lastRead[id] ?? index].append(id) }
        }
        for (index, effect) in effects.enumerated() {
            var ending = Set(expiring[index])
            for id in effect.writes where passing.contains(id) {
                // Loops give some values more or less room than their elements take.
                let alike = ending.filter { elementCount($0) == elementCount(id) }
                if let source = steps[index].replaceable(by: id, among: alike, placed: offsets) {
                    ending.remove(source)
                    offsets[id] = offsets[source]
                } else {
                    offsets[id] = allocate(elementCount(id))
                }
            }
            for id in ending.sorted() { release(id, elementCount(id)) }
        }
    }

    /// Values begin on cache lines, and have whole vectors to themselves.
    private func rounded(_ count: Int) -> Int {
        max((min(count, Self.largestCount) + lanes - 1) / lanes * lanes, lanes)
    }

    private mutating func extend(_ count: Int) -> Int {
        defer { self.count = min(self.count + rounded(count), Self.largestCount) }
        return self.count
    }

    private mutating func allocate(_ count: Int) -> Int {
        let size = rounded(count)
        let fitting = gaps.indices.filter { gaps[$0].count >= size }
        guard let best = fitting.min(by: { gaps[$0].count < gaps[$1].count }) else { return extend(count) }
        let offset = gaps[best].offset
        gaps[best].offset += size
        gaps[best].count -= size
        if gaps[best].count == 0 { gaps.remove(at: best) }
        return offset
    }

    private mutating func release(_ id: NodeID, _ count: Int) {
        guard let offset = offsets[id] else { return }
        var gap = Gap(offset: offset, count: rounded(count))
        gaps.removeAll { other in
            if other.offset + other.count == gap.offset {
                gap = Gap(offset: other.offset, count: other.count + gap.count)
                return true
            }
            if gap.offset + gap.count == other.offset {
                gap.count += other.count
                return true
            }
            return false
        }
        gaps.append(gap)
    }
}

extension PlannedStep {
    /// A dying array whose place `id` can take while it is computed from it.
    ///
    /// Only in a block, element by element, and only where the array is not read after the step that writes `id`.
    /// The place of a value that the same step has just been given (`placed` by itself) is never offered: `dying` holds
    /// values of earlier steps, or values that nobody reads.
    fileprivate func replaceable(
        by id: NodeID, among dying: Set<NodeID>, placed: [NodeID: Int]
    ) -> NodeID? {
        guard case .block(let plan) = self,
            let write = plan.steps.firstIndex(where: { $0.destination == .memory(id) })
        else { return nil }
        let written = Set(plan.steps.map(\.destination))
        let splats = Set(plan.steps.flatMap(\.sources).filter { if case .splat = $0 { true } else { false } })
        var last: [NodeID: Int] = [:]
        for (index, step) in plan.steps.enumerated() {
            for case .memory(let source) in step.sources { last[source] = index }
        }
        return dying.sorted().first { source in
            guard let read = last[source], read <= write, placed[source] != nil else { return false }
            return !written.contains(.memory(source)) && !splats.contains(.splat(source))
        }
    }
}
