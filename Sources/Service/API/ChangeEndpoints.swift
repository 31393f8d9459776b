// PATCH /v1/jobs/{id} and POST /v1/jobs/{id}/retry: changes of jobs that exist.
import ExpressionLanguage
import HTTP1
import HTTPServer
import JobQueue
import ProblemSpecification

/// Changing, and trying again.
struct ChangeEndpoints: Sendable {
    let context: APIContext

    /// Others may change the job between reading and writing; a change without If-Match is then made anew.
    private static let tries = 8

    /// `PATCH /v1/jobs/{id}`.
    @Sendable func patch(_ request: Request) async throws -> Response {
        _ = try Query(request)
        let id = try context.jobID(request)
        let change = try JobChangeRequest(try parse(request.content))
        let wanted = WantedRevision(request.fields("if-match"))
        for _ in 1..<Self.tries {
            do {
                return try await apply(change, to: id, wanted)
            } catch JobStoreError.revisionMismatch where wanted == nil {
                continue
            }
        }
        return try await apply(change, to: id, wanted)
    }

    private func apply(_ change: JobChangeRequest, to id: JobID, _ wanted: WantedRevision?) async throws -> Response {
        let job = try await context.store.job(id)
        if let wanted, !wanted.matches(job.revision) { throw APIError.preconditionFailed(found: job.revision) }
        let patch = try change.patch(of: job)
        guard patch != JobPatch() else { return try await context.answer(job) }
        let changed = try await context.store.update(
            id, with: patch, ifRevision: job.revision, at: context.now().calendar)
        context.workforce.wake(for: .asked(id))
        return try await context.answer(changed)
    }

    /// `POST /v1/jobs/{id}/retry`.
    @Sendable func retry(_ request: Request) async throws -> Response {
        _ = try Query(request)
        let id = try context.jobID(request)
        guard !context.status.isDraining else { throw APIError.draining }
        let origin = request.content.isEmpty ? .checkpoint : try origin(try parse(request.content))
        try await context.queue.checkRoom(in: context.store, at: context.now().uptime)
        let transition = try await context.store.retry(
            id, from: origin, activeLimit: try await activeLimit(of: id, request), at: context.now().calendar)
        context.queue.count()
        context.discard(id, .checkpoints(transition.dropped))
        context.workforce.wake(for: .asked(id))
        return try await context.answer(transition.job, status: .accepted)
            .with("Location", JobDocument.path(id)).with("Retry-After", "1")
    }

    /// What the caller's key allows its owner; it does not bound another's jobs.
    private func activeLimit(of id: JobID, _ request: Request) async throws -> Int? {
        let caller = try context.access.caller(request.head)
        return try await context.store.job(id).owner == caller.owner ? caller.limits.activeJobs : nil
    }

    private func origin(_ document: JSONValue) throws(APIError) -> RetryOrigin {
        let words = RetryOrigin.allCases.map(\.rawValue)
        guard let members = document.members, members.allSatisfy({ $0.name == "from" }) else {
            throw fault("", "wanted {\"from\": \"\(words.joined(separator: "\" or \""))\"}")
        }
        guard let value = document["from"] else { return .checkpoint }
        guard let origin = value.text.flatMap(RetryOrigin.init(rawValue:)) else {
            throw fault("/from", "wanted one of \(words.joined(separator: ", "))")
        }
        return origin
    }

    private func fault(_ pointer: String, _ message: String) -> APIError {
        .validationFailed([
            ValidationDocument.fault(.init(pointer: pointer, code: .wrongType, message: message))
        ])
    }

    private func parse(_ content: [UInt8]) throws(APIError) -> JSONValue {
        do throws(JSONError) {
            return try JSONParser.parse(content, byteLimit: context.limits.changeBytes)
        } catch {
            throw .malformedJSON(error)
        }
    }
}
