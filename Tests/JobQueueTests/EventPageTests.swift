// A page of a log: its limit, its filter and its holes.
import JobQueue
import Testing

@Suite struct EventPageTests {
    private func page(
        of seqs: [Int64], after: Int64 = 0, limit: Int = 10, types: Set<String>? = nil
    ) -> EventPage {
        var page = EventPage(after: after, limit: limit, types: types)
        for seq in seqs {
            let type = seq % 2 == 0 ? "progress" : "state"
            guard page.take(seq, epoch: 1, type: type, time: noon, job: JobID(bits: 1), data: { [1] }) else { break }
        }
        return page
    }

    @Test func anEmptyPageIsTheLast() {
        let empty = page(of: [], after: 7)
        #expect(empty.events == [] && empty.gaps == [] && empty.readThrough == 7 && empty.isLast)
    }

    @Test func endsAtItsLimit() {
        #expect(page(of: [1, 2, 3], limit: 3).isLast)
        let cut = page(of: [1, 2, 3, 4], limit: 3)
        #expect(!cut.isLast && cut.readThrough == 3 && cut.events.count == 3)
    }

    @Test func showsHolesInFrontAndBetween() {
        #expect(page(of: [3, 4, 8]).gaps == [1...2, 5...7])
        #expect(page(of: [3], after: 2).gaps == [])
    }

    @Test func aFilterLeavesNoHole() {
        let filtered = page(of: [1, 2, 3, 4, 5], types: ["progress"])
        #expect(filtered.events.map(\.seq) == [2, 4] && filtered.gaps == [] && filtered.readThrough == 5)
    }

    @Test func theEndPassesEveryFilterAndUnwantedDataIsNotRead() {
        var page = EventPage(after: 0, limit: 2, types: [])
        var reads = 0
        for (seq, type) in [(Int64(1), "state"), (2, JobEvent.endType)] {
            _ = page.take(seq, epoch: 1, type: type, time: noon, job: JobID(bits: 1)) {
                reads += 1
                return []
            }
        }
        #expect(page.events.map(\.type) == ["end"] && reads == 1)
    }
}
