// Places every computed value of a program in one arena, once, before anything runs.

/// Offsets, in doubles, of the values that a program owns.
struct MemoryPlan {
    /// Where each node's value begins.
    private(set) var offsets: [NodeID: Int] = [:]
    /// Where each constant's single value begins.
    private(set) var constants: [NodeID: Int] = [:]
    /// The size of the arena, at most ``largestCount``.
    private(set) var count = 0
    /// Where counting ends: more than any machine addresses, and far enough from the largest integer to add to.
    static let largestCount = 1 << 59

    private struct Gap {
        var offset: Int
        var count: Int
    }
    private var gaps: [Gap] = []

    /// - Parameters:
    ///   - stages: the steps of each stage. Values that only their own stage reads share memory with later values of
    ///     that stage; all others keep their place, because a later stage runs again without them being recomputed.
    ///   - elementCount: the largest number of elements of a node, over all batches; `Int.max` for what has no number.
    init(_ schedule: Schedule, stages: [[PlannedStep]], elementCount: (NodeID) -> Int) {
        let outputs = Set(schedule.outputs.map(schedule.reshapeRoot))
        for id in schedule.graph.reachable(from: schedule.outputs) {
            switch schedule.graph.operation(id) {
            case .constant: constants[id] = extend(1)
            case .input(let symbol) where schedule.graph.symbols[symbol.index].role == .value:
                offsets[id] = extend(elementCount(id))
            default: break
            }
        }
        for steps in stages {
            gaps = []
            place(steps, schedule, outputs, elementCount)
        }
    }

    private mutating func place(
        _ steps: [PlannedStep], _ schedule: Schedule, _ outputs: Set<NodeID>, _ elementCount: (NodeID) -> Int
    ) {
        let effects = steps.map { $0.effects(schedule) }
        var lastRead: [NodeID: Int] = [:]
        for (index, effect) in effects.enumerated() { for id in effect.reads { lastRead[id] = index } }
        var expiring = [[NodeID]](repeating: [], count: steps.count)
        let own = Set(effects.flatMap(\.writes))
        for id in own where !outputs.contains(id) && isLocal(id, schedule) {
            if let index = lastRead[id] { expiring[index].append(id) }
        }
        for (index, effect) in effects.enumerated() {
            for id in effect.writes { offsets[id] = allocate(elementCount(id)) }
            for id in expiring[index].sorted() { release(id, elementCount(id)) }
        }
    }

    private func isLocal(_ id: NodeID, _ schedule: Schedule) -> Bool {
        (schedule.users[id] ?? []).allSatisfy { schedule.stage[$0] == schedule.stage[id] }
    }

    /// Values begin on cache lines, and have whole vectors to themselves.
    private func rounded(_ count: Int) -> Int { max((min(count, Self.largestCount) + 7) / 8 * 8, 8) }

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
