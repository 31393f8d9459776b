// The embedded store: one SQLite database in one folder, one server. Opening, closing, and what every call rests on.
import Dispatch
import GRDB
import JobQueue

/// Jobs in a SQLite database, in WAL mode with `synchronous=FULL`.
package final class SQLiteStore: JobStore {
    /// What can be chosen.
    package struct Options: Sendable {
        /// How long to wait for another process's lock on the database.
        package var busyTimeout = Duration.seconds(5)
        /// Connections that read at the same time.
        package var maximumReaders = 4
        /// Writes that wait; further ones are refused.
        package var maximumWaitingWrites = 10_000
        /// Writes that share a commit.
        package var maximumGroup = 256
        /// Jobs kept in memory for those who ask for them again.
        package var rememberedJobs = 1_024
        /// The database's largest size; `storage(.full)` beyond. Unlimited if nil.
        package var maximumBytes: Int64?

        package init() {}
    }

    package let feed: EventFeed
    /// The data folder.
    package let folder: String
    let leases: LeaseClock
    private let pool: DatabasePool
    private let writer: GroupCommit
    let memory: JobMemory
    private let lock: LockHolder

    /// The database's name in the folder.
    package static let fileName = "jobs.sqlite"

    /// Opens the store in `folder`, which exists; makes or migrates the database.
    ///
    /// - Parameter compose: renders the data of `state` and `end` events.
    /// - Throws: ``SQLiteStoreError``.
    package static func open(
        folder: String, options: Options = Options(), compose: @escaping EventComposer
    ) async throws(SQLiteStoreError) -> SQLiteStore {
        let result: Result<SQLiteStore, SQLiteStoreError> = await withCheckedContinuation { continuation in
            DispatchQueue(label: "SQLiteStore.open").async {
                continuation.resume(
                    returning: Result { () throws(SQLiteStoreError) in
                        try SQLiteStore(folder: folder, options: options, compose: compose)
                    })
            }
        }
        return try result.get()
    }

    private init(
        folder: String, options: Options, compose: @escaping EventComposer
    ) throws(SQLiteStoreError) {
        let lock = LockHolder(try LockFile.taken(of: folder))
        let pool = try DatabaseFile.open(folder + "/" + Self.fileName, options: options)
        try syncFolder(folder)
        let feed = EventFeed()
        let leases = LeaseClock()
        self.folder = folder
        self.lock = lock
        self.pool = pool
        self.feed = feed
        self.leases = leases
        memory = JobMemory(limit: options.rememberedJobs)
        writer = GroupCommit(
            pool: pool, memory: memory, compose: compose, maximumWaiting: options.maximumWaitingWrites,
            maximumGroup: options.maximumGroup
        ) { publications in
            for news in publications {
                if news.endsLease { leases.end(news.job) }
                feed.publish(news.job, events: news.events, revision: news.revision)
            }
        }
    }

    /// Finishes accepted writes, wakes all readers, truncates the log and gives the folder free. A second call does
    /// nothing.
    package func close() async {
        guard await writer.close() else { return }
        feed.close()
        memory.close()
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "SQLiteStore.close").async { [pool, lock] in
                // Without this the log is only longer: the next opening reads it.
                _ = try? pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
                // A connection that a late reader still uses closes with the pool's end.
                try? pool.close()
                lock.release()
                continuation.resume()
            }
        }
    }

    /// Bytes of the write-ahead log.
    package var logByteCount: Int64 { fileSize(folder + "/" + Self.fileName + "-wal") }

    /// Copies the write-ahead log into the database and empties it, unless a write waits or a reader is in the way.
    ///
    /// - Returns: whether the log is empty now.
    package func truncateLogIfIdle() async -> Bool {
        let wasIdle = await writer.whenIdle { db in
            // A reader or the disk in the way: the log stays as it is, and the next idle moment tries again.
            _ = try? db.checkpoint(.truncate)
        }
        return wasIdle && logByteCount == 0
    }

    /// Runs `body` in the next group's transaction.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (inout WriteTransaction) throws -> Value
    ) async throws(JobStoreError) -> Value {
        try await writer.write(body)
    }

    /// Runs `body` on a snapshot, on a reader's own queue.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(JobStoreError) -> Value {
        let result: Result<Value, JobStoreError> = await withCheckedContinuation { continuation in
            pool.asyncRead { database in
                continuation.resume(
                    returning: Result { () throws(JobStoreError) in
                        do { return try body(database.get()) } catch { throw JobStoreError(error) }
                    })
            }
        }
        return try result.get()
    }
}
