// The promise every store keeps, neutral to SQL. One conformance suite holds all stores to it.

/// Jobs, their logs and their leases, durable.
///
/// What a call returns is on disk: it outlives the process and the machine's power. A call that throws has changed
/// nothing. Time comes in with each call. Calls may be made from any task; none blocks its thread.
package protocol JobStore: DatasetStore {
    /// Wakes readers in this process after each commit.
    var feed: EventFeed { get }
    /// Bytes that were written and wait to be put in order; 0 in a store that has no log of its own.
    var logByteCount: Int64 { get }

    // MARK: Coming in

    /// Writes job, idempotency key and first event in one transaction.
    ///
    /// - Returns: the new job, or the one that the same key and body made within the last 24 hours.
    /// - Throws: `idempotencyKeyReused`, `gone`, `duplicateJob`, `tooManyActive`, `outOfRange`.
    func submit(_ submission: Submission, idempotency: IdempotencyKey?, at time: Timestamp)
        async throws(JobStoreError) -> Submitted
    /// The job that this key and body made within the last 24 hours; nil where the owner has not used the key.
    ///
    /// - Throws: `idempotencyKeyReused`, `gone`.
    func replayed(_ key: IdempotencyKey, of owner: String, at time: Timestamp) async throws(JobStoreError) -> Job?

    // MARK: Reading

    /// The job as it is now.
    ///
    /// - Throws: `unknownJob`, as every call that names a job does.
    func job(_ id: JobID) async throws(JobStoreError) -> Job
    /// What was submitted.
    func payload(of id: JobID) async throws(JobStoreError) -> [UInt8]
    /// The result, whole or partial; nil if there is none.
    func result(of id: JobID) async throws(JobStoreError) -> [UInt8]?
    /// Pages do not overlap, and a job that stays on the list is on exactly one.
    func list(_ query: JobQuery) async throws(JobStoreError) -> JobPage
    /// At most `limit` rows of the log behind number `after`; see ``EventPage``.
    func events(of id: JobID, after seq: Int64, limit: Int, types: Set<String>?)
        async throws(JobStoreError) -> EventPage
    /// Counts of one owner's jobs, of all if nil.
    func statistics(owner: String?) async throws(JobStoreError) -> QueueStatistics
    /// 1 for the queued job that is claimed next by rank; nil for one that does not wait.
    func position(of id: JobID) async throws(JobStoreError) -> Int?

    /// Writes 64 KiB and takes them back: whether the storage still takes writes.
    func probe() async throws(JobStoreError)

    // MARK: Working

    /// Hands out queued jobs in one statement, by rank, those of owners with less running before others.
    ///
    /// - Parameters:
    ///   - limit: at most so many.
    ///   - kinds: only these.
    ///   - lease: how long the worker may stay silent.
    func claim(limit: Int, kinds: Set<String>, worker: String, lease: Duration, at moment: Moment)
        async throws(JobStoreError) -> [Claim]
    /// Renews a lease.
    ///
    /// - Returns: what the user asked of the job meanwhile.
    /// - Throws: `leaseLost`.
    func heartbeat(_ lease: Lease, extendingBy duration: Duration, at moment: Moment)
        async throws(JobStoreError) -> Interruption?
    /// Writes events, numbered at commit, without a hole.
    ///
    /// - Returns: their numbers.
    /// - Throws: `leaseLost`, `outOfRange` for none or too many, `reservedEventType`.
    func append(_ drafts: [EventDraft], under lease: Lease) async throws(JobStoreError) -> ClosedRange<Int64>
    /// Notes a checkpoint that is on disk.
    ///
    /// - Returns: those that are no longer among the two newest, for their files to be removed.
    /// - Throws: `leaseLost`.
    func recordCheckpoint(_ checkpoint: CheckpointReference, under lease: Lease)
        async throws(JobStoreError) -> [CheckpointReference]
    /// Writes last events, result, state and `end` in one transaction.
    ///
    /// - Throws: `leaseLost`, `outOfRange`, `reservedEventType`.
    func finish(_ lease: Lease, with outcome: Outcome, appending drafts: [EventDraft], at time: Timestamp)
        async throws(JobStoreError) -> Job
    /// Gives a job back without charge.
    ///
    /// - Throws: `leaseLost`.
    func release(_ lease: Lease, because cause: ReleaseCause, at time: Timestamp) async throws(JobStoreError) -> Job
    /// Gives a job back whose worker died; charged unless this attempt left a checkpoint.
    ///
    /// - Throws: `leaseLost`.
    func fail(_ lease: Lease, reason: String, at time: Timestamp) async throws(JobStoreError) -> Job
    /// Requeues, without charge, jobs whose lease ran out.
    func rescue(at moment: Moment) async throws(JobStoreError) -> [JobID]
    /// Fails at most `limit` jobs that have waited for their first worker as long as they may.
    func giveUp(limit: Int, at time: Timestamp) async throws(JobStoreError) -> [JobID]
    /// Requeues, without charge, every leased job that no living server can hold: called once, at start-up.
    func recover(at time: Timestamp) async throws(JobStoreError) -> [JobID]

    // MARK: Asking

    /// Ends the job, keeping its best iterate; a final job stays as it is.
    func stop(_ id: JobID, at time: Timestamp) async throws(JobStoreError) -> JobTransition
    /// Ends the job; a final job stays as it is.
    func cancel(_ id: JobID, at time: Timestamp) async throws(JobStoreError) -> JobTransition
    /// Queues a failed job again.
    ///
    /// - Parameter activeLimit: refused when the job's owner has this many that have not ended; nil for no bound.
    /// - Throws: `invalidState` unless failed, `tooManyActive`.
    func retry(_ id: JobID, from origin: RetryOrigin, activeLimit: Int?, at time: Timestamp)
        async throws(JobStoreError) -> JobTransition
    /// Changes attributes.
    ///
    /// - Throws: `revisionMismatch` unless `revision` is nil or the job's, `invalidState`, `outOfRange`.
    func update(_ id: JobID, with patch: JobPatch, ifRevision revision: Int64?, at time: Timestamp)
        async throws(JobStoreError) -> Job

    // MARK: Telling

    /// Takes notices that are due, the oldest first, at most `share` of one receiver. Each of them is due again at
    /// `until`, should its taker die.
    ///
    /// - Parameter busy: receivers to leave out.
    /// - Throws: `outOfRange` for the limit.
    func takeNotices(limit: Int, share: Int, leavingOut busy: Set<String>, until: Timestamp, at time: Timestamp)
        async throws(JobStoreError) -> [Notice]
    /// Removes a notice that has been told or given up; one that is gone stays gone.
    func forgetNotice(_ number: Int64) async throws(JobStoreError)
    /// Has a notice be due at `time`.
    func postponeNotice(_ number: Int64, to time: Timestamp) async throws(JobStoreError)

    // MARK: Going out

    /// Removes a job and its log; of a running one its worker learns by `leaseLost`.
    ///
    /// - Returns: its checkpoints, for their files to be removed.
    /// - Throws: `invalidState` for a job that is not final, unless `force`; `revisionMismatch` unless `revision` is nil or the
    ///   job's.
    func delete(_ id: JobID, force: Bool, ifRevision revision: Int64?)
        async throws(JobStoreError) -> [CheckpointReference]
    /// Removes at most `limit` final jobs whose time to live is over.
    ///
    /// - Throws: `outOfRange` for the limit.
    func expire(limit: Int, at time: Timestamp) async throws(JobStoreError) -> [ExpiredJob]
    /// Removes at most `limit` idempotency keys past their retention.
    ///
    /// - Returns: how many.
    /// - Throws: `outOfRange` for the limit.
    func forgetKeys(limit: Int, at time: Timestamp) async throws(JobStoreError) -> Int
    /// Judges the next window of one log by `policy`, in one small transaction.
    ///
    /// - Parameter measure: the numbers of a progress event whose extremes are worth keeping.
    /// - Returns: nil when no log has rows to judge.
    func compact(
        _ policy: CompactionPolicy, measuring measure: @escaping @Sendable ([UInt8]) -> [Double], at time: Timestamp
    ) async throws(JobStoreError) -> CompactionStep?
}

/// A job that is no more.
package struct ExpiredJob: Hashable, Sendable {
    package let id: JobID
    package let checkpoints: [CheckpointReference]

    package init(id: JobID, checkpoints: [CheckpointReference]) {
        self.id = id
        self.checkpoints = checkpoints
    }
}

/// One transaction of compaction.
package struct CompactionStep: Hashable, Sendable {
    package let job: JobID
    package let droppedCount: Int

    package init(job: JobID, droppedCount: Int) {
        self.job = job
        self.droppedCount = droppedCount
    }
}

extension JobStore {
    /// Removes a job, whatever its revision.
    package func delete(_ id: JobID, force: Bool) async throws(JobStoreError) -> [CheckpointReference] {
        try await delete(id, force: force, ifRevision: nil)
    }

    /// Forgets a data set, whatever its content.
    package func deleteDataset(_ id: DatasetID, force: Bool) async throws(JobStoreError) {
        try await deleteDataset(id, force: force, if: nil)
    }
}
