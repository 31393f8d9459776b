// Which inputs of a program change together, and the set of them that a value depends on: when it is computed anew.

/// Inputs that are written together.
package struct InputSlot: Sendable, Hashable {
    /// What the slot is called where plans are shown.
    package let name: String
    package let inputs: [NodeID]
    /// Whether the slot is written before every run. Whatever depends on such a slot is computed in one stage, since
    /// all of it runs every time: telling its dependence on slower slots apart would cost passes and save nothing.
    package let isWrittenEveryRun: Bool

    /// Inputs that now and then keep their values from run to run.
    package static func steady(_ name: String, _ inputs: [NodeID]) -> InputSlot {
        InputSlot(name: name, inputs: inputs, isWrittenEveryRun: false)
    }

    /// Inputs that are written before every run.
    package static func everyRun(_ name: String, _ inputs: [NodeID]) -> InputSlot {
        InputSlot(name: name, inputs: inputs, isWrittenEveryRun: true)
    }
}

/// A set of slots: what a value depends on, or what was written since the last run.
package struct SlotSet: Hashable, Sendable {
    package private(set) var bits: UInt64

    /// No slot: values that depend on data and constants alone.
    package static let none = SlotSet(bits: 0)
    /// Every slot, and the inputs that belong to none.
    package static let everything = SlotSet(bits: .max)
    /// The inputs that no slot names (data, bound once). Not told apart from each other: no value's set holds it, and
    /// every stage is stale when one of them changes.
    package static let unnamed = SlotSet(bits: 1 << 63)
    /// Slots with a place of their own; later ones share the last.
    static let limit = 62

    init(bits: UInt64) { self.bits = bits }

    init(slot index: Int) { bits = 1 << UInt64(min(index, Self.limit - 1)) }

    package func union(_ other: SlotSet) -> SlotSet { SlotSet(bits: bits | other.bits) }
    package func meets(_ other: SlotSet) -> Bool { bits & other.bits != 0 }
    package func isSubset(of other: SlotSet) -> Bool { bits & ~other.bits == 0 }
    package func isStrictSubset(of other: SlotSet) -> Bool { bits != other.bits && isSubset(of: other) }
    package var count: Int { bits.nonzeroBitCount }
    func contains(slot index: Int) -> Bool { meets(SlotSet(slot: index)) }

    /// The order in which stages run: a set after all of its subsets.
    static func precedes(_ a: SlotSet, _ b: SlotSet) -> Bool { (a.count, a.bits) < (b.count, b.bits) }
}

/// The slots of one program.
struct SlotTable {
    let slots: [InputSlot]
    private let own: [NodeID: SlotSet]
    private let everyRun: SlotSet
    private let all: SlotSet

    init(_ slots: [InputSlot]) {
        self.slots = slots
        var own: [NodeID: SlotSet] = [:]
        var everyRun = SlotSet.none
        var all = SlotSet.none
        for (index, slot) in slots.enumerated() {
            let set = SlotSet(slot: index)
            all = all.union(set)
            if slot.isWrittenEveryRun { everyRun = everyRun.union(set) }
            for input in slot.inputs { own[input] = set }
        }
        self.own = own
        self.everyRun = everyRun
        self.all = all
    }

    /// What writing an input makes stale.
    func written(_ input: NodeID) -> SlotSet { own[input] ?? .unnamed }

    /// For every node of `order` (operands before users), the slots that it depends on; indexed by node.
    ///
    /// A set with a slot that is written every run becomes the set of all slots.
    func dependences(_ graph: Graph, _ order: [NodeID]) -> [SlotSet] {
        var result = [SlotSet](repeating: .none, count: graph.nodes.count)
        for id in order {
            let set = graph[id].operands.reduce(own[id] ?? .none) { $0.union(result[$1.index]) }
            result[id.index] = set.meets(everyRun) ? all : set
        }
        return result
    }
}
