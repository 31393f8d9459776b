// GET /v1/jobs/{id}/checkpoints: the written states of a job, and each of them as a file.
import Foundation
import HTTP1
import HTTPServer
import JobQueue
import ProblemSpecification

/// The states of a job that could go on, or did.
struct CheckpointEndpoints: Sendable {
    let context: APIContext

    /// `GET /v1/jobs/{id}/checkpoints`: those whose file is there, the newest last.
    @Sendable func list(_ request: Request) async throws -> Response {
        _ = try Query(request)
        let job = try await context.store.job(try context.jobID(request))
        let present = job.checkpoints.filter { context.state(job.id, $0) != nil }
        var document = JSONObjectBuilder()
        document.add("items", .array(present.map { entry($0, of: job.id) }))
        return .json(document.value)
    }

    private func entry(_ checkpoint: CheckpointReference, of job: JobID) -> JSONValue {
        var object = JSONObjectBuilder()
        object.add("name", checkpoint.name)
        object.add("attempt", Int(checkpoint.epoch))
        object.add("iteration", Int(checkpoint.iteration))
        object.add("bytes", Int(checkpoint.byteCount))
        object.add("written_at", RFC3339.text(checkpoint.writtenAt))
        object.add("href", JobDocument.path(job, "checkpoints/\(checkpoint.name)"))
        return object.value
    }

    /// `GET /v1/jobs/{id}/checkpoints/{name}`. The name is looked for among the job's own, never on the disk.
    @Sendable func read(_ request: Request) async throws -> Response {
        _ = try Query(request)
        let job = try await context.store.job(try context.jobID(request))
        guard let checkpoint = job.checkpoints.first(where: { $0.name == request.parameters["name"] }) else {
            throw APIError.notFound("such checkpoint of the job \(job.id)")
        }
        // Written whole under its name, so that it is read whole or not at all.
        guard let file = context.state(job.id, checkpoint), let data = try? Data(contentsOf: file) else {
            throw APIError.checkpointGone(job.id, checkpoint.name)
        }
        var response = Response(status: .ok)
        response.fields.add("Content-Type", "application/octet-stream")
        response.fields.add("Content-Disposition", "attachment; filename=\"\(job.id)-\(checkpoint.name)\"")
        response.body = .bytes([UInt8](data))
        return response
    }
}
