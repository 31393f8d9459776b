// Jobs coming in, and requests that come twice.
import JobQueue
import Testing

let submissionChecks = [
    ConformanceCheck("a submitted job reads back as it was given") { bench in
        var submission = bench.submission()
        submission.payload = [0, 255, 10]
        submission.limits = [1, 0, 2]
        submission.labels = ["a:b": "c,d", "": "ü", "k": ""]
        submission.priority = 9
        submission.maxAttempts = 100
        submission.timeToLive = .milliseconds(1_500)
        let made = try await bench.store.submit(submission, idempotency: nil, at: Workbench.time())
        #expect(!made.isReplay)
        var expected = Job(submission, at: Workbench.time())
        expected.lastSeq = 1
        #expect(made.job == expected)
        #expect(try await bench.store.job(submission.id) == expected)
        #expect(try await bench.store.payload(of: submission.id) == [0, 255, 10])
        #expect(try await bench.store.result(of: submission.id) == nil)
        #expect(try await bench.story(of: submission.id) == ["submitted queued"])
    },
    ConformanceCheck("numbers outside their ranges are refused, at the limit taken") { bench in
        for priority in [-1, 10] {
            await expectThrows(.outOfRange(.priority, allowed: 0...9, found: priority)) {
                try await bench.submit { $0.priority = priority }
            }
        }
        for attempts in [0, 101] {
            await expectThrows(.outOfRange(.maxAttempts, allowed: 1...100, found: attempts)) {
                try await bench.submit { $0.maxAttempts = attempts }
            }
        }
        let labels = Dictionary(uniqueKeysWithValues: (0..<65).map { ("\($0)", "x") })
        await expectThrows(.outOfRange(.labels, allowed: 0...64, found: 65)) {
            try await bench.submit { $0.labels = labels }
        }
        try await bench.submit { $0.labels = labels.filter { $0.key != "0" } }
    },
    ConformanceCheck("an owner's jobs that have not ended are bounded, at the limit taken") { bench in
        func submit(_ owner: String) async throws -> Job {
            try await bench.submit(owner: owner) { $0.activeLimit = 2 }
        }
        let first = try await submit("a")
        _ = try await submit("a")
        await expectThrows(.tooManyActive(limit: 2)) { try await submit("a") }
        _ = try await submit("b")
        _ = try await bench.store.cancel(first.id, at: Workbench.time())
        _ = try await submit("a")
        #expect(try await bench.store.statistics(owner: "a").depth == 2)
    },
    ConformanceCheck("a name is given once") { bench in
        let job = try await bench.submit()
        await expectThrows(.duplicateJob(job.id)) { try await bench.submit { $0.id = job.id } }
    },
    ConformanceCheck("unknown jobs are unknown to every call") { bench in
        let id = bench.newID()
        await expectThrows(.unknownJob(id)) { try await bench.store.job(id) }
        await expectThrows(.unknownJob(id)) { try await bench.store.payload(of: id) }
        await expectThrows(.unknownJob(id)) { try await bench.store.result(of: id) }
        await expectThrows(.unknownJob(id)) {
            try await bench.store.events(of: id, after: 0, limit: 1, types: nil)
        }
        await expectThrows(.unknownJob(id)) { try await bench.store.position(of: id) }
        await expectThrows(.unknownJob(id)) { try await bench.store.stop(id, at: Workbench.time()) }
        await expectThrows(.unknownJob(id)) { try await bench.store.cancel(id, at: Workbench.time()) }
        await expectThrows(.unknownJob(id)) {
            try await bench.store.retry(id, from: .start, activeLimit: nil, at: Workbench.time())
        }
        await expectThrows(.unknownJob(id)) { try await bench.store.delete(id, force: true) }
        await expectThrows(.unknownJob(id)) {
            try await bench.store.update(id, with: JobPatch(), ifRevision: nil, at: Workbench.time())
        }
    },
    ConformanceCheck("the same key and body find the job again, for a day") { bench in
        let key = IdempotencyKey(route: "POST /v1/jobs", key: "k", bodyHash: [1])
        let first = bench.submission()
        let made = try await bench.store.submit(first, idempotency: key, at: Workbench.time())
        let day = 24.0 * 3_600
        let again = try await bench.store.submit(
            bench.submission(), idempotency: key, at: Workbench.time(day - 0.001))
        #expect(again.isReplay && again.job == made.job)
        let later = try await bench.store.submit(bench.submission(), idempotency: key, at: Workbench.time(day))
        #expect(!later.isReplay && later.job.id != first.id)
        #expect(try await bench.store.statistics(owner: nil).depth == 2)
    },
    ConformanceCheck("another body, owner or route is another matter") { bench in
        let key = IdempotencyKey(route: "r", key: "k", bodyHash: [1])
        _ = try await bench.store.submit(bench.submission(), idempotency: key, at: Workbench.time())
        await expectThrows(.idempotencyKeyReused(route: "r", key: "k")) {
            try await bench.store.submit(
                bench.submission(), idempotency: IdempotencyKey(route: "r", key: "k", bodyHash: [2]),
                at: Workbench.time())
        }
        let others = [("bob", "r"), ("ann", "s")]
        for (owner, route) in others {
            let other = try await bench.store.submit(
                bench.submission(owner: owner), idempotency: IdempotencyKey(route: route, key: "k", bodyHash: [2]),
                at: Workbench.time())
            #expect(!other.isReplay)
        }
    },
    ConformanceCheck("the key of a deleted job answers gone") { bench in
        let key = IdempotencyKey(route: "r", key: "k", bodyHash: [1])
        let job = try await bench.store.submit(bench.submission(), idempotency: key, at: Workbench.time()).job
        _ = try await bench.store.delete(job.id, force: true)
        await expectThrows(.gone(job.id)) {
            try await bench.store.submit(bench.submission(), idempotency: key, at: Workbench.time())
        }
    },
    ConformanceCheck("a key is looked for as a submission would find it") { bench in
        let key = IdempotencyKey(route: "r", key: "k", bodyHash: [1])
        let day = 24.0 * 3_600
        #expect(try await bench.store.replayed(key, of: "ann", at: Workbench.time()) == nil)
        let job = try await bench.store.submit(bench.submission(), idempotency: key, at: Workbench.time()).job
        #expect(try await bench.store.replayed(key, of: "ann", at: Workbench.time(day - 0.001)) == job)
        #expect(try await bench.store.replayed(key, of: "ann", at: Workbench.time(day)) == nil)
        #expect(try await bench.store.replayed(key, of: "bob", at: Workbench.time()) == nil)
        let elsewhere = IdempotencyKey(route: "s", key: "k", bodyHash: [1])
        #expect(try await bench.store.replayed(elsewhere, of: "ann", at: Workbench.time()) == nil)
        await expectThrows(.idempotencyKeyReused(route: "r", key: "k")) {
            let other = IdempotencyKey(route: "r", key: "k", bodyHash: [2])
            return try await bench.store.replayed(other, of: "ann", at: Workbench.time())
        }
        _ = try await bench.store.delete(job.id, force: true)
        await expectThrows(.gone(job.id)) { try await bench.store.replayed(key, of: "ann", at: Workbench.time()) }
    },
    ConformanceCheck("a refused submission takes no key") { bench in
        let taken = try await bench.submit()
        let key = IdempotencyKey(route: "r", key: "k", bodyHash: [1])
        var submission = bench.submission()
        submission.id = taken.id
        let refused = submission
        await expectThrows(.duplicateJob(taken.id)) {
            try await bench.store.submit(refused, idempotency: key, at: Workbench.time())
        }
        #expect(try await !bench.store.submit(bench.submission(), idempotency: key, at: Workbench.time()).isReplay)
    },
]
