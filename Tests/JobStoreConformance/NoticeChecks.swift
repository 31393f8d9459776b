// Events on their way to somebody outside: written with the event, told at least once.
import JobQueue
import Testing

private let all = Subscription(address: "a", eventTypes: Set(Subscription.tellable))

extension Workbench {
    fileprivate func take(
        _ limit: Int = 10, share: Int = 10, leavingOut busy: Set<String> = [], at seconds: Double
    ) async throws -> [Notice] {
        try await store.takeNotices(
            limit: limit, share: share, leavingOut: busy, until: Self.time(seconds + 60), at: Self.time(seconds))
    }
}

let noticeChecks = [
    ConformanceCheck("every change of a job makes a notice, in the change's own write") { bench in
        let lease = try await bench.running { $0.subscription = all }
        _ = try await bench.store.append([bench.progress(1)], under: lease)
        _ = try await bench.succeed(lease)
        let log = try await bench.log(of: lease.job).filter { $0.type != JobEvent.progressType }
        let notices = try await bench.take(at: 1)
        #expect(notices.map(\.event) == log && log.last?.type == JobEvent.endType)
        #expect(notices.allSatisfy { $0.owner == "ann" && $0.address == "a" && $0.attempts == 1 })
        #expect(try await bench.store.job(lease.job).subscription == all)
    },
    ConformanceCheck("only what is asked for is told, and nothing of a write that failed") { bench in
        let lease = try await bench.running { $0.subscription = Subscription(address: "a", eventTypes: ["end"]) }
        let other = try await bench.submit()
        await expectThrows(.duplicateJob(other.id)) { try await bench.submit { $0.id = other.id } }
        #expect(try await bench.take(at: 1) == [])
        _ = try await bench.succeed(lease)
        #expect(try await bench.take(at: 1).map(\.event.type) == ["end"])
    },
    ConformanceCheck("a notice that was taken comes again unless it was told") { bench in
        let job = try await bench.submit { $0.subscription = all }
        let first = try #require(try await bench.take(at: 1).first)
        #expect(try await bench.take(at: 60.999) == [])
        let second = try #require(try await bench.take(at: 61).first)
        #expect(second.number == first.number && second.event == first.event && second.attempts == 2)
        try await bench.store.postponeNotice(second.number, to: Workbench.time(70))
        #expect(try await bench.take(at: 69.999) == [])
        #expect(try await bench.take(at: 70).map(\.attempts) == [3])
        try await bench.store.forgetNotice(second.number)
        try await bench.store.forgetNotice(second.number)
        try await bench.store.postponeNotice(second.number, to: Workbench.time(1))
        #expect(try await bench.take(at: 999) == [])
        // Numbers are not given twice.
        _ = try await bench.store.cancel(job.id, at: Workbench.time(999))
        #expect(try await bench.take(at: 999).allSatisfy { $0.number > second.number })
    },
    ConformanceCheck("notices outlive their job") { bench in
        let lease = try await bench.running { $0.subscription = all }
        _ = try await bench.succeed(lease)
        _ = try await bench.store.delete(lease.job, force: false)
        #expect(try await bench.take(at: 1).map(\.event.type) == ["state", "state", "end"])
    },
    ConformanceCheck("addresses share, and busy ones wait") { bench in
        for address in ["a", "a", "a", "b", "c\u{1F600}\""] {
            try await bench.submit { $0.subscription = Subscription(address: address, eventTypes: ["state"]) }
        }
        #expect(try await bench.take(share: 2, leavingOut: ["c\u{1F600}\""], at: 1).map(\.address) == ["a", "a", "b"])
        #expect(try await bench.take(1, at: 1).map(\.address) == ["a"])
        #expect(try await bench.take(at: 1).map(\.address) == ["c\u{1F600}\""])
        for limit in [0, 257] {
            await expectThrows(.outOfRange(.limit, allowed: 1...256, found: limit)) {
                try await bench.take(limit, at: 1)
            }
        }
        #expect(try await bench.take(256, at: 999).count == 5)
    },
    ConformanceCheck("URLs of one host share, whatever else is in them") { bench in
        let addresses = [
            "https://a.example/1", "http://A.example:8443/2?x=/y", "https://a.example.?z",
            "https://b.example/://a.example/",
            "http://[2001:DB8::1]:80/", "https://[2001:db8::1]/x", "https://a.example.org/",
        ]
        for address in addresses {
            try await bench.submit { $0.subscription = Subscription(address: address, eventTypes: ["state"]) }
        }
        let taken = try await bench.take(share: 1, leavingOut: ["a.example.org"], at: 1)
        #expect(taken.map(\.address) == [addresses[0], addresses[3], addresses[4]])
        #expect(taken.map(\.receiver) == ["a.example", "b.example", "[2001:db8::1"])
        #expect(try await bench.take(at: 1).map(\.address) == [1, 2, 5, 6].map { addresses[$0] })
    },
    ConformanceCheck("a clock that went back does not keep a notice waiting") { bench in
        try await bench.submit(at: 7_201) { $0.subscription = all }
        #expect(try await bench.take(at: 3_601) == [])
        #expect(try await bench.take(at: 3_600).count == 1)
    },
]
