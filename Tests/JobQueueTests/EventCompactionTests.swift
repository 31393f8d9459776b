// Which rows go, and which are never judged twice.
import JobQueue
import Testing

@Suite struct EventCompactionTests {
    private let policy = CompactionPolicy(minimumAge: .seconds(60), keptNewest: 5, keptEvery: 4)
    private let late = noon.advanced(by: .seconds(60))

    private func rows(_ seqs: ClosedRange<Int64>, type: String = JobEvent.progressType) -> [CompactionRow] {
        seqs.map { CompactionRow(seq: $0, type: type, time: noon) }
    }

    @Test func keepsTheFirstTheNewestAndEveryFourth() {
        let compaction = Compaction(of: rows(1...20), after: 0, lastSeq: 20, policy: policy, at: late)
        #expect(compaction.dropped == [2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15])
        #expect(compaction.judgedThrough == 15)
    }

    @Test func laterWindowsHaveNoFirst() {
        let compaction = Compaction(of: rows(6...9), after: 5, lastSeq: 99, policy: policy, at: late)
        #expect(compaction.dropped == [6, 7, 9] && compaction.judgedThrough == 9)
    }

    @Test(arguments: ["state", "end", "incumbent", "warning", "checkpoint"])
    func dropsNothingButProgress(_ type: String) {
        let compaction = Compaction(of: rows(1...9, type: type), after: 0, lastSeq: 99, policy: policy, at: late)
        #expect(compaction.dropped == [] && compaction.judgedThrough == 9)
    }

    @Test func stopsAtTheFirstRowThatIsTooYoung() {
        let early = noon.advanced(by: .milliseconds(59_999))
        let compaction = Compaction(of: rows(1...9), after: 0, lastSeq: 99, policy: policy, at: early)
        #expect(compaction.dropped == [] && compaction.judgedThrough == 0)
    }

    @Test func keepsTheExtremesOfEachMeasure() {
        let values: [[Double]] = [[3, 1], [9, 1], [2, .nan], [5, 7], [2, 0], [9], [4, 2]]
        let rows = values.enumerated().map { index, measures in
            CompactionRow(seq: Int64(index) + 21, type: JobEvent.progressType, time: noon, measures: measures)
        }
        let compaction = Compaction(of: rows, after: 20, lastSeq: 99, policy: policy, at: late)
        // 22 and 23 for the first measure, 24 and 25 for the second; 24 is divisible by four as well.
        #expect(compaction.dropped == [21, 26, 27])
    }

    @Test func judgesNothingOfAnEmptyWindow() {
        let compaction = Compaction(of: [], after: 7, lastSeq: 99, policy: policy, at: late)
        #expect(compaction.dropped == [] && compaction.judgedThrough == 7)
    }
}
