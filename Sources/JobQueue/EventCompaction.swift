// Which events of an old log may go. Only progress is ever dropped, and each row is judged once.

/// When a log is thinned: rows older than an age, and not among the newest, lose all but every k-th progress event.
package struct CompactionPolicy: Hashable, Sendable {
    package let minimumAge: Duration
    /// The newest rows of each log, never touched.
    package let keptNewest: Int64
    /// Every how many numbers a progress event stays.
    package let keptEvery: Int64

    /// - Precondition: `keptNewest ≥ 1` (the last event stays), `keptEvery ≥ 1`.
    package init(minimumAge: Duration, keptNewest: Int64, keptEvery: Int64) {
        precondition(keptNewest >= 1 && keptEvery >= 1, "a log keeps its last event and one in \(keptEvery)")
        self.minimumAge = minimumAge
        self.keptNewest = keptNewest
        self.keptEvery = keptEvery
    }

    /// Rows judged in one transaction.
    package static let window = 500

    /// The newest time a row may have to be judged at `time`.
    package func cutoff(at time: Timestamp) -> Timestamp { time.advanced(by: .zero - minimumAge) }
}

/// A row under judgement.
package struct CompactionRow: Hashable, Sendable {
    package let seq: Int64
    package let type: String
    package let time: Timestamp
    /// Numbers of a progress event; NaN counts for nothing.
    package let measures: [Double]

    package init(seq: Int64, type: String, time: Timestamp, measures: [Double] = []) {
        self.seq = seq
        self.type = type
        self.time = time
        self.measures = measures
    }
}

/// A judgement of some rows.
package struct Compaction: Hashable, Sendable {
    /// Numbers to delete, rising.
    package let dropped: [Int64]
    /// The last number judged: the next window begins behind it.
    package let judgedThrough: Int64

    /// Judges `rows`, the log's next ones behind `judged` in order, of a log whose newest number is `lastSeq`.
    ///
    /// The first progress event of a log stays (`judged` is 0 only in its first window), so does every number
    /// divisible by the policy's `keptEvery`, and so do the first events with the least and the greatest of each measure
    /// in the window.
    package init(of rows: [CompactionRow], after judged: Int64, lastSeq: Int64, policy: CompactionPolicy, at: Timestamp)
    {
        let cutoff = policy.cutoff(at: at)
        let old = rows.prefix { $0.seq <= lastSeq - policy.keptNewest && $0.time <= cutoff }
        let progress = old.filter { $0.type == JobEvent.progressType }
        let thinned = judged == 0 ? progress.dropFirst() : progress[...]
        let extremes = Self.extremes(of: progress)
        dropped = thinned.map(\.seq).filter { $0 % policy.keptEvery != 0 && !extremes.contains($0) }
        judgedThrough = old.last?.seq ?? judged
    }

    private static func extremes(of rows: [CompactionRow]) -> Set<Int64> {
        var kept: Set<Int64> = []
        for index in 0..<(rows.map(\.measures.count).max() ?? 0) {
            let values = rows.filter { $0.measures.indices.contains(index) && !$0.measures[index].isNaN }
                .map { (seq: $0.seq, value: $0.measures[index]) }
            for extreme in [values.min { $0.value < $1.value }, values.max { $0.value < $1.value }] {
                if let extreme { kept.insert(extreme.seq) }
            }
        }
        return kept
    }
}
