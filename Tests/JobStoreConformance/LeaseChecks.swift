// How leases end other than well: given back, run out, lost with a worker or with the server.
import JobQueue
import Testing

let leaseChecks = [
    ConformanceCheck("a drain charges nothing") { bench in
        let lease = try await bench.running { $0.maxAttempts = 1 }
        let job = try await bench.store.release(lease, because: .drained, at: Workbench.time(1))
        #expect(job.state == .queued && job.failures == 0 && job.epoch == 1 && job.worker == nil)
        let again = try #require(try await bench.claim(at: 2).first)
        #expect(again.job.epoch == 2 && again.job.startedAt == Workbench.time())
        let story = try await bench.story(of: lease.job)
        #expect(story.dropFirst(2) == ["\(JobChange.released(.drained)) queued", "started running"])
    },
    ConformanceCheck("a dead worker is charged unless it left a checkpoint") { bench in
        var lease = try await bench.running { $0.maxAttempts = 2 }
        _ = try await bench.store.recordCheckpoint(bench.checkpoint(1, epoch: 1), under: lease)
        #expect(try await bench.store.fail(lease, reason: "signal 9", at: Workbench.time()).failures == 0)
        lease = try #require(try await bench.claim().first?.lease)
        #expect(try await bench.store.fail(lease, reason: "signal 11", at: Workbench.time()).failures == 1)
        lease = try #require(try await bench.claim().first?.lease)
        let job = try await bench.store.fail(lease, reason: "signal 6", at: Workbench.time(4))
        #expect(job.state == .failed && job.failures == 2 && job.termination == .workerLost)
        #expect(job.failure == JobFailure(code: "worker_lost", detail: "signal 6"))
        try await bench.expectWholeLog(of: job.id)
        #expect(try await bench.store.job(job.id) == job)
    },
    ConformanceCheck("a lease runs out on the uptime, whatever the calendar does") { bench in
        let lease = try await bench.running()
        let jumped = Moment(calendar: Workbench.time(86_400), uptime: .milliseconds(29_999))
        #expect(try await bench.store.rescue(at: jumped) == [])
        _ = try await bench.store.heartbeat(lease, extendingBy: .seconds(30), at: Workbench.moment(20))
        #expect(try await bench.store.job(lease.job).heartbeatAt == Workbench.time(20))
        #expect(try await bench.store.rescue(at: Workbench.moment(49.999)) == [])
        #expect(try await bench.store.rescue(at: Workbench.moment(50)) == [lease.job])
        let job = try await bench.store.job(lease.job)
        #expect(job.state == .queued && job.failures == 0 && job.heartbeatAt == nil)
        #expect(try await bench.store.rescue(at: Workbench.moment(100)) == [])
    },
    ConformanceCheck("a clock that goes back spoils neither order nor ends") { bench in
        let job = try await bench.submit(at: 100) { $0.timeToLive = .seconds(10) }
        let before = Moment(calendar: Workbench.time(50), uptime: .seconds(1))
        let claims = try await bench.store.claim(
            limit: 1, kinds: ["solve"], worker: "w1", lease: .seconds(30), at: before)
        let lease = try #require(claims.first?.lease)
        _ = try await bench.store.append([bench.progress(1, at: 40)], under: lease)
        #expect(try await bench.store.rescue(at: Moment(calendar: Workbench.time(), uptime: .seconds(30))) == [])
        #expect(try await bench.succeed(lease, at: 20).state == .succeeded)
        try await bench.expectWholeLog(of: job.id)
        #expect(try await bench.store.expire(limit: 10, at: Workbench.time(29)) == [])
        #expect(try await bench.store.expire(limit: 10, at: Workbench.time(30)).map(\.id) == [job.id])
    },
    ConformanceCheck("a lease that ended well is not rescued") { bench in
        let lease = try await bench.running()
        _ = try await bench.succeed(lease)
        #expect(try await bench.store.rescue(at: Workbench.moment(1_000)) == [])
        #expect(try await bench.store.job(lease.job).state == .succeeded)
    },
    ConformanceCheck("recovery requeues what ran, uncharged, and nothing else") { bench in
        let running = try await bench.runningWithIterate()
        let stopping = try await bench.runningWithIterate()
        _ = try await bench.store.stop(stopping.job, at: Workbench.time())
        let cancelling = try await bench.runningWithIterate()
        _ = try await bench.store.cancel(cancelling.job, at: Workbench.time())
        let done = try await bench.running()
        _ = try await bench.succeed(done)
        let queued = try await bench.submit()
        let recovered = try await bench.store.recover(at: Workbench.time(1))
        #expect(recovered == [running.job, stopping.job, cancelling.job].sorted())
        #expect(try await bench.store.job(running.job).state == .queued)
        #expect(try await bench.store.job(running.job).failures == 0)
        #expect(try await bench.store.job(stopping.job).interruption == .stop)
        #expect(try await bench.store.job(cancelling.job).state == .cancelled)
        #expect(try await bench.store.job(done.job).state == .succeeded)
        #expect(try await bench.store.job(queued.id).revision == 1)
        let claims = try await bench.claim(3)
        #expect(claims.first { $0.job.id == stopping.job }?.job.state == .stopping)
        #expect(try await bench.store.recover(at: Workbench.time(2)).count == 3)
    },
]
