// Keys over real requests: who is let in, what a key opens, whose jobs are whose, and how much of everything.
import Foundation
import JobQueue
import ProblemSpecification
import Service
import Testing

extension APITests {
    @Suite(.timeLimit(.minutes(10))) struct AccessTests {
        /// A house that wants keys, and the folder that they lie in.
        private func withKeys(
            closed: Bool = false, _ body: (House, KeyKeeping, URL) async throws -> Void
        ) async throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            var setup = Setup()
            setup.access = try AccessGate.keyed(by: folder, isClosed: closed, now: House.now, log: { _ in })
            try await withHouse(setup) { house in try await body(house, KeyKeeping(in: folder), folder) }
        }

        private func bearer(_ key: String) -> String { "Authorization: Bearer \(key)" }

        private func key(
            _ keys: KeyKeeping, _ owner: String = "ann", scopes: [String] = [], limits: AccessLimits = AccessLimits()
        ) throws -> String {
            var request = KeyRequest(owner: owner)
            request.scopes = scopes
            request.limits = limits
            return try keys.create(request)
        }

        private func id(of key: String) -> String { String(key.split(separator: "_")[1]) }

        @Test func theFirstKeyClosesTheService() async throws {
            try await withKeys { house, keys, _ in
                let client = try house.client()
                #expect(try await client.get("/v1/jobs").status == 200)
                let text = try key(keys)
                #expect(text.wholeMatch(of: #/sk_[0-9a-z]{12}_[0-9a-z]{52}/#) != nil)
                let refused = try await client.get("/v1/jobs")
                #expect(refused.status == 401 && refused.problem == "unauthorized")
                #expect(refused["www-authenticate"] == "Bearer realm=\"stackelberg\"")
                #expect(try await client.get("/v1/jobs", bearer(text)).status == 200)
                // With keys a foreign host name does no harm.
                #expect(
                    try await client.request("GET", "/v1/jobs", [bearer(text)], host: "elsewhere.test").status == 200)
                for path in ["/livez", "/readyz", "/version", "/openapi.yaml", "/", "/v1/methods", "/v1/examples"] {
                    #expect(try await client.get(path).status == 200, "\(path)")
                }
            }
        }

        @Test func whatIsNoKeyOpensNothing() async throws {
            try await withKeys { house, keys, _ in
                let client = try house.client()
                let text = try key(keys)
                let other = String(text.dropLast()) + (text.hasSuffix("0") ? "1" : "0")
                for fields in [
                    ["Authorization: Basic \(text)"], ["Authorization: \(text)"], [bearer(other)], [bearer("sk_a_b")],
                    [bearer("")], [bearer(text), bearer(text)], [bearer("\(text) \(text)")],
                ] {
                    #expect(try await client.request("GET", "/v1/jobs", fields).status == 401, "\(fields)")
                }
                #expect(try await client.get("/v1/jobs", "authorization: bEARER  \(text)").status == 200)
            }
        }

        /// Of a thousand wrong secrets of one length, each with another hash, none is taken for the right one.
        @Test func noWrongSecretIsTaken() async throws {
            try await withKeys { house, keys, _ in
                let client = try house.client()
                let text = try key(keys)
                var random = TestRandom()
                let letters = Array("0123456789abcdefghjkmnpqrstvwxyz")
                for _ in 0..<1_000 {
                    let wrong = text.dropLast(8) + (0..<8).map { _ in letters.randomElement(using: &random) ?? "0" }
                    let answer = try await client.get("/v1/jobs", bearer(String(wrong)))
                    guard answer.status != 401 else { continue }
                    Issue.record("\(wrong) is answered \(answer.status)")
                }
                #expect(try await client.get("/v1/jobs", bearer(text)).status == 200)
            }
        }

        @Test func aServiceThatIsClosedStaysSo() async throws {
            try await withKeys(closed: true) { house, keys, folder in
                let client = try house.client()
                #expect(try await client.get("/v1/jobs").status == 401)
                let text = try key(keys)
                #expect(try await client.get("/v1/jobs", bearer(text)).status == 200)
                // Neither a lost file nor a damaged one opens it, or shuts out who was in.
                let file = folder.appending(path: "keys.json")
                try Data("{".utf8).write(to: file)
                #expect(try await client.get("/v1/jobs", bearer(text)).status == 200)
                try FileManager.default.removeItem(at: file)
                #expect(try await client.get("/v1/jobs").status == 401)
            }
        }

        /// Keys that cannot be read are keys that somebody wants.
        @Test func anUnreadableFirstFileClosesTheService() async throws {
            try await withKeys { house, keys, folder in
                let client = try house.client()
                #expect(try await client.get("/v1/jobs").status == 200)
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                let file = folder.appending(path: "keys.json")
                try Data("{".utf8).write(to: file)
                #expect(try await client.get("/v1/jobs").status == 401)
                try FileManager.default.removeItem(at: file)
                #expect(try await client.get("/v1/jobs").status == 401)
                let text = try key(keys)
                #expect(try await client.get("/v1/jobs", bearer(text)).status == 200)
            }
        }

        /// The queue's length concerns everybody, how jobs have gone their owner.
        @Test func onlyOwnJobsAreCounted() async throws {
            try await withKeys { house, keys, _ in
                let client = try house.client()
                let ann = try key(keys, "ann")
                let bob = try key(keys, "bob")
                for _ in 0..<2 { #expect(try await client.post("/v1/jobs", "{}", bearer(ann)).status == 202) }
                for (text, count) in [(ann, 2), (bob, 0), (try key(keys, "root", scopes: ["admin"]), 2)] {
                    let queue = try await client.get("/v1/queue", bearer(text)).json
                    #expect(queue["depth"] == .integer(2) && queue["jobs"]?["queued"] == .integer(count))
                }
            }
        }

        @Test func scopesOpenWhatTheyName() async throws {
            try await withKeys { house, keys, _ in
                let client = try house.client()
                let reader = try key(keys, scopes: ["jobs:read"])
                let writer = try key(keys, scopes: ["jobs:write"])
                let admin = try key(keys, scopes: ["admin"])
                let refused = try await client.post("/v1/jobs", "{}", bearer(reader))
                #expect(refused.status == 403 && refused.problem == "missing-scope")
                #expect(refused.detail.contains("jobs:write"))
                #expect(try await client.get("/v1/jobs", bearer(writer)).status == 403)
                for (text, status) in [(writer, 202), (admin, 202)] {
                    #expect(try await client.post("/v1/jobs", "{}", bearer(text)).status == status)
                }
                for path in ["/metrics", "/v1/workers"] {
                    #expect(try await client.get(path, bearer(reader)).status == 403)
                    #expect(try await client.get(path).status == 401)
                    #expect(try await client.get(path, bearer(admin)).status == 200)
                }
                #expect(try await client.request("HEAD", "/v1/jobs", [bearer(writer)]).status == 403)
            }
        }

        @Test func aJobIsItsOwnersAndNobodyElses() async throws {
            try await withKeys { house, keys, _ in
                let client = try house.client()
                let ann = try key(keys, "ann")
                let bob = try key(keys, "bob")
                let admin = try key(keys, "root", scopes: ["admin"])
                let made = try await client.post("/v1/jobs", "{}", bearer(ann), "Idempotency-Key: k")
                let job = try #require(try made.json["id"]?.text)
                // Whatever state the job is in, every answer is that for a job that there never was.
                let lease = try await house.claim()
                let state = CheckpointReference(
                    epoch: 1, name: "1-1.state", iteration: 1, byteCount: 1, writtenAt: House.now().calendar)
                _ = try await house.store.recordCheckpoint(state, under: lease)
                for isFinal in [false, true] {
                    if isFinal { try await house.finish(lease) }
                    try await expectNothing(of: job, like: "job_00000000000000000000000000", client, bearer(bob))
                }
                #expect(try await client.request("DELETE", "/v1/jobs/\(job)?force=true", [bearer(bob)]).status == 404)
                #expect(try await client.get("/v1/jobs", bearer(bob)).json["items"]?.elements?.isEmpty == true)
                for text in [ann, admin] {
                    #expect(try await client.get("/v1/jobs/\(job)", bearer(text)).status == 200)
                    #expect(try await client.get("/v1/jobs", bearer(text)).json["items"]?.elements?.count == 1)
                }
                // The same idempotency key of another owner is another job, also with another body.
                let other = try await client.post("/v1/jobs", #"{"seed":1}"#, bearer(bob), "Idempotency-Key: k")
                #expect(other.status == 202)
                #expect(try other.json["id"]?.text != job)
                let id = try #require(JobID(job))
                #expect(try await house.store.job(id).owner == "ann")
            }
        }

        /// States that every request about `job` is answered as if about `nobody`, which there is not.
        private func expectNothing(
            of job: String, like nobody: String, _ client: APIClient, _ key: String
        ) async throws {
            let json = "Content-Type: application/json"
            for (method, path, body) in [
                ("GET", "", ""), ("GET", "?wait=1", ""), ("HEAD", "", ""), ("GET", "/events", ""),
                ("GET", "/events?after=1&types=end&follow=false", ""), ("GET", "/progress", ""),
                ("GET", "/progress?fields=step&max_points=2", ""), ("GET", "/result", ""),
                ("GET", "/result?partial=true&wait=1", ""), ("GET", "/result/variables/x", ""),
                ("GET", "/result/variables/nothing", ""), ("GET", "/problem", ""), ("GET", "/checkpoints", ""),
                ("GET", "/checkpoints/1-1.state", ""), ("GET", "/checkpoints/nothing", ""), ("POST", "/stop", ""),
                ("POST", "/cancel", ""), ("POST", "/retry", "{}"), ("PATCH", "", "{\"priority\":1}"),
                ("DELETE", "", ""),
                ("DELETE", "?force=true", ""),
            ] {
                var answers: [Answer] = []
                for id in [job, nobody] {
                    let target = "/v1/jobs/\(id)\(path)"
                    let content = body.isEmpty ? nil : Array(body.utf8)
                    answers.append(try await client.request(method, target, [key, json], body: content))
                }
                let details = zip(answers, [job, nobody]).map { $0.detail.replacing($1, with: "ID") }
                #expect(answers.map(\.status) == [404, 404] && details[0] == details[1], "\(method) \(path)")
            }
            for accept in ["text/event-stream", "application/json", "application/x-ndjson"] {
                #expect(try await client.get("/v1/jobs/\(job)/events", key, "Accept: \(accept)").status == 404)
            }
            var refusals: [String] = []
            for id in [job, nobody] {
                let start = "{\"problem\":{},\"warm_start\":{\"job\":\"\(id)\"}}"
                for path in ["/v1/jobs", "/v1/validate", "/v1/jobs?dry_run=true"] {
                    let answer = try await client.post(path, start, key)
                    refusals.append("\(answer.status) \(try answer.json["errors"]?[0]?["detail"]?.text ?? "")")
                }
            }
            #expect(Array(refusals[..<3]) == Array(refusals[3...]) && refusals[0] == "422 there is no such job")
        }

        @Test func keysHaveLimits() async throws {
            try await withKeys { house, keys, _ in
                let client = try house.client()
                // A sixth of the minute's requests at once: one here, and another ten seconds later.
                let slow = try key(keys, limits: AccessLimits(requestsPerMinute: 6))
                #expect(try await client.get("/v1/jobs", bearer(slow)).status == 200)
                let refused = try await client.get("/v1/jobs", bearer(slow))
                #expect(refused.status == 429 && refused.problem == "too-many-requests")
                let seconds = try #require(refused["retry-after"].flatMap { Int($0) })
                #expect((1...10).contains(seconds))
                #expect(try await client.get("/livez").status == 200)
                let few = try key(keys, "bob", limits: AccessLimits(activeJobs: 2))
                for _ in 0..<2 { #expect(try await client.post("/v1/jobs", "{}", bearer(few)).status == 202) }
                let full = try await client.post("/v1/jobs", "{}", bearer(few))
                #expect(full.status == 429 && full.problem == "quota-exceeded" && full["retry-after"] != nil)
                // The owner's jobs count, not the key's.
                let second = try key(keys, "bob", limits: AccessLimits(activeJobs: 2))
                #expect(try await client.post("/v1/jobs", "{}", bearer(second)).status == 429)
            }
        }

        @Test func aRetryIsHeldToTheLimitOfActiveJobs() async throws {
            try await withKeys { house, keys, _ in
                let client = try house.client()
                let few = try key(keys, "bob", limits: AccessLimits(activeJobs: 1))
                let admin = try key(keys, "root", scopes: ["admin"], limits: AccessLimits(activeJobs: 1))
                let location = try #require(try await client.post("/v1/jobs", "{}", bearer(few))["location"])
                let failure = JobFailure(code: "diverged", detail: "")
                try await house.finish(try await house.claim(), .failed(nil, failure, partial: nil))
                #expect(try await client.post("/v1/jobs", "{}", bearer(few)).status == 202)
                let refused = try await client.post("\(location)/retry", "{}", bearer(few))
                #expect(refused.status == 429 && refused.problem == "quota-exceeded" && refused["retry-after"] != nil)
                // A key bounds the jobs of its own owner.
                #expect(try await client.post("\(location)/retry", "{}", bearer(admin)).status == 202)
            }
        }

        @Test func keysEndAndRotate() async throws {
            try await withKeys { house, keys, _ in
                let client = try house.client()
                let first = try key(keys, limits: AccessLimits(activeJobs: 7))
                let second = try keys.rotate(id(of: first), overlap: 0)
                #expect(try await client.get("/v1/jobs", bearer(first)).status == 401)
                #expect(try await client.get("/v1/jobs", bearer(second)).status == 200)
                let third = try keys.rotate(id(of: second), overlap: 3_600)
                for text in [second, third] { #expect(try await client.get("/v1/jobs", bearer(text)).status == 200) }
                try keys.revoke(id(of: third))
                let ended = try await client.get("/v1/jobs", bearer(third))
                #expect(ended.status == 401 && ended.detail.contains("has ended"))
                let list = try keys.list()
                #expect(list.split(separator: "\n").count == 4 && list.contains("7 active jobs"))
                for text in [first, second, third] { #expect(!list.contains(text.split(separator: "_")[2])) }
                #expect(throws: KeyFileError.self) { try keys.rotate(id(of: third), overlap: 0) }
                #expect(throws: KeyFileError.self) { try keys.revoke("nobody") }
                #expect(throws: KeyFileError.self) { try key(keys, "a b") }
                #expect(throws: KeyFileError.self) { try key(keys, scopes: ["jobs"]) }
            }
        }

        @Test(arguments: [nil, 86_400]) func aKeyRotatedTwiceHandsOnItsWholeLifetime(_ lifetime: Int?) async throws {
            try await withKeys { _, keys, folder in
                var request = KeyRequest(owner: "ann")
                request.lifetime = lifetime
                let first = try keys.create(request)
                for _ in 0..<2 { _ = try keys.rotate(id(of: first), overlap: 60) }
                let file = try JSONParser.parse([UInt8](try Data(contentsOf: folder.appending(path: "keys.json"))))
                let entries = try #require(file["keys"]?.elements)
                #expect(entries.count == 3)
                // Made in one moment: those that were not shortened end in one.
                #expect(entries[1]["ends_at"] == entries[2]["ends_at"])
                #expect((entries[1]["ends_at"] == nil) == (lifetime == nil))
                #expect(entries[0]["ends_at"] != entries[1]["ends_at"])
            }
        }

        @Test(arguments: [("1", true), ("0", false), ("-1", false), ("\"9\"", false), ("1.5", false)])
        func aFileWithALimitThatMakesNoSenseIsRefused(_ number: String, _ isTaken: Bool) async throws {
            try await withKeys { _, keys, folder in
                _ = try key(keys, limits: AccessLimits(requestsPerMinute: 17))
                let file = folder.appending(path: "keys.json")
                let text = try String(contentsOf: file, encoding: .utf8)
                let changed = text.replacing(#/"requests_per_minute": ?17/#, with: "\"requests_per_minute\":\(number)")
                try #require(changed != text)
                try Data(changed.utf8).write(to: file)
                if isTaken {
                    #expect(try keys.list().contains("1 requests/min"))
                } else {
                    let error = #expect(throws: KeyFileError.self) { try keys.list() }
                    #expect(error?.reason.contains("entry 1 is no key") == true)
                }
            }
        }

        @Test func theFileHoldsNoSecret() async throws {
            try await withKeys { _, keys, folder in
                let text = try key(keys)
                let file = folder.appending(path: "keys.json")
                #expect(!String(decoding: try Data(contentsOf: file), as: UTF8.self).contains(text.suffix(52)))
                let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
                #expect(attributes[.posixPermissions] as? Int == 0o600)
            }
        }
    }
}

@Suite struct KeyComparisonTests {
    private static let digits = Array("0123456789abcdef")

    @Test func onlyTheSameIsEqual() {
        var random = TestRandom()
        for _ in 0..<20 {
            let hash = (0..<64).map { _ in Self.digits.randomElement(using: &random) ?? "0" }
            #expect(KeyText.areEqual(String(hash), String(hash)))
            let other = (0..<64).map { _ in Self.digits.randomElement(using: &random) ?? "0" }
            #expect(!KeyText.areEqual(String(hash), String(other)))
            #expect(!KeyText.areEqual(String(hash), String(hash.dropLast())))
            for place in hash.indices {
                for digit in Self.digits where digit != hash[place] {
                    var near = hash
                    near[place] = digit
                    if KeyText.areEqual(String(hash), String(near)) { Issue.record("differs at \(place)") }
                }
            }
        }
    }
}
