// POST /v1/jobs and POST /v1/validate: every answer.
import HTTPServer
import JobQueue
import ProblemSpecification
import Service
import Testing

extension APITests {
    @Suite(.timeLimit(.minutes(10))) struct SubmissionTests {
        @Test func aJobIsAcceptedWithItsPlaceAndTag() async throws {
            try await withHouse { house in
                let answer = try await house.client().post(
                    "/v1/jobs", "{\"labels\":{\"a\":\"b\"},\"limits\":{\"iterations\":7}}")
                #expect(answer.status == 202)
                let job = try answer.json
                let id = try #require(job["id"]?.text)
                #expect(answer["location"] == "/v1/jobs/\(id)")
                #expect(answer["etag"] == "\"r1.s1\"")
                #expect(answer["retry-after"] == "1")
                #expect(job["state"]?.text == "queued")
                #expect(job["position"] == .integer(1) && job["reason"]?.text != nil)
                #expect(job["labels"]?["a"]?.text == "b" && job["limits"]?["iterations"] == .integer(7))
                #expect(answer.body.last == 0x0A)
                #expect(house.workforce.wakeCount == 1)
            }
        }

        @Test(arguments: [
            ("Content-Type: application/x-www-form-urlencoded", "use --json @file"),
            ("Content-Type: multipart/form-data; boundary=x", "use --json @file"),
            ("Content-Type: text/plain", "application/json"), ("X-Nothing: 1", "missing"),
            ("Content-Type: application/json; charset=latin1", "application/json"),
            ("Content-Type: application/json\r\nContent-Encoding: br", "gzip"),
        ])
        func otherMediaTypesAreRefusedUnread(_ field: String, _ words: String) async throws {
            try await withHouse { house in
                for path in ["/v1/jobs", "/v1/validate"] {
                    let answer = try await house.client().request("POST", path, [field], body: Array("{}".utf8))
                    #expect(answer.status == 415 && answer.detail.contains(words), "\(answer.detail)")
                }
                let client = try house.client()
                try await client.send(
                    "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n\(field)\r\nContent-Length: 9\r\n"
                        + "Expect: 100-continue\r\n\r\n")
                #expect(try await client.head("POST", "/v1/jobs").status == 415)
            }
        }

        @Test(arguments: [
            ("{\n \"a\": tru}", 2, 7), ("", 1, 1), ("{\"a\":1,\"a\":2}", 1, 8), ("{} x", 1, 4), ("{\"a\":NaN}", 1, 6),
            ("{\"a\":1e999}", 1, 6),
        ])
        func brokenJSONIsNamedByLineAndColumn(_ text: String, _ line: Int, _ column: Int) async throws {
            try await withHouse { house in
                for path in ["/v1/jobs", "/v1/validate"] {
                    let answer = try await house.client().post(path, text)
                    #expect(answer.status == 400 && answer.problem == "malformed-json")
                    let fault = try answer.json["errors"]?[0]
                    #expect(fault?["line"] == .integer(line) && fault?["column"] == .integer(column), "\(answer.text)")
                }
            }
        }

        @Test func aBodyMayBeAsLargeAsItsLimit() async throws {
            try await withHouse { house in
                let limit = Setup().limits.documentBytes
                let frame = "{\"a\":\"\"}"
                func document(_ size: Int) -> String {
                    "{\"a\":\"\(String(repeating: "x", count: size - frame.utf8.count))\"}"
                }
                let client = try house.client()
                #expect(try await client.post("/v1/jobs", document(limit)).status == 202)
                let refused = try await house.client().post("/v1/jobs", document(limit + 1))
                #expect(refused.status == 413 && refused.problem == "content-too-large")
            }
        }

        @Test func whatTheDeskSaysIsPassedOn() async throws {
            try await withHouse { house in
                let client = try house.client()
                for path in ["/v1/jobs", "/v1/jobs?dry_run=true"] {
                    let refused = try await client.post(path, "{\"desk\":\"refuse\"}")
                    #expect(refused.status == 422 && refused.problem == "validation-failed")
                    #expect(try refused.json["errors"] == .array(PaperDesk.faults))
                }
                for path in ["/v1/jobs", "/v1/jobs?dry_run", "/v1/validate"] {
                    let costly = try await client.post(path, "{\"desk\":\"limits\"}")
                    #expect(costly.status == 422 && costly.problem == "exceeds-limits")
                    let busy = try await client.post(path, "{\"desk\":\"unavailable\"}")
                    #expect(busy.status == 503 && busy["retry-after"] != nil)
                }
                #expect(try await client.post("/v1/jobs", "{\"priority\":10}").status == 422)
                #expect(try await house.store.statistics(owner: nil).depth == 0)
            }
        }

        @Test func aDryRunWritesNothing() async throws {
            try await withHouse { house in
                let answer = try await house.client().post("/v1/jobs?dry_run=true", "{}", "Idempotency-Key: k")
                #expect(answer.status == 200)
                #expect(try answer.json["valid"] == .bool(true))
                #expect(try await house.store.statistics(owner: nil).depth == 0)
                #expect(house.workforce.wakeCount == 0)
            }
        }

        @Test func aValidationReportsFaultsAsData() async throws {
            try await withHouse { house in
                let client = try house.client()
                #expect(try await client.post("/v1/validate", "{}").json["checked"] == .bool(false))
                #expect(try await client.post("/v1/validate?gradient_check", "{}").json["checked"] == .bool(true))
                let refused = try await client.post("/v1/validate", "{\"desk\":\"refuse\"}")
                #expect(refused.status == 200)
                #expect(try refused.json["valid"] == .bool(false))
            }
        }

        @Test func theSameKeyAndBodyFindTheSameJob() async throws {
            try await withHouse { house in
                let client = try house.client()
                let first = try await client.post("/v1/jobs", "{}", "Idempotency-Key: k1")
                let second = try await client.post("/v1/jobs", "{}", "Idempotency-Key: k1")
                #expect(first["idempotency-replayed"] == nil && second["idempotency-replayed"] == "true")
                #expect(first["location"] == second["location"] && second.status == 202)
                let other = try await client.post("/v1/jobs", "{\"seed\":1}", "Idempotency-Key: k1")
                #expect(other.status == 422 && other.problem == "idempotency-key-reused")
                let location = try #require(first["location"])
                #expect(try await client.request("DELETE", "\(location)?force=true").status == 204)
                #expect(try await client.post("/v1/jobs", "{}", "Idempotency-Key: k1").status == 410)
            }
        }

        @Test func aRepetitionNeedsNothingThatTheFirstRequestNeeded() async throws {
            var setup = Setup()
            setup.limits.queuedJobs = 2
            try await withHouse(setup) { house in
                let client = try house.client()
                let start = try await house.submit(client)
                try await house.finish(try await house.claim())
                let document =
                    "{\"problem\":{\"levels\":[{\"variables\":{\"x\":{}}}]},\"warm_start\":{\"job\":\"\(start)\"}}"
                func repeated(_ document: String) async throws -> Answer {
                    try await client.post("/v1/jobs", document, "Idempotency-Key: k1")
                }
                let first = try await repeated(document)
                #expect(first.status == 202)
                func expectReplay() async throws {
                    let answer = try await repeated(document)
                    #expect(answer.status == 202 && answer["idempotency-replayed"] == "true", "\(answer.text)")
                    #expect(answer["location"] == first["location"])
                }
                #expect(try await client.request("DELETE", "/v1/jobs/\(start)").status == 204)
                try await expectReplay()
                #expect(try await client.post("/v1/jobs?dry_run", document, "Idempotency-Key: k1").status == 422)
                _ = try await house.submit(client)
                #expect(try await client.post("/v1/jobs", "{}").problem == "queue-full")
                try await expectReplay()
                house.status.beginDraining()
                let fresh = try await client.post("/v1/jobs", "{}", "Idempotency-Key: k2")
                #expect(fresh.status == 503 && fresh.problem == "draining")
                try await expectReplay()
                #expect(try await repeated("{}").problem == "idempotency-key-reused")
                let location = try #require(first["location"])
                #expect(try await client.request("DELETE", "\(location)?force=true").status == 204)
                #expect(try await repeated(document).status == 410)
            }
        }

        @Test func concurrentDuplicatesMakeOneJob() async throws {
            try await withHouse { house in
                let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                    for _ in 0..<16 {
                        let client = try house.client()
                        group.addTask { try await client.post("/v1/jobs", "{}", "Idempotency-Key: same") }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(answers.allSatisfy { $0.status == 202 })
                #expect(Set(answers.compactMap { $0["location"] }).count == 1)
                #expect(answers.filter { $0["idempotency-replayed"] == nil }.count == 1)
                #expect(try await house.store.statistics(owner: nil).depth == 1)
            }
        }

        @Test(arguments: [
            ("a b", 400), (String(repeating: "k", count: 255), 202), (String(repeating: "k", count: 256), 400),
        ])
        func keysHaveAShape(_ key: String, _ status: Int) async throws {
            try await withHouse { house in
                let client = try house.client()
                #expect(try await client.post("/v1/jobs", "{}", "Idempotency-Key: \(key)").status == status)
            }
        }

        @Test func aPreferredWaitEndsWithTheJob() async throws {
            try await withHouse { house in
                let client = try house.client()
                async let answer = client.post("/v1/jobs", "{}", "Prefer: respond-async, wait=30")
                while try await house.store.statistics(owner: nil).depth == 0 { await Task.yield() }
                try await house.finish(try await house.claim())
                let done = try await answer
                #expect(done.status == 200 && done["preference-applied"] == "wait=30" && done["location"] != nil)
                #expect(try done.json["state"]?.text == "succeeded")
                #expect(try done.json["result"] == JSONParser.parse(House.result))
            }
        }

        @Test(arguments: ["wait=0", "wait=x", "wait=-1", "wait"])
        func aWaitWithoutEffectIsNoError(_ preference: String) async throws {
            try await withHouse { house in
                let client = try house.client()
                #expect(try await client.post("/v1/jobs", "{}", "Prefer: \(preference)").status == 202)
            }
        }

        @Test func aClientThatLeavesCancelsNothing() async throws {
            try await withHouse { house in
                do {
                    let client = try house.client()
                    try await client.send(
                        "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            + "Prefer: wait=1\r\nContent-Length: 2\r\n\r\n{}")
                    while try await house.store.statistics(owner: nil).depth == 0 { await Task.yield() }
                }
                while house.server.connectionCount > 0 { await Task.yield() }
                let job = try #require(try await house.store.list(JobQuery()).jobs.first)
                #expect(job.state == .queued && job.interruption == nil)
            }
        }

        @Test func aFullQueueIsRefusedAtItsLimit() async throws {
            var setup = Setup()
            setup.limits.queuedJobs = 2
            try await withHouse(setup) { house in
                let client = try house.client()
                _ = try await house.submit(client)
                _ = try await house.submit(client)
                let refused = try await client.post("/v1/jobs", "{}")
                #expect(refused.status == 503 && refused.problem == "queue-full" && refused["retry-after"] != nil)
                _ = try await house.claim()
                #expect(try await client.post("/v1/jobs", "{}").status == 202)
            }
        }

        @Test func aDrainingServiceTakesNoJobs() async throws {
            try await withHouse { house in
                house.status.beginDraining()
                let refused = try await house.client().post("/v1/jobs", "{}")
                #expect(refused.status == 503 && refused.problem == "draining" && refused["retry-after"] != nil)
            }
        }
    }
}
