// What goes by itself, and what stays.
import JobQueue
import Testing

let retentionChecks = [
    ConformanceCheck("a final job goes when its time is over") { bench in
        let lease = try await bench.running { $0.timeToLive = .seconds(10) }
        _ = try await bench.store.recordCheckpoint(bench.checkpoint(1), under: lease)
        #expect(try await bench.store.expire(limit: 10, at: Workbench.time(1_000)) == [])
        _ = try await bench.succeed(lease, at: 5)
        let forever = try await bench.failed()
        #expect(try await bench.store.expire(limit: 10, at: Workbench.time(14.999)) == [])
        let gone = try await bench.store.expire(limit: 10, at: Workbench.time(15))
        #expect(gone == [ExpiredJob(id: lease.job, checkpoints: [bench.checkpoint(1)])])
        await expectThrows(.unknownJob(lease.job)) { try await bench.store.job(lease.job) }
        #expect(try await bench.store.job(forever.id) == forever)
    },
    ConformanceCheck("a later time to live counts from the end; a retry ends it") { bench in
        let job = try await bench.failed()
        let patch = JobPatch(timeToLive: .within(.seconds(1)))
        _ = try await bench.store.update(job.id, with: patch, ifRevision: nil, at: Workbench.time())
        _ = try await bench.store.retry(job.id, from: .start, activeLimit: nil, at: Workbench.time())
        #expect(try await bench.store.expire(limit: 10, at: Workbench.time(99)) == [])
        _ = try await bench.store.cancel(job.id, at: Workbench.time(99))
        #expect(try await bench.store.expire(limit: 10, at: Workbench.time(100)).map(\.id) == [job.id])
    },
    ConformanceCheck("expiry takes so many at a time, the oldest first") { bench in
        for second in 0..<3 {
            let job = try await bench.submit(at: Double(second)) { $0.timeToLive = .zero }
            _ = try await bench.store.cancel(job.id, at: Workbench.time(Double(second)))
        }
        for limit in [0, 1_001] {
            await expectThrows(.outOfRange(.limit, allowed: 1...1_000, found: limit)) {
                try await bench.store.expire(limit: limit, at: Workbench.time(9))
            }
        }
        #expect(try await bench.store.expire(limit: 2, at: Workbench.time(9)).count == 2)
        #expect(try await bench.store.expire(limit: 2, at: Workbench.time(9)).count == 1)
    },
    ConformanceCheck("keys past their retention go, so many at a time") { bench in
        let day = 24.0 * 3_600
        for index in 0..<3 {
            let key = IdempotencyKey(route: "r", key: "\(index)", bodyHash: [1])
            _ = try await bench.store.submit(bench.submission(), idempotency: key, at: Workbench.time())
        }
        let young = IdempotencyKey(route: "r", key: "young", bodyHash: [1])
        let job = try await bench.store.submit(bench.submission(), idempotency: young, at: Workbench.time(1)).job
        for limit in [0, 1_001] {
            await expectThrows(.outOfRange(.limit, allowed: 1...1_000, found: limit)) {
                try await bench.store.forgetKeys(limit: limit, at: Workbench.time(day))
            }
        }
        #expect(try await bench.store.forgetKeys(limit: 2, at: Workbench.time(day - 0.001)) == 0)
        for count in [2, 1, 0] {
            #expect(try await bench.store.forgetKeys(limit: 2, at: Workbench.time(day)) == count)
        }
        #expect(try await bench.store.replayed(young, of: "ann", at: Workbench.time(day)) == job)
    },
    ConformanceCheck("old logs are thinned once, and the holes show") { bench in
        let lease = try await bench.running()
        for batch in 0..<3 {
            _ = try await bench.store.append((1...400).map { bench.progress(batch * 400 + $0) }, under: lease)
        }
        let policy = CompactionPolicy(minimumAge: .seconds(60), keptNewest: 100, keptEvery: 10)
        #expect(try await bench.store.compact(policy, measuring: { _ in [] }, at: Workbench.time(59.999)) == nil)
        var dropped = 0
        while let step = try await bench.store.compact(policy, measuring: { _ in [] }, at: Workbench.time(60)) {
            #expect(step.job == lease.job)
            dropped += step.droppedCount
        }
        let kept = Set<Int64>([1, 2, 3]).union((1...1_202).filter { $0 % 10 == 0 || $0 > 1_102 })
        var seqs: [Int64] = []
        var missing = 0
        var after: Int64 = 0
        while true {
            let page = try await bench.store.events(of: lease.job, after: after, limit: 50, types: nil)
            seqs += page.events.map(\.seq)
            missing += page.gaps.reduce(0) { $0 + $1.count }
            after = page.readThrough
            if page.isLast { break }
        }
        #expect(seqs == kept.sorted())
        #expect(missing == dropped && dropped == 1_202 - kept.count)
        #expect(try await bench.store.append([bench.progress(1)], under: lease) == 1_203...1_203)
    },
    ConformanceCheck("the least and the greatest of what is measured stay") { bench in
        let lease = try await bench.running()
        let values = (1...100).map { $0 == 42 ? 900 : $0 == 57 ? -900 : $0 % 7 }
        _ = try await bench.store.append(values.map { bench.progress($0) }, under: lease)
        let policy = CompactionPolicy(minimumAge: .zero, keptNewest: 1, keptEvery: 1_000)
        let measure: @Sendable ([UInt8]) -> [Double] = { [Double(String(decoding: $0, as: UTF8.self)) ?? .nan] }
        while try await bench.store.compact(policy, measuring: measure, at: Workbench.time(1)) != nil {}
        let kept = try await bench.store.events(of: lease.job, after: 2, limit: 500, types: nil).events
        // The first, the two extremes, the newest; two events of states stand before them.
        #expect(kept.map(\.seq) == [3, 44, 59, 102])
    },
    ConformanceCheck("a probe leaves nothing behind") { bench in
        try await bench.store.probe()
        try await bench.store.probe()
        #expect(try await bench.store.statistics(owner: nil).jobs == [:])
    },
    ConformanceCheck("short logs are left alone") { bench in
        let lease = try await bench.running()
        _ = try await bench.store.append((1...98).map { bench.progress($0) }, under: lease)
        let policy = CompactionPolicy(minimumAge: .zero, keptNewest: 100, keptEvery: 10)
        #expect(try await bench.store.compact(policy, measuring: { _ in [] }, at: Workbench.time(9_999)) == nil)
        try await bench.expectWholeLog(of: lease.job)
    },
]
