// Webhooks: what documents may ask, whom the service calls, what a receiver gets, and what happens when it does not take it.
import Foundation
import HTTP1
import HTTPClient
import HTTPServer
import JobQueue
import ProblemSpecification
import Service
import Sockets
import Testing

/// A real server that notes what it is posted.
private struct Receiver {
    /// What came, as it comes.
    let calls: AsyncStream<Request>
    let url: String
    private let server: Server

    /// - Parameter answer: to call number n, from 1, of one of the paths `/hook` and `/elsewhere`.
    init(answering answer: @escaping @Sendable (Int) async throws -> Response) async throws {
        let (calls, told) = AsyncStream<Request>.makeStream()
        self.calls = calls
        let count = Record<Int>()
        var router = Router()
        for path in ["/hook", "/elsewhere"] {
            router.add(
                .post, path, body: .collected(limit: 1 << 20),
                .offLoop { request in
                    count.add(1)
                    let number = count.all.count
                    told.yield(request)
                    return try await answer(number)
                })
        }
        var configuration = ServerConfiguration(
            loops: 1, wallClock: { 784_111_777 }, requestIdentifier: { "request" })
        configuration.timeouts.linger = .milliseconds(50)
        server = try await Server(
            on: SocketAddress(host: "127.0.0.1", port: 0), router: router, configuration: configuration)
        url = "http://\(server.address)/hook"
    }

    func close() async { await server.drain(grace: .zero) }
}

extension APITests {
    @Suite(.timeLimit(.minutes(10))) struct WebhookTests {
        private static let secret = WebhookSecret(root: (0..<32).map { UInt8($0) })

        /// A house and its courier, which may call the loopback.
        private func withCourier(
            _ limits: WebhookLimits = Self.quickLimits, allowing blocks: [String] = ["127.0.0.0/8"],
            resolve: HostLookup? = nil, _ body: (House, Record<String>) async throws -> Void
        ) async throws {
            var setup = Setup()
            setup.callable = try CallableAddresses(allowing: ["127.0.0.0/8"])
            let addresses = try CallableAddresses(allowing: blocks)
            let log = Record<String>()
            try await withHouse(setup) { house in
                let courier = try WebhookCourier(
                    store: house.store, secret: Self.secret, addresses: addresses, limits: limits,
                    metrics: house.metrics, resolve: resolve, now: { House.now().calendar }, log: { log.add($0) })
                let work = Task { await courier.run() }
                let outcome: Result<Void, any Error>
                do {
                    outcome = .success(try await body(house, log))
                } catch {
                    outcome = .failure(error)
                }
                work.cancel()
                await work.value
                try outcome.get()
            }
        }

        private static var quickLimits: WebhookLimits {
            var limits = WebhookLimits()
            limits.interval = .milliseconds(5)
            limits.firstWait = .milliseconds(1)
            return limits
        }

        private func document(_ url: String, _ events: String = "") -> String {
            "{\"webhook\":{\"url\":\"\(url)\"\(events.isEmpty ? "" : ",\"events\":\(events)")}}"
        }

        /// Waits for what happens by itself, soon.
        private func until(_ isTrue: () async throws -> Bool) async throws {
            while try await !isTrue() { try await Task.sleep(for: .milliseconds(2)) }
        }

        private func outcomes(_ house: House) async throws -> [String] {
            let text = try await house.client().get("/metrics").text
            return text.split(separator: "\n").filter { $0.hasPrefix("stackelberg_webhooks_total") }.map(String.init)
        }

        @Test func aReceiverIsToldOfEveryStateAndCanCheckWhoSaysSo() async throws {
            let receiver = try await Receiver { _ in Response(status: .noContent) }
            try await withCourier { house, _ in
                let client = try house.client()
                let id = try await house.submit(client, document(receiver.url, "[\"end\",\"state\"]"))
                let shown = try await client.get("/v1/jobs/\(id)").json["webhook"]
                #expect(shown?["url"]?.text == receiver.url)
                #expect(shown?["events"]?.elements?.compactMap(\.text) == ["end", "state"])
                try await house.finish(try await house.claim())
                let page = try await client.get("/v1/jobs/\(id)/events", "Accept: application/json").json
                let log = try #require(page["items"]?.elements)
                var heard: [Int: JSONValue] = [:]
                var iterator = receiver.calls.makeAsyncIterator()
                for _ in 0..<3 {
                    let call = try #require(await iterator.next())
                    let document = try JSONParser.parse(call.content)
                    let event = try #require(document["event"])
                    let seq = try #require(event["seq"]?.double.map { Int($0) })
                    heard[seq] = event
                    #expect(document["job"]?.text == id.description)
                    #expect(call.head.fields.values(of: "webhook-id") == ["\(id)_\(seq)"])
                    let stamp = try #require(
                        call.head.fields.values(of: "webhook-timestamp").first.flatMap { Int64($0) })
                    #expect(abs(stamp - House.now().calendar.milliseconds / 1_000) < 60)
                    let signature = Self.secret.signature(
                        for: "local", id: "\(id)_\(seq)", timestamp: stamp, body: call.content)
                    #expect(call.head.fields.values(of: "webhook-signature") == [signature])
                }
                #expect(heard.sorted { $0.key < $1.key }.map(\.value) == log)
                try await until { try await outcomes(house) == ["stackelberg_webhooks_total{outcome=\"delivered\"} 3"] }
            }
            await receiver.close()
        }

        @Test func onlyTheEndIsToldUnlessMoreIsAsked() async throws {
            let receiver = try await Receiver { _ in Response() }
            try await withCourier { house, _ in
                _ = try await house.submit(try house.client(), document(receiver.url))
                try await house.finish(try await house.claim())
                var iterator = receiver.calls.makeAsyncIterator()
                let call = try #require(await iterator.next())
                #expect(try JSONParser.parse(call.content)["event"]?["type"]?.text == "end")
                try await until { try await outcomes(house) == ["stackelberg_webhooks_total{outcome=\"delivered\"} 1"] }
            }
            await receiver.close()
        }

        private static var redirection: Response {
            get throws {
                var response = Response(status: Status(302))
                try response.fields.append("Location", "/elsewhere")
                return response
            }
        }

        @Test func whatIsNotTakenComesAgainAsTheSame() async throws {
            let receiver = try await Receiver { number in
                switch number {
                case 1: Response(status: .internalServerError)
                case 2: try Self.redirection
                default: Response()
                }
            }
            try await withCourier { house, log in
                _ = try await house.submit(try house.client(), document(receiver.url, "[\"state\"]"))
                var iterator = receiver.calls.makeAsyncIterator()
                var calls: [Request] = []
                for _ in 0..<3 { calls.append(try #require(await iterator.next())) }
                #expect(
                    Set(calls.map(\.content)).count == 1
                        && Set(calls.flatMap { $0.head.fields.values(of: "webhook-id") }).count == 1)
                // Redirects are not followed.
                #expect(calls.allSatisfy { $0.head.target.path == "/hook" })
                try await until { try await outcomes(house).count == 2 }
                #expect(log.all.count == 2 && log.all[0].contains("attempt 1: answered 500; again in "))
                #expect(log.all[1].contains("attempt 2: answered 302; again in "))
            }
            await receiver.close()
        }

        @Test(arguments: [(65_536, "delivered"), (65_537, "failed")])
        func answersAreReadUpToTheirLimit(_ bytes: Int, _ outcome: String) async throws {
            var limits = Self.quickLimits
            limits.attempts = 1
            let receiver = try await Receiver { _ in Response(body: .bytes([UInt8](repeating: 120, count: bytes))) }
            try await withCourier(limits) { house, log in
                _ = try await house.submit(try house.client(), document(receiver.url, "[\"state\"]"))
                try await until {
                    try await outcomes(house) == ["stackelberg_webhooks_total{outcome=\"\(outcome)\"} 1"]
                }
                #expect(log.all.allSatisfy { $0.contains("more than 65536 bytes; given up") })
            }
            await receiver.close()
        }

        @Test func aSilentReceiverHasItsTimeAndAttemptsEnd() async throws {
            var limits = Self.quickLimits
            limits.time = .milliseconds(50)
            limits.attempts = 2
            let receiver = try await Receiver { _ in
                try await Task.sleep(for: .seconds(60))
                return Response()
            }
            try await withCourier(limits) { house, log in
                _ = try await house.submit(try house.client(), document(receiver.url, "[\"state\"]"))
                try await until { log.all.count == 2 }
                #expect(log.all[0].contains("attempt 1: the connection broke: no answer in time; again in "))
                #expect(log.all[1].contains("attempt 2: the connection broke: no answer in time; given up"))
            }
            await receiver.close()
        }

        @Test func aReceiverMayRefuseForGood() async throws {
            let receiver = try await Receiver { _ in Response(status: .gone) }
            try await withCourier { house, log in
                _ = try await house.submit(try house.client(), document(receiver.url, "[\"state\"]"))
                try await until { try await outcomes(house) == ["stackelberg_webhooks_total{outcome=\"unwanted\"} 1"] }
                #expect(log.all.count == 1 && log.all[0].contains("its receiver answers 410"))
            }
            await receiver.close()
        }

        /// The name is of a public kind when the document comes in; what it leads to is judged when it is called, and that
        /// address is the one that is connected to.
        @Test(arguments: ["localhost", "127.0.0.1"])
        func anAddressThatMayNotBeCalledIsNot(_ host: String) async throws {
            let receiver = try await Receiver { _ in Response() }
            var limits = Self.quickLimits
            limits.attempts = 1
            try await withCourier(limits, allowing: []) { house, log in
                let url = receiver.url.replacing("127.0.0.1", with: host)
                _ = try await house.submit(try house.client(), document(url, "[\"state\"]"))
                try await until { log.all.count == 1 }
                #expect(log.all[0].contains("may not be connected to; given up"))
                #expect(try await outcomes(house) == ["stackelberg_webhooks_total{outcome=\"failed\"} 1"])
            }
            await receiver.close()
        }

        /// The name leads to a receiver that may be called, then elsewhere: what it leads to is asked once for each call, and
        /// only what may be called of that answer is connected to.
        @Test func aNameThatChangesItsAddressIsJudgedAtEachCall() async throws {
            let receiver = try await Receiver { _ in Response() }
            let port = try #require(HTTPURL(receiver.url)).port
            let answers = [["127.0.0.1"], ["127.0.0.2", "::1"], ["10.1.2.3", "127.0.0.1", "169.254.169.254"]]
            let asked = Record<String>()
            var limits = Self.quickLimits
            limits.attempts = 1
            let resolve: HostLookup = { (host, port) throws(UnresolvedHost) in
                asked.add(host)
                let addresses = answers[min(asked.all.count, answers.count) - 1]
                return addresses.compactMap { try? SocketAddress(host: $0, port: port) }
            }
            try await withCourier(limits, allowing: ["127.0.0.1"], resolve: resolve) { house, log in
                let client = try house.client()
                let url = "http://hooks.example.org:\(port)/hook"
                var iterator = receiver.calls.makeAsyncIterator()
                for (round, metric) in ["delivered\"} 1", "failed\"} 1", "delivered\"} 2"].enumerated() {
                    let id = try await house.submit(client, document(url, "[\"state\"]"))
                    try await until { try await outcomes(house).contains { $0.hasSuffix(metric) } }
                    #expect(asked.all == Array(repeating: "hooks.example.org", count: round + 1))
                    guard metric.hasPrefix("delivered") else { continue }
                    let call = try #require(await iterator.next())
                    #expect(try JSONParser.parse(call.content)["job"]?.text == id.description)
                    #expect(call.head.fields.values(of: "host") == ["hooks.example.org:\(port)"])
                }
                #expect(log.all.count == 1)
                #expect(
                    log.all.first?.contains("127.0.0.2:\(port), [::1]:\(port) may not be connected to; given up")
                        == true)
            }
            await receiver.close()
        }

        @Test func faultyWebhooksAreRefusedWithAllElse() async throws {
            var setup = Setup()
            setup.limits.documentBytes = 1 << 16
            try await withHouse(setup) { house in
                let client = try house.client()
                let longest = "http://example.org/" + String(repeating: "x", count: 2_048 - 19)
                for (webhook, places) in [
                    (document("ftp://example.org"), ["/webhook/url"]), (document("example.org"), ["/webhook/url"]),
                    (document("http://a:b@example.org"), ["/webhook/url"]),
                    (document("http://example.org/#x"), ["/webhook/url"]), (document(longest + "x"), ["/webhook/url"]),
                    (document("http://127.0.0.1/"), ["/webhook/url"]), (document("http://[::1]/"), ["/webhook/url"]),
                    (document("http://[::ffff:10.0.0.1]/"), ["/webhook/url"]),
                    (document("http://localhost:80/"), ["/webhook/url"]),
                    (document("http://x.LOCALHOST./"), ["/webhook/url"]),
                    (document("http://example.org", "[]"), ["/webhook/events"]),
                    (
                        document("x", "[\"end\",\"ends\",\"progress\"]"),
                        ["url", "events/1", "events/2"].map { "/webhook/\($0)" }
                    ),
                ] {
                    let answer = try await client.post("/v1/jobs", webhook)
                    let found = try answer.json["errors"]?.elements?.compactMap { $0["pointer"]?.text }
                    #expect(answer.status == 422 && found == places, "\(webhook.prefix(80))")
                    let report = try await client.post("/v1/validate", webhook)
                    #expect(
                        try report.json["valid"] == .bool(false)
                            && report.json["errors"]?.elements?.count == places.count)
                    #expect(try await client.post("/v1/jobs?dry_run=true", webhook).status == 422)
                }
                let both = "{\"desk\":\"refuse\"," + document("x").dropFirst()
                let faults = try await client.post("/v1/jobs", both).json["errors"]?.elements
                #expect(faults?.count == PaperDesk.faults.count + 1)
                let hint = try await client.post("/v1/jobs", document("http://example.org", "[\"ends\"]"))
                #expect(hint.text.contains("did you mean"))
                #expect(try await client.post("/v1/jobs", document(longest)).status == 202)
            }
        }
    }
}

@Suite struct CallableAddressesTests {
    @Test(arguments: [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1",
        "172.31.255.255", "192.168.0.1", "192.0.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "fe80::1",
        "fc00::1", "fd12::1", "ff02::1", "2002:7f00:1::", "2001:0:1::1", "2001:db8::1", "100::1", "fec0::1",
    ])
    func refuses(_ host: String) throws {
        #expect(!CallableAddresses(allowing: [AddressBlock]()).contains(host))
        #expect(try CallableAddresses(allowing: [host]).contains(host))
    }

    @Test(arguments: [
        "1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "169.253.255.255",
        "223.255.255.255", "::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450:4001:82a::200e", "2001:4860:4860::8888",
    ])
    func calls(_ host: String) { #expect(CallableAddresses(allowing: [AddressBlock]()).contains(host)) }

    @Test func whatIsAllowedIsNoMore() throws {
        let addresses = try CallableAddresses(allowing: ["10.0.0.0/8", "::1"])
        for host in ["10.9.9.9", "::ffff:10.0.0.1", "::1"] { #expect(addresses.contains(host)) }
        for host in ["11.0.0.1", "127.0.0.1", "::2"] { #expect(addresses.contains(host) == (host == "11.0.0.1")) }
        #expect(throws: StartError.self) { try CallableAddresses(allowing: ["10.0.0.0/33"]) }
    }
}

@Suite struct WebhookSecretTests {
    /// Python: `hmac.new(hmac.new(bytes(range(32)), b"webhook ann", "sha256").digest(), b"job_1_2.1800000000." + body, "sha256")`.
    @Test func signsAsOthersDo() {
        let secret = WebhookSecret(root: (0..<32).map { UInt8($0) })
        #expect(secret.text(for: "ann") == "whsec_YbqBoWi54ziVyOJWHdm8tfoalTdQhIOnAqrb1BvnX6U=")
        let signature = secret.signature(
            for: "ann", id: "job_1_2", timestamp: 1_800_000_000, body: Array("{\"job\":\"j\"}\n".utf8))
        #expect(signature == "v1,4VA9AZoxD9eF/ku6+YId+jt9pF3L2xKTK9ixquA0WSg=")
        #expect(secret.text(for: "bob") != secret.text(for: "ann"))
    }

    @Test func aFolderKeepsItsSecret() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "secret-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try WebhookSecret(in: folder).text(for: "ann")
        #expect(try WebhookSecret(in: folder).text(for: "ann") == first)
        #expect(try KeyKeeping(in: folder).webhookSecret(of: "ann") == first)
        #expect(throws: KeyFileError.self) { try KeyKeeping(in: folder).webhookSecret(of: "a b") }
        let file = folder.appending(path: "webhook-key")
        #expect(try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["webhook-key"])
        try Data("short".utf8).write(to: file)
        #expect(throws: StartError.self) { try WebhookSecret(in: folder) }
    }
}
