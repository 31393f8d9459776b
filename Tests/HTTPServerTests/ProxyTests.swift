// Who is counted and named behind a proxy that is trusted, and behind one that is not.
import HTTP1
import HTTPServer
import Sockets
import Testing

extension SocketTests {
    @Suite(.timeLimit(.minutes(10))) struct ProxyTests {
        private func client(
            through proxies: [String], _ fields: String...
        ) async throws -> String? {
            let log = Record<AccessRecord>()
            let blocks = proxies.compactMap { AddressBlock($0) }
            try await withServer(
                Setup(configure: {
                    $0.trustedProxies = blocks
                    $0.log = { log.add($0) }
                })
            ) { server in
                let client = try TestClient(server)
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n")
                _ = try await client.answer()
            }
            return await log.wait(for: 1)[0].client
        }

        @Test func onlyATrustedPeerIsBelieved() async throws {
            #expect(try await client(through: ["127.0.0.0/8"], "X-Forwarded-For: 192.0.2.1") == "192.0.2.1")
            #expect(try await client(through: ["10.0.0.0/8"], "X-Forwarded-For: 192.0.2.1") == nil)
            #expect(try await client(through: [], "X-Forwarded-For: 192.0.2.1") == nil)
            #expect(try await client(through: ["127.0.0.1"]) == nil)
        }

        @Test func theLastAddressThatIsNoProxyCounts() async throws {
            let proxies = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"]
            for (field, expected) in [
                ("198.51.100.9, 192.0.2.1", "192.0.2.1"), ("192.0.2.1, 10.1.2.3", "192.0.2.1"),
                ("192.0.2.1,2001:db8::1", "192.0.2.1"), ("2001:DB9::1", "2001:DB9::1"), ("10.0.0.1", nil),
                ("192.0.2.1:5678", "192.0.2.1"), ("192.0.2.1, 10.0.0.1:80", "192.0.2.1"), ("[::1]:9", "::1"),
                ("[::1]", "::1"),
                ("::1", "::1"), ("[::1]9", nil), ("[::1", nil), ("192.0.2.1:", nil), ("192.0.2.1:65536", nil),
                ("192.0.2.1, nonsense", nil), ("unknown", nil), ("", nil),
            ] {
                #expect(try await client(through: proxies, "X-Forwarded-For: \(field)") == expected, "\(field)")
            }
            let twice = try await client(through: proxies, "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2")
            #expect(twice == "192.0.2.2")
        }

        @Test func limitsArePerClientAndNotPerProxy() async throws {
            let (gate, open) = AsyncStream<Void>.makeStream()
            try await withServer(
                Setup(
                    configure: {
                        $0.trustedProxies = [AddressBlock("127.0.0.1")!]
                        $0.connectionsPerAddress = 1
                    },
                    routes: { router in
                        router.add(
                            .get, "/wait",
                            .offLoop { _ in
                                var iterator = gate.makeAsyncIterator()
                                await iterator.next()
                                return Response()
                            })
                    })
            ) { server in
                let (first, second) = (try TestClient(server), try TestClient(server))
                try await first.send(get("/wait", "X-Forwarded-For: 192.0.2.1"))
                // The same client, until its first request has been counted.
                var status = 200
                while status == 200 {
                    try await second.send(get("/", "X-Forwarded-For: 192.0.2.1"))
                    status = try await second.answer().status
                }
                #expect(status == 503)
                try await second.send(get("/", "X-Forwarded-For: 192.0.2.2"))
                #expect(try await second.answer().status == 200)
                open.yield()
                #expect(try await first.answer().status == 200)
                try await second.send(get("/", "X-Forwarded-For: 192.0.2.1"))
                #expect(try await second.answer().status == 200)
            }
        }
    }
}

@Suite struct AddressBlockTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("0.0.0.0/0", "1.2.3.4", true),
        ("192.0.2.129/25", "192.0.2.128", true), ("192.0.2.129/25", "192.0.2.127", false),
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("::1", "::1", true),
        ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
        ("10.0.0.0/8", "::ffff:10.1.1.1", true), ("0.0.0.0/0", "::1", false), ("10.0.0.0/8", "nonsense", false),
    ])
    func contains(_ block: String, _ host: String, _ isInside: Bool) throws {
        #expect(try #require(AddressBlock(block)).contains(host) == isInside)
    }

    @Test(arguments: ["", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "::/129", "a", "10.0.0.0/8/8", "/8"])
    func refuses(_ text: String) {
        #expect(AddressBlock(text) == nil)
    }
}
