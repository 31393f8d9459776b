// What can be read: jobs, lists, logs, numbers. Each on a snapshot of its own; single jobs from memory where they are known.
import GRDB
import JobQueue

extension SQLiteStore {
    private static let selectPayload = """
        SELECT payload.bytes FROM job JOIN payload ON payload.job = job.number WHERE job.id = ?
        """
    private static let selectResult = """
        SELECT result.bytes FROM job LEFT JOIN result ON result.job = job.number WHERE job.id = ?
        """
    private static let selectNumber = "SELECT number FROM job WHERE id = ?"
    private static let selectEvents = """
        SELECT seq, epoch, type, time, data FROM event WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?
        """
    private static let countAll = "SELECT state, count(*) FROM job GROUP BY state"
    /// The states are spelled out for `job_by_state` to serve: it holds all that is counted.
    private static let countOwned = """
        SELECT state, count(*) FROM job
        WHERE state IN ('queued', 'running', 'stopping', 'succeeded', 'failed', 'cancelled') AND owner = ?
        GROUP BY state
        """
    private static let oldestWaiting = "SELECT min(created_at) FROM job WHERE state = 'queued'"
    private static let oldestOwned = "SELECT min(created_at) FROM job WHERE state = 'queued' AND owner = ?"
    private static let countAhead = """
        SELECT 1 + count(*) FROM (SELECT number, rank FROM job WHERE id = ?) AS one
        CROSS JOIN job INDEXED BY job_waiting_by_rank
        WHERE job.state = 'queued' AND job.rank <= one.rank AND (job.rank, job.number) < (one.rank, one.number)
        """

    package func job(_ id: JobID) async throws(JobStoreError) -> Job {
        let job = try await memory.job(id) { () throws(JobStoreError) in
            try await read { db in try JobRow.load(id, from: db).job }
        }
        return withHeartbeat(job)
    }

    package func payload(of id: JobID) async throws(JobStoreError) -> [UInt8] {
        try await read { db in
            let statement = try db.cachedStatement(sql: Self.selectPayload)
            guard let row = try Row.fetchOne(statement, arguments: [id.description]) else {
                throw JobStoreError.unknownJob(id)
            }
            return row.bytes(0)
        }
    }

    package func result(of id: JobID) async throws(JobStoreError) -> [UInt8]? {
        try await read { db in
            let statement = try db.cachedStatement(sql: Self.selectResult)
            guard let row = try Row.fetchOne(statement, arguments: [id.description]) else {
                throw JobStoreError.unknownJob(id)
            }
            return row.hasNull(atIndex: 0) ? nil : row.bytes(0)
        }
    }

    package func list(_ query: JobQuery) async throws(JobStoreError) -> JobPage {
        try query.check()
        let page = try await read { db in
            let listing = ListStatement(query)
            let statement = try db.makeStatement(sql: listing.sql)
            let rows = try Row.fetchAll(statement, arguments: StatementArguments(listing.arguments))
            let jobs = try rows.prefix(query.limit).map { try JobRow.read($0, from: db).job }
            return JobPage(jobs: jobs, next: rows.count > query.limit ? jobs.last.map(JobCursor.init(after:)) : nil)
        }
        return JobPage(jobs: page.jobs.map(withHeartbeat), next: page.next)
    }

    package func events(
        of id: JobID, after seq: Int64, limit: Int, types: Set<String>?
    ) async throws(JobStoreError) -> EventPage {
        try JobLimits.check(.limit, limit, in: JobLimits.eventPage)
        return try await read { db in
            let find = try db.cachedStatement(sql: Self.selectNumber)
            guard let number = try Int64.fetchOne(find, arguments: [id.description]) else {
                throw JobStoreError.unknownJob(id)
            }
            var page = EventPage(after: seq, limit: limit, types: types)
            let statement = try db.cachedStatement(sql: Self.selectEvents)
            let rows = try Row.fetchCursor(statement, arguments: [number, seq, limit + 1])
            while let row = try rows.next() {
                let isTaken = page.take(
                    row[0], epoch: row[1], type: row[2], time: Timestamp(milliseconds: row[3]), job: id,
                    data: { row.bytes(4) })
                guard isTaken else { break }
            }
            return page
        }
    }

    package func statistics(owner: String?) async throws(JobStoreError) -> QueueStatistics {
        try await read { db in
            let arguments: StatementArguments = owner.map { [$0] } ?? []
            let count = try db.cachedStatement(sql: owner == nil ? Self.countAll : Self.countOwned)
            let oldest = try db.cachedStatement(sql: owner == nil ? Self.oldestWaiting : Self.oldestOwned)
            var jobs: [JobState: Int] = [:]
            for row in try Row.fetchAll(count, arguments: arguments) {
                let text: String = row[0]
                guard let state = JobState(rawValue: text) else {
                    throw UnreadableColumn(column: "state of job", found: text)
                }
                jobs[state] = row[1]
            }
            let first = try Row.fetchOne(oldest, arguments: arguments)
            return QueueStatistics(jobs: jobs, oldestQueuedAt: first?.time(0))
        }
    }

    package func position(of id: JobID) async throws(JobStoreError) -> Int? {
        try await read { db in
            guard try JobRow.load(id, from: db).job.state == .queued else { return nil }
            return try Int.fetchOne(db.cachedStatement(sql: Self.countAhead), arguments: [id.description])
        }
    }

    func withHeartbeat(_ job: Job) -> Job {
        var job = job
        if job.state.isLeased { job.heartbeatAt = leases.heardAt(job.id) }
        return job
    }
}

/// The statement of a list: the conditions that the query has, one row more than the page to know of a next one.
private struct ListStatement {
    private(set) var sql = "SELECT \(JobRow.columns) FROM job"
    private(set) var arguments: [(any DatabaseValueConvertible)?] = []
    private var conditions: [String] = []

    init(_ query: JobQuery) {
        if let owner = query.owner { add("owner = ?", [owner]) }
        if !query.states.isEmpty {
            let marks = Array(repeating: "?", count: query.states.count).joined(separator: ", ")
            add("state IN (\(marks))", query.states.map(\.rawValue).sorted())
        }
        for (key, value) in query.labels.sorted(by: { $0.key < $1.key }) {
            add("number IN (SELECT job FROM label WHERE key = ? AND value = ?)", [key, value])
        }
        if let method = query.method { add("method = ?", [method]) }
        if let time = query.createdAfter { add("created_at > ?", [time.milliseconds]) }
        let isRising = query.order == .oldestFirst
        if let cursor = query.cursor {
            add(
                "(created_at, id) \(isRising ? ">" : "<") (?, ?)",
                [cursor.createdAt.milliseconds, cursor.id.description])
        }
        if !conditions.isEmpty { sql += " WHERE " + conditions.joined(separator: " AND ") }
        let direction = isRising ? "ASC" : "DESC"
        sql += " ORDER BY created_at \(direction), id \(direction) LIMIT ?"
        arguments.append(query.limit + 1)
    }

    private mutating func add(_ condition: String, _ values: [any DatabaseValueConvertible]) {
        conditions.append(condition)
        arguments += values
    }
}
