// Events on their way to somebody outside: taken for a while, told, put off, forgotten.
import GRDB
import JobQueue

extension SQLiteStore {
    /// `receiver(address)` in SQL, for every connection of the file.
    static let receiver = DatabaseFunction("receiver", argumentCount: 1, pure: true) { values in
        String.fromDatabaseValue(values[0]).map(Notice.receiver)
    }

    private static let isAnyDue = """
        SELECT EXISTS (SELECT 1 FROM notice WHERE due_at <= ?1) OR EXISTS (SELECT 1 FROM notice WHERE due_at > ?2)
        """
    private static let takeDue = """
        UPDATE notice SET due_at = :until, attempts = attempts + 1
        WHERE number IN (
            SELECT number FROM (
                SELECT number, row_number() OVER (PARTITION BY receiver ORDER BY number) AS place FROM (
                    SELECT number, receiver(address) AS receiver FROM notice
                    WHERE due_at <= :now OR due_at > :horizon)
                WHERE receiver NOT IN (SELECT value FROM json_each(:busy)))
            WHERE place <= :share ORDER BY number LIMIT :limit)
        RETURNING number, job_id, owner, address, seq, epoch, type, time, data, attempts
        """
    private static let deleteNotice = "DELETE FROM notice WHERE number = ?"
    private static let moveNotice = "UPDATE notice SET due_at = ? WHERE number = ?"

    package func takeNotices(
        limit: Int, share: Int, leavingOut busy: Set<String>, until: Timestamp, at time: Timestamp
    ) async throws(JobStoreError) -> [Notice] {
        try JobLimits.check(.limit, limit, in: JobLimits.notices)
        let horizon = time.advanced(by: JobLimits.longestPostponement)
        // A look is a reader's work: while there is nothing to tell, no write waits for it.
        let isDue = try await read { db in
            let statement = try db.cachedStatement(sql: Self.isAnyDue)
            return try Bool.fetchOne(statement, arguments: [time.milliseconds, horizon.milliseconds]) ?? false
        }
        guard isDue else { return [] }
        return try await write { transaction in
            let arguments: StatementArguments = [
                "until": min(until, horizon).milliseconds, "now": time.milliseconds,
                "horizon": horizon.milliseconds, "busy": jsonArray(busy), "share": share, "limit": limit,
            ]
            let statement = try transaction.db.cachedStatement(sql: Self.takeDue)
            return try Row.fetchAll(statement, arguments: arguments).map(Self.notice).sorted { $0.number < $1.number }
        }
    }

    private static func notice(_ row: Row) throws -> Notice {
        let text: String = row[1]
        guard let job = JobID(text) else { throw UnreadableColumn(column: "job_id of notice", found: text) }
        let event = JobEvent(
            job: job, seq: row[4], epoch: row[5], type: row[6], time: Timestamp(milliseconds: row[7]),
            data: row.bytes(8))
        return Notice(number: row[0], owner: row[2], address: row[3], event: event, attempts: row[9])
    }

    package func forgetNotice(_ number: Int64) async throws(JobStoreError) {
        try await write { transaction in
            try transaction.db.cachedStatement(sql: Self.deleteNotice).execute(arguments: [number])
        }
    }

    package func postponeNotice(_ number: Int64, to time: Timestamp) async throws(JobStoreError) {
        try await write { transaction in
            let arguments: StatementArguments = [time.milliseconds, number]
            try transaction.db.cachedStatement(sql: Self.moveNotice).execute(arguments: arguments)
        }
    }
}
