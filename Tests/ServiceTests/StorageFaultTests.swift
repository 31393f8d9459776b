// A disk that takes no more: what callers are told, and that it ends with its cause.
import JobQueue
import ProblemSpecification
import Service
import Testing

extension APITests {
    @Suite(.timeLimit(.minutes(10))) struct StorageFaultTests {
        private func checks(_ client: APIClient) async throws -> (status: Int, storage: String?) {
            let answer = try await client.get("/readyz?verbose")
            return (answer.status, try answer.json["checks"]?["storage"]?.text)
        }

        @Test func aFullDiskIs507AndNotReadyUntilThereIsRoom() async throws {
            var setup = Setup()
            setup.storeBytes = 600 * 1_024
            setup.limits.documentBytes = 1 << 16
            try await withHouse(setup) { house in
                let client = try house.client()
                #expect(try await checks(client) == (200, "ok"))
                let document = "{\"padding\":\"\(String(repeating: "x", count: 16_384))\"}"
                var jobs: [String] = []
                var refused: Answer?
                while refused == nil, jobs.count < 100 {
                    let answer = try await client.post("/v1/jobs", document)
                    if answer.status == 202 {
                        jobs.append(try #require(try answer.json["id"]?.text))
                    } else {
                        refused = answer
                    }
                }
                #expect(refused?.status == 507 && refused?.problem == "insufficient-storage")
                #expect(refused?["retry-after"] == "60" && !jobs.isEmpty)
                while try await checks(client) != (503, "failed") { try await Task.sleep(for: .milliseconds(20)) }
                // What is there can be read, and the process lives.
                #expect(try await client.get("/livez").status == 200)
                #expect(try await client.get("/v1/jobs/\(jobs[0])").status == 200)
                for job in jobs.prefix(10) {
                    #expect(try await client.request("DELETE", "/v1/jobs/\(job)?force=true").status == 204)
                }
                while try await checks(client) != (200, "ok") { try await Task.sleep(for: .milliseconds(20)) }
                #expect(try await client.post("/v1/jobs", document).status == 202)
            }
        }
    }
}
