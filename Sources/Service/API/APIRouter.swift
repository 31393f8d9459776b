// Every route of the service in one table, and how a server is told about errors, admission and the log.
import HTTP1
import HTTPServer
import JobQueue

/// The routes.
package enum APIRouter {
    /// One line of the table.
    struct Line: Sendable {
        let method: RequestMethod
        let pattern: String
        let body: BodyPolicy
        let handler: Route.Handler

        init(
            _ method: RequestMethod, _ pattern: String, body: BodyPolicy = .ignored, _ handler: Route.Handler
        ) {
            self.method = method
            self.pattern = pattern
            self.body = body
            self.handler = handler
        }
    }

    /// The router of a service.
    package static func make(_ context: APIContext) -> Router {
        var router = Router()
        for line in table(context) {
            router.add(line.method, line.pattern, body: line.body, guarded(line, context))
        }
        return router
    }

    /// What is below a job answers for those only who may see the job: to others there is none.
    private static func guarded(_ line: Line, _ context: APIContext) -> Route.Handler {
        guard line.pattern.hasPrefix("/v1/jobs/{id}"), case .offLoop(let answer) = line.handler else {
            return line.handler
        }
        return .offLoop { request in
            let caller = try context.access.caller(request.head)
            if !caller.seesAll {
                let job = try await context.store.job(try context.jobID(request))
                guard caller.sees(job) else { throw JobStoreError.unknownJob(job.id) }
            }
            return try await answer(request)
        }
    }

    /// Method and pattern of every route, for the contract and for metrics.
    package static func routes(_ context: APIContext) -> [(method: String, pattern: String)] {
        table(context).map { ($0.method.token, $0.pattern) }
    }

    /// Sets what a server asks its owner: how faults are answered, what is refused before its body is read; and counts
    /// answers beside the log that is set already.
    package static func configure(_ configuration: inout ServerConfiguration, for context: APIContext) {
        configuration.render = { fault, requestID in ProblemDetails(fault).response(requestID: requestID) }
        let screening = RequestScreening(hosts: context.hosts, status: context.status, access: context.access)
        configuration.admission = { head, _, requestID in
            screening.refusal(of: head).map { ProblemDetails($0).response(requestID: requestID) }
        }
        configuration.bodyWitness = { DigestWitness($0) }
        let log = configuration.log
        let metrics = context.metrics
        configuration.log = { record in
            metrics.observe(route: record.route ?? "other", status: record.status, seconds: record.seconds)
            log?(record)
        }
    }

    private static func table(_ context: APIContext) -> [Line] {
        let submission = SubmissionEndpoints(context: context)
        let jobs = JobEndpoints(context: context)
        let events = EventEndpoint(context: context)
        let changes = ChangeEndpoints(context: context)
        let arrays = VariableEndpoint(context: context)
        let states = CheckpointEndpoints(context: context)
        let documents = BodyPolicy.collected(limit: context.limits.documentBytes)
        let change = BodyPolicy.collected(limit: context.limits.changeBytes)
        return [
            Line(.post, "/v1/jobs", body: documents, .offLoop(submission.submit)),
            Line(.get, "/v1/jobs", .offLoop(jobs.list)),
            Line(.get, "/v1/jobs/{id}", .offLoop(jobs.read)),
            Line(.patch, "/v1/jobs/{id}", body: change, .offLoop(changes.patch)),
            Line(.delete, "/v1/jobs/{id}", .offLoop(jobs.delete)),
            Line(.get, "/v1/jobs/{id}/events", .offLoop(events.read)),
            Line(.get, "/v1/jobs/{id}/result", .offLoop(jobs.result)),
            Line(.get, "/v1/jobs/{id}/progress", .offLoop(ProgressEndpoint(context: context).read)),
            Line(.get, "/v1/jobs/{id}/result/variables/{name}", .offLoop(arrays.read)),
            Line(.get, "/v1/jobs/{id}/checkpoints", .offLoop(states.list)),
            Line(.get, "/v1/jobs/{id}/checkpoints/{name}", .offLoop(states.read)),
            Line(.get, "/v1/jobs/{id}/problem", .offLoop(jobs.problem)),
            Line(.post, "/v1/jobs/{id}/stop", .offLoop(jobs.stop)),
            Line(.post, "/v1/jobs/{id}/cancel", .offLoop(jobs.cancel)),
            Line(.post, "/v1/jobs/{id}/retry", body: change, .offLoop(changes.retry)),
            Line(.post, "/v1/validate", body: documents, .offLoop(submission.validate)),
        ] + datasetLines(context) + serviceLines(ServiceEndpoints(context: context))
    }

    private static func datasetLines(_ context: APIContext) -> [Line] {
        let datasets = DatasetEndpoints(context: context)
        let upload = BodyPolicy.streamed(limit: context.limits.uploads.bytes)
        return [
            Line(.post, "/v1/datasets", body: upload, .offLoop(datasets.post)),
            Line(.get, "/v1/datasets", .offLoop(datasets.list)),
            Line(.put, "/v1/datasets/{name}", body: upload, .offLoop(datasets.put)),
            Line(.get, "/v1/datasets/{name}", .offLoop(datasets.read)),
            Line(.delete, "/v1/datasets/{name}", .offLoop(datasets.delete)),
            Line(.get, "/v1/datasets/{name}/content", .offLoop(datasets.content)),
        ]
    }

    private static func serviceLines(_ service: ServiceEndpoints) -> [Line] {
        [
            Line(.get, "/v1/examples", .inline(service.examples)),
            Line(.get, "/v1/examples/{id}", .inline(service.example)),
            Line(.get, "/v1/queue", .offLoop(service.queue)),
            Line(.get, "/v1/workers", .offLoop(service.workers)),
            Line(.get, "/v1/methods", .inline(service.methods)),
            Line(.get, "/livez", .inline(service.live)),
            Line(.get, "/readyz", .offLoop(service.ready)),
            Line(.get, "/startupz", .inline(service.started)),
            Line(.get, "/metrics", .offLoop(service.metrics)),
            Line(.get, "/version", .inline(service.version)),
            Line(.get, "/openapi.yaml", .inline(service.contract)),
            Line(.get, "/openapi.json", .inline(service.contractAsJSON)),
            Line(.get, "/docs", .inline(service.documentation)),
            Line(.get, "/ui", .inline(service.dashboard)),
            Line(.get, "/problems/{type}", .inline(service.problem)),
            Line(.get, "/", .inline(service.links)),
        ]
    }
}
