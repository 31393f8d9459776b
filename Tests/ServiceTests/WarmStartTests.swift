// Documents that begin where an earlier job ended.
import HTTPServer
import JobQueue
import ProblemSpecification
import Service
import Testing

extension APITests {
    @Suite(.timeLimit(.minutes(10))) struct WarmStartTests {
        private static let result = "{\"result_sha256\":\"abc\",\"variables\":{\"x\":1.5,\"w\":[1,2.25]}}"

        private static func document(_ job: String, variables: String = "\"x\":{\"start\":0},\"z\":{}") -> String {
            """
            {"problem":{"levels":[{"variables":{\(variables)},"minimize":"a"},
             {"variables":{"w":{"shape":[2],"constraint":"nonnegative"}},"minimize":"b"}]},
             "warm_start":{"job":"\(job)"},"seed":3}
            """
        }

        private func ended(_ house: House, _ client: APIClient, _ result: String = result) async throws -> JobID {
            let id = try await house.submit(client)
            let outcome = Outcome.succeeded(Termination(rawValue: "converged"), result: Array(result.utf8))
            try await house.finish(try await house.claim(), outcome)
            return id
        }

        @Test func theBestPointBecomesTheStartForGood() async throws {
            try await withHouse { house in
                let client = try house.client()
                let earlier = try await ended(house, client)
                let id = try await house.submit(client, Self.document("\(earlier)"))
                #expect(try await client.request("DELETE", "/v1/jobs/\(earlier)").status == 204)
                let problem = try await client.get("/v1/jobs/\(id)/problem").json
                let levels = problem["document"]?["problem"]?["levels"]
                #expect(levels?[0]?["variables"]?["x"]?["start"] == .number(1.5))
                #expect(levels?[0]?["variables"]?["z"] == .object([]))
                let lower = levels?[1]?["variables"]?["w"]
                #expect(lower?["start"]?.elements?.compactMap(\.double) == [1, 2.25])
                #expect(lower?["constraint"]?.text == "nonnegative" && lower?["shape"] != nil)
                #expect(problem["document"]?["warm_start"] == nil && problem["document"]?["seed"] == .integer(3))
                #expect(problem["warm_start"]?["job"]?.text == earlier.description)
                #expect(problem["warm_start"]?["result_sha256"]?.text == "abc")
            }
        }

        @Test func aVariableBeginsAtAJobOfItsOwn() async throws {
            try await withHouse { house in
                let client = try house.client()
                let first = try await ended(house, client)
                let second = try await ended(house, client, "{\"result_sha256\":\"d\",\"variables\":{\"x\":9,\"z\":8}}")
                let own = "\"x\":{\"start\":{\"job\":\"\(second)\"}},\"z\":{\"start\":{\"job\":\"\(second)\"}}"
                let id = try await house.submit(client, Self.document("\(first)", variables: own))
                let problem = try await client.get("/v1/jobs/\(id)/problem").json
                let levels = problem["document"]?["problem"]?["levels"]
                // What a variable says itself is stronger than the warm start of all.
                #expect(levels?[0]?["variables"]?["x"]?["start"]?.double == 9)
                #expect(levels?[0]?["variables"]?["z"]?["start"]?.double == 8)
                #expect(levels?[1]?["variables"]?["w"]?["start"]?.elements?.compactMap(\.double) == [1, 2.25])
                #expect(problem["starts"]?["x"]?["job"]?.text == second.description)
                #expect(problem["starts"]?["z"]?["result_sha256"]?.text == "d" && problem["starts"]?["w"] == nil)
                #expect(problem["warm_start"]?["variables"]?.elements?.compactMap(\.text) == ["w"])
            }
        }

        @Test func aStartThatIsNotThereIsAFaultAtItsPlace() async throws {
            try await withHouse { house in
                let client = try house.client()
                let earlier = try await ended(house, client)
                let waiting = try await house.submit(client)
                for (variable, job, words) in [
                    ("x", "job_x", "no such job"), ("x", "job_01HZX3V9T4S0K2E6W8Q1R5Y7AB", "no such job"),
                    ("q", "\(earlier)", "that job has no variable q; it has x, w"), ("x", "\(waiting)", "queued"),
                ] {
                    let document = """
                        {"problem":{"levels":[{"variables":{"\(variable)":{"start":{"job":"\(job)"}}},"minimize":"a"}]}}
                        """
                    let refused = try await client.post("/v1/jobs", document)
                    let fault = try refused.json["errors"]?[0]
                    #expect(refused.status == 422 && fault?["detail"]?.text?.contains(words) == true, "\(refused.text)")
                    #expect(fault?["pointer"]?.text == "/problem/levels/0/variables/\(variable)/start/job")
                }
                var jobs: [JobID] = []
                for _ in 0...16 { jobs.append(try await house.submit(client)) }
                _ = try await client.post("/v1/jobs/\(waiting)/cancel")
                for _ in jobs { try await house.finish(try await house.claim()) }
                func variables(_ count: Int) -> String {
                    let all = jobs.prefix(count).map { "{\"variables\":{\"x\":{\"start\":{\"job\":\"\($0)\"}}}}" }
                    return "{\"problem\":{\"levels\":[\(all.joined(separator: ","))]}}"
                }
                #expect(try await client.post("/v1/jobs", variables(16)).status == 202)
                let many = try await client.post("/v1/jobs", variables(17))
                #expect(many.status == 422 && many.text.contains("at most 16 jobs"))
            }
        }

        @Test func whatCannotBeStartedFromIsAFaultOfTheDocument() async throws {
            try await withHouse { house in
                let client = try house.client()
                let strange = try await ended(house, client, "{\"variables\":{\"q\":1}}")
                let infinite = try await ended(house, client, "{\"variables\":{\"x\":null}}")
                let waiting = try await house.submit(client)
                let cancelled = try await house.submit(client)
                _ = try await client.post("/v1/jobs/\(cancelled)/cancel")
                for (job, words) in [
                    ("job_x", "no such job"), ("job_01HZX3V9T4S0K2E6W8Q1R5Y7AB", "no such job"),
                    ("\(strange)", "no variable has a name of that job's: q"), ("\(infinite)", "not finite"),
                    ("\(waiting)", "queued"), ("\(cancelled)", "without a point"),
                ] {
                    for path in ["/v1/jobs", "/v1/jobs?dry_run=true"] {
                        let refused = try await client.post(path, Self.document(job))
                        #expect(refused.status == 422 && refused.problem == "validation-failed")
                        let fault = try refused.json["errors"]?[0]
                        #expect(fault?["pointer"]?.text == "/warm_start/job")
                        #expect(fault?["detail"]?.text?.contains(words) == true, "\(refused.text)")
                    }
                    let report = try await client.post("/v1/validate", Self.document(job))
                    #expect(try report.status == 200 && report.json["valid"] == .bool(false))
                }
                for wish in ["3", "{}", "{\"job\":3}", "{\"jobs\":\"x\"}", "{\"job\":\"x\",\"at\":1}"] {
                    let refused = try await client.post("/v1/jobs", "{\"problem\":{},\"warm_start\":\(wish)}")
                    #expect(try refused.json["errors"]?[0]?["pointer"]?.text == "/warm_start", "\(wish)")
                }
            }
        }
    }
}
