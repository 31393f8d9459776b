// The event log over the wire: renderings, resuming, many readers, slow readers, the end of the service.
import HTTPServer
import JobQueue
import ProblemSpecification
import Service
import Testing

extension APITests {
    @Suite(.timeLimit(.minutes(10))) struct EventStreamTests {
        static func events(_ text: String) throws -> [JSONValue] {
            try text.split(separator: "\n").map { try JSONParser.parse(String($0)) }
        }

        static func numbers(_ text: String) throws -> [Int] {
            try events(text).compactMap { $0["seq"]?.double.map { Int($0) } }
        }

        @Test func aStreamFollowsToTheEnd() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let reader = try house.client()
                let head = try await reader.stream("/v1/jobs/\(id)/events")
                #expect(head.status == 200 && head["content-type"] == "application/x-ndjson")
                #expect(head["cache-control"] == "no-store" && head["x-accel-buffering"] == "no")
                #expect(try await reader.read(through: "\n").contains("\"state\":\"queued\""))
                let lease = try await house.claim()
                try await house.append(3, to: lease)
                try await house.finish(lease)
                let events = try Self.events(try await reader.rest())
                #expect(events.compactMap { $0["type"]?.text } == ["state", "progress", "progress", "progress", "end"])
                #expect(events.compactMap { $0["seq"] } == (2...6).map { .integer($0) })
                let end = try #require(events.last)
                #expect(end["attempt"] == .integer(1) && end["data"]?["termination"]?.text == "converged")
                #expect(end["data"]?["result"]?.text == "/v1/jobs/\(id)/result")
                #expect(try await reader.get("/livez").status == 200)
            }
        }

        @Test func resumingGivesExactlyTheRest() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let lease = try await house.claim()
                for _ in 0..<3 { try await house.append(300, to: lease) }
                try await house.finish(lease)
                let last = 903
                for after in [0, 1, 2, 199, 200, 201, 500, 901, 902] {
                    _ = try await client.stream("/v1/jobs/\(id)/events?after=\(after)")
                    #expect(try Self.numbers(try await client.rest()) == Array((after + 1)...last))
                }
                _ = try await client.stream("/v1/jobs/\(id)/events?after=5", "Last-Event-ID: 900")
                #expect(try Self.numbers(try await client.rest()) == [901, 902, 903])
                _ = try await client.stream("/v1/jobs/\(id)/events?after=\(last)")
                #expect(try await client.rest() == "")
            }
        }

        @Test func serverSentEventsCarryNumbersAndStopAtTheEnd() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                try await house.finish(try await house.claim())
                let head = try await client.stream("/v1/jobs/\(id)/events?after=1", "Accept: text/event-stream")
                #expect(head["content-type"] == "text/event-stream")
                let blocks = try await client.rest().split(separator: "\n\n")
                #expect(blocks.count == 2)
                #expect(blocks[0].hasPrefix("id: 2\nevent: state\ndata: {\"seq\":2,"))
                #expect(blocks[1].hasPrefix("id: 3\nevent: end\ndata: {\"seq\":3,"))
                #expect(
                    try await client.get("/v1/jobs/\(id)/events?after=3", "Accept: text/event-stream").status == 204)
                #expect(
                    try await client.get("/v1/jobs/\(id)/events?after=2", "Accept: text/event-stream").status == 200)
            }
        }

        @Test func pagesFollowOneAnother() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let lease = try await house.claim()
                try await house.append(7, to: lease)
                var after = 0
                var seen: [Int] = []
                while true {
                    let answer = try await client.get(
                        "/v1/jobs/\(id)/events?after=\(after)&limit=4", "Accept: application/json")
                    let page = try answer.json
                    seen += page["items"]?.elements?.compactMap { $0["seq"]?.double.map { Int($0) } } ?? []
                    after = Int(page["next_after"]?.double ?? 0)
                    #expect(page["ended"] == .bool(false))
                    if page["has_more"] == .bool(false) { break }
                }
                #expect(seen == Array(1...9))
                try await house.finish(lease)
                let last = try await client.get("/v1/jobs/\(id)/events?after=9", "Accept: application/json").json
                #expect(last["ended"] == .bool(true) && last["items"]?.elements?.count == 1)
            }
        }

        @Test func typesAreChosenAndTheEndAlwaysComes() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let lease = try await house.claim()
                try await house.append(2, to: lease)
                try await house.append(1, "warning", to: lease)
                let reader = try house.client()
                _ = try await reader.stream("/v1/jobs/\(id)/events?types=warning&types=checkpoint")
                #expect(try Self.numbers(try await reader.read(through: "\n")) == [5])
                try await house.append(2, to: lease)
                try await house.finish(lease)
                #expect(try Self.numbers(try await reader.rest()) == [8])
                _ = try await client.stream("/v1/jobs/\(id)/events?types=progress&follow=false")
                #expect(try Self.numbers(try await client.rest()) == [3, 4, 6, 7, 8])
                let answer = try await client.get("/v1/jobs/\(id)/events?types=progres")
                #expect(try await client.get("/v1/jobs/\(id)/events?types=").status == 400)
                #expect(answer.status == 400 && answer.detail.contains("did you mean \"progress\"?"))
            }
        }

        @Test func aStreamThatDoesNotFollowEndsWithWhatThereIs() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                _ = try await client.stream("/v1/jobs/\(id)/events?follow=false")
                #expect(try Self.numbers(try await client.rest()) == [1])
            }
        }

        @Test(arguments: [
            ("after=-1", 400), ("after=x", 400), ("follow=maybe", 400), ("limit=501", 400), ("rate=1", 400),
        ])
        func parametersAreChecked(_ query: String, _ status: Int) async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                #expect(try await client.get("/v1/jobs/\(id)/events?\(query)").status == status)
                #expect(try await client.get("/v1/jobs/\(id)/events?\(query)", "Last-Event-ID: 0").status == status)
                for number in ["x", "-1", "+1", "1234567890123456789"] {
                    #expect(try await client.get("/v1/jobs/\(id)/events", "Last-Event-ID: \(number)").status == 400)
                }
                #expect(try await client.get("/v1/jobs/\(id)/events", "Accept: image/png").status == 406)
            }
        }

        @Test func manyReadersSeeTheSame() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let lease = try await house.claim()
                let seen = try await withThrowingTaskGroup(of: [Int].self) { group in
                    for index in 0..<20 {
                        let reader = try house.client()
                        group.addTask {
                            let accept = index.isMultiple(of: 2) ? "application/x-ndjson" : "*/*"
                            _ = try await reader.stream("/v1/jobs/\(id)/events", "Accept: \(accept)")
                            return try Self.numbers(try await reader.rest())
                        }
                    }
                    // Fewer in all than a reader may be behind, so that not even one that is never let run loses any.
                    for _ in 0..<40 { try await house.append(24, to: lease) }
                    try await house.finish(lease)
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(seen.count == 20 && seen.allSatisfy { $0 == Array(1...963) })
            }
        }

        @Test func aSlowReaderLosesOnlyProgressAndIsTold() async throws {
            var setup = Setup()
            setup.limits.readerBacklog = 100
            try await withHouse(setup) { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let lease = try await house.claim()
                let reader = try house.client()
                _ = try await reader.stream("/v1/jobs/\(id)/events")
                var text = try await reader.read(through: "\"running\"")
                // More than the kernel's buffers hold, while nobody reads.
                var warnings: [Int] = []
                var last = 2
                for _ in 0..<80 {
                    try await house.append(100, to: lease, bytes: 4_000)
                    try await house.append(1, "warning", to: lease)
                    last += 101
                    warnings.append(last)
                }
                try await house.finish(lease)
                text += try await reader.rest()
                let events = try Self.events(text)
                let received = try Self.numbers(text)
                let gaps = events.filter { $0["type"]?.text == "gap" }
                #expect(!gaps.isEmpty && gaps.allSatisfy { $0["seq"] == nil })
                var all = received
                for gap in gaps {
                    #expect(gap["data"]?["reason"]?.text == "slow-reader")
                    let from = try #require(gap["data"]?["from"]?.double)
                    let to = try #require(gap["data"]?["to"]?.double)
                    all += Array(Int(from)...Int(to))
                }
                #expect(received == received.sorted())
                #expect(all.sorted() == Array(1...(last + 1)), "every number came or was announced, once")
                #expect(Set(warnings).isSubset(of: received))
                #expect(events.last?["type"]?.text == "end")
                let metrics = try await client.get("/metrics").text
                let dropped = last + 1 - received.count
                #expect(metrics.contains("stackelberg_events_dropped_total \(dropped)\n"))
            }
        }

        @Test func compactedNumbersShowAsGaps() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let lease = try await house.claim()
                try await house.append(20, to: lease)
                try await house.finish(lease)
                let policy = CompactionPolicy(minimumAge: .zero, keptNewest: 1, keptEvery: 10)
                _ = try await house.store.compact(policy, measuring: { _ in [] }, at: House.now().calendar)
                for accept in ["application/x-ndjson", "text/event-stream"] {
                    _ = try await client.stream("/v1/jobs/\(id)/events", "Accept: \(accept)")
                    let text = try await client.rest()
                    let gaps = text.split(separator: "\n").filter { $0.contains("\"compacted\"") }
                    #expect(gaps.count == 3 && gaps[0].contains("\"from\":4,\"to\":9"))
                    #expect(!text.contains("id: 4\n") && !text.contains("\"seq\":4,"))
                }
                let page = try await client.get("/v1/jobs/\(id)/events", "Accept: application/json").json
                #expect(page["items"]?.elements?.filter { $0["type"]?.text == "gap" }.count == 3)
            }
        }

        @Test func silenceIsBrokenBySignsOfLife() async throws {
            var setup = Setup()
            setup.limits.keepAlive = .milliseconds(50)
            try await withHouse(setup) { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let lines = try house.client()
                _ = try await lines.stream("/v1/jobs/\(id)/events?types=end")
                let sign = try #require(try Self.events(try await lines.read(through: "\n")).first)
                #expect(sign["type"]?.text == "keep-alive" && sign["seq"] == nil)
                let comments = try house.client()
                _ = try await comments.stream("/v1/jobs/\(id)/events?after=1", "Accept: text/event-stream")
                #expect(try await comments.read(through: "\n\n") == ": keep-alive\n\n")
                // A deleted job ends its streams without an end.
                _ = try await house.store.delete(id, force: true)
                #expect(try await !lines.rest().contains("\"end\""))
            }
        }

        @Test func aJobThatEndsBeforeTheNumberAskedForEndsTheStream() async throws {
            var setup = Setup()
            setup.limits.keepAlive = .milliseconds(50)
            try await withHouse(setup) { house in
                let client = try house.client()
                let id = try await house.submit(client)
                _ = try await client.stream("/v1/jobs/\(id)/events?after=1000")
                _ = try await client.read(through: "\n")
                let lease = try await house.claim()
                try await house.append(3, to: lease)
                try await house.finish(lease)
                #expect(try await !client.rest().contains("progress"))
            }
        }

        /// The end is told to who follows, also where the job is deleted before it is sent.
        @Test func deletingAJobTakesNobodyItsEnd() async throws {
            try await withHouse { house in
                let client = try house.client()
                for _ in 0..<20 {
                    let id = try await house.submit(client)
                    var readers: [APIClient] = []
                    for _ in 0..<5 {
                        let reader = try house.client()
                        _ = try await reader.stream("/v1/jobs/\(id)/events")
                        _ = try await reader.read(through: "\n")
                        readers.append(reader)
                    }
                    while house.store.feed.tail(of: id).waitingCount < readers.count { await Task.yield() }
                    try await house.finish(try await house.claim())
                    _ = try await house.store.delete(id, force: false)
                    for reader in readers { #expect(try await reader.rest().contains("\"type\":\"end\"")) }
                }
            }
        }

        @Test func aServiceThatEndsSaysSo() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                _ = try await client.stream("/v1/jobs/\(id)/events")
                _ = try await client.read(through: "\n")
                house.status.beginDraining()
                let notice = try #require(try Self.events(try await client.rest()).last)
                #expect(notice["type"]?.text == "server" && notice["seq"] == nil)
                #expect(notice["data"]?["after"] == .integer(1) && notice["data"]?["reconnect"] == .bool(true))
            }
        }

        @Test func aServerThatDrainsTellsItsStreams() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                _ = try await client.stream("/v1/jobs/\(id)/events", "Accept: text/event-stream")
                _ = try await client.read(through: "\n\n")
                async let drained: Void = house.server.drain(grace: .seconds(10))
                #expect(try await client.rest().hasPrefix("event: server\ndata: {\"type\":\"server\""))
                await drained
            }
        }

        @Test func aReaderThatLeavesIsForgotten() async throws {
            var setup = Setup()
            // A reader that has left is noticed when something is written to it.
            setup.limits.keepAlive = .milliseconds(50)
            try await withHouse(setup) { house in
                let client = try house.client()
                let id = try await house.submit(client)
                do {
                    let reader = try house.client()
                    _ = try await reader.stream("/v1/jobs/\(id)/events")
                    _ = try await reader.read(through: "\n")
                    #expect(try await client.get("/metrics").text.contains("stackelberg_stream_clients 1\n"))
                }
                while house.store.feed.tailCount > 0 { await Task.yield() }
                #expect(try await house.store.job(id).state == .queued)
            }
        }
    }
}
