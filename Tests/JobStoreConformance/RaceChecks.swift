// Many tasks at once: numbers stay whole, keys stay unique, jobs are handed out once and end once.
import JobQueue
import Testing

let raceChecks = [
    ConformanceCheck("appends of many tasks leave no hole") { bench in
        let lease = try await bench.running()
        let ranges = try await withThrowingTaskGroup(of: [ClosedRange<Int64>].self) { group in
            for task in 0..<20 {
                group.addTask {
                    var ranges: [ClosedRange<Int64>] = []
                    for round in 0..<10 {
                        let drafts = (0...round % 3).map { bench.progress(task * 100 + $0) }
                        ranges.append(try await bench.store.append(drafts, under: lease))
                    }
                    return ranges
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(ranges.flatMap { Array($0) }.sorted() == Array(3...Int64(2 + 20 * 19)))
        try await bench.expectWholeLog(of: lease.job)
    },
    ConformanceCheck("what was read once is never older afterwards") { bench in
        let lease = try await bench.running()
        let last = try await withThrowingTaskGroup(of: Void.self) { group in
            for reader in 0..<6 {
                group.addTask {
                    var known: Int64 = 0
                    while known < 202 {
                        // Reads that are answered from memory would never let go of the thread.
                        await Task.yield()
                        // Single jobs and lists may take different ways to the same rows.
                        let job =
                            reader % 2 == 0
                            ? try await bench.store.job(lease.job)
                            : try await bench.store.list(JobQuery(owner: nil)).jobs[0]
                        #expect(job.lastSeq >= known)
                        known = job.lastSeq
                        let again = try await bench.store.job(lease.job)
                        #expect(again.lastSeq >= known)
                        known = again.lastSeq
                    }
                }
            }
            var written: Int64 = 0
            while written < 202 {
                written = try await bench.store.append([bench.progress(1)], under: lease).upperBound
                #expect(try await bench.store.job(lease.job).lastSeq == written)
            }
            try await group.waitForAll()
            return written
        }
        _ = try await bench.succeed(lease)
        let ended = try await bench.store.job(lease.job)
        #expect(ended.state.isFinal && ended.lastSeq > last)
        _ = try await bench.store.delete(lease.job, force: false)
        await #expect(throws: JobStoreError.unknownJob(lease.job)) { try await bench.store.job(lease.job) }
    },
    ConformanceCheck("two requests with one key make one job") { bench in
        for round in 0..<10 {
            let key = IdempotencyKey(route: "r", key: "\(round)", bodyHash: [1])
            let answers = try await withThrowingTaskGroup(of: Submitted.self) { group in
                for _ in 0..<8 {
                    let submission = bench.submission()
                    group.addTask { try await bench.store.submit(submission, idempotency: key, at: Workbench.time()) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(answers.map(\.job.id)).count == 1)
            #expect(answers.filter { !$0.isReplay }.count == 1)
        }
        #expect(try await bench.store.statistics(owner: nil).depth == 10)
    },
    ConformanceCheck("no job is claimed twice") { bench in
        for number in 0..<60 { try await bench.submit(owner: "o\(number % 5)") }
        let claims = try await withThrowingTaskGroup(of: [Claim].self) { group in
            for _ in 0..<20 { group.addTask { try await bench.claim(4) } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(claims.count == 60 && Set(claims.map(\.job.id)).count == 60)
        #expect(claims.allSatisfy { $0.lease.epoch == 1 })
    },
    ConformanceCheck("of many ends one comes true") { bench in
        let lease = try await bench.runningWithIterate()
        let ends = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<5 {
                group.addTask { await (try? bench.succeed(lease)) != nil }
                group.addTask { await (try? bench.store.fail(lease, reason: "x", at: Workbench.time())) != nil }
                group.addTask { await (try? bench.store.append([bench.progress(1)], under: lease)) == nil }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(ends >= 1)
        try await bench.expectWholeLog(of: lease.job)
    },
    ConformanceCheck("a reader that follows the tail misses nothing") { bench in
        let lease = try await bench.running()
        async let read = follow(lease.job, on: bench)
        for round in 0..<50 { _ = try await bench.store.append([bench.progress(round)], under: lease) }
        _ = try await bench.succeed(lease)
        #expect(try await read == bench.log(of: lease.job))
    },
]

/// Reads a log to its end the way a stream does: the store while behind, the tail for what comes.
private func follow(_ id: JobID, on bench: Workbench) async throws -> [JobEvent] {
    let tail = bench.store.feed.tail(of: id)
    var events = try await bench.log(of: id)
    while events.last?.type != JobEvent.endType {
        let last = events.last?.seq ?? 0
        switch try await tail.next(after: last) {
        case .events(let more): events += more
        case .behind: events += try await bench.store.events(of: id, after: last, limit: 500, types: nil).events
        case .closed: return events
        }
    }
    return events
}
