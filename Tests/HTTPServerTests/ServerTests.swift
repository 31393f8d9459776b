// The server over real sockets: semantics, bodies, streams.
import HTTP1
import HTTPServer
import Sockets
import Testing

extension SocketTests {
    @Suite(.timeLimit(.minutes(10))) struct ServerTests {
        @Test func answersWithEveryFieldOfItsOwn() async throws {
            try await withServer { server in
                let client = try TestClient(server)
                try await client.send(get("/", "X-Request-Id: my.id_1-2"))
                let answer = try await client.answer()
                #expect(
                    answer.head
                        == "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Request-Id: my.id_1-2\r\n"
                        + "Content-Length: 5\r\n\r\n")
                #expect(answer.body == "hello")
            }
        }

        @Test(arguments: ["a b", "a\"b", String(repeating: "x", count: 129), "é"])
        func replacesAnIdentifierThatIsNotWellFormed(_ identifier: String) async throws {
            try await withServer { server in
                let client = try TestClient(server)
                try await client.send(get("/", "X-Request-Id: \(identifier)"))
                let answer = try await client.answer()
                #expect(answer.field("X-Request-Id")?.count == 13)
            }
        }

        @Test func keepsTheConnection() async throws {
            try await withServer { server in
                let client = try TestClient(server)
                for _ in 0..<3 {
                    try await client.send(get("/"))
                    #expect(try await client.answer().status == 200)
                }
                #expect(server.connectionCount == 1)
            }
        }

        @Test func answersPipelinedRequestsInOrder() async throws {
            try await withServer(
                Setup(
                    configure: { $0.limits.pipelinedDepth = 4 },
                    routes: { router in
                        router.add(.get, "/n/{number}", .inline { Self.text($0.parameters["number"] ?? "") })
                        router.add(
                            .get, "/slow/{number}",
                            .offLoop { request in
                                await Task.yield()
                                return Self.text(request.parameters["number"] ?? "")
                            })
                    }
                )
            ) { server in
                let client = try TestClient(server)
                try await client.send((0..<200).map { get($0 % 3 == 0 ? "/slow/\($0)" : "/n/\($0)") }.joined())
                for number in 0..<200 { #expect(try await client.answer().body == "\(number)") }
            }
        }

        @Test(arguments: ["Connection: close", "Connection: Close"]) func closesWhenAsked(_ field: String) async throws
        {
            try await withServer { server in
                let client = try TestClient(server)
                try await client.send(get("/", field) + get("/"))
                let answer = try await client.answer()
                #expect(answer.field("Connection") == "close")
                #expect(try await client.rest() == "")
            }
        }

        @Test func headHasTheHeadOfGetAndNoContent() async throws {
            try await withServer { server in
                let client = try TestClient(server)
                try await client.send(get("/", "X-Request-Id: x"))
                let toGet = try await client.answer()
                try await client.send("HEAD / HTTP/1.1\r\nHost: a\r\nX-Request-Id: x\r\n\r\n" + get("/"))
                let toHead = try await client.answer(toHead: true)
                #expect(toHead.head == toGet.head)
                #expect(try await client.answer().body == "hello")
            }
        }

        @Test(arguments: [
            ("DELETE / HTTP/1.1", 405, "GET, HEAD, OPTIONS"), ("TRACE / HTTP/1.1", 405, "GET, HEAD, OPTIONS"),
            ("OPTIONS / HTTP/1.1", 204, "GET, HEAD, OPTIONS"), ("OPTIONS /echo HTTP/1.1", 204, "OPTIONS, POST"),
            ("OPTIONS * HTTP/1.1", 204, "GET, HEAD, OPTIONS, POST"), ("GET /nothing HTTP/1.1", 404, nil),
            ("BREW / HTTP/1.1", 501, nil), ("get / HTTP/1.1", 501, nil), ("CONNECT a:1 HTTP/1.1", 501, nil),
            ("GET http://b/ HTTP/1.1", 200, nil), ("GET /a/../ HTTP/1.1", 200, nil), ("GET / HTTP/2.0", 505, nil),
            ("GET /%zz HTTP/1.1", 400, nil),
        ])
        func methodsAndTargets(_ line: String, _ status: Int, _ allow: String?) async throws {
            try await withServer { server in
                let client = try TestClient(server)
                try await client.send("\(line)\r\nHost: a\r\n\r\n")
                let answer = try await client.answer()
                #expect(answer.status == status)
                #expect(answer.field("Allow") == allow)
                #expect(answer.field("Date") != nil)
            }
        }

        @Test func decodesParametersOnce() async throws {
            try await withServer(
                Setup(routes: { router in
                    router.add(.get, "/p/{name}/x", .inline { Self.text($0.parameters["name"] ?? "") })
                })
            ) { server in
                let client = try TestClient(server)
                for (path, status, body) in [
                    ("/p/a%2Fb%20c/x", 200, "a/b c"), ("/p/%252e/x", 200, "%2e"), ("/p/%ff/x", 400, nil),
                    ("/p//x", 404, nil), ("/p/a/x/", 404, nil),
                ] {
                    try await client.send(get(path))
                    let answer = try await client.answer()
                    #expect(answer.status == status)
                    if let body { #expect(answer.body == body) }
                }
            }
        }

        @Test func endsTheConnectionAfterAFault() async throws {
            try await withServer { server in
                let client = try TestClient(server)
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n" + get("/"))
                let all = try await client.rest()
                #expect(all.hasPrefix("HTTP/1.1 400 ") && all.contains("Connection: close"))
                #expect(all.components(of: "HTTP/1.1").count == 1)
            }
        }

        @Test func aHandlersErrorIsA500() async throws {
            struct Mistake: Error {}
            try await withServer(
                Setup(routes: { router in
                    router.add(.get, "/inline", .inline { _ in throw Mistake() })
                    router.add(.get, "/off", .offLoop { _ in throw Mistake() })
                })
            ) { server in
                let client = try TestClient(server)
                for path in ["/inline", "/off"] {
                    try await client.send(get(path))
                    #expect(try await client.answer().status == 500)
                }
            }
        }

        @Test func halfCloseIsNoAbort() async throws {
            try await withServer { server in
                let client = try TestClient(server)
                try await client.send(post("/echo", "one") + post("/echo", "two"))
                try await client.endWriting()
                #expect(try await client.answer().body == "one")
                #expect(try await client.answer().body == "two")
                #expect(try await client.rest() == "")
            }
        }

        @Test func tellsTheLog() async throws {
            let log = Record<AccessRecord>()
            try await withServer(Setup(configure: { $0.log = { log.add($0) } })) { server in
                let client = try TestClient(server)
                try await client.send(get("/?a=b", "X-Request-Id: x") + "\0")
                let all = try await client.rest()
                let records = await log.wait(for: 2)
                #expect(records.map(\.method) == ["GET", "-"])
                #expect(records.map(\.target) == ["/?a=b", "-"])
                #expect(records.map(\.status) == [200, 400])
                #expect(records[0].requestID == "x" && records[0].peer.host == "127.0.0.1")
                #expect(records.map(\.bytes).reduce(0, +) == all.utf8.count)
            }
        }

        static func text(_ text: String) -> Response { Response(body: .bytes(Array(text.utf8))) }
    }
}

extension String {
    func components(of mark: String) -> [Range<String.Index>] { ranges(of: mark) }
}
