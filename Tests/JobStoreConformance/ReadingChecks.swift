// Lists, pages, counts, and the wake-up of those who wait.
import JobQueue
import Testing

let readingChecks = [
    ConformanceCheck("a list pages through all jobs once, in either order") { bench in
        var ids: [JobID] = []
        for second in 0..<7 { ids.append(try await bench.submit(at: Double(second / 2)).id) }
        for order in JobQuery.Order.allCases {
            var query = JobQuery(order: order, limit: 3)
            var found: [JobID] = []
            repeat {
                let page = try await bench.store.list(query)
                found += page.jobs.map(\.id)
                query.cursor = page.next
            } while query.cursor != nil
            #expect(found == (order == .oldestFirst ? ids : ids.reversed()))
        }
        for limit in [0, 201] {
            await expectThrows(.outOfRange(.limit, allowed: 1...200, found: limit)) {
                try await bench.store.list(JobQuery(limit: limit))
            }
        }
        #expect(try await bench.store.list(JobQuery(limit: 7)).next == nil)
        #expect(try await bench.store.list(JobQuery(limit: 200)).jobs.count == 7)
    },
    ConformanceCheck("filters narrow a list") { bench in
        let ann = try await bench.submit { $0.labels = ["team": "a", "x": "1"] }
        let bob = try await bench.submit(owner: "bob", at: 5) {
            $0.labels = ["team": "a"]
            $0.method = "soba"
            $0.progressInterval = .milliseconds(250)
        }
        #expect(bob.method == "soba" && bob.progressInterval == .milliseconds(250))
        #expect(try await ids(JobQuery(method: "soba")) == [bob.id])
        #expect(try await ids(JobQuery(method: "itd")) == [])
        _ = try await bench.store.cancel(bob.id, at: Workbench.time(6))
        func ids(_ query: JobQuery) async throws -> [JobID] { try await bench.store.list(query).jobs.map(\.id) }
        #expect(try await ids(JobQuery(owner: "ann")) == [ann.id])
        #expect(try await ids(JobQuery(states: [.cancelled])) == [bob.id])
        #expect(try await ids(JobQuery(states: [.cancelled, .queued])) == [bob.id, ann.id])
        #expect(try await ids(JobQuery(labels: ["team": "a"])) == [bob.id, ann.id])
        #expect(try await ids(JobQuery(labels: ["team": "a", "x": "1"])) == [ann.id])
        #expect(try await ids(JobQuery(createdAfter: Workbench.time(0))) == [bob.id])
        #expect(try await ids(JobQuery(createdAfter: Workbench.time(5))) == [])
        #expect(try await ids(JobQuery(owner: "ann", states: [.failed])) == [])
    },
    ConformanceCheck("statistics count states, for all and for one") { bench in
        #expect(try await bench.store.statistics(owner: nil) == QueueStatistics(jobs: [:], oldestQueuedAt: nil))
        try await bench.submit(owner: "ann", at: 3)
        try await bench.submit(owner: "bob", at: 4)
        let cancelled = try await bench.submit(owner: "bob", at: 1)
        _ = try await bench.store.cancel(cancelled.id, at: Workbench.time(5))
        let all = try await bench.store.statistics(owner: nil)
        #expect(all == QueueStatistics(jobs: [.queued: 2, .cancelled: 1], oldestQueuedAt: Workbench.time(3)))
        let bob = try await bench.store.statistics(owner: "bob")
        #expect(bob == QueueStatistics(jobs: [.queued: 1, .cancelled: 1], oldestQueuedAt: Workbench.time(4)))
    },
    ConformanceCheck("a log is read in pages of a bounded size") { bench in
        let lease = try await bench.running()
        _ = try await bench.store.append((1...498).map { bench.progress($0) }, under: lease)
        for limit in [0, 501] {
            await expectThrows(.outOfRange(.limit, allowed: 1...500, found: limit)) {
                try await bench.store.events(of: lease.job, after: 0, limit: limit, types: nil)
            }
        }
        let whole = try await bench.store.events(of: lease.job, after: 0, limit: 500, types: nil)
        #expect(whole.events.count == 500 && whole.isLast && whole.readThrough == 500)
        let part = try await bench.store.events(of: lease.job, after: 0, limit: 499, types: nil)
        #expect(part.events.count == 499 && !part.isLast && part.readThrough == 499)
        let behind = try await bench.store.events(of: lease.job, after: 500, limit: 500, types: nil)
        #expect(behind.events == [] && behind.isLast && behind.readThrough == 500)
        #expect(try await bench.log(of: lease.job, limit: 7).count == 500)
    },
    ConformanceCheck("a filter passes its types and the end") { bench in
        let lease = try await bench.running()
        _ = try await bench.store.append([bench.progress(1), bench.progress(2)], under: lease)
        _ = try await bench.succeed(lease)
        let page = try await bench.store.events(of: lease.job, after: 0, limit: 500, types: ["progress"])
        #expect(page.events.map(\.seq) == [3, 4, 5] && page.gaps == [])
        let first = try await bench.store.events(of: lease.job, after: 0, limit: 2, types: ["progress"])
        #expect(first.events == [] && first.readThrough == 2 && !first.isLast)
    },
    ConformanceCheck("a commit wakes those who wait for it, with what it wrote") { bench in
        let job = try await bench.submit()
        let tail = bench.store.feed.tail(of: job.id)
        async let news = tail.next(after: 1)
        async let revision = tail.revision(after: 1)
        let lease = try #require(try await bench.claim().first?.lease)
        let events = try await bench.log(of: job.id)
        #expect(try await news == .events([events[1]]))
        #expect(try await revision == 2)
        _ = try await bench.store.append([bench.progress(1)], under: lease)
        _ = try await bench.succeed(lease)
        #expect(try await tail.next(after: 2) == .events(Array(try await bench.log(of: job.id)[2...])))
    },
]
