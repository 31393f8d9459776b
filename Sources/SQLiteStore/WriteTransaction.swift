// What one write does inside a group's transaction, and what it will tell readers once the group is on disk.
import GRDB
import JobQueue

/// News for the feed, held back until commit.
struct Publication: Sendable {
    let job: JobID
    let events: [JobEvent]
    let revision: Int64
    /// The job is no longer leased: the store forgets the lease's clock.
    let endsLease: Bool
}

/// One write: its statements go to `db`, its news are collected.
struct WriteTransaction {
    let db: Database
    let compose: EventComposer
    private(set) var publications: [Publication] = []

    private static let insertEvent = """
        INSERT INTO event (job, seq, epoch, type, time, data) VALUES (?, ?, ?, ?, ?, ?)
        """
    private static let insertNotice = """
        INSERT INTO notice (job_id, owner, address, seq, epoch, type, time, data, attempts, due_at) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)
        """
    private static let insertLabel = "INSERT INTO label (job, key, value) VALUES (?, ?, ?)"
    private static let deleteLabels = "DELETE FROM label WHERE job = ?"
    private static let deleteCheckpoints = "DELETE FROM checkpoint WHERE job = ?"
    private static let insertResult = "INSERT OR REPLACE INTO result (job, bytes) VALUES (?, ?)"
    private static let deleteResult = "DELETE FROM result WHERE job = ?"

    init(db: Database, compose: @escaping EventComposer) {
        self.db = db
        self.compose = compose
    }

    /// Loads, asks the state machine, writes what it says: row, result, labels, checkpoints, event.
    mutating func perform(
        _ action: JobAction, on stored: StoredJob, appending drafts: [EventDraft] = [], at time: Timestamp
    ) throws -> JobTransition {
        let transition = try stored.job.applying(action, at: time)
        guard transition.job != stored.job else { return transition }
        let change = transition.change
        let last = change.map {
            EventDraft(type: $0.eventType, time: time, data: compose($0, transition.job))
        }
        let after = try write(
            StoredJob(number: stored.number, job: transition.job), events: drafts + (last.map { [$0] } ?? []))
        try writeBesides(action, from: stored, to: after)
        return JobTransition(job: after, change: change, dropped: transition.dropped)
    }

    /// Writes the row with the events that belong to it.
    mutating func write(_ stored: StoredJob, events drafts: [EventDraft]) throws -> Job {
        var stored = stored
        let events = try insert(
            drafts, of: stored.number, job: stored.job.id, after: stored.job.lastSeq, epoch: stored.job.epoch)
        stored.job.lastSeq += Int64(drafts.count)
        try JobRow.save(stored, to: db)
        try note(events, of: stored.job)
        announce(stored.job, events: events)
        return stored.job
    }

    /// Writes a notice for each event that somebody wants to be told.
    private func note(_ events: [JobEvent], of job: Job) throws {
        guard let subscription = job.subscription else { return }
        for event in events where subscription.eventTypes.contains(event.type) {
            try db.cachedStatement(sql: Self.insertNotice).execute(arguments: [
                job.id.description, job.owner, subscription.address, event.seq, event.epoch, event.type,
                event.time.milliseconds, event.data.blob, event.time.milliseconds,
            ])
        }
    }

    /// Inserts events behind number `seq`; the caller writes the job's new last number.
    func insert(
        _ drafts: [EventDraft], of number: Int64, job: JobID, after seq: Int64, epoch: Int64
    ) throws -> [JobEvent] {
        let statement = try db.cachedStatement(sql: Self.insertEvent)
        var events: [JobEvent] = []
        for (next, draft) in zip((seq + 1)..., drafts) {
            try statement.execute(arguments: [
                number, next, epoch, draft.type, draft.time.milliseconds, draft.data.blob,
            ])
            events.append(
                JobEvent(job: job, seq: next, epoch: epoch, type: draft.type, time: draft.time, data: draft.data))
        }
        return events
    }

    /// Holds news back until commit.
    mutating func announce(_ job: Job, events: [JobEvent]) {
        publications.append(
            Publication(job: job.id, events: events, revision: job.revision, endsLease: !job.state.isLeased))
    }

    /// Holds the news of an append back until commit.
    mutating func announce(_ events: [JobEvent], of job: JobID, revision: Int64) {
        publications.append(Publication(job: job, events: events, revision: revision, endsLease: false))
    }

    /// Tells readers of a job that is no more: its revision moves past all they know.
    mutating func announceDeletion(of job: Job) {
        publications.append(Publication(job: job.id, events: [], revision: job.revision + 1, endsLease: true))
    }

    func writeLabels(_ labels: [String: String], of number: Int64) throws {
        try db.cachedStatement(sql: Self.deleteLabels).execute(arguments: [number])
        for (key, value) in labels {
            try db.cachedStatement(sql: Self.insertLabel).execute(arguments: [number, key, value])
        }
    }

    /// What an action changes outside the row.
    private func writeBesides(_ action: JobAction, from before: StoredJob, to after: Job) throws {
        if case .finish(let outcome) = action, let result = outcome.result {
            try db.cachedStatement(sql: Self.insertResult).execute(arguments: [before.number, result.blob])
        }
        if before.job.hasResult && !after.hasResult {
            try db.cachedStatement(sql: Self.deleteResult).execute(arguments: [before.number])
        }
        if before.job.labels != after.labels { try writeLabels(after.labels, of: before.number) }
        if !before.job.checkpoints.isEmpty && after.checkpoints.isEmpty {
            try db.cachedStatement(sql: Self.deleteCheckpoints).execute(arguments: [before.number])
        }
    }
}
