// The job's row: how it is read, made and rewritten. Columns are read by the positions of `columns`.
import GRDB
import JobQueue

/// A job with its number in the database.
struct StoredJob {
    let number: Int64
    var job: Job
}

enum JobRow {
    static let columns = """
        number, id, owner, kind, created_at, max_attempts, priority, labels, limits, time_to_live, state, \
        interruption, started_at, finished_at, worker, epoch, failures, has_iterate, has_result, termination, \
        failure_code, failure_detail, revision, last_seq, method, progress_interval, queue_deadline, told_address, \
        told_types
        """
    private static let selectByID = "SELECT \(columns) FROM job WHERE id = ?"
    private static let selectByNumber = "SELECT \(columns) FROM job WHERE number = ?"
    private static let selectCheckpoints = """
        SELECT epoch, name, iteration, byte_count, written_at FROM checkpoint WHERE job = ? ORDER BY number
        """
    private static let insert = """
        INSERT INTO job (id, owner, kind, created_at, max_attempts, priority, rank, labels, limits, time_to_live, \
        state, method, progress_interval, queue_deadline, told_address, told_types, epoch, failures, has_iterate, \
        has_result, revision, last_seq, judged_through) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 1, 0, 0)
        """
    private static let update = """
        UPDATE job SET priority = ?, rank = ?, labels = ?, limits = ?, time_to_live = ?, state = ?, \
        interruption = ?, started_at = ?, finished_at = ?, expires_at = ?, worker = ?, epoch = ?, failures = ?, \
        has_iterate = ?, has_result = ?, termination = ?, failure_code = ?, failure_detail = ?, revision = ?, \
        last_seq = ?, queue_deadline = ? WHERE number = ?
        """

    /// - Throws: ``JobStoreError/unknownJob(_:)``.
    static func load(_ id: JobID, from db: Database) throws -> StoredJob {
        let statement = try db.cachedStatement(sql: selectByID)
        guard let row = try Row.fetchOne(statement, arguments: [id.description]) else {
            throw JobStoreError.unknownJob(id)
        }
        return try read(row, from: db)
    }

    /// The job of a number that a statement has just returned.
    static func load(number: Int64, from db: Database) throws -> StoredJob? {
        let statement = try db.cachedStatement(sql: selectByNumber)
        return try Row.fetchOne(statement, arguments: [number]).map { try read($0, from: db) }
    }

    static func insert(_ job: Job, into db: Database) throws -> Int64 {
        try db.cachedStatement(sql: insert).execute(arguments: [
            job.id.description, job.owner, job.kind, job.createdAt.milliseconds, job.maxAttempts, job.priority,
            job.rank, LabelBlob.encode(job.labels).blob, job.limits.blob, job.timeToLive?.wholeMilliseconds,
            job.state.rawValue, job.method, job.progressInterval?.wholeMilliseconds,
            job.queueDeadline?.milliseconds, job.subscription?.address,
            job.subscription?.eventTypes.sorted().joined(separator: ","),
        ])
        return db.lastInsertedRowID
    }

    /// Writes every column that can change.
    static func save(_ stored: StoredJob, to db: Database) throws {
        let job = stored.job
        try db.cachedStatement(sql: update).execute(arguments: [
            job.priority, job.rank, LabelBlob.encode(job.labels).blob, job.limits.blob,
            job.timeToLive?.wholeMilliseconds, job.state.rawValue, job.interruption?.rawValue,
            job.startedAt?.milliseconds, job.finishedAt?.milliseconds, job.expiresAt?.milliseconds, job.worker,
            job.epoch, job.failures, job.hasIterate, job.hasResult, job.termination?.rawValue, job.failure?.code,
            job.failure?.detail, job.revision, job.lastSeq, job.queueDeadline?.milliseconds, stored.number,
        ])
    }

    /// Reads a row of ``columns``, and the job's checkpoints.
    static func read(_ row: Row, from db: Database) throws -> StoredJob {
        let number: Int64 = row[0]
        var job = Job(try submission(row), at: Timestamp(milliseconds: row[4]))
        job.state = try text(row, 10, JobState.init)
        job.interruption = try row[11] == nil ? nil : text(row, 11, Interruption.init)
        job.startedAt = row.time(12)
        job.finishedAt = row.time(13)
        job.worker = row[14]
        job.epoch = row[15]
        job.failures = row[16]
        job.hasIterate = row[17]
        job.hasResult = row[18]
        job.termination = (row[19] as String?).map(Termination.init)
        if let code = row[20] as String? { job.failure = JobFailure(code: code, detail: row[21] ?? "") }
        job.revision = row[22]
        job.lastSeq = row[23]
        job.queueDeadline = row.time(26)
        job.checkpoints = try checkpoints(of: number, from: db)
        return StoredJob(number: number, job: job)
    }

    private static func submission(_ row: Row) throws -> Submission {
        var submission = Submission(
            id: try text(row, 1) { JobID($0) }, owner: row[2], kind: row[3], payload: [], limits: row.bytes(8),
            labels: try LabelBlob.decode(row.bytes(7)), priority: row[6], maxAttempts: row[5],
            timeToLive: (row[9] as Int64?).map { .milliseconds($0) }, method: row[24],
            progressInterval: (row[25] as Int64?).map { .milliseconds($0) })
        if let address = row[27] as String? {
            let types = (row[28] as String? ?? "").split(separator: ",").map(String.init)
            submission.subscription = Subscription(address: address, eventTypes: Set(types))
        }
        return submission
    }

    private static func text<Value>(_ row: Row, _ index: Int, _ read: (String) -> Value?) throws -> Value {
        let found: String = row[index]
        guard let value = read(found) else { throw UnreadableColumn(column: "\(index) of job", found: found) }
        return value
    }

    private static func checkpoints(of number: Int64, from db: Database) throws -> [CheckpointReference] {
        let statement = try db.cachedStatement(sql: selectCheckpoints)
        return try Row.fetchAll(statement, arguments: [number]).map { row in
            CheckpointReference(
                epoch: row[0], name: row[1], iteration: row[2], byteCount: row[3],
                writtenAt: Timestamp(milliseconds: row[4]))
        }
    }
}
