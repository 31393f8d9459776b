// Handlers by small keys that are never reused while an event for them may still be on its way.

/// A table of handlers. A key is a slot and the number of times the slot was given out before: an event for an earlier
/// holder finds nobody.
package struct RegistrationTable {
    private struct Slot {
        var handler: (any EventHandler)?
        var generation = 0
    }

    private static let slotBits = 24
    private static let generationMask = 1 << 32 - 1
    private var slots: [Slot] = []
    private var free: [Int] = []

    /// No handlers.
    package init() {}

    /// Number of handlers.
    package var count: Int { slots.count - free.count }

    /// Gives `handler` a key.
    ///
    /// - Returns: the key, not negative.
    package mutating func insert(_ handler: any EventHandler) -> Int {
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
        } else {
            slot = slots.count
            // Descriptors run out long before: the kernel's own bound is 2²⁰ a process.
            precondition(slot < 1 << Self.slotBits)
            slots.append(Slot())
        }
        slots[slot].handler = handler
        return slots[slot].generation << Self.slotBits | slot
    }

    /// Forgets the handler of `key`; nothing if it is forgotten already.
    package mutating func remove(_ key: Int) {
        guard self[key] != nil else { return }
        let slot = key & (1 << Self.slotBits - 1)
        slots[slot].handler = nil
        slots[slot].generation = (slots[slot].generation + 1) & Self.generationMask
        free.append(slot)
    }

    /// The handler of `key`, if it still is one.
    package subscript(key: Int) -> (any EventHandler)? {
        let slot = key & (1 << Self.slotBits - 1)
        guard slot < slots.count, slots[slot].generation == key >> Self.slotBits else { return nil }
        return slots[slot].handler
    }
}
