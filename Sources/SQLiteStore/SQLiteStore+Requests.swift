// What users ask of a job that exists: stop, cancel, retry, change, delete.
import GRDB
import JobQueue

extension SQLiteStore {
    private static let deleteJob = "DELETE FROM job WHERE number = ?"

    package func stop(_ id: JobID, at time: Timestamp) async throws(JobStoreError) -> JobTransition {
        try await perform(.stop, on: id, at: time)
    }

    package func cancel(_ id: JobID, at time: Timestamp) async throws(JobStoreError) -> JobTransition {
        try await perform(.cancel, on: id, at: time)
    }

    package func retry(
        _ id: JobID, from origin: RetryOrigin, activeLimit: Int?, at time: Timestamp
    ) async throws(JobStoreError) -> JobTransition {
        try await write { transaction in
            let stored = try JobRow.load(id, from: transaction.db)
            // Waiting for room would not help a job whose state forbids it.
            _ = try stored.job.applying(.retry(origin), at: time)
            try Self.checkActive(of: stored.job.owner, limit: activeLimit, in: transaction.db)
            return try transaction.perform(.retry(origin), on: stored, at: time)
        }
    }

    package func update(
        _ id: JobID, with patch: JobPatch, ifRevision revision: Int64?, at time: Timestamp
    ) async throws(JobStoreError) -> Job {
        try await perform(.update(patch), on: id, ifRevision: revision, at: time).job
    }

    private func perform(
        _ action: JobAction, on id: JobID, ifRevision revision: Int64? = nil, at time: Timestamp
    ) async throws(JobStoreError) -> JobTransition {
        try await write { transaction in
            let stored = try JobRow.load(id, from: transaction.db)
            try Self.check(revision, of: stored.job)
            return try transaction.perform(action, on: stored, at: time)
        }
    }

    private static func check(_ revision: Int64?, of job: Job) throws(JobStoreError) {
        guard let revision, revision != job.revision else { return }
        throw .revisionMismatch(wanted: revision, found: job.revision)
    }

    package func delete(
        _ id: JobID, force: Bool, ifRevision revision: Int64?
    ) async throws(JobStoreError) -> [CheckpointReference] {
        try await write { transaction in
            let stored = try JobRow.load(id, from: transaction.db)
            try stored.job.checkDeletion(force: force)
            try Self.check(revision, of: stored.job)
            try Self.delete(stored, in: &transaction)
            return stored.job.checkpoints
        }
    }

    /// Removes the row, and by cascade all that belongs to it. Keys stay, to answer `gone`.
    static func delete(_ stored: StoredJob, in transaction: inout WriteTransaction) throws {
        try transaction.db.cachedStatement(sql: deleteJob).execute(arguments: [stored.number])
        transaction.announceDeletion(of: stored.job)
    }
}
