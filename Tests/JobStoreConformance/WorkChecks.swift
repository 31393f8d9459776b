// What is written under a lease, and that nothing is written without one.
import JobQueue
import Testing

let workChecks = [
    ConformanceCheck("events are numbered on, batch by batch") { bench in
        let lease = try await bench.running()
        #expect(try await bench.store.append([bench.progress(1), bench.progress(2)], under: lease) == 3...4)
        #expect(try await bench.store.append([bench.progress(3)], under: lease) == 5...5)
        let events = try await bench.log(of: lease.job)
        #expect(events.map(\.epoch) == [0, 1, 1, 1, 1])
        #expect(events.last?.data == Array("3".utf8))
        try await bench.expectWholeLog(of: lease.job)
        let job = try await bench.store.job(lease.job)
        #expect(job.lastSeq == 5 && job.revision == 2)
    },
    ConformanceCheck("a batch has its size, and no end of its own") { bench in
        let lease = try await bench.running()
        for count in [0, 501] {
            await expectThrows(.outOfRange(.events, allowed: 1...500, found: count)) {
                try await bench.store.append((0..<count).map { bench.progress($0) }, under: lease)
            }
        }
        #expect(try await bench.store.append((0..<500).map { bench.progress($0) }, under: lease) == 3...502)
        let end = EventDraft(type: "end", time: Workbench.time(), data: [])
        await expectThrows(.reservedEventType("end")) { try await bench.store.append([end], under: lease) }
        await expectThrows(.reservedEventType("end")) {
            try await bench.store.finish(lease, with: .cancelled(partial: nil), appending: [end], at: Workbench.time())
        }
    },
    ConformanceCheck("an iterate is noted with the event that carries it") { bench in
        let lease = try await bench.running()
        _ = try await bench.store.append([bench.progress(1)], under: lease)
        #expect(try await !bench.store.job(lease.job).hasIterate)
        _ = try await bench.store.append([bench.progress(2, carriesIterate: true)], under: lease)
        _ = try await bench.store.append([bench.progress(3)], under: lease)
        #expect(try await bench.store.job(lease.job).hasIterate)
    },
    ConformanceCheck("the two newest checkpoints are kept") { bench in
        let lease = try await bench.running()
        #expect(try await bench.store.recordCheckpoint(bench.checkpoint(1), under: lease) == [])
        #expect(try await bench.store.recordCheckpoint(bench.checkpoint(2), under: lease) == [])
        #expect(
            try await bench.store.recordCheckpoint(bench.checkpoint(3), under: lease) == [bench.checkpoint(1)])
        #expect(try await bench.store.job(lease.job).checkpoints == [bench.checkpoint(2), bench.checkpoint(3)])
        #expect(try await bench.store.delete(lease.job, force: true).map(\.name) == ["c2", "c3"])
    },
    ConformanceCheck("result, last events and end come together") { bench in
        let lease = try await bench.running()
        let job = try await bench.store.finish(
            lease, with: .succeeded(Termination(rawValue: "converged"), result: [0, 1]),
            appending: [bench.progress(9)], at: Workbench.time(3))
        #expect(job.state == .succeeded && job.termination?.rawValue == "converged" && job.hasResult)
        #expect(job.finishedAt == Workbench.time(3) && job.worker == nil)
        #expect(try await bench.store.job(lease.job) == job)
        #expect(try await bench.store.result(of: lease.job) == [0, 1])
        let story = try await bench.story(of: lease.job)
        #expect(story == ["submitted queued", "started running", "9", "ended succeeded"])
        try await bench.expectWholeLog(of: lease.job)
    },
    ConformanceCheck("failures keep their words, and what was found") { bench in
        let lease = try await bench.running()
        let failure = JobFailure(code: "diverged", detail: "the step is too long")
        let job = try await bench.store.finish(
            lease, with: .failed(Termination(rawValue: "diverged"), failure, partial: [7]), appending: [],
            at: Workbench.time())
        #expect(job.state == .failed && job.failure == failure)
        #expect(try await bench.store.job(lease.job) == job)
        #expect(try await bench.store.result(of: lease.job) == [7])
    },
    ConformanceCheck("a job ends once") { bench in
        let lease = try await bench.running()
        _ = try await bench.succeed(lease)
        try await expectFenced(lease, on: bench)
        try await bench.expectWholeLog(of: lease.job)
    },
    ConformanceCheck("an old epoch writes nothing") { bench in
        let old = try await bench.running()
        _ = try await bench.store.release(old, because: .drained, at: Workbench.time())
        try await expectFenced(old, on: bench)
        let new = try #require(try await bench.claim().first?.lease)
        #expect(new.epoch == 2)
        let before = try await bench.store.job(old.job)
        try await expectFenced(old, on: bench)
        #expect(try await bench.store.job(old.job) == before)
        _ = try await bench.succeed(new)
    },
    ConformanceCheck("a lease of the future or of a deleted job writes nothing") { bench in
        let lease = try await bench.running()
        try await expectFenced(Lease(job: lease.job, epoch: 2, worker: "w1"), on: bench)
        _ = try await bench.store.delete(lease.job, force: true)
        try await expectFenced(lease, on: bench)
    },
]

/// Every write under `lease` is refused.
private func expectFenced(_ lease: Lease, on bench: Workbench) async throws {
    let store = bench.store
    await expectThrows(.leaseLost(lease)) {
        try await store.heartbeat(lease, extendingBy: .seconds(30), at: Workbench.moment())
    }
    await expectThrows(.leaseLost(lease)) { try await store.append([bench.progress(1)], under: lease) }
    await expectThrows(.leaseLost(lease)) { try await store.recordCheckpoint(bench.checkpoint(1), under: lease) }
    await expectThrows(.leaseLost(lease)) { try await bench.succeed(lease) }
    await expectThrows(.leaseLost(lease)) {
        try await store.release(lease, because: .drained, at: Workbench.time())
    }
    await expectThrows(.leaseLost(lease)) { try await store.fail(lease, reason: "", at: Workbench.time()) }
}
