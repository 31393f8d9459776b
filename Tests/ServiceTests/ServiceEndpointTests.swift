// What the service says of itself, what it refuses at the door, and its small parsers.
import Foundation
import HTTPServer
import JobQueue
import ProblemSpecification
import Service
import Testing

extension APITests {
    @Suite(.timeLimit(.minutes(10))) struct ServiceEndpointTests {
        @Test func healthFollowsThePhases() async throws {
            var setup = Setup()
            setup.isReady = false
            try await withHouse(setup) { house in
                let client = try house.client()
                #expect(try await client.get("/livez").status == 200)
                #expect(try await client.get("/startupz").status == 503)
                #expect(try await client.get("/readyz").status == 503)
                house.status.becomeReady()
                #expect(try await client.get("/startupz").status == 200)
                let ready = try await client.get("/readyz?verbose")
                #expect(ready.status == 200)
                #expect(try ready.json["checks"]?["store"]?.text == "ok")
                house.status.beginDraining()
                house.status.becomeReady()
                #expect(try await client.get("/startupz").status == 200)
                let draining = try await client.get("/readyz?verbose=true")
                #expect(draining.status == 503)
                #expect(try draining.json["checks"]?["not_draining"]?.text == "failed")
            }
        }

        /// The page needs nothing from elsewhere, and a browser runs and styles it by the hashes of what is in it alone.
        @Test func theDashboardIsOnePageThatMayRun() async throws {
            try await withHouse { house in
                let client = try house.client()
                let page = try await client.get("/ui")
                #expect(page.status == 200 && page["content-type"] == "text/html; charset=utf-8")
                let policy = try #require(page["content-security-policy"])
                #expect(policy.hasPrefix("default-src 'none'; connect-src 'self'; ") && !policy.contains("unsafe"))
                for (part, directive) in [("script", "script-src"), ("style", "style-src")] {
                    let begin = try #require(page.text.firstRange(of: "<\(part)>")).upperBound
                    let end = try #require(page.text.firstRange(of: "</\(part)>")).lowerBound
                    let digest = RunningDigest(.sha256)
                    digest.add(Array(page.text[begin..<end].utf8))
                    let hash = "\(directive) 'sha256-\(Data(digest.finish()).base64EncodedString())'"
                    #expect(policy.contains(hash))
                }
                #expect(
                    page.text.ranges(of: "//").count == page.text.ranges(of: "http://www.w3.org/2000/svg").count + 1)
                for accept in ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"] {
                    let root = try await client.get("/", "Accept: \(accept)")
                    #expect(root.body == page.body && root["vary"] == "Accept")
                }
                for accept in ["*/*", "application/json", "application/json, text/html;q=0.9", "image/png"] {
                    let root = try await client.get("/", "Accept: \(accept)")
                    #expect(root["content-type"] == "application/json")
                    #expect(try root.json["links"]?["ui"]?.text == "/ui")
                }
            }
        }

        @Test func queueAndWorkersAreCounted() async throws {
            try await withHouse { house in
                let client = try house.client()
                _ = try await house.submit(client)
                let queue = try await client.get("/v1/queue").json
                #expect(queue["depth"] == .integer(1) && queue["jobs"]?["queued"] == .integer(1))
                #expect(queue["slots"]?["free"] == .integer(1) && queue["oldest_age_s"]?.double != nil)
                let workers = try await client.get("/v1/workers").json
                #expect(workers["items"]?[0]?["process_id"] == .integer(4_711))
                #expect(workers["restarts"]?["memory"] == .integer(2))
            }
        }

        @Test func metricsNameRoutesByTheirPatterns() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                _ = try await client.get("/v1/jobs/\(id)")
                _ = try await client.get("/nowhere/at/all")
                let text = try await client.get("/metrics").text
                let name = "http_server_request_duration_seconds"
                #expect(text.contains("\(name)_count{route=\"GET /v1/jobs/{id}\",status=\"200\"} 1\n"))
                #expect(text.contains("\(name)_bucket{route=\"POST /v1/jobs\",status=\"202\",le=\"+Inf\"} 1\n"))
                #expect(text.contains("\(name)_count{route=\"other\",status=\"404\"} 1\n"))
                #expect(text.contains("stackelberg_jobs{state=\"queued\"} 1\n"))
                #expect(text.contains("stackelberg_worker_restarts_total{reason=\"memory\"} 2\n"))
                #expect(text.contains("process_resident_memory_bytes "))
                #expect(!text.contains(id.description))
            }
        }

        @Test func linksLeadSomewhere() async throws {
            try await withHouse { house in
                let client = try house.client()
                let links = try #require(try await client.get("/").json["links"]?.members)
                for link in links {
                    let path = try #require(link.value.text)
                    #expect(try await client.get(path).status == (path == "/v1/validate" ? 405 : 200))
                }
                #expect(try await client.get("/version").json["version"]?.text == Version.number)
            }
        }

        @Test(arguments: [
            ("localhost", 200), ("LOCALHOST:80", 200), ("127.0.0.1:9", 200), ("[::1]", 200), ("[::1]:80", 200),
            ("example.test", 200), ("evil.test", 403), ("localhost.evil.test", 403), ("127.0.0.1.evil.test", 403),
            ("10.0.0.1", 403),
        ])
        func onlyKnownHostsAreServed(_ host: String, _ status: Int) async throws {
            try await withHouse { house in
                let client = try house.client()
                #expect(try await client.request("GET", "/version", host: host).status == status)
                let target = "http://\(host)/version"
                #expect(try await client.request("GET", target, host: "localhost").status == status)
            }
            var setup = Setup()
            setup.hosts = .any
            try await withHouse(setup) { house in
                let client = try house.client()
                #expect(try await client.request("GET", "/version", host: host).status == 200)
            }
        }

        @Test func routesThatDoNotExistAreProblemsToo() async throws {
            try await withHouse { house in
                let client = try house.client()
                #expect(try await client.get("/v2").problem == "not-found")
                let wrong = try await client.request("PUT", "/v1/jobs", body: [])
                #expect(wrong.status == 405 && wrong["allow"] == "GET, HEAD, OPTIONS, POST")
                #expect(try await client.request("BREW", "/v1/jobs").status == 501)
                #expect(try await client.get("/version?x=1").detail.contains("there are none here"))
                let broken = try house.client()
                try await broken.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
                #expect(try await broken.head("-", "-").status == 400)
            }
        }
    }
}

@Suite struct RFC3339Tests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_795_250_001_045, "2026-11-21T08:33:21.045Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ])
    func timesReadBack(_ milliseconds: Int64, _ text: String) {
        #expect(RFC3339.text(Timestamp(milliseconds: milliseconds)) == text)
        #expect(RFC3339.time(text) == Timestamp(milliseconds: milliseconds))
    }

    @Test func offsetsAndFractionsAreRead() {
        #expect(RFC3339.time("1970-01-01T02:00:00+02:00") == Timestamp(milliseconds: 0))
        #expect(RFC3339.time("1969-12-31t22:30:00.5-01:30") == Timestamp(milliseconds: 500))
        #expect(RFC3339.time("1970-01-01 00:00:00.123456z") == Timestamp(milliseconds: 123))
        #expect(RFC3339.time("2016-12-31T23:59:60Z") == RFC3339.time("2017-01-01T00:00:00Z"))
    }

    @Test(arguments: [
        "", "2026-11-21", "2026-11-21T08:33:21", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-11-21T24:00:00Z", "2026-11-21T08:60:00Z", "2026-11-21T08:33:61Z", "2026-11-21T08:33:21.Z",
        "2026-11-21T08:33:21Zx", "26-11-21T08:33:21Z", "2026-11-21T08:33:21+24:00",
    ])
    func anythingElseIsNoTime(_ text: String) {
        #expect(RFC3339.time(text) == nil)
    }
}

@Suite struct MediaTypeTests {
    private static let offers = ["application/x-ndjson", "text/event-stream", "application/json"]

    @Test(
        arguments: [
            ([], "application/x-ndjson"), (["*/*"], "application/x-ndjson"), (["application/json"], "application/json"),
            (["application/json, */*"], "application/json"), (["text/*"], "text/event-stream"),
            (["text/event-stream;q=0.5, application/json;q=0.6"], "application/json"),
            (["text/event-stream;q=0.5", "application/json;q=0.4"], "text/event-stream"),
            (["*/*;q=0.1, application/x-ndjson;q=0"], "text/event-stream"), (["image/png"], nil),
            (["*/*;q=0"], nil), (["TEXT/EVENT-STREAM"], "text/event-stream"),
        ] as [([String], String?)])
    func theMostWantedOfferIsChosen(_ fields: [String], _ choice: String?) {
        #expect(MediaType.choose(Self.offers, accept: fields) == choice)
    }

    @Test(arguments: [
        ("application/json", true), ("application/problem+json; charset=UTF-8", true), ("text/json", false),
        ("application/jsonp", false), ("application/json;charset=utf-16", false), ("", false),
    ])
    func jsonIsRecognised(_ text: String, _ isJSON: Bool) {
        #expect(MediaType(text).isJSON == isJSON)
    }
}
