// What opens, what is refused and why, and what an open database promises.
import Foundation
import GRDB
import JobQueue
import SQLiteStore
import Testing

@Suite(.timeLimit(.minutes(10))) struct SQLiteStoreOpeningTests {
    private let now = Timestamp(milliseconds: 1_800_000_000_000)

    private func submission(_ number: UInt128) -> Submission {
        Submission(id: JobID(bits: number), owner: "ann", kind: "solve", payload: [1])
    }

    @Test func whatWasWrittenIsThereAgain() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let first = try await folder.open()
        let job = try await first.submit(submission(1), idempotency: nil, at: now).job
        await first.close()
        let second = try await folder.open()
        #expect(try await second.job(job.id) == job)
        await second.close()
    }

    @Test func aSecondServerIsRefused() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let store = try await folder.open()
        await #expect(throws: SQLiteStoreError.folderInUse(folder.path)) { try await folder.open() }
        await store.close()
        await (try folder.open()).close()
    }

    @Test func aMissingFolderIsNamed() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        try FileManager.default.removeItem(atPath: folder.path)
        await #expect(
            throws: SQLiteStoreError.system(call: "open", path: folder.path + "/lock", errno: ENOENT)
        ) { try await folder.open() }
    }

    @Test func aFileThatIsNoDatabaseIsRefusedAndLeftAlone() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let text = Data(String(repeating: "dear diary, ", count: 200).utf8)
        try text.write(to: URL(filePath: folder.database))
        await #expect(throws: SQLiteStoreError.foreignFile(folder.database)) { try await folder.open() }
        #expect(try Data(contentsOf: URL(filePath: folder.database)) == text)
    }

    @Test func anotherProgramsDatabaseIsRefusedAndLeftAlone() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let other = try DatabaseQueue(path: folder.database)
        try await other.write { try $0.execute(sql: "CREATE TABLE diary (entry TEXT)") }
        try other.close()
        let before = try Data(contentsOf: URL(filePath: folder.database))
        await #expect(throws: SQLiteStoreError.foreignFile(folder.database)) { try await folder.open() }
        #expect(try Data(contentsOf: URL(filePath: folder.database)) == before)
    }

    @Test func aNewerVersionsDatabaseIsRefused() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        await (try folder.open()).close()
        let other = try DatabaseQueue(path: folder.database)
        try await other.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99')") }
        try other.close()
        await #expect(throws: SQLiteStoreError.newerSchema(folder.database, known: ["1", "2", "3", "4", "5"])) {
            try await folder.open()
        }
    }

    /// A database that version 4 of the tables left behind, with payloads as the service and as others wrote them: jobs get
    /// the files that their payloads name, and nothing that names none stops it.
    @Test func aDatabaseFromBeforeDataSetsLearnsWhatItsJobsNeed() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let file = try #require(
            Bundle.module.url(forResource: "version-4", withExtension: "sql", subdirectory: "Fixtures"))
        let older = try DatabaseQueue(path: folder.database)
        try await older.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF; " + String(contentsOf: file, encoding: .utf8))
        }
        try older.close()
        for _ in 0..<2 {
            let store = try await folder.open()
            let (a, b) = (String(repeating: "a", count: 64), String(repeating: "b", count: 64))
            #expect(try await store.neededBlobs(among: [a, b, "7", "c"]) == [a, b])
            let jobs = try await store.list(JobQuery(owner: nil)).jobs
            #expect(jobs.count == 7 && jobs.count { $0.state == .succeeded } == 1)
            for job in jobs {
                #expect(try await store.payload(of: job.id).isEmpty == false)
                #expect(try await store.events(of: job.id, after: 0, limit: 10, types: nil).events.count == job.lastSeq)
            }
            await store.close()
        }
        let newer = try DatabaseQueue(path: folder.database)
        let rows = try await newer.read { db in
            try String.fetchAll(db, sql: "SELECT job || substr(blob, 1, 1) FROM job_blob ORDER BY 1")
        }
        #expect(rows == ["1a", "1b", "2a"])
        try newer.close()
        // Gone with the jobs that need them.
        let store = try await folder.open()
        for job in try await store.list(JobQuery(owner: nil)).jobs { _ = try await store.delete(job.id, force: true) }
        #expect(try await store.neededBlobs(among: [String(repeating: "a", count: 64)]).isEmpty)
        await store.close()
    }

    @Test func aDamagedDatabaseIsRefusedOrItsReadingIs() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let store = try await folder.open()
        _ = try await store.submit(submission(1), idempotency: nil, at: now)
        await store.close()
        var bytes = try Data(contentsOf: URL(filePath: folder.database))
        for index in 100..<bytes.count { bytes[index] = 0xA5 }
        try bytes.write(to: URL(filePath: folder.database))
        let error = await #expect(throws: SQLiteStoreError.self) { try await folder.open() }
        guard case .storage(folder.database, .corrupt)? = error else {
            Issue.record("\(String(describing: error)) is not corruption")
            return
        }
    }

    @Test func anEmptyFileBecomesADatabase() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        try Data().write(to: URL(filePath: folder.database))
        await (try folder.open()).close()
    }

    @Test func closedStoresRefuseAllCalls() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let store = try await folder.open()
        await store.close()
        await #expect(throws: JobStoreError.closed) {
            try await store.submit(submission(1), idempotency: nil, at: now)
        }
        await #expect(throws: JobStoreError.closed) { try await store.job(JobID(bits: 1)) }
        #expect(try await store.feed.tail(of: JobID(bits: 1)).next(after: 0) == .closed)
        #expect(await !store.truncateLogIfIdle())
        await store.close()
    }

    @Test func theLogIsTruncatedWhenIdle() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let store = try await folder.open()
        for number in 1...20 { _ = try await store.submit(submission(UInt128(number)), idempotency: nil, at: now) }
        #expect(store.logByteCount > 0)
        while await !store.truncateLogIfIdle() { await Task.yield() }
        #expect(store.logByteCount == 0)
        #expect(try await store.statistics(owner: nil).depth == 20)
        await store.close()
    }

    @Test func filesAreClosedInChildProcesses() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let store = try await folder.open()
        _ = try await store.submit(submission(1), idempotency: nil, at: now)
        let child = Process()
        child.executableURL = URL(filePath: "/bin/ls")
        child.arguments = ["-l", "/proc/self/fd"]
        let output = Pipe()
        child.standardOutput = output
        try child.run()
        let listing = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        child.waitUntilExit()
        #expect(!listing.contains(folder.path))
        await store.close()
    }
}
