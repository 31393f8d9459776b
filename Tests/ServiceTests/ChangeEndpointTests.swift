// Changing jobs, trying again, and what is left of a run: PATCH, retry, checkpoints, the accepted problem.
import Foundation
import HTTPServer
import JobQueue
import ProblemSpecification
import Service
import Testing

extension APITests {
    @Suite(.timeLimit(.minutes(10))) struct ChangeEndpointTests {
        private func patch(
            _ client: APIClient, _ id: JobID, _ json: String, _ fields: [String] = []
        ) async throws -> Answer {
            try await client.request(
                "PATCH", "/v1/jobs/\(id)", ["Content-Type: application/merge-patch+json"] + fields,
                body: Array(json.utf8))
        }

        @Test func whatIsNamedChangesAndNullTakesBack() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(
                    client, "{\"labels\":{\"a\":\"1\",\"b\":\"2\"},\"limits\":{\"iterations\":7,\"time_seconds\":5}}")
                let answer = try await patch(
                    client, id,
                    """
                    {"priority":9,"labels":{"a":null,"c":"3"},"limits":{"time_seconds":null,"oracle_calls":4},
                     "ttl_seconds":60}
                    """)
                #expect(answer.status == 200 && answer["etag"] == "\"r2.s1\"")
                let job = try answer.json
                #expect(job["priority"] == .integer(9) && job["ttl_seconds"]?.double == 60)
                #expect(try JSONWriter.string(#require(job["labels"])) == "{\"b\":\"2\",\"c\":\"3\"}")
                #expect(try JSONWriter.string(#require(job["limits"])) == "{\"iterations\":7,\"oracle_calls\":4}")
                let back = try await patch(client, id, "{\"ttl_seconds\":null,\"labels\":null,\"priority\":null}").json
                #expect(
                    back["ttl_seconds"] == .null && back["labels"] == .object([]) && back["priority"] == .integer(0))
                #expect(try await patch(client, id, "{}").json["revision"] == .integer(3))
            }
        }

        @Test(arguments: [
            ("{\"priority\":10}", "/priority"), ("{\"priority\":\"high\"}", "/priority"), ("{\"labels\":3}", "/labels"),
            ("{\"labels\":{\"a/b\":3}}", "/labels/a~1b"), ("{\"labels\":{\"\":\"v\"}}", "/labels/"),
            ("{\"labels\":{\"a\":\"\\u0000\"}}", "/labels/a"),
            ("{\"limits\":{\"iterations\":-1}}", "/limits/iterations"),
            ("{\"limits\":{\"iteration\":1}}", "/limits/iteration"), ("{\"limits\":7}", "/limits"),
            ("{\"ttl_seconds\":0}", "/ttl_seconds"), ("{\"prioritty\":1}", "/prioritty"), ("[]", ""),
        ])
        func aChangeThatMakesNoSenseIsRefusedWithItsPlace(_ json: String, _ pointer: String) async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let answer = try await patch(client, id, json)
                #expect(answer.status == 422 && answer.problem == "validation-failed")
                #expect(try answer.json["errors"]?[0]?["pointer"]?.text == pointer, "\(answer.text)")
                #expect(try await house.store.job(id).revision == 1)
            }
        }

        @Test func ifMatchComparesTheRevisionAlone() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                for tag in ["\"r2.s1\"", "W/\"r1.s1\"", "\"x\"", "\"r2.s1\", \"r9.s1\""] {
                    let refused = try await patch(client, id, "{\"priority\":1}", ["If-Match: \(tag)"])
                    #expect(refused.status == 412 && refused.problem == "precondition-failed")
                }
                for (revision, tag) in ["\"r1.s77\"", "*", "\"r1.s1\", \"r3.s1\""].enumerated() {
                    let changed = try await patch(client, id, "{\"priority\":1}", ["If-Match: \(tag)"])
                    #expect(changed.status == 200)
                    #expect(try changed.json["revision"] == .integer(revision + 2))
                }
            }
        }

        @Test func ifMatchGuardsADeletion() async throws {
            try await withHouse { house in
                let client = try house.client()
                for tag in ["\"r2.s1\"", "\"r9.s1\", \"r2.s9\"", "*"] {
                    let path = "/v1/jobs/\(try await house.submit(client))"
                    let stale = ["If-Match: \"r1.s1\", W/\"r2.s1\""]
                    let early = try await client.request("DELETE", path, stale)
                    #expect(early.status == 409 && early.problem == "invalid-state")
                    #expect(try await client.post("\(path)/cancel").json["revision"] == .integer(2))
                    let refused = try await client.request("DELETE", path, stale)
                    #expect(refused.status == 412 && refused.problem == "precondition-failed")
                    #expect(try await client.get(path).status == 200)
                    #expect(try await client.request("DELETE", path, ["If-Match: \(tag)"]).status == 204)
                    #expect(try await client.request("DELETE", path, ["If-Match: \(tag)"]).status == 404)
                }
            }
        }

        @Test func anEndedJobKeepsItsPriorityAndLimits() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                _ = try await client.post("/v1/jobs/\(id)/cancel")
                for json in ["{\"priority\":1}", "{\"limits\":{\"iterations\":1}}"] {
                    let refused = try await patch(client, id, json)
                    #expect(refused.status == 409 && refused.problem == "invalid-state")
                }
                let kept = try await patch(client, id, "{\"labels\":{\"seen\":\"yes\"},\"ttl_seconds\":9}").json
                #expect(kept["labels"]?["seen"]?.text == "yes" && kept["expires_at"]?.text != nil)
                #expect(try await client.request("PATCH", "/v1/jobs/\(id)", [], body: Array("{}".utf8)).status == 415)
            }
        }

        @Test func onlyFailedJobsAreTriedAgain() async throws {
            try await withHouse { house in
                let client = try house.client()
                for (body, origin) in [("", "checkpoint"), ("{}", "checkpoint"), ("{\"from\":\"start\"}", "start")] {
                    let id = try await house.submit(client)
                    let path = "/v1/jobs/\(id)/retry"
                    #expect(try await client.request("POST", path).problem == "invalid-state")
                    let failure = JobFailure(code: "diverged", detail: "")
                    try await house.finish(try await house.claim(), .failed(nil, failure, partial: nil))
                    #expect(try await client.get("/v1/jobs/\(id)").json["links"]?["retry"]?.text == path)
                    let answer =
                        body.isEmpty ? try await client.request("POST", path) : try await client.post(path, body)
                    #expect(answer.status == 202 && answer["location"] == "/v1/jobs/\(id)")
                    #expect(try answer.json["state"]?.text == "queued")
                    let log = try await client.get("/v1/jobs/\(id)/events", "Accept: application/json").text
                    #expect(log.contains("\"retried_from\":\"\(origin)\""))
                    _ = try await client.post("/v1/jobs/\(id)/cancel")
                }
                let id = try await house.submit(client)
                for body in ["[]", "{\"from\":\"middle\"}", "{\"form\":\"start\"}", "{\"from\":1}"] {
                    #expect(try await client.post("/v1/jobs/\(id)/retry", body).status == 422)
                }
            }
        }

        @Test func aRetryNeedsRoomInTheQueue() async throws {
            var setup = Setup()
            setup.limits.queuedJobs = 2
            try await withHouse(setup) { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let failure = JobFailure(code: "diverged", detail: "")
                try await house.finish(try await house.claim(), .failed(nil, failure, partial: nil))
                for _ in 0..<2 { _ = try await house.submit(client) }
                let refused = try await client.request("POST", "/v1/jobs/\(id)/retry")
                #expect(refused.status == 503 && refused.problem == "queue-full" && refused["retry-after"] != nil)
                _ = try await house.claim()
                #expect(try await client.request("POST", "/v1/jobs/\(id)/retry").status == 202)
                // It takes the room that a submission would have.
                #expect(try await client.post("/v1/jobs", "{}").problem == "queue-full")
            }
        }

        @Test func statesAreListedAndReadAsFiles() async throws {
            let file = FileManager.default.temporaryDirectory.appending(path: "state-\(UUID().uuidString)")
            try Data([1, 2, 3, 10]).write(to: file)
            defer { try? FileManager.default.removeItem(at: file) }
            var setup = Setup()
            setup.states["here"] = file
            try await withHouse(setup) { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let path = "/v1/jobs/\(id)/checkpoints"
                #expect(try await client.get(path).json["items"] == .array([]))
                let lease = try await house.claim()
                for (iteration, name) in ["gone", "here"].enumerated() {
                    let checkpoint = CheckpointReference(
                        epoch: 1, name: name, iteration: Int64(iteration), byteCount: 4,
                        writtenAt: House.now().calendar)
                    _ = try await house.store.recordCheckpoint(checkpoint, under: lease)
                }
                let items = try await client.get(path).json["items"]?.elements ?? []
                #expect(items.count == 1 && items[0]["iteration"] == .integer(1))
                #expect(items[0]["href"]?.text == "\(path)/here")
                let answer = try await client.get("\(path)/here")
                #expect(answer.body == [1, 2, 3, 10] && answer["content-type"] == "application/octet-stream")
                #expect(try await client.get("\(path)/gone").problem == "gone")
                for name in ["none", "..%2F..%2Fjobs.sqlite"] {
                    #expect(try await client.get("\(path)/\(name)").status == 404)
                }
            }
        }

        @Test func theAcceptedDocumentComesBackWithItsDefaults() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client, "{\"seed\":7,\"limits\":{\"time_seconds\":3}}")
                let problem = try await client.get("/v1/jobs/\(id)/problem").json
                let document = try #require(problem["document"])
                #expect(document["seed"] == .integer(7) && document["method"]?.text == "auto")
                #expect(document["limits"]?["time_seconds"] == .integer(3))
                #expect(document["limits"]?["iterations"] == .integer(1_000))
                #expect(document["retry"]?["max_attempts"] == .integer(3))
            }
        }

        @Test func listsKnowMethods() async throws {
            try await withHouse { house in
                let client = try house.client()
                let soba = try await house.submit(client, "{\"method\":\"soba\"}")
                _ = try await house.submit(client)
                let items = try await client.get("/v1/jobs?method=soba").json["items"]?.elements ?? []
                #expect(items.map { $0["id"]?.text } == [soba.description] && items[0]["method"]?.text == "soba")
                #expect(try await client.get("/v1/jobs?method=itd").json["items"] == .array([]))
            }
        }
    }
}
