// What a worker's supervisor writes under a lease, and how leases end.
import GRDB
import JobQueue

extension SQLiteStore {
    /// The fence and the numbering of an append in one statement: no row, no lease.
    private static let advance = """
        UPDATE job SET last_seq = last_seq + ?, has_iterate = max(has_iterate, ?)
        WHERE id = ? AND epoch = ? AND state IN ('running', 'stopping') RETURNING number, last_seq, revision
        """
    private static let insertCheckpoint = """
        INSERT INTO checkpoint (job, epoch, name, iteration, byte_count, written_at) VALUES (?, ?, ?, ?, ?, ?)
        """
    private static let deleteOldCheckpoints = """
        DELETE FROM checkpoint WHERE job = ?1 AND number NOT IN (
            SELECT number FROM checkpoint WHERE job = ?1 ORDER BY number DESC LIMIT ?2)
        """
    private static let selectOverdue = """
        SELECT id FROM job WHERE queue_deadline IS NOT NULL AND queue_deadline <= ? ORDER BY queue_deadline, id LIMIT ?
        """
    private static let selectLeased = "SELECT id FROM job WHERE state IN ('running', 'stopping') ORDER BY id"

    package func append(
        _ drafts: [EventDraft], under lease: Lease
    ) async throws(JobStoreError) -> ClosedRange<Int64> {
        try EventDraft.check(drafts, in: JobLimits.eventBatch)
        return try await write { transaction in
            let arguments: StatementArguments = [
                drafts.count, drafts.contains(where: \.carriesIterate), lease.job.description, lease.epoch,
            ]
            let statement = try transaction.db.cachedStatement(sql: Self.advance)
            guard let row = try Row.fetchOne(statement, arguments: arguments) else {
                throw JobStoreError.leaseLost(lease)
            }
            let last: Int64 = row[1]
            let before = last - Int64(drafts.count)
            let events = try transaction.insert(drafts, of: row[0], job: lease.job, after: before, epoch: lease.epoch)
            transaction.announce(events, of: lease.job, revision: row[2])
            return before + 1...last
        }
    }

    package func recordCheckpoint(
        _ checkpoint: CheckpointReference, under lease: Lease
    ) async throws(JobStoreError) -> [CheckpointReference] {
        try await write { transaction in
            var stored = try Self.held(under: lease, in: transaction.db)
            let db = transaction.db
            try db.cachedStatement(sql: Self.insertCheckpoint).execute(arguments: [
                stored.number, lease.epoch, checkpoint.name, checkpoint.iteration, checkpoint.byteCount,
                checkpoint.writtenAt.milliseconds,
            ])
            try db.cachedStatement(sql: Self.deleteOldCheckpoints).execute(arguments: [
                stored.number, JobLimits.keptCheckpoints,
            ])
            stored.job.revision += 1
            _ = try transaction.write(stored, events: [])
            return Array((stored.job.checkpoints + [checkpoint]).dropLast(JobLimits.keptCheckpoints))
        }
    }

    package func finish(
        _ lease: Lease, with outcome: Outcome, appending drafts: [EventDraft], at time: Timestamp
    ) async throws(JobStoreError) -> Job {
        try EventDraft.check(drafts, in: 0...JobLimits.eventBatch.upperBound)
        return try await end(lease, .finish(outcome), appending: drafts, at: time)
    }

    package func release(
        _ lease: Lease, because cause: ReleaseCause, at time: Timestamp
    ) async throws(JobStoreError) -> Job {
        try await end(lease, .release(cause), at: time)
    }

    package func fail(_ lease: Lease, reason: String, at time: Timestamp) async throws(JobStoreError) -> Job {
        try await end(lease, .loseWorker(reason: reason), at: time)
    }

    private func end(
        _ lease: Lease, _ action: JobAction, appending drafts: [EventDraft] = [], at time: Timestamp
    ) async throws(JobStoreError) -> Job {
        try await write { transaction in
            let stored = try Self.held(under: lease, in: transaction.db)
            return try transaction.perform(action, on: stored, appending: drafts, at: time).job
        }
    }

    /// The job, if the lease may still write to it.
    private static func held(under lease: Lease, in db: Database) throws -> StoredJob {
        do {
            let stored = try JobRow.load(lease.job, from: db)
            guard stored.job.isHeld(under: lease) else { throw JobStoreError.leaseLost(lease) }
            return stored
        } catch JobStoreError.unknownJob {
            throw JobStoreError.leaseLost(lease)
        }
    }

    package func rescue(at moment: Moment) async throws(JobStoreError) -> [JobID] {
        var rescued: [JobID] = []
        for lease in leases.expired(at: moment) {
            do throws(JobStoreError) {
                rescued.append(try await release(lease, because: .leaseExpired, at: moment.calendar).id)
            } catch .leaseLost {
                leases.end(lease)
            }
        }
        return rescued
    }

    package func giveUp(limit: Int, at time: Timestamp) async throws(JobStoreError) -> [JobID] {
        try JobLimits.check(.limit, limit, in: JobLimits.expiries)
        return try await write { transaction in
            let select = try transaction.db.cachedStatement(sql: Self.selectOverdue)
            let texts = try String.fetchAll(select, arguments: [time.milliseconds, limit])
            let ids = texts.compactMap { JobID($0) }
            for id in ids {
                let stored = try JobRow.load(id, from: transaction.db)
                _ = try transaction.perform(.giveUp, on: stored, at: time)
            }
            return ids
        }
    }

    package func recover(at time: Timestamp) async throws(JobStoreError) -> [JobID] {
        try await write { transaction in
            let texts = try String.fetchAll(transaction.db.cachedStatement(sql: Self.selectLeased))
            let ids = texts.compactMap { JobID($0) }
            for id in ids {
                let stored = try JobRow.load(id, from: transaction.db)
                _ = try transaction.perform(.release(.serverLost), on: stored, at: time)
            }
            return ids
        }
    }
}
