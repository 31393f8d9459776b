// gzip in both directions: who gets it, what it is called, and what guards it.
import HTTP1
import HTTPServer
import Testing

extension SocketTests {
    @Suite(.timeLimit(.minutes(10))) struct CodingTests {
        private static let routes: @Sendable (inout Router) -> Void = { router in
            for size in [1024, 1025, 65_536, 1_000_000] {
                router.add(.get, "/text/\(size)", .inline { _ in try text(size) })
            }
            router.add(
                .get, "/noise",
                .inline { _ in
                    var response = Response(body: .bytes(noise))
                    try response.fields.append("Content-Type", "text/plain")
                    return response
                })
            router.add(
                .get, "/image",
                .inline { _ in
                    var response = Response(body: .bytes([UInt8](repeating: 65, count: 5_000)))
                    try response.fields.append("Content-Type", "image/png")
                    return response
                })
            router.add(
                .get, "/tagged",
                .inline { request in
                    try .representation(
                        [UInt8](repeating: 65, count: 5_000), mediaType: "text/plain", tag: EntityTag(opaque: "t")!,
                        for: request)
                })
        }

        private static func text(_ size: Int) throws -> Response {
            var response = Response(body: .bytes(Array(String(repeating: "0123456789", count: size).utf8.prefix(size))))
            try response.fields.append("Content-Type", "application/json; charset=utf-8")
            return response
        }

        /// Bytes without pattern: a linear congruential generator.
        private static let noise: [UInt8] = {
            var state: UInt64 = 1
            return (0..<5_000).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 33)
            }
        }()

        private func answer(_ path: String, _ fields: String...) async throws -> Answer {
            try await answer(path, fields, method: "GET")
        }

        private func answer(_ path: String, _ fields: [String], method: String) async throws -> Answer {
            var answer: Answer?
            try await withServer(Setup(routes: Self.routes)) { server in
                let client = try TestClient(server)
                try await client.send(
                    "\(method) \(path) HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n")
                answer = try await client.answer(toHead: method == "HEAD")
            }
            return try #require(answer)
        }

        @Test(arguments: [(1024, false), (1025, true), (65_536, true), (1_000_000, true)])
        func longTextLeavesInGzip(_ size: Int, _ isCoded: Bool) async throws {
            let answer = try await answer("/text/\(size)", "Accept-Encoding: gzip")
            #expect(answer.field("Content-Encoding") == (isCoded ? "gzip" : nil))
            #expect(answer.field("Vary") == (isCoded ? "Accept-Encoding" : nil))
            let text = isCoded ? Gzip.expand(answer.content) : answer.body
            #expect(text?.utf8.count == size && text?.hasPrefix("01234567890123456789") == true)
            #expect(!isCoded || answer.content.count < size / 5)
        }

        @Test(arguments: [1025, 1_000_000]) func headHasTheHeadOfGet(_ size: Int) async throws {
            let fields = ["Accept-Encoding: gzip", "X-Request-Id: x"]
            let toGet = try await answer("/text/\(size)", fields, method: "GET")
            let toHead = try await answer("/text/\(size)", fields, method: "HEAD")
            #expect(toGet.head == toHead.head)
        }

        @Test(arguments: [
            (nil, false), ("gzip", true), ("GZIP", true), ("x-gzip", true), ("br, gzip;q=0.5", true), ("*", true),
            ("gzip;q=0", false), ("identity", false), ("gzip;q=0, *", false), ("*;q=0", false), ("", false),
            ("gzip;q=0.5, identity;q=1", false), ("gzip ; q=1.0", true), ("gzip;q=x", false), ("gzipped", false),
        ])
        func readersChoose(_ accepted: String?, _ isCoded: Bool) async throws {
            let answer = try await answer("/text/1025", accepted.map { "Accept-Encoding: \($0)" } ?? "X-Nothing: 1")
            #expect(answer.field("Content-Encoding") == (isCoded ? "gzip" : nil))
            #expect(answer.field("Vary") == "Accept-Encoding")
        }

        @Test func whatDoesNotShrinkIsSentAsItIs() async throws {
            for path in ["/noise", "/image"] {
                let answer = try await answer(path, "Accept-Encoding: gzip")
                #expect(answer.field("Content-Encoding") == nil && answer.content.count == 5_000)
            }
        }

        @Test func anETagForEachCoding() async throws {
            #expect(try await answer("/tagged", "Accept-Encoding: gzip").field("ETag") == "\"t-gzip\"")
            #expect(try await answer("/tagged").field("ETag") == "\"t\"")
            for (tag, status) in [("\"t-gzip\"", 304), ("\"t\"", 304), ("W/\"t-gzip\"", 304), ("\"u-gzip\"", 200)] {
                let known = try await answer("/tagged", "Accept-Encoding: gzip", "If-None-Match: \(tag)")
                #expect(known.status == status && known.field("Vary") == "Accept-Encoding")
                if status == 304 { #expect(known.field("ETag") == (tag == "\"t\"" ? "\"t\"" : "\"t-gzip\"")) }
            }
        }

        @Test func partsAreNeverCoded() async throws {
            let part = try await answer("/tagged", "Accept-Encoding: gzip", "Range: bytes=0-1999")
            #expect(part.status == 206 && part.field("Content-Encoding") == nil && part.content.count == 2_000)
            let other = try await answer(
                "/tagged", "Accept-Encoding: gzip", "Range: bytes=0-1999", "If-Range: \"t-gzip\"")
            #expect(other.status == 200 && other.field("Content-Encoding") == nil && other.content.count == 5_000)
        }

        @Test func anOldReaderGetsPlainText() async throws {
            try await withServer(Setup(routes: Self.routes)) { server in
                let client = try TestClient(server)
                try await client.send("GET /text/1025 HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n")
                #expect(try await client.answer().field("Content-Encoding") == nil)
            }
        }

        @Test func everyEventOfAStreamCanBeReadAtOnce() async throws {
            let (events, next) = AsyncStream<Void>.makeStream()
            try await withServer(
                Setup(routes: { router in
                    router.add(
                        .get, "/events",
                        .inline { _ in
                            var response = Response(
                                body: .stream(length: nil) { writer in
                                    var iterator = events.makeAsyncIterator()
                                    for number in 0..<3 {
                                        await iterator.next()
                                        try await writer.write(Array("event \(number)\n".utf8))
                                    }
                                })
                            try response.fields.append("Content-Type", "application/x-ndjson")
                            return response
                        })
                })
            ) { server in
                let client = try TestClient(server)
                try await client.send(get("/events", "Accept-Encoding: gzip"))
                #expect(try await client.head().contains("Content-Encoding: gzip"))
                var bytes: [UInt8] = []
                for number in 0..<3 {
                    next.yield()
                    bytes += try await client.chunkBytes()
                    #expect(Gzip.expand(bytes)?.hasSuffix("event \(number)\n") == true)
                }
                let end = try await client.chunkBytes()
                let behind = try await client.chunkBytes()
                #expect(!end.isEmpty && behind.isEmpty)
                #expect(Gzip.expand(bytes + end) == "event 0\nevent 1\nevent 2\n")
            }
        }
    }
}
