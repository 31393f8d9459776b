// One writer, many writes per commit: what arrives while the disk is busy shares the next fsync.
import GRDB
import JobQueue
import Synchronization

/// Runs writes in the order of their arrival, as many as wait in one transaction, each in a savepoint of its own.
///
/// Nothing runs on the caller's thread: GRDB's writer has a serial queue, and callers are suspended.
final class GroupCommit: Sendable {
    /// A write that waits. It is run once and then told how the commit went, or only told that it never ran.
    private struct Entry: Sendable {
        let run: @Sendable (inout WriteTransaction) throws -> Void
        let settle: @Sendable (JobStoreError?) -> Void
    }

    private struct Waiting {
        var entries: [Entry] = []
        var isRunning = false
        var isClosed = false
        var whenDrained: CheckedContinuation<Bool, Never>?
    }

    private let pool: DatabasePool
    private let compose: EventComposer
    private let publish: @Sendable ([Publication]) -> Void
    private let memory: JobMemory
    private let waiting = Mutex(Waiting())
    private let maximumWaiting: Int
    private let maximumGroup: Int

    /// - Parameters:
    ///   - memory: told of every job that a commit changes.
    ///   - publish: called after each commit with its news, in order, on the writer's queue.
    ///   - maximumWaiting: writes beyond are refused.
    ///   - maximumGroup: writes in one transaction.
    init(
        pool: DatabasePool, memory: JobMemory, compose: @escaping EventComposer, maximumWaiting: Int,
        maximumGroup: Int, publish: @escaping @Sendable ([Publication]) -> Void
    ) {
        self.pool = pool
        self.memory = memory
        self.compose = compose
        self.publish = publish
        self.maximumWaiting = maximumWaiting
        self.maximumGroup = maximumGroup
    }

    /// Runs `body` in a transaction and returns its value once that is on disk.
    ///
    /// - Throws: what `body` threw, its statements undone; `overloaded`, `closed`, `storage`.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (inout WriteTransaction) throws -> Value
    ) async throws(JobStoreError) -> Value {
        let result: Result<Value, JobStoreError> = await withCheckedContinuation { continuation in
            let slot = ResultSlot<Value>()
            let entry = Entry(
                run: { transaction in slot.value = try body(&transaction) },
                settle: { error in continuation.resume(returning: slot.result(error)) })
            enqueue(entry)
        }
        return try result.get()
    }

    /// Runs `body` outside any transaction if no write waits or runs; writes that come meanwhile wait for it.
    ///
    /// - Returns: whether it ran.
    func whenIdle(_ body: @escaping @Sendable (Database) -> Void) async -> Bool {
        await withCheckedContinuation { continuation in
            let isFree = waiting.withLock { waiting in
                guard !waiting.isRunning, !waiting.isClosed else { return false }
                waiting.isRunning = true
                return true
            }
            guard isFree else { return continuation.resume(returning: false) }
            pool.asyncWriteWithoutTransaction { db in
                body(db)
                continuation.resume(returning: true)
                self.drain(db)
            }
        }
    }

    /// Refuses further writes and waits for those accepted.
    ///
    /// - Returns: whether this call closed it.
    func close() async -> Bool {
        await withCheckedContinuation { continuation in
            let isFirst: Bool? = waiting.withLock { waiting in
                let wasClosed = waiting.isClosed
                waiting.isClosed = true
                guard waiting.isRunning, !wasClosed else { return !wasClosed }
                waiting.whenDrained = continuation
                return nil
            }
            if let isFirst { continuation.resume(returning: isFirst) }
        }
    }

    private func enqueue(_ entry: Entry) {
        var isFirst = false
        let refusal: JobStoreError? = waiting.withLock { waiting in
            if waiting.isClosed { return .closed }
            if waiting.entries.count >= maximumWaiting { return .overloaded(limit: maximumWaiting) }
            waiting.entries.append(entry)
            isFirst = !waiting.isRunning
            waiting.isRunning = true
            return nil
        }
        if let refusal { return entry.settle(refusal) }
        if isFirst { pool.asyncWriteWithoutTransaction { db in self.drain(db) } }
    }

    private func drain(_ db: Database) {
        while let group = nextGroup() { commit(group, db) }
    }

    /// The writes of the next transaction; nil, and idle, when none waits.
    private func nextGroup() -> [Entry]? {
        var closing: CheckedContinuation<Bool, Never>?
        let group: [Entry]? = waiting.withLock { waiting in
            guard !waiting.entries.isEmpty else {
                waiting.isRunning = false
                swap(&closing, &waiting.whenDrained)
                return nil
            }
            let count = min(maximumGroup, waiting.entries.count)
            defer { waiting.entries.removeFirst(count) }
            return Array(waiting.entries[..<count])
        }
        closing?.resume(returning: true)
        return group
    }

    /// Runs a group; a fault of the transaction itself is the answer to all of it that had no answer of its own.
    private func commit(_ group: [Entry], _ db: Database) {
        var outcomes = [JobStoreError?](repeating: nil, count: group.count)
        var publications: [Publication] = []
        do {
            try db.beginTransaction(.immediate)
            for (index, entry) in group.enumerated() {
                do {
                    publications += try run(entry, db)
                } catch {
                    outcomes[index] = JobStoreError(error)
                    // A full disk or an I/O error may have undone the whole transaction: no statement may follow.
                    guard db.isInsideTransaction else { throw error }
                }
            }
            try commit(db, publications)
            publish(publications)
        } catch {
            if db.isInsideTransaction { try? db.rollback() }
            let fault = JobStoreError(error)
            outcomes = outcomes.map { $0 ?? fault }
        }
        for (entry, outcome) in zip(group, outcomes) { entry.settle(outcome) }
    }

    private func commit(_ db: Database, _ publications: [Publication]) throws {
        memory.willChange(Set(publications.map(\.job)))
        defer { memory.hasChanged() }
        try db.commit()
    }

    private func run(_ entry: Entry, _ db: Database) throws -> [Publication] {
        var transaction = WriteTransaction(db: db, compose: compose)
        try db.inSavepoint {
            try entry.run(&transaction)
            return .commit
        }
        return transaction.publications
    }
}

/// Carries a write's value from the writer's queue to its caller.
///
/// `@unchecked`: written by `run` and read by `settle`, both on the writer's queue, one after the other; `settle`
/// alone, before any `run`, where the write is refused.
private final class ResultSlot<Value: Sendable>: @unchecked Sendable {
    var value: Value?

    func result(_ error: JobStoreError?) -> Result<Value, JobStoreError> {
        if let error { return .failure(error) }
        // No error and no value: the write never ran, because the writer is gone.
        guard let value else { return .failure(.closed) }
        return .success(value)
    }
}
