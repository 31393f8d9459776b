// What one peer may take of a loop that it shares: turns for its requests, room and work for content that it sends in gzip.
import Glibc
import HTTP1
import HTTPServer
import Sockets
import Synchronization
import Testing

extension SocketTests {
    @Suite(.timeLimit(.minutes(10))) struct FairnessTests {
        /// A thousand requests of one peer, a few in each of its segments, and eight of another behind them. Each break
        /// of the second lets the first have a turn or two, not one for each of its segments.
        @Test func aPeerHasOneTurnAtATime() async throws {
            let answered = Record<Character>()
            let setup = Setup(
                configure: {
                    $0.loops = 1
                    $0.limits.pipelinedDepth = 1
                },
                routes: { router in
                    for name in ["a", "b"] {
                        router.add(
                            .get, "/\(name)",
                            .inline { _ in
                                usleep(300)
                                answered.add(Character(name))
                                return Response()
                            })
                    }
                })
            try await withServer(setup) { server in
                let (greedy, modest) = (try TestClient(server), try TestClient(server))
                for _ in 0..<200 {
                    try await greedy.send(String(repeating: get("/a"), count: 10))
                    try await Task.sleep(for: .milliseconds(1))
                }
                try await modest.send(String(repeating: get("/b"), count: 8))
                for _ in 0..<8 { _ = try await modest.answer() }
                let order = answered.all
                let first = try #require(order.firstIndex(of: "b"))
                let last = try #require(order.lastIndex(of: "b"))
                #expect(order[first...last].count { $0 == "a" } <= 60)
            }
        }

        /// Requests that take two milliseconds each, two hundred at once: another peer, which asks one by one, waits for a few
        /// of them, not for as many as are answered in a round.
        @Test func requestsThatTakeLongLeaveTurnsToOthers() async throws {
            let answered = Record<Character>()
            let setup = Setup(
                configure: { $0.loops = 1 },
                routes: { router in
                    for (name, pause) in [("a", UInt32(2_000)), ("b", 0)] {
                        router.add(
                            .get, "/\(name)",
                            .inline { _ in
                                usleep(pause)
                                answered.add(Character(name))
                                return Response()
                            })
                    }
                })
            try await withServer(setup) { server in
                let (greedy, modest) = (try TestClient(server), try TestClient(server))
                try await greedy.send(String(repeating: get("/a"), count: 200))
                for _ in 0..<8 {
                    try await modest.send(get("/b"))
                    _ = try await modest.answer()
                }
                let order = answered.all
                let first = try #require(order.firstIndex(of: "b"))
                let last = try #require(order.lastIndex(of: "b"))
                #expect(order[first...last].count { $0 == "a" } <= 60)
            }
        }

        /// A body in chunks of one byte: a read of the socket brings ten thousand of them, and others have their turn before
        /// they are all looked at. Its handler is woken for many at once.
        @Test func aBodyInCrumbsLeavesTurnsToOthers() async throws {
            let seen = Count()
            let (paused, looks) = (Record<Int>(), Record<Int>())
            let setup = Setup(
                configure: {
                    $0.loops = 1
                    $0.limits.pipelinedDepth = 1
                    $0.bodyWitness = { _ in seen }
                },
                routes: { router in
                    router.add(
                        .get, "/pause",
                        .inline { _ in
                            paused.add(1)
                            usleep(200_000)
                            return Response()
                        })
                    router.add(
                        .get, "/look",
                        .inline { _ in
                            looks.add(seen.bytes)
                            return Response()
                        })
                    router.add(
                        .put, "/streamed", body: .streamed(limit: 1 << 20),
                        .offLoop { request in
                            guard case .streamed(let reader) = request.body else { return Response(status: .conflict) }
                            var (count, pieces) = (0, 0)
                            while let piece = try await reader.next() {
                                count += piece.count
                                pieces += 1
                            }
                            return Response(body: .bytes(Array("\(count) \(pieces <= count / 100)".utf8)))
                        })
                })
            try await withServer(setup) { server in
                let (client, other) = (try TestClient(server), try TestClient(server))
                try await other.send(get("/pause") + String(repeating: get("/look"), count: 40))
                _ = await paused.wait(for: 1)
                let head = "PUT /streamed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                try await client.send(head + String(repeating: "1\r\nx\r\n", count: 50_000) + "0\r\n\r\n")
                #expect(try await client.answer().body == "50000 true")
                for _ in 0..<41 { _ = try await other.answer() }
                // Two rounds of 2,048 chunks are a turn.
                let steps = zip(looks.all, looks.all.dropFirst()).map { $1 - $0 }
                #expect(steps.max() ?? 0 <= 8_192, "\(steps)")
                #expect(looks.all.last == 50_000)
            }
        }

        private final class Count: BodyWitness {
            private let count = Atomic(0)
            var bytes: Int { count.load(ordering: .relaxed) }

            func see(_ bytes: [UInt8]) { count.add(bytes.count, ordering: .relaxed) }
        }

        /// Eight million letters in as many thousand bytes: no more of them is decoded than there is room for.
        @Test func contentInGzipIsDecodedAsItIsRead() async throws {
            let (gate, open) = AsyncStream<Void>.makeStream()
            let begun = Record<Int>()
            let seen = Count()
            let setup = Setup(
                configure: {
                    $0.loops = 1
                    $0.decompressionRatio = 2_000
                    $0.bodyWitness = { _ in seen }
                },
                routes: { router in
                    router.add(
                        .put, "/streamed", body: .streamed(limit: 8_000_000),
                        .offLoop { request in
                            guard case .streamed(let reader) = request.body else { return Response(status: .conflict) }
                            begun.add(1)
                            for await _ in gate { break }
                            var (count, largest) = (0, 0)
                            while let piece = try await reader.next() {
                                count += piece.count
                                largest = max(largest, piece.count)
                            }
                            return Response(body: .bytes(Array("\(count) \(largest <= 600_000)".utf8)))
                        })
                })
            try await withServer(setup) { server in
                let (client, other) = (try TestClient(server), try TestClient(server))
                let body = Gzip.compress(String(repeating: "x", count: 8_000_000))
                let head =
                    "PUT /streamed HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n"
                    + "Content-Length: \(body.count)\r\n\r\n"
                try await client.send(Array(head.utf8) + body)
                _ = await begun.wait(for: 1)
                // The loop takes what is ready in turn: after two more answers it has read that content.
                for _ in 0..<2 {
                    try await other.send(get("/"))
                    _ = try await other.answer()
                }
                #expect((1...1_024).contains(seen.bytes) && body.count > 7_000)
                open.yield()
                #expect(try await client.answer().body == "8000000 true")
                #expect(seen.bytes == body.count)
            }
        }

        /// Nothing more comes from the peer: what was put off for the others' sake goes on by itself.
        @Test func decodingThatWasPutOffGoesOn() async throws {
            let setup = Setup(
                configure: { $0.decompressionRatio = 2_000 },
                routes: { router in
                    router.add(
                        .put, "/large", body: .collected(limit: 16 << 20),
                        .inline { Response(body: .bytes(Array("\($0.content.count)".utf8))) })
                })
            try await withServer(setup) { server in
                let client = try TestClient(server)
                let body = Gzip.compress(String(repeating: "x", count: 16 << 20))
                let head =
                    "PUT /large HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: \(body.count)\r\n\r\n"
                for _ in 0..<2 {
                    try await client.send(Array(head.utf8) + body)
                    #expect(try await client.answer().body == "\(16 << 20)")
                }
            }
        }
    }
}
