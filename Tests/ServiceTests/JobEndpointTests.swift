// Jobs that exist: reading, waiting, results, stop, cancel, delete, lists.
import HTTPServer
import JobQueue
import ProblemSpecification
import Service
import Testing

extension APITests {
    @Suite(.timeLimit(.minutes(10))) struct JobEndpointTests {
        @Test func aRunningJobTellsItsProgress() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let lease = try await house.claim()
                try await house.append(3, to: lease)
                try await house.append(1, "incumbent", to: lease)
                let job = try await client.get("/v1/jobs/\(id)").json
                #expect(job["state"]?.text == "running" && job["worker"]?.text == "w1")
                #expect(job["progress"]?["iteration"] == .integer(2) && job["best"]?["iteration"] == .integer(0))
                #expect(job["last_heartbeat_at"]?.text != nil && job["timings"]?["running_s"] != nil)
                #expect(job["position"] == nil && job["attempt"] == .integer(1))
            }
        }

        @Test(arguments: ["job_x", "job_01HZX3V9T4S0K2E6W8Q1R5Y7AB", "%C3%A9", "job_01hzx3v9t4s0k2e6w8q1r5y7ab"])
        func whatNamesNoJobIsNotFound(_ name: String) async throws {
            try await withHouse { house in
                let client = try house.client()
                for part in ["", "/events", "/result", "/problem"] {
                    #expect(try await client.get("/v1/jobs/\(name)\(part)").status == 404)
                }
                for part in ["/stop", "/cancel"] {
                    #expect(try await client.post("/v1/jobs/\(name)\(part)").status == 404)
                }
                #expect(try await client.request("DELETE", "/v1/jobs/\(name)").status == 404)
            }
        }

        @Test func anUnchangedJobIsNotSentAgain() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                for tag in ["\"r1.s1\"", "W/\"r1.s1\"", "\"r0.s0\", \"r1.s1\"", "*"] {
                    let answer = try await client.get("/v1/jobs/\(id)", "If-None-Match: \(tag)")
                    #expect(answer.status == 304 && answer["etag"] == "\"r1.s1\"")
                }
                for tag in ["\"r1.s2\"", "\"r2.s1\"", "\"x\"", "r1.s1"] {
                    #expect(try await client.get("/v1/jobs/\(id)", "If-None-Match: \(tag)").status == 200)
                }
            }
        }

        @Test func aLongPollAnswersAtTheChange() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let polls = [try house.client(), try house.client()]
                async let plain = polls[0].get("/v1/jobs/\(id)?wait=30")
                async let tagged = polls[1].get("/v1/jobs/\(id)?wait=30", "If-None-Match: \"r1.s1\"")
                while house.store.feed.tail(of: id).waitingCount < 2 { await Task.yield() }
                _ = try await house.claim()
                #expect(try await plain.json["state"]?.text == "running")
                #expect(try await tagged.json["state"]?.text == "running")
                // Another revision than the one named answers at once, and so does a timeout of nothing.
                #expect(try await client.get("/v1/jobs/\(id)?wait=60", "If-None-Match: \"r1.s1\"").status == 200)
                #expect(try await client.get("/v1/jobs/\(id)?wait=0").status == 200)
            }
        }

        @Test func aLongPollRunsOut() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let answer = try await client.get("/v1/jobs/\(id)?wait=1", "If-None-Match: \"r1.s1\"")
                #expect(answer.status == 304)
                house.status.beginDraining()
                #expect(try await client.get("/v1/jobs/\(id)?wait=60").status == 200)
            }
        }

        @Test func waitsAreBoundedInNumber() async throws {
            var setup = Setup()
            setup.limits.waitingRequests = 1
            try await withHouse(setup) { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let first = try house.client()
                async let waiting = first.get("/v1/jobs/\(id)?wait=30")
                while house.store.feed.tail(of: id).waitingCount < 1 { await Task.yield() }
                let refused = try await client.get("/v1/jobs/\(id)?wait=30")
                #expect(refused.status == 503 && refused.problem == "too-many-waits")
                #expect(try await client.post("/v1/jobs", "{}", "Prefer: wait=30").status == 202)
                #expect(try await client.post("/v1/jobs/\(id)/cancel").status == 200)
                #expect(try await waiting.json["state"]?.text == "cancelled")
            }
        }

        @Test func resultsComeWhenTheyAreThere() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let path = "/v1/jobs/\(id)/result"
                #expect(try await client.get(path).problem == "result-not-ready")
                #expect(try await client.get("\(path)?partial=true").problem == "no-result")
                let lease = try await house.claim()
                try await house.append(2, to: lease, carriesIterate: true)
                let partial = try await client.get("\(path)?partial=true").json
                #expect(partial["partial"] == .bool(true) && partial["progress"]?["iteration"] == .integer(1))
                let waiter = try house.client()
                async let waited = waiter.get("\(path)?wait=30")
                while house.store.feed.tail(of: id).waitingCount < 1 { await Task.yield() }
                try await house.finish(lease)
                #expect(try await waited.text == "\(House.result)\n")
                #expect(try await client.request("HEAD", path).status == 200)
                #expect(try await client.get("/v1/jobs/\(id)").json["termination"]?.text == "converged")
            }
        }

        @Test func aFailedJobHasItsBestForThoseWhoAsk() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let failure = JobFailure(code: "diverged", detail: "the objective is not finite")
                try await house.finish(
                    try await house.claim(),
                    .failed(Termination(rawValue: "diverged"), failure, partial: Array("{\"best\":1}".utf8)))
                let refused = try await client.get("/v1/jobs/\(id)/result")
                #expect(refused.status == 409 && refused.problem == "no-result" && refused.detail.contains("partial"))
                #expect(try await client.get("/v1/jobs/\(id)/result?partial=true").text == "{\"best\":1}\n")
                let job = try await client.get("/v1/jobs/\(id)")
                #expect(job.status == 200)
                #expect(try job.json["failure"]?["code"]?.text == "diverged")
            }
        }

        @Test func stopAndCancelFollowTheTable() async throws {
            try await withHouse { house in
                let client = try house.client()
                for action in ["stop", "cancel"] {
                    let waiting = try await house.submit(client)
                    let ended = try await client.post("/v1/jobs/\(waiting)/\(action)")
                    #expect(ended.status == 200)
                    #expect(try ended.json["state"]?.text == "cancelled")
                    #expect(try await client.post("/v1/jobs/\(waiting)/\(action)").status == 200)

                    let running = try await house.submit(client)
                    let lease = try await house.claim()
                    try await house.append(1, to: lease, carriesIterate: true)
                    let wakes = house.workforce.wakeCount
                    let ending = try await client.post("/v1/jobs/\(running)/\(action)")
                    #expect(ending.status == 202)
                    #expect(try ending.json["state"]?.text == "stopping")
                    #expect(try ending.json["interruption"]?.text == action)
                    #expect(house.workforce.wakeCount == wakes + 1)
                    try await house.finish(lease)
                }
            }
        }

        @Test func onlyEndedJobsAreDeletedUnlessForced() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let refused = try await client.request("DELETE", "/v1/jobs/\(id)")
                #expect(refused.status == 409 && refused.detail.contains("cancel it first"))
                #expect(try await client.request("DELETE", "/v1/jobs/\(id)?force=true").status == 204)
                #expect(try await client.request("DELETE", "/v1/jobs/\(id)").status == 404)
                let other = try await house.submit(client)
                _ = try await client.post("/v1/jobs/\(other)/cancel")
                #expect(try await client.request("DELETE", "/v1/jobs/\(other)").status == 204)
                #expect(house.discarded.all == [id, other])
            }
        }

        @Test func listsAreFilteredSortedAndPaged() async throws {
            try await withHouse { house in
                let client = try house.client()
                var ids: [String] = []
                for index in 0..<5 {
                    let label = index.isMultiple(of: 2) ? "even:x&y" : "odd"
                    ids.append(try await house.submit(client, "{\"labels\":{\"kind\":\"\(label)\"}}").description)
                }
                func list(_ query: String) async throws -> [String] {
                    try await client.get("/v1/jobs?\(query)").json["items"]?.elements?.compactMap { $0["id"]?.text }
                        ?? []
                }
                #expect(try await list("") == ids.reversed())
                #expect(try await list("sort=created_at&state=queued,running") == ids)
                #expect(try await list("state=running") == [])
                #expect(try await list("sort=created_at&label=kind:even:x%26y") == [ids[0], ids[2], ids[4]])
                #expect(try await list("created_after=2999-01-01T00:00:00Z") == [])
                #expect(try await list("created_after=2020-01-01T00:00:00%2B02:00&limit=200").count == 5)
                var seen: [String] = []
                var target = "/v1/jobs?limit=2&sort=created_at&label=kind:even:x%26y"
                while true {
                    let page = try await client.get(target)
                    seen += try page.json["items"]?.elements?.compactMap { $0["id"]?.text } ?? []
                    guard let link = page["link"] else { break }
                    #expect(link.hasSuffix(">; rel=\"next\""))
                    target = String(link.dropFirst().prefix { $0 != ">" })
                }
                #expect(seen == [ids[0], ids[2], ids[4]])
            }
        }

        /// What the contract lists as a flag's values, and what is close to them.
        @Test func aFlagIsWhatTheContractListsAndNothingElse() async throws {
            try await withHouse { house in
                let client = try house.client()
                let path = "/v1/jobs/\(try await house.submit(client))/result"
                for flag in ["partial", "partial=", "partial=true"] {
                    #expect(try await client.get("\(path)?\(flag)").problem == "no-result", "\(flag)")
                }
                #expect(try await client.get("\(path)?partial=false").problem == "result-not-ready")
                for flag in [
                    "partial=1", "partial=0", "partial=True", "partial=yes", "partial=null", "partial=%20true",
                ] {
                    #expect(try await client.get("\(path)?\(flag)").problem == "invalid-parameter", "\(flag)")
                }
            }
        }

        @Test(arguments: [
            "limit=0", "limit=201", "limit=x", "state=runing", "state=", "state=running,", "label=kind", "label=:x",
            "label=a:1&label=a:2", "created_after=yesterday", "sort=up", "cursor=x", "stat=queued", "limit=1&limit=2",
        ])
        func aListRefusesWhatItDoesNotKnow(_ query: String) async throws {
            try await withHouse { house in
                let answer = try await house.client().get("/v1/jobs?\(query)")
                #expect(answer.status == 400 && answer.problem == "invalid-parameter")
            }
        }

        @Test func namesAreCorrected() async throws {
            try await withHouse { house in
                let client = try house.client()
                #expect(try await client.get("/v1/jobs?stat=queued").detail.contains("did you mean 'state'?"))
                #expect(try await client.get("/v1/jobs?state=runing").detail.contains("did you mean \"running\"?"))
                #expect(try await client.post("/v1/jobs?dryrun=true", "{}").detail.contains("did you mean 'dry_run'?"))
            }
        }
    }
}
