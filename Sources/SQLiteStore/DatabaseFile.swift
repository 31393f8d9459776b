// Opening the database: is it ours, is it of a version we know, and is it set up to keep what it promises?
import GRDB
import JobQueue
import Synchronization

enum DatabaseFile {
    /// Opens, checks and migrates the database at `path`.
    ///
    /// - Throws: ``SQLiteStoreError``, never leaving a foreign file changed.
    static func open(_ path: String, options: SQLiteStore.Options) throws(SQLiteStoreError) -> DatabasePool {
        if fileSize(path) > 0 { try checkIsOurs(path) }
        do {
            let pool = try DatabasePool(path: path, configuration: configuration(options))
            try pool.writeWithoutTransaction { db in try setUp(db, options: options) }
            try migrate(pool, path)
            return pool
        } catch {
            throw storeError(error, path)
        }
    }

    private static func configuration(_ options: SQLiteStore.Options) -> Configuration {
        var configuration = Configuration()
        configuration.label = "JobStore"
        configuration.busyMode = .timeout(Double(options.busyTimeout.wholeMilliseconds) / 1_000)
        configuration.maximumReaderCount = options.maximumReaders
        // Statements that could be undone in part keep a journal, sorts spill: in files of a temporary folder, unless
        // told otherwise, and a container with one writable volume has none.
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA temp_store = MEMORY")
            db.add(function: SQLiteStore.receiver)
        }
        return configuration
    }

    /// GRDB lowers `synchronous` to NORMAL for WAL when a pool opens; what is acknowledged here is on disk.
    private static func setUp(_ db: Database, options: SQLiteStore.Options) throws {
        try db.execute(sql: "PRAGMA synchronous = FULL")
        let synchronous = try Int.fetchOne(db, sql: "PRAGMA synchronous")
        guard synchronous == 2 else {
            throw DatabaseError(message: "synchronous is \(synchronous ?? -1) where 2 (FULL) was asked for")
        }
        guard let maximumBytes = options.maximumBytes else { return }
        let pageSize = try Int64.fetchOne(db, sql: "PRAGMA page_size") ?? 4_096
        try db.execute(sql: "PRAGMA max_page_count = \(maximumBytes / pageSize)")
    }

    private static func migrate(_ pool: DatabasePool, _ path: String) throws {
        let isNewer = try pool.read { db in try Schema.migrator.hasBeenSuperseded(db) }
        guard !isNewer else { throw SQLiteStoreError.newerSchema(path, known: Schema.migrator.migrations) }
        try Schema.migrator.migrate(pool)
    }

    /// Looks at the file without writing to it or turning it to WAL.
    private static func checkIsOurs(_ path: String) throws(SQLiteStoreError) {
        do {
            var configuration = Configuration()
            configuration.readonly = true
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            let (id, tables) = try queue.read { db in
                (
                    try Int32.fetchOne(db, sql: "PRAGMA application_id"),
                    try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema")
                )
            }
            // An empty database is one whose first migration was interrupted.
            guard id == Schema.applicationID || tables == 0 else { throw SQLiteStoreError.foreignFile(path) }
        } catch {
            throw storeError(error, path)
        }
    }

    private static func storeError(_ error: any Error, _ path: String) -> SQLiteStoreError {
        if let error = error as? SQLiteStoreError { return error }
        guard let error = error as? DatabaseError else {
            return .storage(path, .corrupt(String(describing: error)))
        }
        return error.resultCode == .SQLITE_NOTADB ? .foreignFile(path) : .storage(path, StorageFault(error))
    }
}

/// Keeps the folder's lock until it is released or the store ends.
final class LockHolder: Sendable {
    private let file: Mutex<LockFile?>

    init(_ file: consuming LockFile) { self.file = Mutex(file) }

    func release() { file.withLock { $0 = nil } }
}
