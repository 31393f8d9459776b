// The order in which work is handed out, and to whom.
import JobQueue
import Testing

let claimChecks = [
    ConformanceCheck("a claim does what the state machine says") { bench in
        let job = try await bench.submit()
        let claim = try #require(try await bench.claim(at: 5).first)
        var expected = try job.applying(.start(worker: "w1"), at: Workbench.time(5)).job
        expected.lastSeq = 2
        #expect(claim.job == expected)
        #expect(try await bench.store.job(job.id) == expected)
        #expect(claim.lease == Lease(job: job.id, epoch: 1, worker: "w1"))
        #expect(claim.payload == Array("{}".utf8))
        #expect(try await bench.story(of: job.id) == ["submitted queued", "started running"])
        #expect(try await bench.claim().isEmpty)
    },
    ConformanceCheck("older jobs first, a step of priority is worth a minute") { bench in
        let old = try await bench.submit(at: 0)
        let young = try await bench.submit(at: 59) { $0.priority = 1 }
        let younger = try await bench.submit(at: 61) { $0.priority = 1 }
        let urgent = try await bench.submit(at: 500) { $0.priority = 9 }
        let claims = try await bench.claim(4, at: 501)
        #expect(claims.map(\.job.id) == [urgent.id, young.id, old.id, younger.id])
    },
    ConformanceCheck("a job that has waited as long as it may fails") { bench in
        let job = try await bench.submit(at: 0) { $0.queueTime = .seconds(10) }
        let patient = try await bench.submit(at: 1)
        let claimed = try await bench.submit(at: 2) {
            $0.queueTime = .seconds(10)
            $0.priority = 9
        }
        let lease = try #require(try await bench.claim(at: 3).first?.lease)
        #expect(lease.job == claimed.id)
        #expect(try await bench.store.giveUp(limit: 9, at: Workbench.time(9.999)) == [])
        #expect(try await bench.store.giveUp(limit: 9, at: Workbench.time(100)) == [job.id])
        let failed = try await bench.store.job(job.id)
        #expect(failed.state == .failed && failed.failure == .waitedTooLong && failed.queueDeadline == nil)
        try await bench.expectWholeLog(of: job.id)
        // Once claimed, a job waits as long as it must; so it does when it is tried again.
        _ = try await bench.store.release(lease, because: .drained, at: Workbench.time(101))
        _ = try await bench.store.retry(job.id, from: .start, activeLimit: nil, at: Workbench.time(102))
        #expect(try await bench.store.giveUp(limit: 9, at: Workbench.time(1_000)) == [])
        #expect(try await bench.claim(3, at: 1_000).count == 3)
        #expect(try await bench.store.job(patient.id).state == .running)
    },
    ConformanceCheck("equal ranks go in the order they came") { bench in
        var jobs: [JobID] = []
        for _ in 0..<5 { jobs.append(try await bench.submit().id) }
        var claimed: [JobID] = []
        for _ in 0..<5 { claimed += try await bench.claim().map(\.job.id) }
        #expect(claimed == jobs)
    },
    ConformanceCheck("owners share: who has less running comes first") { bench in
        for second in 0..<4 { try await bench.submit(owner: "ann", at: Double(second)) }
        let bob = try await bench.submit(owner: "bob", at: 100)
        let carl = try await bench.submit(owner: "carl", at: 200) { $0.priority = 9 }
        #expect(try await bench.claim(at: 300).first?.job.id == carl.id)
        #expect(try await bench.claim(at: 300).first?.job.owner == "ann")
        #expect(try await bench.claim(at: 300).first?.job.id == bob.id)
        #expect(try await bench.claim(3, at: 300).map(\.job.owner) == ["ann", "ann", "ann"])
    },
    ConformanceCheck("one claim shares too") { bench in
        for _ in 0..<10 { try await bench.submit(owner: "ann") }
        for _ in 0..<2 { try await bench.submit(owner: "bob", at: 50) }
        let owners = try await bench.claim(6, at: 60).map(\.job.owner)
        #expect(owners.filter { $0 == "bob" }.count == 2)
    },
    ConformanceCheck("only the kinds asked for, however they are spelled") { bench in
        let odd = "a\"b\\c\u{1}ü€😀"
        try await bench.submit(kind: "solve")
        let job = try await bench.submit(kind: odd)
        let claims = try await bench.store.claim(
            limit: 8, kinds: [odd, "none"], worker: "w", lease: .seconds(1), at: Workbench.moment())
        #expect(claims.map(\.job.id) == [job.id])
        let none = try await bench.store.claim(
            limit: 8, kinds: [], worker: "w", lease: .seconds(1), at: Workbench.moment())
        #expect(none.isEmpty)
    },
    ConformanceCheck("a claim's limit is a limit") { bench in
        for _ in 0..<65 { try await bench.submit() }
        for limit in [0, 65] {
            await expectThrows(.outOfRange(.limit, allowed: 1...64, found: limit)) { try await bench.claim(limit) }
        }
        #expect(try await bench.claim(64).count == 64)
        #expect(try await bench.claim(64).count == 1)
    },
    ConformanceCheck("a position counts the jobs ahead by rank") { bench in
        let first = try await bench.submit(at: 0)
        let second = try await bench.submit(at: 1)
        let urgent = try await bench.submit(at: 2) { $0.priority = 1 }
        #expect(try await bench.store.position(of: urgent.id) == 1)
        #expect(try await bench.store.position(of: first.id) == 2)
        #expect(try await bench.store.position(of: second.id) == 3)
        _ = try await bench.claim()
        #expect(try await bench.store.position(of: urgent.id) == nil)
        #expect(try await bench.store.position(of: second.id) == 2)
    },
]
