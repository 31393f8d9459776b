// What a tail remembers, at its limits and one beyond.
import JobQueue
import Testing

@Suite struct TailMemoryTests {
    private func memory(_ seqs: ClosedRange<Int64>, bytes: Int = 1) -> TailMemory {
        var memory = TailMemory()
        for seq in seqs { memory.append([makeEvent(seq, bytes: bytes)]) }
        return memory
    }

    private func seqs(_ step: TailStep?) -> [Int64]? {
        guard case .events(let events)? = step else { return nil }
        return events.map(\.seq)
    }

    @Test func knowsNothingAtFirst() {
        #expect(TailMemory().step(after: 0) == nil)
    }

    @Test func givesWhatFollows() {
        let memory = memory(5...8)
        #expect(seqs(memory.step(after: 4)) == [5, 6, 7, 8])
        #expect(seqs(memory.step(after: 7)) == [8])
        #expect(memory.step(after: 8) == nil)
        #expect(memory.step(after: 3) == .behind)
    }

    @Test func beginsAnewAfterAHole() {
        var memory = memory(1...3)
        memory.append([makeEvent(9), makeEvent(10)])
        #expect(memory.step(after: 3) == .behind)
        #expect(seqs(memory.step(after: 8)) == [9, 10])
    }

    @Test func remembersSoManyEvents() {
        #expect(seqs(memory(1...500).step(after: 0))?.count == 500)
        let full = memory(1...501)
        #expect(full.step(after: 0) == .behind)
        #expect(seqs(full.step(after: 1))?.count == 500)
    }

    @Test func remembersSoManyBytesAndAlwaysTheNewest() {
        let quarter = TailMemory.maximumBytes / 4
        #expect(seqs(memory(1...4, bytes: quarter).step(after: 0))?.count == 4)
        #expect(memory(1...5, bytes: quarter).step(after: 0) == .behind)
        var memory = memory(1...2)
        memory.append([makeEvent(3, bytes: TailMemory.maximumBytes + 1)])
        #expect(seqs(memory.step(after: 2)) == [3])
        #expect(memory.step(after: 1) == .behind)
    }

    @Test func anEmptyBatchChangesNothing() {
        var memory = memory(1...2)
        memory.append([])
        #expect(seqs(memory.step(after: 0)) == [1, 2])
    }
}
