// Time-outs, bounds on numbers, draining.
import HTTP1
import HTTPServer
import Sockets
import Testing

extension SocketTests {
    @Suite(.timeLimit(.minutes(10))) struct LifetimeTests {
        @Test func aSlowHeadIsRefused() async throws {
            try await withServer(Setup(configure: { $0.timeouts.head = .milliseconds(100) })) { server in
                let client = try TestClient(server)
                try await client.send("GET / HTTP/1.1\r\n")
                let all = try await client.rest()
                #expect(all.hasPrefix("HTTP/1.1 408 ") && all.contains("Connection: close"))
            }
        }

        @Test func anIdleConnectionIsClosed() async throws {
            try await withServer(Setup(configure: { $0.timeouts.idle = .milliseconds(100) })) { server in
                let silent = try TestClient(server)
                let answered = try TestClient(server)
                try await answered.send(get("/"))
                _ = try await answered.answer()
                #expect(try await silent.rest() == "")
                #expect(try await answered.rest() == "")
            }
        }

        @Test func aSlowBodyIsRefused() async throws {
            try await withServer(
                Setup(configure: {
                    $0.timeouts.bodyWindow = .milliseconds(100)
                    $0.timeouts.bodyBytesPerWindow = 5
                })
            ) { server in
                let client = try TestClient(server)
                try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n0123")
                #expect(try await client.rest().hasPrefix("HTTP/1.1 408 "))
            }
        }

        /// A body that is read piece by piece, however slowly the pieces come.
        private func streamed(bytesPerWindow: Int, window: Duration, before: (@Sendable () async -> Void)? = nil)
            -> Setup
        {
            Setup(
                configure: {
                    $0.timeouts.bodyWindow = window
                    $0.timeouts.bodyBytesPerWindow = bytesPerWindow
                },
                routes: { router in
                    router.add(
                        .put, "/streamed", body: .streamed(limit: 1 << 20),
                        .offLoop { request in
                            guard case .streamed(let reader) = request.body else { return Response(status: .conflict) }
                            await before?()
                            var count = 0
                            while let piece = try await reader.next() { count += piece.count }
                            return Response(body: .bytes(Array("\(count)".utf8)))
                        })
                })
        }

        /// A handler that asks for every byte does not excuse who sends a byte at a time.
        @Test func aSlowStreamedBodyIsRefused() async throws {
            try await withServer(streamed(bytesPerWindow: 50, window: .milliseconds(200))) { server in
                let client = try TestClient(server)
                try await client.send("PUT /streamed HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n")
                for _ in 0..<40 {
                    try await Task.sleep(for: .milliseconds(20))
                    // Refused meanwhile, it may be closed.
                    guard (try? await client.send("x")) != nil else { break }
                }
                try? await client.endWriting()
                #expect(try await client.answer().status == 408)
            }
        }

        /// What the server has no room for yet is not late.
        @Test func aHandlerThatReadsLateDoesNotMakeTheBodyLate() async throws {
            let setup = streamed(bytesPerWindow: 50, window: .milliseconds(50)) {
                try? await Task.sleep(for: .milliseconds(400))
            }
            try await withServer(setup) { server in
                let client = try TestClient(server)
                try await client.send(
                    "PUT /streamed HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
                        + String(repeating: "x", count: 100_000))
                let answer = try await client.answer()
                #expect(answer.status == 200 && answer.body == "100000")
            }
        }

        @Test func aReaderThatNeverReadsIsDropped() async throws {
            let log = Record<AccessRecord>()
            try await withServer(
                Setup(
                    configure: {
                        $0.timeouts.writeStall = .milliseconds(200)
                        $0.log = { log.add($0) }
                    },
                    routes: { router in
                        router.add(
                            .get, "/flood",
                            .inline { _ in
                                Response(
                                    body: .stream(length: nil) { writer in
                                        while true { try await writer.write([UInt8](repeating: 120, count: 10_000)) }
                                    })
                            })
                    }
                )
            ) { server in
                let client = try TestClient(server)
                try await client.send(get("/flood"))
                _ = await log.wait(for: 1)
                #expect(server.connectionCount == 0)
                _ = client
            }
        }

        @Test(arguments: [true, false]) func oneConnectionTooManyIsTurnedAway(_ ofAddress: Bool) async throws {
            let setup = Setup(configure: { configuration in
                if ofAddress { configuration.connectionsPerAddress = 2 } else { configuration.connections = 2 }
            })
            try await withServer(setup) { server in
                let clients = try (0..<2).map { _ in try TestClient(server) }
                for client in clients {
                    try await client.send(get("/"))
                    #expect(try await client.answer().status == 200)
                }
                let third = try TestClient(server)
                let answer = try await third.answer()
                #expect(answer.status == 503 && answer.field("Retry-After") == "1")
            }
        }

        @Test func oneHandlerTooManyIsRefused() async throws {
            let started = Record<Int>()
            let gate = AsyncStream<Void>.makeStream()
            try await withServer(
                Setup(
                    configure: { $0.handlersAtOnce = 1 },
                    routes: { router in
                        router.add(
                            .get, "/wait",
                            .offLoop { _ in
                                started.add(1)
                                for await _ in gate.stream { break }
                                return Response()
                            })
                    }
                )
            ) { server in
                let first = try TestClient(server)
                try await first.send(get("/wait"))
                _ = await started.wait(for: 1)
                let second = try TestClient(server)
                try await second.send(get("/wait"))
                let refused = try await second.answer()
                #expect(refused.status == 503 && refused.field("Retry-After") == "1")
                try await second.send(get("/"))
                #expect(try await second.answer().status == 200)
                gate.continuation.yield()
                #expect(try await first.answer().status == 200)
            }
        }

        @Test func drainingAnswersWhatIsOpen() async throws {
            let started = Record<Int>()
            let gate = AsyncStream<Void>.makeStream()
            try await withServer(
                Setup(routes: { router in
                    router.add(
                        .get, "/wait",
                        .offLoop { _ in
                            started.add(1)
                            for await _ in gate.stream { break }
                            return Response(body: .bytes(Array("done".utf8)))
                        })
                    router.add(
                        .get, "/events",
                        .inline { _ in
                            Response(
                                body: .stream(length: nil) { writer in
                                    try await writer.write(Array("begun".utf8))
                                    while !writer.isDraining { try await Task.sleep(for: .milliseconds(5)) }
                                    try await writer.write(Array("server".utf8))
                                })
                        })
                })
            ) { server in
                let idle = try TestClient(server)
                try await idle.send(get("/"))
                _ = try await idle.answer()
                let busy = try TestClient(server)
                try await busy.send(get("/wait"))
                _ = await started.wait(for: 1)
                let streaming = try TestClient(server)
                try await streaming.send(get("/events"))
                _ = try await streaming.head()
                #expect(try await streaming.chunk() == "begun")

                async let drained: Void = server.drain(grace: .seconds(20))
                #expect(try await idle.rest() == "")
                #expect(try await streaming.chunk() == "server")
                #expect(try await streaming.chunk() == "")
                gate.continuation.yield()
                let answer = try await busy.answer()
                #expect(answer.body == "done" && answer.field("Connection") == "close")
                await drained
                #expect(throws: SystemError.self) { try TestClient(server) }
            }
        }
    }
}
