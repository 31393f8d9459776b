// Jobs coming in: the job, its idempotency key and its first event in one transaction.
import GRDB
import JobQueue

extension SQLiteStore {
    private static let selectKey = """
        SELECT body_hash, job_id FROM idempotency WHERE owner = ? AND route = ? AND key = ? AND created_at > ?
        """
    /// A key past its retention may still lie there; the new one takes its place.
    private static let insertKey = """
        INSERT OR REPLACE INTO idempotency (owner, route, key, body_hash, job_id, created_at) VALUES (?, ?, ?, ?, ?, ?)
        """
    private static let insertPayload = "INSERT INTO payload (job, bytes) VALUES (?, ?)"
    private static let insertBlob = "INSERT INTO job_blob (job, blob) VALUES (?, ?)"
    private static let countActive = """
        SELECT COUNT(*) FROM job WHERE owner = ? AND state IN ('queued', 'running', 'stopping')
        """
    private static let selectTaken = "SELECT 1 FROM job WHERE id = ?"

    package func submit(
        _ submission: Submission, idempotency: IdempotencyKey?, at time: Timestamp
    ) async throws(JobStoreError) -> Submitted {
        try submission.check()
        return try await write { transaction in
            if let idempotency,
                let earlier = try Self.earlierJob(of: submission.owner, idempotency, at: time, in: transaction.db)
            {
                return Submitted(job: earlier, isReplay: true)
            }
            try Self.checkActive(of: submission.owner, limit: submission.activeLimit, in: transaction.db)
            return Submitted(
                job: try Self.insert(submission, idempotency, at: time, in: &transaction), isReplay: false)
        }
    }

    package func replayed(
        _ key: IdempotencyKey, of owner: String, at time: Timestamp
    ) async throws(JobStoreError) -> Job? {
        try await read { db in try Self.earlierJob(of: owner, key, at: time, in: db) }.map(withHeartbeat)
    }

    /// The job that an earlier request with this key made.
    private static func earlierJob(
        of owner: String, _ key: IdempotencyKey, at time: Timestamp, in db: Database
    ) throws -> Job? {
        let horizon = time.advanced(by: .zero - JobLimits.idempotencyRetention)
        let statement = try db.cachedStatement(sql: selectKey)
        let arguments: StatementArguments = [owner, key.route, key.key, horizon.milliseconds]
        guard let row = try Row.fetchOne(statement, arguments: arguments) else { return nil }
        guard row.bytes(0) == key.bodyHash else {
            throw JobStoreError.idempotencyKeyReused(route: key.route, key: key.key)
        }
        let text: String = row[1]
        guard let id = JobID(text) else { throw UnreadableColumn(column: "job_id of idempotency", found: text) }
        do {
            return try JobRow.load(id, from: db).job
        } catch JobStoreError.unknownJob {
            throw JobStoreError.gone(id)
        }
    }

    /// - Throws: ``JobStoreError/tooManyActive(limit:)``.
    static func checkActive(of owner: String, limit: Int?, in db: Database) throws {
        guard let limit else { return }
        let count = try Int.fetchOne(db.cachedStatement(sql: countActive), arguments: [owner]) ?? 0
        if count >= limit { throw JobStoreError.tooManyActive(limit: limit) }
    }

    private static func insert(
        _ submission: Submission, _ key: IdempotencyKey?, at time: Timestamp, in transaction: inout WriteTransaction
    ) throws -> Job {
        let db = transaction.db
        let id = submission.id.description
        let isTaken = try Bool.fetchOne(db.cachedStatement(sql: selectTaken), arguments: [id]) ?? false
        guard !isTaken else { throw JobStoreError.duplicateJob(submission.id) }
        let job = Job(submission, at: time)
        let number = try JobRow.insert(job, into: db)
        try db.cachedStatement(sql: insertPayload).execute(arguments: [number, submission.payload.blob])
        for blob in submission.blobs {
            try db.cachedStatement(sql: insertBlob).execute(arguments: [number, blob])
        }
        if !job.labels.isEmpty { try transaction.writeLabels(job.labels, of: number) }
        if let key {
            try db.cachedStatement(sql: insertKey).execute(arguments: [
                job.owner, key.route, key.key, key.bodyHash.blob, id, time.milliseconds,
            ])
        }
        let change = JobChange.submitted
        let first = EventDraft(type: change.eventType, time: time, data: transaction.compose(change, job))
        return try transaction.write(StoredJob(number: number, job: job), events: [first])
    }
}
