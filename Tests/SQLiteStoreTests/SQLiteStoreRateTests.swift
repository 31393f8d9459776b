// Many small jobs and many small writes: all of them arrive; the rates are printed, not judged.
import JobQueue
import SQLiteStore
import Testing

@Suite(.serialized) struct SQLiteStoreRateTests {
    private let now = Timestamp(milliseconds: 1_800_000_000_000)

    private func rate(_ count: Int, _ start: ContinuousClock.Instant) -> Int {
        Int(Double(count) / (ContinuousClock.now - start).seconds)
    }

    @Test func tenThousandTinyJobsAllEnd() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let store = try await folder.open()
        let start = ContinuousClock.now
        let now = now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for submitter in 0..<50 {
                group.addTask {
                    for number in 1...200 {
                        let id = JobID(bits: UInt128(submitter * 1_000 + number))
                        let submission = Submission(id: id, owner: "o\(submitter % 3)", kind: "solve", payload: [])
                        _ = try await store.submit(submission, idempotency: nil, at: now)
                    }
                }
            }
            try await group.waitForAll()
        }
        print("submitted: \(rate(10_000, start)) jobs/s")
        let working = ContinuousClock.now
        let done = try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<40 { group.addTask { try await drain(store, worker: "w\(worker)") } }
            return try await group.reduce(0, +)
        }
        print("claimed and finished: \(rate(done, working)) jobs/s")
        #expect(done == 10_000)
        #expect(try await store.statistics(owner: nil).jobs == [.succeeded: 10_000])
        await store.close()
    }

    /// Claims and finishes jobs until none waits.
    private func drain(_ store: SQLiteStore, worker: String) async throws -> Int {
        var done = 0
        while true {
            let claims = try await store.claim(
                limit: 4, kinds: ["solve"], worker: worker, lease: .seconds(30),
                at: Moment(calendar: now, uptime: .zero))
            if claims.isEmpty { return done }
            for claim in claims {
                let outcome = Outcome.succeeded(Termination(rawValue: "converged"), result: [1])
                _ = try await store.finish(claim.lease, with: outcome, appending: [], at: now)
                done += 1
            }
        }
    }

    @Test(arguments: [1, 100]) func appendsShareCommits(_ writers: Int) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let store = try await folder.open()
        let now = now
        for number in 1...writers {
            let submission = Submission(id: JobID(bits: UInt128(number)), owner: "ann", kind: "solve", payload: [])
            _ = try await store.submit(submission, idempotency: nil, at: now)
        }
        var leases: [Lease] = []
        while leases.count < writers {
            leases += try await store.claim(
                limit: 64, kinds: ["solve"], worker: "w", lease: .seconds(30),
                at: Moment(calendar: now, uptime: .zero)
            ).map(\.lease)
        }
        let each = writers == 1 ? 500 : 20
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lease in leases {
                group.addTask {
                    let draft = EventDraft(
                        type: JobEvent.progressType, time: now, data: Array(repeating: 0x20, count: 200))
                    for _ in 0..<each { _ = try await store.append([draft], under: lease) }
                }
            }
            try await group.waitForAll()
        }
        print("appends by \(writers) writers: \(rate(each * writers, start))/s")
        for lease in leases { #expect(try await store.job(lease.job).lastSeq == Int64(2 + each)) }
        await store.close()
    }
}

extension Duration {
    fileprivate var seconds: Double { self / .seconds(1) }
}
