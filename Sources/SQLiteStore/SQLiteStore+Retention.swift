// What goes by itself: jobs past their time to live, keys past their retention, progress of old logs.
import GRDB
import JobQueue

extension SQLiteStore {
    private static let selectExpired = """
        SELECT id FROM job WHERE expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at, id LIMIT ?
        """
    private static let deleteOldKeys = """
        DELETE FROM idempotency WHERE (owner, route, key) IN (
            SELECT owner, route, key FROM idempotency WHERE created_at <= ? LIMIT ?)
        """
    /// A log whose first unjudged row is old enough; `judged_through` keeps each row from being judged twice.
    private static let selectJudgeable = """
        SELECT job.id FROM job
        WHERE job.last_seq - job.judged_through > ?1 AND (
            SELECT time FROM event WHERE event.job = job.number AND event.seq > job.judged_through
            ORDER BY seq LIMIT 1) <= ?2
        ORDER BY job.number LIMIT 1
        """
    private static let selectJudged = "SELECT number, judged_through, last_seq FROM job WHERE id = ?"
    private static let selectRows = """
        SELECT seq, type, time, data FROM event WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?
        """
    private static let deleteEvent = "DELETE FROM event WHERE job = ? AND seq = ?"
    private static let markJudged = "UPDATE job SET judged_through = ? WHERE number = ?"

    private static let insertProbe = "INSERT OR REPLACE INTO probe (number, bytes) VALUES (1, zeroblob(65536))"
    private static let deleteProbe = "DELETE FROM probe"

    package func probe() async throws(JobStoreError) {
        try await write { try $0.db.cachedStatement(sql: Self.insertProbe).execute() }
        // A commit of its own: what is undone in one is never written.
        try await write { try $0.db.cachedStatement(sql: Self.deleteProbe).execute() }
    }

    package func expire(limit: Int, at time: Timestamp) async throws(JobStoreError) -> [ExpiredJob] {
        try JobLimits.check(.limit, limit, in: JobLimits.expiries)
        return try await write { transaction in
            let db = transaction.db
            let select = try db.cachedStatement(sql: Self.selectExpired)
            let texts = try String.fetchAll(select, arguments: [time.milliseconds, limit])
            return try texts.compactMap { JobID($0) }.map { id in
                let stored = try JobRow.load(id, from: db)
                try Self.delete(stored, in: &transaction)
                return ExpiredJob(id: id, checkpoints: stored.job.checkpoints)
            }
        }
    }

    package func forgetKeys(limit: Int, at time: Timestamp) async throws(JobStoreError) -> Int {
        try JobLimits.check(.limit, limit, in: JobLimits.expiries)
        return try await write { transaction in
            let horizon = time.advanced(by: .zero - JobLimits.idempotencyRetention)
            let delete = try transaction.db.cachedStatement(sql: Self.deleteOldKeys)
            try delete.execute(arguments: [horizon.milliseconds, limit])
            return transaction.db.changesCount
        }
    }

    package func compact(
        _ policy: CompactionPolicy, measuring measure: @escaping @Sendable ([UInt8]) -> [Double], at time: Timestamp
    ) async throws(JobStoreError) -> CompactionStep? {
        // The search may look at every job: a reader's work, so that no write waits for it.
        let found = try await read { db in
            let select = try db.cachedStatement(sql: Self.selectJudgeable)
            return try String.fetchOne(
                select, arguments: [policy.keptNewest, policy.cutoff(at: time).milliseconds])
        }
        guard let found, let id = JobID(found) else { return nil }
        return try await write { transaction in
            try Self.judge(id, by: policy, measuring: measure, at: time, in: transaction.db)
        }
    }

    /// Judges the next window of a log that may have gone or grown since it was found.
    private static func judge(
        _ id: JobID, by policy: CompactionPolicy, measuring measure: ([UInt8]) -> [Double], at time: Timestamp,
        in db: Database
    ) throws -> CompactionStep {
        let select = try db.cachedStatement(sql: selectJudged)
        guard let row = try Row.fetchOne(select, arguments: [id.description]) else {
            return CompactionStep(job: id, droppedCount: 0)
        }
        let number: Int64 = row[0]
        let judged: Int64 = row[1]
        let compaction = Compaction(
            of: try window(of: number, after: judged, measuring: measure, in: db), after: judged, lastSeq: row[2],
            policy: policy, at: time)
        for seq in compaction.dropped {
            try db.cachedStatement(sql: deleteEvent).execute(arguments: [number, seq])
        }
        try db.cachedStatement(sql: markJudged).execute(arguments: [compaction.judgedThrough, number])
        return CompactionStep(job: id, droppedCount: compaction.dropped.count)
    }

    private static func window(
        of number: Int64, after judged: Int64, measuring measure: ([UInt8]) -> [Double], in db: Database
    ) throws -> [CompactionRow] {
        let statement = try db.cachedStatement(sql: selectRows)
        let rows = try Row.fetchAll(statement, arguments: [number, judged, CompactionPolicy.window])
        return rows.map { row in
            let type: String = row[1]
            return CompactionRow(
                seq: row[0], type: type, time: Timestamp(milliseconds: row[2]),
                measures: type == JobEvent.progressType ? measure(row.bytes(3)) : [])
        }
    }
}
