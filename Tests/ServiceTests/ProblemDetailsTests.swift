// From errors to answers: every error of the queue, faults of the bytes, and what nobody knows.
import HTTP1
import HTTPServer
import JobQueue
import ProblemSpecification
import Service
import Testing

/// An error that the service does not know, with something in it that must not leave.
private struct Unknown: Error { let secret = "the cat is in the box" }

extension APITests {
    @Suite(.timeLimit(.minutes(10))) struct ProblemDetailsTests {
        private static let id = JobID(bits: 1)
        private static let lease = Lease(job: id, epoch: 1, worker: "w1")

        private static let storeErrors: [(error: JobStoreError, status: Int, type: String)] = [
            (.unknownJob(id), 404, "not-found"), (.gone(id), 410, "gone"),
            (.idempotencyKeyReused(route: "r", key: "k"), 422, "idempotency-key-reused"),
            (.duplicateJob(id), 500, "internal-error"), (.leaseLost(lease), 500, "internal-error"),
            (.invalidState(id, .running, .delete), 409, "invalid-state"),
            (.invalidState(id, .running, .retry), 409, "invalid-state"),
            (.revisionMismatch(wanted: 1, found: 2), 412, "precondition-failed"),
            (.outOfRange(.priority, allowed: 0...9, found: 10), 422, "exceeds-limits"),
            (.outOfRange(.limit, allowed: 1...200, found: 0), 400, "invalid-parameter"),
            (.reservedEventType("end"), 500, "internal-error"), (.overloaded(limit: 1), 503, "overloaded"),
            (.closed, 503, "draining"), (.storage(.full), 507, "insufficient-storage"),
            (.storage(.readOnly), 503, "storage"), (.storage(.corrupt("secret")), 503, "storage"),
            (.storage(.busy), 503, "storage"), (.storage(.failed(code: 1, message: "secret")), 503, "storage"),
        ]

        private static func document(_ response: Response) throws -> JSONValue {
            guard case .bytes(let bytes) = response.body else { return .null }
            return try JSONParser.parse(bytes)
        }

        @Test func everyErrorOfTheQueueHasItsAnswer() async throws {
            try await withHouse { house in
                for (error, status, type) in Self.storeErrors {
                    let response = house.render(.handler(error), "id-1")
                    let problem = try Self.document(response)
                    #expect(response.status.code == status && problem["status"] == .integer(status))
                    #expect(problem["type"]?.text == "/problems/\(type)")
                    #expect(problem["request_id"]?.text == "id-1")
                    #expect(response.fields["content-type"] == "application/problem+json")
                    #expect((response.fields["retry-after"] != nil) == [503, 507].contains(status))
                    #expect(problem["detail"]?.text?.contains("secret") == false)
                }
            }
        }

        @Test func whatIsNotKnownSaysNothing() async throws {
            try await withHouse { house in
                let response = house.render(.handler(Unknown()), "id-2")
                let problem = try Self.document(response)
                #expect(response.status == .internalServerError)
                #expect(problem["request_id"]?.text == "id-2")
                #expect(problem["detail"]?.text?.contains(Unknown().secret) == false)
            }
        }

        @Test(arguments: [
            RequestError.malformedRequestLine, .unsupportedVersion, .requestLineTooLong(limit: 1),
            .tooManyFields(limit: 1), .unsupportedTransferCoding, .unknownExpectation, .headTimeout, .invalidHost,
            .invalidTarget,
        ])
        func faultsOfTheBytesKeepTheirStatus(_ error: RequestError) async throws {
            try await withHouse { house in
                let response = house.render(.request(error), "id-3")
                #expect(response.status == error.status)
                let problem = try Self.document(response)
                #expect(problem["status"] == .integer(error.status.code))
                // Types are words with hyphens, details are sentences: no name of ours shows.
                let type = try #require(problem["type"]?.text)
                let detail = try #require(problem["detail"]?.text)
                #expect(type.wholeMatch(of: /\/problems\/[a-z]+(-[a-z]+)*/) != nil && detail.contains(" "))
                #expect(!detail.contains(String(describing: error).prefix { $0 != "(" }))
            }
        }
    }
}
