// Timers of one event loop: a hashed wheel. Scheduling and cancelling cost O(1).

/// Deadlines of keys, in ticks. Far deadlines share a slot with near ones and are passed over until their round comes.
package struct TimerWheel {
    private struct Entry {
        let key: Int
        let deadline: Int
    }

    private static let slotCount = 512
    private var slots = [[Entry]](repeating: [], count: slotCount)
    /// The next tick to look at.
    private var current: Int
    /// The deadline that counts for each key; an entry with another one is stale.
    private var deadlines: [Int: Int] = [:]
    /// No deadline is earlier; perhaps none is at it any more.
    private var earliest = Int.max

    /// - Parameter tick: the present one; ticks only grow.
    package init(now tick: Int) {
        current = tick
    }

    /// Number of keys that have a deadline.
    package var count: Int { deadlines.count }

    /// Sets the deadline of `key`, in place of the one it had. A past one is due at the next look.
    package mutating func schedule(_ key: Int, at tick: Int) {
        let tick = max(tick, current)
        if deadlines.updateValue(tick, forKey: key) == tick { return }
        slots[tick % Self.slotCount].append(Entry(key: key, deadline: tick))
        earliest = min(earliest, tick)
    }

    /// Forgets the deadline of `key`, if it has one.
    package mutating func cancel(_ key: Int) {
        deadlines[key] = nil
    }

    /// A tick at which it is worth looking again; nil when there are no deadlines.
    package var nextTick: Int? { deadlines.isEmpty ? nil : earliest }

    /// Entries that are held, stale ones with them: no more than were scheduled in one round of the wheel, beside one
    /// for each key. Costs a look at every slot.
    package var entryCount: Int { slots.reduce(0) { $0 + $1.count } }

    /// The keys whose deadline is `tick` or earlier, in no particular order; they have none any more. Costs a look at the
    /// slots since the last time, which is where stale entries go, and at every deadline when the earliest is due.
    package mutating func advance(to tick: Int) -> [Int] {
        guard tick >= current else { return [] }
        var due: [Int] = []
        let first = max(current, tick - Self.slotCount + 1)
        for slot in first...tick { expire(slot: slot % Self.slotCount, upTo: tick, into: &due) }
        current = tick + 1
        if earliest <= tick { earliest = deadlines.values.min() ?? Int.max }
        return due
    }

    private mutating func expire(slot: Int, upTo tick: Int, into due: inout [Int]) {
        if slots[slot].isEmpty { return }
        var kept: [Entry] = []
        for entry in slots[slot] where deadlines[entry.key] == entry.deadline {
            if entry.deadline <= tick {
                deadlines[entry.key] = nil
                due.append(entry.key)
            } else {
                kept.append(entry)
            }
        }
        slots[slot] = kept
    }
}
