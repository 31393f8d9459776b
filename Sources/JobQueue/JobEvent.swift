// The numbered, durable log of a job, and the pages it is read in.

/// One row of a job's log.
package struct JobEvent: Hashable, Sendable {
    package let job: JobID
    /// Counts from 1 without a hole; given at commit.
    package let seq: Int64
    /// The attempt that wrote it; 0 before the first.
    package let epoch: Int64
    package let type: String
    package let time: Timestamp
    /// Opaque.
    package let data: [UInt8]

    package init(job: JobID, seq: Int64, epoch: Int64, type: String, time: Timestamp, data: [UInt8]) {
        self.job = job
        self.seq = seq
        self.epoch = epoch
        self.type = type
        self.time = time
        self.data = data
    }

    /// The type of a change of state.
    package static let stateType = "state"
    /// The type of the last event; written by the store alone.
    package static let endType = "end"
    /// The type of the events that compaction may drop.
    package static let progressType = "progress"
}

/// An event before it has a number.
package struct EventDraft: Hashable, Sendable {
    package let type: String
    package let time: Timestamp
    package let data: [UInt8]
    /// From here on the worker has an iterate that a stop would keep.
    package let carriesIterate: Bool

    package init(type: String, time: Timestamp, data: [UInt8], carriesIterate: Bool = false) {
        self.type = type
        self.time = time
        self.data = data
        self.carriesIterate = carriesIterate
    }

    /// - Throws: ``JobStoreError/outOfRange(_:allowed:found:)`` for too many,
    ///   ``JobStoreError/reservedEventType(_:)`` for an `end`.
    package static func check(_ drafts: [EventDraft], in allowed: ClosedRange<Int>) throws(JobStoreError) {
        try JobLimits.check(.events, drafts.count, in: allowed)
        guard drafts.allSatisfy({ $0.type != JobEvent.endType }) else { throw .reservedEventType(JobEvent.endType) }
    }
}

/// What the log says of a change: the data of a `state` or `end` event, rendered from the job as it is afterwards.
package typealias EventComposer = @Sendable (JobChange, Job) -> [UInt8]

/// A piece of a log.
package struct EventPage: Hashable, Sendable {
    /// Those of the wanted types, in order.
    package private(set) var events: [JobEvent] = []
    /// Numbers that compaction took, in order.
    package private(set) var gaps: [ClosedRange<Int64>] = []
    /// The next page begins after this number.
    package private(set) var readThrough: Int64
    /// No row lay behind this page when it was read.
    package private(set) var isLast = true

    private let types: Set<String>?
    private let limit: Int
    private var rows = 0

    /// An empty page behind number `seq`.
    ///
    /// - Parameters:
    ///   - limit: rows to look at, of whatever type: a filter never makes a page costlier than that.
    ///   - types: the types to keep, all if nil; `end` is always kept.
    package init(after seq: Int64, limit: Int, types: Set<String>?) {
        readThrough = seq
        self.types = types
        self.limit = limit
    }

    /// Takes the next row of the log; `data` is asked for only if the row is wanted.
    ///
    /// - Returns: whether a further row would be taken.
    package mutating func take(
        _ seq: Int64, epoch: Int64, type: String, time: Timestamp, job: JobID, data: () throws -> [UInt8]
    ) rethrows -> Bool {
        guard rows < limit else {
            isLast = false
            return false
        }
        rows += 1
        if seq > readThrough + 1 { gaps.append(readThrough + 1...seq - 1) }
        readThrough = seq
        if types?.contains(type) ?? true || type == JobEvent.endType {
            events.append(JobEvent(job: job, seq: seq, epoch: epoch, type: type, time: time, data: try data()))
        }
        return true
    }
}
