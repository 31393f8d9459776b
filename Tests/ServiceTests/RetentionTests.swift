// Jobs and keys that have outlived their time, more than one round of them.
import Foundation
import JobQueue
import SQLiteStore
import Service
import Testing

@Suite(.timeLimit(.minutes(10))) struct RetentionTests {
    @Test func allThatIsOverGoesAtOnce() async throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "retention-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        let folder = ServiceFolder(root)
        try folder.prepare()
        let store = try await SQLiteStore.open(folder: root.path, compose: StoreEvents.compose)
        let time = Timestamp(milliseconds: 1_800_000_000_000)
        let jobs = try await fill(store, with: 2 * Retention.round + 3, at: time)
        for job in jobs {
            let files = root.appending(path: "jobs/\(job)")
            try FileManager.default.createDirectory(at: files, withIntermediateDirectories: false)
        }
        try await Retention.apply(to: store, in: folder, at: time.advanced(by: .seconds(25 * 3_600)))
        #expect(try await store.statistics(owner: nil).jobs == [:])
        #expect(try await store.forgetKeys(limit: 1_000, at: time.advanced(by: .seconds(25 * 3_600))) == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: root.appending(path: "jobs").path) == [])
        await store.close()
    }

    /// Jobs that are over at once, each under a key.
    private func fill(_ store: SQLiteStore, with count: Int, at time: Timestamp) async throws -> [JobID] {
        var random = TestRandom()
        var generator = JobIDGenerator()
        let jobs = (0..<count).map { _ in generator.next(at: time, using: &random) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for job in jobs {
                group.addTask {
                    let submission = Submission(
                        id: job, owner: "ann", kind: "solve", payload: [], timeToLive: .zero)
                    let key = IdempotencyKey(route: "r", key: "\(job)", bodyHash: [1])
                    _ = try await store.submit(submission, idempotency: key, at: time)
                    _ = try await store.cancel(job, at: time)
                }
            }
            try await group.waitForAll()
        }
        return jobs
    }
}
