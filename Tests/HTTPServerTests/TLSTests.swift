// TLS over real sockets: versions, protocols, tickets, reload, client certificates, bad hellos, time-outs.
import COpenSSL
import Foundation
import HTTP1
import HTTPServer
import Sockets
import Synchronization
import Testing

extension SocketTests {
    @Suite(.timeLimit(.minutes(10))) struct TLSTests {
        private func secured(_ files: TLSFiles = Certificates.first) throws -> Setup {
            let context = try TLSContext(files)
            return Setup(configure: { $0.tls = context })
        }

        private func connected(_ server: Server, _ offer: TLSOffer = TLSOffer()) async throws -> TLSTestClient {
            let client = try TLSTestClient(server, offer)
            try await client.handshake()
            return client
        }

        private func isServed(_ client: TLSTestClient) async throws -> Bool {
            try await client.send(get("/", "Connection: close"))
            return try await client.rest().hasSuffix("hello")
        }

        @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION]) func answersBothVersions(_ version: Int32) async throws {
            try await withServer(try secured()) { server in
                let client = try await connected(server, TLSOffer(versions: version...version))
                try await client.send(get("/") + get("/", "Connection: close"))
                let all = try await client.rest()
                #expect(all.components(of: "HTTP/1.1 200 OK").count == 2 && all.hasSuffix("hello"))
                #expect(client.version == version)
            }
        }

        @Test func refusesOldVersions() async throws {
            try await withServer(try secured()) { server in
                let client = try TLSTestClient(server, TLSOffer(versions: TLS1_VERSION...TLS1_1_VERSION))
                await #expect(throws: TLSTestClient.Failure.self) { try await client.handshake() }
            }
        }

        @Test(arguments: [(["h2", "http/1.1"], "http/1.1"), ([], ""), (["h2"], nil), (["http/1.0"], nil)])
        func choosesHTTP11(_ offered: [String], _ chosen: String?) async throws {
            try await withServer(try secured()) { server in
                let client = try TLSTestClient(server, TLSOffer(protocols: offered))
                guard let chosen else {
                    await #expect(throws: TLSTestClient.Failure.self) { try await client.handshake() }
                    return
                }
                try await client.handshake()
                #expect(client.chosenProtocol == chosen)
            }
        }

        @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION]) func ticketsResume(_ version: Int32) async throws {
            try await withServer(try secured()) { server in
                let offer = TLSOffer(versions: version...version)
                let first = try await connected(server, offer)
                // Tickets of 1.3 come behind the handshake: read on to have them.
                try await first.send(get("/", "Connection: close"))
                _ = try await first.rest()
                let second = try TLSTestClient(server, offer, resuming: first.session())
                try await second.handshake()
                #expect(!first.isResumed && second.isResumed)
            }
        }

        @Test func reloadingKeepsConnections() async throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            func install(_ name: String) throws {
                for ending in ["pem", "key"] {
                    let target = folder.appending(path: "server.\(ending)")
                    try? FileManager.default.removeItem(at: target)
                    try FileManager.default.copyItem(
                        atPath: Certificates.path("\(name).\(ending)"), toPath: target.path)
                }
            }
            try install("first")
            let certificate = folder.appending(path: "server.pem").path
            let context = try TLSContext(
                TLSFiles(certificate: certificate, key: folder.appending(path: "server.key").path))
            try await withServer(Setup(configure: { $0.tls = context })) { server in
                let old = try await connected(server)
                try Data("nonsense".utf8).write(to: URL(filePath: certificate))
                #expect(throws: TLSError.self) { try context.reload() }
                try install("second")
                try context.reload()
                let new = try await connected(server)
                #expect(old.serverName == "first" && new.serverName == "second")
                for client in [old, new] { #expect(try await isServed(client)) }
            }
        }

        @Test func clientsMustIdentifyThemselvesIfTold() async throws {
            var files = Certificates.first
            files.clientAuthorities = Certificates.path("authority.pem")
            try await withServer(try secured(files)) { server in
                for hasCertificate in [false, true] {
                    let client = try TLSTestClient(server, TLSOffer(hasCertificate: hasCertificate))
                    // In 1.3 the client's side of the handshake is over before its certificate is looked at.
                    try await client.handshake()
                    try? await client.send(get("/", "Connection: close"))
                    #expect(try await client.rest().hasSuffix("hello") == hasCertificate)
                }
            }
        }

        @Test(arguments: [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}nonsense", "\0\0\0\0\0\0\0\0",
        ])
        func aBadHelloCostsOneConnection(_ hello: String) async throws {
            try await withServer(try secured()) { server in
                let bad = try TestClient(server)
                try await bad.send(hello)
                try await bad.endWriting()
                // What it sent and nobody read may turn the end into a reset.
                let answer = (try? await bad.rest()) ?? ""
                #expect(!answer.contains("HTTP"))
                let good = try await connected(server)
                #expect(try await isServed(good))
            }
        }

        @Test func aHandshakeHasATimeOut() async throws {
            let context = try TLSContext(Certificates.first)
            try await withServer(
                Setup(configure: {
                    $0.tls = context
                    $0.timeouts.handshake = .milliseconds(100)
                })
            ) { server in
                let silent = try TestClient(server)
                let slow = try TestClient(server)
                try await slow.send([0x16, 0x03, 0x01])
                #expect(try await silent.rest() == "")
                #expect(try await slow.rest() == "")
            }
        }

        /// Without it nobody can tell an end from a cut.
        @Test func everyOrderlyEndIsSaid() async throws {
            let context = try TLSContext(Certificates.first)
            let setup = Setup(
                configure: {
                    $0.tls = context
                    $0.timeouts.idle = .milliseconds(200)
                },
                routes: { router in
                    router.add(
                        .get, "/cut",
                        .inline { _ in Response(body: .stream(length: nil) { _ in throw CancellationError() }) })
                })
            try await withServer(setup) { server in
                let idle = try await connected(server)
                #expect(try await idle.rest() == "")
                #expect(try await idle.hasHeardTheEnd)
                let leaving = try await connected(server)
                try await leaving.send(get("/"))
                try await leaving.endWriting()
                #expect(try await leaving.rest().hasSuffix("hello"))
                #expect(try await leaving.hasHeardTheEnd)
                let closing = try await connected(server)
                #expect(try await isServed(closing))
                #expect(try await closing.hasHeardTheEnd)
                let cut = try await connected(server)
                try await cut.send(get("/cut"))
                #expect(try await cut.rest().hasPrefix("HTTP/1.1 200"))
                #expect(try await !cut.hasHeardTheEnd)
            }
        }

        @Test func reloadingUnderHandshakes() async throws {
            let context = try TLSContext(Certificates.first)
            try await withServer(Setup(configure: { $0.tls = context })) { server in
                let isOver = Atomic(false)
                async let reloads: Void = {
                    while !isOver.load(ordering: .relaxed) {
                        try context.reload()
                        await Task.yield()
                    }
                }()
                for _ in 0..<50 { #expect(try await isServed(connected(server))) }
                isOver.store(true, ordering: .relaxed)
                try await reloads
            }
        }

        @Test func thereIsNoRenegotiation() async throws {
            try await withServer(try secured()) { server in
                let client = try await connected(server, TLSOffer(versions: TLS1_2_VERSION...TLS1_2_VERSION))
                await #expect(throws: TLSTestClient.Failure.self) { try await client.renegotiate() }
            }
        }

        @Test func aConnectionTooManyIsClosed() async throws {
            let context = try TLSContext(Certificates.first)
            try await withServer(
                Setup(configure: {
                    $0.tls = context
                    $0.connections = 1
                })
            ) { server in
                let first = try TLSTestClient(server)
                try await first.handshake()
                let second = try TLSTestClient(server)
                await #expect(throws: TLSTestClient.Failure.self) { try await second.handshake() }
            }
        }

        @Test func longContentGoesBothWays() async throws {
            try await withServer(try secured()) { server in
                let content = String(repeating: "0123456789", count: 9_999)
                let client = try await connected(server)
                for _ in 0..<3 { try await client.send(post("/echo", content)) }
                try await client.endWriting()
                let all = try await client.rest()
                #expect(all.components(of: content).count == 3 && all.hasSuffix(content))
            }
        }

        @Test func saysWhatItCannotUse() {
            let missing = TLSFiles(certificate: "/nowhere.pem", key: Certificates.first.key)
            let mixed = TLSFiles(certificate: Certificates.first.certificate, key: Certificates.path("second.key"))
            #expect { try TLSContext(missing) } throws: { "\($0)".contains("the certificate /nowhere.pem") }
            #expect { try TLSContext(mixed) } throws: { "\($0)".contains("the key ") }
        }
    }
}
