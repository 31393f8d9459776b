// Handing out work, and the leases under which it is done.
import GRDB
import JobQueue

extension SQLiteStore {
    /// For each kind and owner with waiting jobs (a loose scan of `job_waiting`: one seek each), the first few by
    /// rank; then all of them by share, which is what the owner has running plus the place in its own line, and by
    /// rank within a share. The cost follows the number of owners who wait, not of jobs.
    private static let claimStatement = """
        WITH RECURSIVE
        line(kind, owner) AS (
            SELECT value, (
                SELECT min(owner) FROM job INDEXED BY job_waiting WHERE state = 'queued' AND kind = value)
            FROM json_each(:kinds)
            UNION ALL
            SELECT kind, (
                SELECT min(owner) FROM job INDEXED BY job_waiting
                WHERE state = 'queued' AND job.kind = line.kind AND job.owner > line.owner)
            FROM line WHERE owner IS NOT NULL
        ),
        candidate(number, owner, rank) AS (
            SELECT job.number, job.owner, job.rank FROM line CROSS JOIN job ON job.number IN (
                SELECT number FROM job
                WHERE state = 'queued' AND job.kind = line.kind AND job.owner = line.owner
                ORDER BY rank, number LIMIT :limit)
            WHERE line.owner IS NOT NULL
        ),
        shared(number, rank, share) AS (
            SELECT number, rank,
                row_number() OVER (PARTITION BY owner ORDER BY rank, number) + (
                    SELECT count(*) FROM job
                    WHERE state IN ('running', 'stopping') AND job.owner = candidate.owner)
            FROM candidate
        )
        UPDATE job SET
            state = iif(interruption IS NULL, 'running', 'stopping'), epoch = epoch + 1, worker = :worker,
            started_at = coalesce(started_at, :now), queue_deadline = NULL, revision = revision + 1
        WHERE number IN (SELECT number FROM shared ORDER BY share, rank, number LIMIT :limit)
        RETURNING number
        """
    private static let selectPayload = "SELECT bytes FROM payload WHERE job = ?"
    private static let selectInterruption = """
        SELECT interruption FROM job WHERE id = ? AND epoch = ? AND state IN ('running', 'stopping')
        """

    package func claim(
        limit: Int, kinds: Set<String>, worker: String, lease: Duration, at moment: Moment
    ) async throws(JobStoreError) -> [Claim] {
        try JobLimits.check(.limit, limit, in: JobLimits.claims)
        let claims = try await write { [leases] transaction in
            let arguments: StatementArguments = [
                "kinds": jsonArray(kinds), "limit": limit, "worker": worker, "now": moment.calendar.milliseconds,
            ]
            let statement = try transaction.db.cachedStatement(sql: Self.claimStatement)
            let numbers = try Int64.fetchAll(statement, arguments: arguments)
            let claims = try numbers.compactMap { number in
                try Self.started(number, by: worker, at: moment.calendar, in: &transaction)
            }
            // Before the commit: an end that follows must find the lease to forget it. Should the commit fail, the
            // clock runs out on a lease that nobody holds, and the rescue forgets it.
            for claim in claims { leases.start(claim.lease, for: lease, at: moment) }
            return claims.sorted { ($0.job.rank, $0.job.id) < ($1.job.rank, $1.job.id) }
        }
        return claims
    }

    /// The claim of a job that the statement has just marked, with its event.
    private static func started(
        _ number: Int64, by worker: String, at time: Timestamp, in transaction: inout WriteTransaction
    ) throws -> Claim? {
        guard var stored = try JobRow.load(number: number, from: transaction.db) else { return nil }
        stored.job.heartbeatAt = time
        let change = JobChange.started
        let event = EventDraft(type: change.eventType, time: time, data: transaction.compose(change, stored.job))
        let job = try transaction.write(stored, events: [event])
        let statement = try transaction.db.cachedStatement(sql: selectPayload)
        let row = try Row.fetchOne(statement, arguments: [number])
        return Claim(
            job: job, lease: Lease(job: job.id, epoch: job.epoch, worker: worker), payload: row?.bytes(0) ?? [])
    }

    package func heartbeat(
        _ lease: Lease, extendingBy duration: Duration, at moment: Moment
    ) async throws(JobStoreError) -> Interruption? {
        let found: String?? = try await read { db in
            let statement = try db.cachedStatement(sql: Self.selectInterruption)
            let row = try Row.fetchOne(statement, arguments: [lease.job.description, lease.epoch])
            return row.map { $0[0] as String? }
        }
        guard let found else { throw .leaseLost(lease) }
        leases.renew(lease, for: duration, at: moment)
        return found.flatMap(Interruption.init)
    }
}
