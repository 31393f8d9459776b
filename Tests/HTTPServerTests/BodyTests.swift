// Bodies in both directions: framing, limits, 100-continue, streams and their back-pressure.
import Glibc
import HTTP1
import HTTPServer
import Sockets
import Synchronization
import Testing

extension SocketTests {
    @Suite(.timeLimit(.minutes(10))) struct BodyTests {
        private static let chunkedPost = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

        @Test func collectsALength() async throws {
            try await withServer { server in
                let client = try TestClient(server)
                let body = String(repeating: "0123456789", count: 10_000)
                try await client.send(post("/echo", body))
                #expect(try await client.answer().body == body)
            }
        }

        @Test func collectsChunks() async throws {
            try await withServer { server in
                let client = try TestClient(server)
                for byte in (Self.chunkedPost + "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nA: b\r\n\r\n").utf8 {
                    try await client.send([byte])
                }
                #expect(try await client.answer().body == "hello")
            }
        }

        @Test(arguments: [(10, 200), (11, 413)]) func holdsTheLimitOfARoute(_ size: Int, _ status: Int) async throws {
            try await withServer(
                Setup(routes: { router in
                    router.add(.put, "/small", body: .collected(limit: 10), .inline { _ in Response() })
                })
            ) { server in
                let body = String(repeating: "x", count: size)
                let announced = try TestClient(server)
                try await announced.send("PUT /small HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n\(body)")
                #expect(try await announced.answer().status == status)
                let chunked = try TestClient(server)
                try await chunked.send(
                    "PUT /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "\(String(size, radix: 16))\r\n\(body)\r\n0\r\n\r\n")
                #expect(try await chunked.answer().status == status)
            }
        }

        /// A head may be longer than what is buffered of answers and bodies.
        @Test(arguments: [(4_000, 200), (20_000, 200), (65_536, 200), (65_537, 431), (200_000, 431)])
        func aHeadOfAnyLengthIsAnswered(_ size: Int, _ status: Int) async throws {
            try await withServer(
                Setup(configure: {
                    $0.bufferedBytes = 4_096
                    $0.limits.fieldBytes = 300_000
                })
            ) { server in
                let client = try TestClient(server)
                let start = "GET / HTTP/1.1\r\nHost: a\r\nA: "
                try await client.send(start + String(repeating: "x", count: size - start.utf8.count - 4) + "\r\n\r\n")
                #expect(try await client.answer().status == status)
            }
        }

        @Test func refusesBeforeReading() async throws {
            try await withServer { server in
                let client = try TestClient(server)
                try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n")
                let answer = try await client.answer()
                #expect(answer.status == 413 && answer.field("Connection") == "close")
            }
        }

        @Test(arguments: ["/", "/nothing", "/echo"]) func anUnwantedBodyIsCheckedAndDropped(_ path: String) async throws
        {
            try await withServer(Setup(routes: { $0.add(.delete, "/", .inline { _ in Response() }) })) { server in
                let head = "DELETE \(path) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                let client = try TestClient(server)
                try await client.send(head + "5\r\nhello\r\n0\r\n\r\n" + get("/"))
                #expect(try await client.answer().status != 400)
                #expect(try await client.answer().body == "hello")
                try await client.send(head + "0x5\r\nhello\r\n0\r\n\r\n")
                #expect(try await client.answer().status == 400)
            }
        }

        @Test(arguments: [(65_536, true), (65_537, false)])
        func anUnwantedBodyHasALimit(_ size: Int, _ staysOpen: Bool) async throws {
            try await withServer { server in
                let body = String(repeating: "x", count: size)
                for request in [
                    post("/nothing", body),
                    "POST /nothing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "\(String(size, radix: 16))\r\n\(body)\r\n0\r\n\r\n",
                ] {
                    let client = try TestClient(server)
                    try await client.send(request)
                    let answer = try await client.answer()
                    #expect(answer.status == 404)
                    #expect((answer.field("Connection") == "close") == !staysOpen)
                }
            }
        }

        @Test func noAnswerIsLostToTheBodyBehindIt() async throws {
            try await withServer { server in
                let client = try TestClient(server)
                let body = String(repeating: "x", count: 800_000)
                try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 800000\r\n\r\n\(body)")
                #expect(try await client.answer().status == 413)
                #expect(try await client.rest() == "")
            }
        }

        /// A peer that has sent more than one request, and its end, and reads what it gets slowly.
        @Test func noLongAnswerIsLostToWhatCameBehindItsRequest() async throws {
            let content = [UInt8](repeating: 120, count: 8_000_000)
            let setup = Setup(
                configure: { $0.timeouts.linger = .seconds(50) },
                routes: { $0.add(.get, "/long", .inline { _ in Response(body: .bytes(content)) }) })
            try await withServer(setup) { server in
                let client = try TestClient(server)
                try await client.send(get("/long", "Connection: close") + String(repeating: "x", count: 300_000))
                try await client.endWriting()
                var count = 0
                // The server is done with the connection while much of the answer is still on its way.
                while server.connectionCount > 0 {
                    count += try await client.some().count
                    try await Task.sleep(for: .milliseconds(1))
                }
                while case let piece = try await client.some(), !piece.isEmpty { count += piece.count }
                #expect(count > content.count)
            }
        }

        @Test func admissionRefusesBeforeReading() async throws {
            try await withServer(
                Setup(configure: {
                    $0.admission = { head, _, _ in
                        head.fields["authorization"] == nil ? Response(status: .unauthorized) : nil
                    }
                })
            ) { server in
                let client = try TestClient(server)
                try await client.send(
                    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
                let all = try await client.rest()
                #expect(all.hasPrefix("HTTP/1.1 401 ") && all.contains("Connection: close"))
            }
        }

        @Test func continuesWhenTheBodyIsWanted() async throws {
            try await withServer(
                Setup(routes: { router in
                    router.add(
                        .post, "/stream", body: .streamed(limit: 10),
                        .offLoop { request in
                            guard case .streamed(let reader) = request.body else { return Response(status: .conflict) }
                            var content: [UInt8] = []
                            for try await piece in reader { content += piece }
                            return Response(body: .bytes(content))
                        })
                })
            ) { server in
                for path in ["/echo", "/stream"] {
                    let client = try TestClient(server)
                    try await client.send(
                        "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
                    #expect(try await client.head() == "HTTP/1.1 100 Continue\r\n\r\n")
                    try await client.send("hello")
                    #expect(try await client.answer().body == "hello")
                }
            }
        }

        @Test func aStreamedBodyHasALimit() async throws {
            try await withServer(
                Setup(routes: { router in
                    router.add(
                        .post, "/stream", body: .streamed(limit: 10),
                        .offLoop { request in
                            guard case .streamed(let reader) = request.body else { return Response(status: .conflict) }
                            while try await reader.next() != nil {}
                            return Response()
                        })
                })
            ) { server in
                for (size, status) in [(10, 200), (11, 413)] {
                    let client = try TestClient(server)
                    try await client.send(
                        "POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                            + "\(String(size, radix: 16))\r\n\(String(repeating: "x", count: size))\r\n0\r\n\r\n")
                    #expect(try await client.answer().status == status)
                }
            }
        }

        @Test func streamsAnAnswerInChunks() async throws {
            try await withServer(
                Setup(routes: { router in
                    router.add(
                        .get, "/events",
                        .inline { _ in
                            Response(
                                body: .stream(length: nil) { writer in
                                    for number in 0..<1000 { try await writer.write(Array("event \(number)\n".utf8)) }
                                })
                        })
                })
            ) { server in
                let client = try TestClient(server)
                try await client.send(get("/events") + get("/"))
                let answer = try await client.answer()
                #expect(answer.body == (0..<1000).map { "event \($0)\n" }.joined())
                #expect(try await client.answer().body == "hello")
                try await client.send("HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n" + get("/"))
                #expect(try await client.answer(toHead: true).field("Transfer-Encoding") == "chunked")
                #expect(try await client.answer().body == "hello")
            }
        }

        @Test func streamsToHTTP10UntilClose() async throws {
            try await withServer(
                Setup(routes: { router in
                    router.add(
                        .get, "/events",
                        .inline { _ in
                            Response(body: .stream(length: nil) { try await $0.write(Array("hello".utf8)) })
                        })
                })
            ) { server in
                let client = try TestClient(server)
                try await client.send("GET /events HTTP/1.0\r\n\r\n")
                let answer = try await client.answer()
                #expect(answer.field("Transfer-Encoding") == nil && answer.body == "hello")
            }
        }

        /// A producer that fails behind its first word.
        private static var broken: Setup {
            struct Mistake: Error {}
            return Setup(routes: { router in
                router.add(
                    .get, "/broken",
                    .inline { _ in
                        Response(
                            body: .stream(length: nil) { writer in
                                try await writer.write(Array("hello".utf8))
                                throw Mistake()
                            })
                    })
            })
        }

        /// Where the end of the connection is the end of the content, a cut must not look like one.
        @Test func aCutStreamToHTTP10IsReset() async throws {
            try await withServer(Self.broken) { server in
                let client = try TestClient(server)
                try await client.send("GET /broken HTTP/1.0\r\n\r\n")
                let error = await #expect(throws: SystemError.self) { try await client.rest() }
                #expect(error?.code == ECONNRESET)
            }
        }

        @Test func aLongAnswerArrivesWhole() async throws {
            let content = (0..<400_000).map { UInt8(ascii: "a") + UInt8($0 % 26) }
            try await withServer(
                Setup(routes: { router in
                    router.add(.get, "/long", .inline { _ in Response(body: .bytes(content)) })
                })
            ) { server in
                let client = try TestClient(server)
                try await client.send(get("/long") + get("/"))
                #expect(try await client.answer().body == String(decoding: content, as: UTF8.self))
                #expect(try await client.answer().body == "hello")
            }
        }

        @Test func aProducerWaitsForItsReaderAndIsCancelledWithIt() async throws {
            let written = Record<Int>()
            let ended = Record<Bool>()
            try await withServer(
                Setup(routes: { router in
                    router.add(
                        .get, "/flood",
                        .inline { _ in
                            Response(
                                body: .stream(length: nil) { writer in
                                    defer { ended.add(Task.isCancelled) }
                                    for number in 0..<100_000 {
                                        try await writer.write([UInt8](repeating: 120, count: 10_000))
                                        written.add(number)
                                    }
                                })
                        })
                })
            ) { server in
                do {
                    let client = try TestClient(server)
                    try await client.send(get("/flood"))
                    _ = try await client.head()
                    _ = await written.wait(for: 20)
                }
                // The client is gone with bytes unread: a reset.
                #expect(await ended.wait(for: 1) == [true])
                // What the kernel's two socket buffers hold, and no more.
                #expect(written.all.count < 2000)
            }
        }

        @Test func aProducersErrorCutsTheAnswer() async throws {
            try await withServer(Self.broken) { server in
                let client = try TestClient(server)
                try await client.send(get("/broken"))
                let all = try await client.rest()
                #expect(!all.hasSuffix("0\r\n\r\n"))
            }
        }

        @Test func aStreamedBodyWaitsForItsReader() async throws {
            let gate = AsyncStream<Void>.makeStream()
            let body = String(repeating: "0123456789", count: 1_000_000)
            try await withServer(
                Setup(routes: { router in
                    router.add(
                        .post, "/stream", body: .streamed(limit: 20_000_000),
                        .offLoop { request in
                            guard case .streamed(let reader) = request.body else { return Response(status: .conflict) }
                            for await _ in gate.stream { break }
                            var count = 0
                            var largest = 0
                            while let piece = try await reader.next() {
                                count += piece.count
                                largest = max(largest, piece.count)
                            }
                            return Response(body: .bytes(Array("\(count) \(largest <= 131_072)".utf8)))
                        })
                })
            ) { server in
                let client = try TestClient(server)
                async let sent: Void = client.send(post("/stream", body))
                gate.continuation.yield()
                try await sent
                #expect(try await client.answer().body == "10000000 true")
            }
        }

        @Test func conditionsAndRanges() async throws {
            let tag = try #require(EntityTag(opaque: "t"))
            let content = Array("0123456789".utf8)
            try await withServer(
                Setup(routes: { router in
                    router.add(
                        .get, "/stored",
                        .inline { try Response.representation(content, mediaType: "text/plain", tag: tag, for: $0) })
                })
            ) { server in
                let client = try TestClient(server)
                for (field, status, body) in [
                    ("Range: bytes=2-4", 206, "234"), ("Range: bytes=10-", 416, ""), ("A: b", 200, "0123456789"),
                    ("If-None-Match: \"t\"", 304, ""), ("If-Match: \"u\"", 412, ""),
                ] {
                    try await client.send(get("/stored", field))
                    let answer = try await client.answer()
                    #expect(answer.status == status && answer.body == body)
                    #expect(answer.field("ETag") == "\"t\"")
                    if status == 206 { #expect(answer.field("Content-Range") == "bytes 2-4/10") }
                }
            }
        }
    }
}
