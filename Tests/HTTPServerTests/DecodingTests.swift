// Request content in gzip: read as if it were plain, within bounds.
import HTTP1
import HTTPServer
import Testing

extension SocketTests {
    @Suite(.timeLimit(.minutes(10))) struct DecodingTests {
        private func send(
            _ content: [UInt8], coding: String = "gzip", path: String = "/echo", bytewise: Bool = false,
            configure: @escaping (inout ServerConfiguration) -> Void = { _ in }
        ) async throws -> Answer {
            var answer: Answer?
            let routes: (inout Router) -> Void = { router in
                router.add(
                    .put, "/streamed", body: .streamed(limit: 100_000),
                    .offLoop { request in
                        guard case .streamed(let reader) = request.body else { return Response(status: .conflict) }
                        var count = 0
                        for try await piece in reader { count += piece.count }
                        return Response(body: .bytes(Array("\(count)".utf8)))
                    })
                router.add(.put, "/large", body: .collected(limit: 8 << 20), .inline { _ in Response() })
            }
            try await withServer(Setup(configure: configure, routes: routes)) { server in
                let client = try TestClient(server)
                let head =
                    "\(path == "/echo" ? "POST" : "PUT") \(path) HTTP/1.1\r\nHost: a\r\n"
                    + "Content-Encoding: \(coding)\r\nContent-Length: \(content.count)\r\n\r\n"
                if bytewise {
                    for byte in Array(head.utf8) + content { try await client.send([byte]) }
                } else {
                    try await client.send(Array(head.utf8) + content)
                }
                answer = try await client.answer()
            }
            return try #require(answer)
        }

        @Test(arguments: [false, true]) func isReadAsIfItWerePlain(_ bytewise: Bool) async throws {
            let text = String(repeating: "hello ", count: 100)
            let answer = try await send(Gzip.compress(text), bytewise: bytewise)
            #expect(answer.status == 200 && answer.body == text)
            #expect(try await send(Gzip.compress("a") + Gzip.compress("b")).body == "ab")
            #expect(try await send(Gzip.compress(text), coding: "X-GZip").body == text)
            #expect(try await send(Array("plain".utf8), coding: "identity").body == "plain")
            #expect(try await send(Gzip.compress(text), path: "/streamed").body == "600")
        }

        @Test(arguments: ["br", "deflate", "gzip, gzip", "gzip;q=1"]) func otherCodingsAreNamed(
            _ coding: String
        ) async throws {
            let answer = try await send(Array("x".utf8), coding: coding)
            #expect(answer.status == 415 && answer.field("Accept-Encoding") == "gzip")
        }

        @Test(arguments: ["/echo", "/streamed"]) func brokenContentIsRefused(_ path: String) async throws {
            let good = Gzip.compress("hello")
            var damaged = good
            damaged[good.count - 6] ^= 1
            for bad in [Array("hello".utf8), Array(good.dropLast()), damaged, good + [0x1F]] {
                #expect(try await send(bad, path: path).status == 400)
            }
        }

        @Test(arguments: [("/echo", 100_000, 200), ("/echo", 100_001, 413), ("/streamed", 100_001, 413)])
        func holdsTheLimitOfARoute(_ path: String, _ size: Int, _ status: Int) async throws {
            let answer = try await send(Gzip.compress(String(repeating: "x", count: size)), path: path)
            #expect(answer.status == status)
        }

        /// Eight million equal letters shrink a thousandfold.
        @Test(arguments: [(2_000, 200), (500, 413)]) func holdsTheRatio(_ ratio: Int, _ status: Int) async throws {
            let bomb = Gzip.compress(String(repeating: "x", count: 8_000_000))
            let answer = try await send(bomb, path: "/large", configure: { $0.decompressionRatio = ratio })
            #expect(answer.status == status)
        }
    }
}
