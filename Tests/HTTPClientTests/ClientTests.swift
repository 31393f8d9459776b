// The client and the server of this project over real sockets, plain and under TLS.
import Dispatch
import HTTP1
import HTTPClient
import HTTPServer
import Sockets
import Testing

/// Blocking calls on a thread of their own, so that the tasks of the server keep theirs.
private func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue(label: "client").async { continuation.resume(with: Result(catching: body)) }
    }
}

/// PEM files that the server's tests have.
private enum Certificates {
    static func path(_ name: String) -> String {
        let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        return "/\(folder)/HTTPServerTests/Certificates/\(name)"
    }
}

@Suite(.serialized, .timeLimit(.minutes(10))) struct ClientTests {
    private func withServer(
        tls: Bool = false, _ body: @escaping @Sendable (_ base: HTTPURL) throws -> Void
    ) async throws {
        var configuration = ServerConfiguration(
            loops: 1, wallClock: { 784_111_777 }, requestIdentifier: { "request" })
        configuration.timeouts.linger = .milliseconds(200)
        if tls {
            configuration.tls = try TLSContext(
                TLSFiles(certificate: Certificates.path("first.pem"), key: Certificates.path("first.key")))
        }
        let server = try await Server(
            on: SocketAddress(host: "127.0.0.1", port: 0), router: Self.router, configuration: configuration)
        let base = try #require(HTTPURL("\(tls ? "https" : "http")://127.0.0.1:\(server.address.port)"))
        let result = try await blocking { Result { try body(base) } }
        await server.drain(grace: .zero)
        try result.get()
    }

    private static var router: Router {
        var router = Router()
        router.add(
            .get, "/hello",
            .inline { request in
                Response(body: .bytes(Array("hello \(request.head.fields["authorization"] ?? "")".utf8)))
            })
        router.add(.post, "/echo", body: .collected(limit: 1 << 20), .inline { Response(body: .bytes($0.content)) })
        router.add(
            .get, "/numbers",
            .offLoop { _ in
                Response(
                    body: .stream(length: nil) { writer in
                        for number in 1...1_000 { try await writer.write(Array("\(number)\n".utf8)) }
                    })
            })
        router.add(
            .get, "/silence",
            .offLoop { _ in
                Response(body: .stream(length: nil) { _ in try await Task.sleep(for: .seconds(60)) })
            })
        return router
    }

    private func head(_ base: HTTPURL, _ target: String, _ method: RequestMethod = .get) throws -> OutgoingHead {
        OutgoingHead(method: method, url: try #require(base.appending(target)))
    }

    @Test func asksAndSends() async throws {
        try await withServer { base in
            let client = try Client()
            var greeting = try head(base, "/hello")
            try greeting.fields.append("Authorization", "Bearer x")
            let hello = try client.send(greeting)
            #expect(hello.head.statusCode == 200 && hello.content == Array("hello Bearer x".utf8))
            #expect(try client.send(try head(base, "/hello", .head)).content.isEmpty)
            #expect(try client.send(try head(base, "/nothing")).head.statusCode == 404)
            let body = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
            #expect(try client.send(try head(base, "/echo", .post), content: body).content == body)
        }
    }

    @Test func aRefusedBodyIsAnsweredStill() async throws {
        try await withServer { base in
            let body = [UInt8](repeating: 0, count: 8 << 20)
            let answer = try Client().send(try head(base, "/echo", .post), content: body)
            #expect(answer.head.statusCode == 413)
        }
    }

    @Test func streamsArriveWhole() async throws {
        try await withServer { base in
            var exchange = try Client().open(try head(base, "/numbers"))
            var text: [UInt8] = []
            while let piece = try exchange.next() { text += piece }
            #expect(text == Array((1...1_000).map { "\($0)\n" }.joined().utf8))
        }
    }

    @Test func patienceEnds() async throws {
        try await withServer { base in
            var configuration = ClientConfiguration()
            configuration.silence = .milliseconds(50)
            #expect(throws: ClientError.interrupted(.timedOut)) {
                try Client(configuration).send(try head(base, "/silence"))
            }
            configuration.silence = .seconds(60)
            configuration.total = .milliseconds(50)
            #expect(throws: ClientError.interrupted(.timedOut)) {
                try Client(configuration).send(try head(base, "/silence"))
            }
        }
    }

    /// A server that takes an upload slowly, and for longer in all than a client would wait in silence.
    @Test func anUploadMayLastAsLongAsItGoesOn() async throws {
        let listener = try SlowServer(pieces: 20, pause: 100_000)
        let answer = try await blocking {
            var configuration = ClientConfiguration()
            configuration.silence = .milliseconds(1_500)
            let url = try #require(HTTPURL("http://127.0.0.1:\(listener.port)/"))
            return try Client(configuration).send(
                OutgoingHead(method: .put, url: url), content: [UInt8](repeating: 120, count: listener.bytes))
        }
        #expect(answer.head.statusCode == 200)
    }

    /// A server that takes nothing, and says nothing either while it is waited for.
    @Test func anUploadThatNobodyTakesEnds() async throws {
        let listener = try SlowServer(pieces: 0, pause: 60_000_000)
        try await blocking {
            var configuration = ClientConfiguration()
            configuration.silence = .milliseconds(400)
            let url = try #require(HTTPURL("http://127.0.0.1:\(listener.port)/"))
            #expect(throws: ClientError.interrupted(.timedOut)) {
                try Client(configuration).send(
                    OutgoingHead(method: .put, url: url), content: [UInt8](repeating: 120, count: 64 << 20))
            }
        }
    }

    /// A server that takes nothing and has said why before the client gave up.
    @Test func anUploadThatNobodyTakesIsAnswered() async throws {
        let listener = try SlowServer(pieces: 0, pause: 0)
        let answer = try await blocking {
            var configuration = ClientConfiguration()
            configuration.silence = .milliseconds(400)
            let url = try #require(HTTPURL("http://127.0.0.1:\(listener.port)/"))
            return try Client(configuration).send(
                OutgoingHead(method: .put, url: url), content: [UInt8](repeating: 120, count: 64 << 20))
        }
        #expect(answer.head.statusCode == 200)
    }

    @Test func contentIsBounded() async throws {
        try await withServer { base in
            var configuration = ClientConfiguration()
            configuration.contentBytes = 6
            #expect(throws: Never.self) { try Client(configuration).send(try head(base, "/hello")) }
            configuration.contentBytes = 5
            #expect(throws: ClientError.tooLarge(limit: 5)) { try Client(configuration).send(try head(base, "/hello")) }
        }
    }

    @Test func connectsOnlyWhereItMay() async throws {
        try await withServer { base in
            var configuration = ClientConfiguration()
            configuration.admits = { $0.host != "127.0.0.1" }
            let address = try SocketAddress(host: "127.0.0.1", port: base.port)
            #expect(throws: ClientError.forbiddenAddress([address])) {
                try Client(configuration).send(try head(base, "/hello"))
            }
        }
    }

    /// Where something listened, and nothing does any more.
    private static func abandonedAddress() throws -> SocketAddress {
        try Listener(on: SocketAddress(host: "127.0.0.1", port: 0), backlog: 1).address
    }

    @Test func saysWhatIsNotThere() throws {
        let address = try Self.abandonedAddress()
        let url = try #require(HTTPURL("http://\(address)/"))
        let error = #expect(throws: ClientError.self) { try Client().send(OutgoingHead(method: .get, url: url)) }
        #expect(error?.description == "\(address) cannot be connected to: Connection refused")
        let nowhere = try #require(HTTPURL("http://nowhere.invalid/"))
        let unknown = #expect(throws: ClientError.self) { try Client().send(OutgoingHead(method: .get, url: nowhere)) }
        #expect(unknown?.description.hasPrefix("there is no host nowhere.invalid: ") == true)
    }

    @Test func believesTheRightCertificate() async throws {
        try await withServer(tls: true) { base in
            var configuration = ClientConfiguration()
            configuration.trust = .authorities(Certificates.path("first.pem"))
            #expect(try Client(configuration).send(try head(base, "/hello")).head.statusCode == 200)
            let byName = try #require(HTTPURL("https://localhost:\(base.port)/hello"))
            var onlyFour = configuration
            onlyFour.admits = { $0.host == "127.0.0.1" }
            #expect(try Client(onlyFour).send(OutgoingHead(method: .get, url: byName)).head.statusCode == 200)
            var exchange = try Client(configuration).open(try head(base, "/numbers"))
            var count = 0
            while let piece = try exchange.next() { count += piece.count }
            #expect(count == 3_893)
        }
    }

    @Test(arguments: [ServerTrust.systemAuthorities, .authorities(Certificates.path("second.pem"))])
    func refusesAForeignCertificate(_ trust: ServerTrust) async throws {
        try await withServer(tls: true) { base in
            var configuration = ClientConfiguration()
            configuration.trust = trust
            let error = #expect(throws: ClientError.self) { try Client(configuration).send(try head(base, "/hello")) }
            #expect(error?.description.contains("its certificate is not trusted: ") == true)
            configuration.trust = .anyone
            let answer = try Client(configuration).send(try head(base, "/hello"))
            #expect(answer.head.statusCode == 200)
        }
    }

    @Test func refusesACertificateForAnotherName() async throws {
        try await withServer(tls: true) { base in
            var configuration = ClientConfiguration()
            configuration.trust = .authorities(Certificates.path("first.pem"))
            // The same machine by an address that the certificate does not name.
            let other = try #require(HTTPURL("https://[::ffff:127.0.0.1]:\(base.port)/hello"))
            let error = #expect(throws: ClientError.self) {
                try Client(configuration).send(OutgoingHead(method: .get, url: other))
            }
            #expect(error?.description.contains("IP address mismatch") == true)
        }
    }

    @Test func rootsThatCannotBeReadAreSaid() {
        var configuration = ClientConfiguration()
        configuration.trust = .authorities("/nowhere.pem")
        #expect(throws: ClientError.self) { try Client(configuration) }
    }
}
