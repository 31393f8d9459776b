// POST /v1/jobs and POST /v1/validate: the server looks at JSON and size, the desk at everything else.
import DataFormats
import HTTP1
import HTTPServer
import JobQueue
import ProblemSpecification

/// Documents coming in.
struct SubmissionEndpoints: Sendable {
    let context: APIContext

    /// Bytes of the longest idempotency key.
    static let keyBytes = 255
    private static let route = "POST /v1/jobs"

    /// `POST /v1/jobs`.
    @Sendable func submit(_ request: Request) async throws -> Response {
        let query = try Query(request, known: ["dry_run"])
        let isDryRun = try query.flag("dry_run") ?? false
        let key = try idempotencyKey(request)
        let document = try parse(request.content)
        let caller = try context.access.caller(request.head)
        // A repetition asks for nothing new: whatever has become of the service or of what the document names.
        if !isDryRun, let key,
            let job = try await context.store.replayed(key, of: caller.owner, at: context.now().calendar)
        {
            return try await answer(Submitted(job: job, isReplay: true), to: request)
        }
        guard !context.status.isDraining else { throw APIError.draining }
        let start = try await WarmStart(of: document, in: context.store, for: caller)
        let webhook = WebhookWish(of: document, calling: context.callable)
        if isDryRun { return try await dryRun(start.document, caller, webhook) }
        try await context.queue.checkRoom(in: context.store, at: context.now().uptime)
        var admitted = try await admit(start.document, caller, webhook)
        admitted.payload = start.noted(in: admitted.payload)
        // Until the job's row says that it needs them.
        guard let hold = context.datasets.blobs.hold(admitted.blobs) else { throw APIError.datasetGone }
        let submitted = try await hold.during {
            try await submit(admitted, webhook, of: document, for: caller, key)
        }
        return try await answer(submitted, to: request)
    }

    /// `POST /v1/validate`.
    @Sendable func validate(_ request: Request) async throws -> Response {
        let query = try Query(request, known: ["gradient_check"])
        let checksDerivatives = try query.flag("gradient_check") ?? false
        let document = try parse(request.content)
        do {
            let caller = try context.access.caller(request.head)
            let start = try await WarmStart(of: document, in: context.store, for: caller)
            let webhook = WebhookWish(of: document, calling: context.callable)
            return .json(try await report(on: start.document, caller, webhook, checksDerivatives: checksDerivatives))
        } catch APIError.validationFailed(let faults) {
            return .json(Self.refusal(faults))
        }
    }

    /// The report of a document that is not valid.
    private static func refusal(_ faults: [JSONValue]) -> JSONValue {
        var report = JSONObjectBuilder()
        report.add("valid", false)
        report.add("errors", .array(faults))
        return report.value
    }

    private func parse(_ content: [UInt8]) throws(APIError) -> JSONValue {
        do throws(JSONError) {
            return try JSONParser.parse(content, byteLimit: context.limits.documentBytes)
        } catch {
            throw .malformedJSON(error)
        }
    }

    private func idempotencyKey(_ request: Request) throws(APIError) -> IdempotencyKey? {
        let keys = request.fields("idempotency-key")
        guard let key = keys.first else { return nil }
        guard keys.count == 1, (1...Self.keyBytes).contains(key.utf8.count),
            key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw .invalidParameter(
                "Idempotency-Key", wanted: "one value of 1 to \(Self.keyBytes) visible ASCII characters", found: key)
        }
        return IdempotencyKey(
            route: Self.route, key: key, bodyHash: Array(Digest.sha256(request.content).utf8))
    }

    // MARK: The desk

    /// The desk's faults and the webhook's are told together.
    private func admit(
        _ document: JSONValue, _ caller: Caller, _ webhook: WebhookWish
    ) async throws -> AdmittedDocument {
        switch await context.desk.admit(document, uploads: try await uploads(of: caller, for: document)) {
        case .admitted(let admitted):
            guard webhook.faults.isEmpty else { throw APIError.validationFailed(webhook.faults) }
            return admitted
        case .refused(let faults): throw APIError.validationFailed(faults + webhook.faults)
        case .exceedsLimits(let detail): throw APIError.exceedsLimits(detail)
        case .unavailable(let detail): throw APIError.admissionUnavailable(detail)
        }
    }

    /// What the names of data sets stand for at this moment: the caller's own.
    private func uploads(of caller: Caller, for document: JSONValue) async throws -> [String: FrozenDataset] {
        let references = FrozenDataset.references(in: document)
        let datasets = try await context.store.datasets(called: references, of: caller.owner)
        return datasets.compactMapValues { dataset in
            DatasetFormat(rawValue: dataset.format).map { FrozenDataset(hash: dataset.blob, format: $0) }
        }
    }

    private func report(
        on document: JSONValue, _ caller: Caller, _ webhook: WebhookWish, checksDerivatives: Bool
    ) async throws -> JSONValue {
        let uploads = try await uploads(of: caller, for: document)
        switch await context.desk.validate(document, uploads: uploads, checksDerivatives: checksDerivatives) {
        case .report(let report):
            guard !webhook.faults.isEmpty else { return report }
            return Self.refusal((report["errors"]?.elements ?? []) + webhook.faults)
        case .exceedsLimits(let detail): throw APIError.exceedsLimits(detail)
        case .unavailable(let detail): throw APIError.admissionUnavailable(detail)
        }
    }

    /// The report of a document that would be taken; refused as the submission itself would be.
    private func dryRun(_ document: JSONValue, _ caller: Caller, _ webhook: WebhookWish) async throws -> Response {
        let report = try await report(on: document, caller, webhook, checksDerivatives: false)
        guard report["valid"] != .bool(false) else {
            throw APIError.validationFailed(report["errors"]?.elements ?? [])
        }
        return .json(report)
    }

    // MARK: The store

    private func submit(
        _ admitted: AdmittedDocument, _ webhook: WebhookWish, of document: JSONValue, for caller: Caller,
        _ key: IdempotencyKey?
    ) async throws -> Submitted {
        let time = context.now().calendar
        var submission = Submission(
            id: context.identifiers.next(at: time), owner: caller.owner, kind: APIContext.jobKind,
            payload: admitted.payload,
            limits: JSONWriter.bytes(document["limits"] ?? .object([]), style: .canonical), labels: admitted.labels,
            priority: admitted.priority, maxAttempts: admitted.maxAttempts, timeToLive: admitted.timeToLive,
            queueTime: admitted.queueTime, method: admitted.method, progressInterval: admitted.progressInterval,
            blobs: admitted.blobs)
        submission.subscription = webhook.subscription
        submission.activeLimit = caller.limits.activeJobs
        let submitted = try await context.store.submit(submission, idempotency: key, at: time)
        if !submitted.isReplay {
            context.queue.count()
            context.workforce.wake(for: .waiting)
        }
        return submitted
    }

    private func answer(_ submitted: Submitted, to request: Request) async throws -> Response {
        let wait = Preference.wait(request.fields("prefer"), limit: context.limits.waitSeconds)
        let job = try await waited(for: submitted.job, wait)
        var response: Response
        if wait != nil, job.state.isFinal {
            let result = try await context.store.result(of: job.id)
            response = try await context.answer(
                job, result: try result.map { try ResultArrays.reference.content($0, of: job) })
        } else {
            response = try await context.answer(job, status: .accepted).with("Retry-After", "1")
        }
        response.fields.add("Location", JobDocument.path(job.id))
        if let wait { response.fields.add("Preference-Applied", "wait=\(wait)") }
        if submitted.isReplay { response.fields.add("Idempotency-Replayed", "true") }
        return response
    }

    /// A preference that cannot be granted is no error: the job has been accepted.
    private func waited(for job: Job, _ seconds: Int?) async throws -> Job {
        guard let seconds else { return job }
        do {
            return try await context.job(job.id, waiting: seconds) { $0.state.isFinal }
        } catch APIError.tooManyWaits {
            return job
        }
    }
}
