// Stop, cancel, retry, change, delete: the table of requests, as a store shows it.
import JobQueue
import Testing

let requestChecks = [
    ConformanceCheck("stop and cancel end what has nothing to lose") { bench in
        for isStop in [true, false] {
            for lease in [nil, try await bench.running()] {
                let id = if let lease { lease.job } else { try await bench.submit().id }
                let transition = try await ask(isStop, id, bench)
                #expect(transition.job.state == .cancelled && transition.change == .ended)
                #expect(try await bench.store.job(id) == transition.job)
                try await bench.expectWholeLog(of: id)
                if let lease { await expectThrows(.leaseLost(lease)) { try await bench.succeed(lease) } }
            }
        }
    },
    ConformanceCheck("with an iterate they are flags that the heartbeat brings") { bench in
        for (isStop, flag) in [(true, Interruption.stop), (false, .cancel)] {
            let lease = try await bench.runningWithIterate()
            #expect(
                try await bench.store.heartbeat(lease, extendingBy: .seconds(1), at: Workbench.moment()) == nil)
            let transition = try await ask(isStop, lease.job, bench)
            #expect(transition.job.state == .stopping && transition.job.interruption == flag)
            #expect(
                try await bench.store.heartbeat(lease, extendingBy: .seconds(1), at: Workbench.moment()) == flag)
            #expect(try await ask(isStop, lease.job, bench).change == nil)
            let job = try await bench.succeed(lease)
            #expect(job.state == (isStop ? .succeeded : .cancelled))
            #expect(try await bench.store.result(of: lease.job) == Array("42".utf8))
        }
    },
    ConformanceCheck("a final job stays as it is") { bench in
        let lease = try await bench.running()
        let job = try await bench.succeed(lease)
        for isStop in [true, false] {
            #expect(try await ask(isStop, job.id, bench) == JobTransition(job: job, change: nil, dropped: []))
        }
        #expect(try await bench.store.job(job.id) == job)
    },
    ConformanceCheck("a failed job is tried again, from its checkpoint or from the start") { bench in
        for origin in RetryOrigin.allCases {
            let lease = try await bench.runningWithIterate()
            _ = try await bench.store.recordCheckpoint(bench.checkpoint(1), under: lease)
            let failure = JobFailure(code: "diverged", detail: "")
            _ = try await bench.store.finish(
                lease, with: .failed(nil, failure, partial: [1]), appending: [], at: Workbench.time())
            let transition = try await bench.store.retry(
                lease.job, from: origin, activeLimit: nil, at: Workbench.time(1))
            let job = transition.job
            #expect(job.state == .queued && job.failure == nil && job.finishedAt == nil && !job.hasResult)
            #expect(transition.dropped.map(\.name) == (origin == .start ? ["c1"] : []))
            #expect(job.checkpoints.map(\.name) == (origin == .start ? [] : ["c1"]))
            #expect(try await bench.store.job(lease.job) == job)
            #expect(try await bench.store.result(of: lease.job) == nil)
            await expectThrows(.invalidState(lease.job, .queued, .retry)) {
                try await bench.store.retry(lease.job, from: origin, activeLimit: nil, at: Workbench.time())
            }
            _ = try await bench.succeed(try #require(try await bench.claim().first?.lease))
        }
    },
    ConformanceCheck("a retry counts among the owner's active jobs, at the limit refused") { bench in
        let job = try await bench.failed()
        try await bench.submit(owner: "bob")
        let active = try await bench.submit()
        await expectThrows(.tooManyActive(limit: 1)) {
            try await bench.store.retry(job.id, from: .start, activeLimit: 1, at: Workbench.time())
        }
        #expect(try await bench.store.job(job.id) == job)
        // The state is judged first: an active job is not to wait for room.
        await expectThrows(.invalidState(active.id, .queued, .retry)) {
            try await bench.store.retry(active.id, from: .start, activeLimit: 1, at: Workbench.time())
        }
        let again = try await bench.store.retry(job.id, from: .start, activeLimit: 2, at: Workbench.time()).job
        #expect(again.state == .queued)
    },
    ConformanceCheck("a change needs the revision it was made from") { bench in
        let job = try await bench.submit { $0.labels = ["a": "1"] }
        let patch = JobPatch(priority: 3, labels: ["b": "2"], limits: [9], timeToLive: .within(.seconds(5)))
        await expectThrows(.revisionMismatch(wanted: 2, found: 1)) {
            try await bench.store.update(job.id, with: patch, ifRevision: 2, at: Workbench.time())
        }
        let changed = try await bench.store.update(job.id, with: patch, ifRevision: 1, at: Workbench.time())
        #expect(changed.priority == 3 && changed.labels == ["b": "2"] && changed.limits == [9])
        #expect(changed.timeToLive == .seconds(5) && changed.revision == 2 && changed.lastSeq == 1)
        #expect(try await bench.store.job(job.id) == changed)
        #expect(try await bench.store.list(JobQuery(labels: ["a": "1"])).jobs == [])
        #expect(try await bench.store.list(JobQuery(labels: ["b": "2"])).jobs == [changed])
        await expectThrows(.outOfRange(.priority, allowed: 0...9, found: 10)) {
            try await bench.store.update(job.id, with: JobPatch(priority: 10), ifRevision: nil, at: Workbench.time())
        }
    },
    ConformanceCheck("a bound on a time is set and taken back") { bench in
        let job = try await bench.submit {
            $0.timeToLive = .seconds(5)
            $0.queueTime = .seconds(9)
        }
        #expect(job.queueDeadline == Workbench.time(9))
        var patch = JobPatch(timeToLive: .unbounded, queueTime: .within(.seconds(20)))
        var changed = try await bench.store.update(job.id, with: patch, ifRevision: nil, at: Workbench.time(3))
        #expect(changed.timeToLive == nil && changed.queueDeadline == Workbench.time(20))
        #expect(try await bench.store.job(job.id) == changed)
        patch = JobPatch(queueTime: .unbounded)
        changed = try await bench.store.update(job.id, with: patch, ifRevision: nil, at: Workbench.time(3))
        #expect(try await bench.store.giveUp(limit: 1, at: Workbench.time(99)) == [])
        _ = try await bench.claim()
        patch = JobPatch(queueTime: .within(.seconds(1)))
        changed = try await bench.store.update(job.id, with: patch, ifRevision: nil, at: Workbench.time(3))
        #expect(changed.queueDeadline == nil)
    },
    ConformanceCheck("a change of priority changes the order") { bench in
        try await bench.submit(at: 0)
        let late = try await bench.submit(at: 1)
        _ = try await bench.store.update(late.id, with: JobPatch(priority: 1), ifRevision: nil, at: Workbench.time())
        #expect(try await bench.claim(at: 2).first?.job.id == late.id)
    },
    ConformanceCheck("a final job's priority and limits are history") { bench in
        let job = try await bench.failed()
        for patch in [JobPatch(priority: 1), JobPatch(limits: [1])] {
            await expectThrows(.invalidState(job.id, .failed, .update)) {
                try await bench.store.update(job.id, with: patch, ifRevision: nil, at: Workbench.time())
            }
        }
        let changed = try await bench.store.update(
            job.id, with: JobPatch(labels: ["seen": "yes"]), ifRevision: nil, at: Workbench.time())
        #expect(changed.labels == ["seen": "yes"])
    },
    ConformanceCheck("only a final job is deleted, unless by force") { bench in
        let lease = try await bench.running()
        await expectThrows(.invalidState(lease.job, .running, .delete)) {
            try await bench.store.delete(lease.job, force: false)
        }
        _ = try await bench.store.delete(lease.job, force: true)
        await expectThrows(.unknownJob(lease.job)) { try await bench.store.job(lease.job) }
        let job = try await bench.failed()
        _ = try await bench.store.delete(job.id, force: false)
        #expect(try await bench.store.statistics(owner: nil).jobs == [:])
    },
]

private func ask(_ isStop: Bool, _ id: JobID, _ bench: Workbench) async throws -> JobTransition {
    isStop
        ? try await bench.store.stop(id, at: Workbench.time(2))
        : try await bench.store.cancel(id, at: Workbench.time(2))
}
