// Jobs that exist: lists, single ones, results, problems; stop, cancel, delete.
import HTTP1
import HTTPServer
import JobQueue
import ProblemSpecification

/// Everything below `/v1/jobs` but submission and events.
struct JobEndpoints: Sendable {
    let context: APIContext

    // MARK: Reading

    /// `GET /v1/jobs`.
    @Sendable func list(_ request: Request) async throws -> Response {
        let listing = try JobListing(request)
        var wanted = listing.query
        wanted.owner = try context.access.caller(request.head).visibleOwner
        let page = try await context.store.list(wanted)
        let now = context.now().calendar
        return .page(
            page.jobs.map { JobDocument($0).value(at: now) }, next: page.next?.description, of: "/v1/jobs",
            listing.parameters)
    }

    /// `GET /v1/jobs/{id}`.
    @Sendable func read(_ request: Request) async throws -> Response {
        let query = try Query(request, known: ["wait"])
        let id = try context.jobID(request)
        let seconds = try query.integer("wait", in: 0...context.limits.waitSeconds) ?? 0
        let known = KnownTags(request.fields("if-none-match"))
        let job = try await read(id, waiting: seconds, known)
        let tag = JobTag(revision: job.revision, seq: job.lastSeq)
        guard known?.contains(tag) ?? false else { return try await context.answer(job) }
        return Response(status: .notModified).with("ETag", tag.text)
    }

    /// Waits for another revision than the one that the caller knows: by its tags, or by having asked now.
    private func read(_ id: JobID, waiting seconds: Int, _ known: KnownTags?) async throws -> Job {
        var baseline: Int64?
        return try await context.job(id, waiting: seconds) { job in
            if job.state.isFinal { return true }
            if let known { return !known.contains(revision: job.revision) }
            defer { baseline = baseline ?? job.revision }
            return baseline.map { $0 != job.revision } ?? false
        }
    }

    /// `GET /v1/jobs/{id}/result`.
    @Sendable func result(_ request: Request) async throws -> Response {
        let query = try Query(request, known: ["partial", "wait", "arrays"])
        let id = try context.jobID(request)
        let arrays = try query["arrays"].map { try Query.word("arrays", $0, as: ResultArrays.self) } ?? .reference
        let isPartial = try query.flag("partial") ?? false
        let seconds = try query.integer("wait", in: 0...context.limits.waitSeconds) ?? 0
        let job = try await context.job(id, waiting: seconds) { $0.state.isFinal }
        if isPartial, !job.state.isFinal { return try await intermediate(job) }
        let result = try await stored(job, isPartial: isPartial)
        return try .stored(try arrays.content(result, of: job), type: "application/json", for: request)
    }

    /// The result document of a job that has ended.
    ///
    /// - Throws: ``APIError/resultNotReady(_:_:)``, ``APIError/noResult(_:_:hasPartial:)``.
    func finalResult(of id: JobID, isPartial: Bool, waiting seconds: Int) async throws -> [UInt8] {
        try await stored(try await context.job(id, waiting: seconds) { $0.state.isFinal }, isPartial: isPartial)
    }

    private func stored(_ job: Job, isPartial: Bool) async throws -> [UInt8] {
        switch job.state {
        case .queued, .running, .stopping: throw APIError.resultNotReady(job.id, job.state)
        case .failed, .cancelled:
            guard isPartial else { throw APIError.noResult(job.id, job.state, hasPartial: job.hasResult) }
        case .succeeded: break
        }
        guard let bytes = try await context.store.result(of: job.id) else {
            throw APIError.noResult(job.id, job.state, hasPartial: false)
        }
        return bytes
    }

    /// What a job that has not ended has told of its iterates.
    private func intermediate(_ job: Job) async throws -> Response {
        let status = try await context.document(of: job)
        guard let progress = status.progress else { throw APIError.noResult(job.id, job.state, hasPartial: false) }
        var document = JSONObjectBuilder()
        document.add("job", job.id.description)
        document.add("state", job.state.rawValue)
        document.add("termination", .null)
        document.add("partial", true)
        document.add("progress", progress)
        if let best = status.best { document.add("best", best) }
        return .json(document.value)
    }

    /// `GET /v1/jobs/{id}/problem`.
    @Sendable func problem(_ request: Request) async throws -> Response {
        _ = try Query(request)
        let id = try context.jobID(request)
        let payload = JobPayload(try JSONParser.parse(try await context.store.payload(of: id)))
        guard let payload else { throw JobStoreError.storage(.corrupt("the payload of \(id)")) }
        return .json(AcceptedProblem.compose(payload, of: id))
    }

    // MARK: Asking

    /// `POST /v1/jobs/{id}/stop`.
    @Sendable func stop(_ request: Request) async throws -> Response {
        _ = try Query(request)
        return try await answer(
            try await context.store.stop(try context.jobID(request), at: context.now().calendar))
    }

    /// `POST /v1/jobs/{id}/cancel`.
    @Sendable func cancel(_ request: Request) async throws -> Response {
        _ = try Query(request)
        return try await answer(
            try await context.store.cancel(try context.jobID(request), at: context.now().calendar))
    }

    /// 202 while the job has yet to end, 200 when it has.
    private func answer(_ transition: JobTransition) async throws -> Response {
        let job = transition.job
        context.workforce.wake(for: .asked(job.id))
        return try await context.answer(job, status: job.state.isFinal ? .ok : .accepted)
    }

    /// `DELETE /v1/jobs/{id}`.
    @Sendable func delete(_ request: Request) async throws -> Response {
        let query = try Query(request, known: ["force"])
        let id = try context.jobID(request)
        let isForced = try query.flag("force") ?? false
        let revision = try await revision(of: id, wanted: request, force: isForced)
        _ = try await context.store.delete(id, force: isForced, ifRevision: revision)
        context.discard(id, .everything)
        context.workforce.wake(for: .asked(id))
        return Response(status: .noContent)
    }

    /// The one revision that may be deleted, where If-Match names some; nil for any. What could not be deleted without the
    /// condition is refused as such (RFC 9110 §13.2.1).
    private func revision(of id: JobID, wanted request: Request, force: Bool) async throws -> Int64? {
        guard case .oneOf(let revisions) = WantedRevision(request.fields("if-match")) else { return nil }
        let job = try await context.store.job(id)
        try job.checkDeletion(force: force)
        guard revisions.contains(job.revision) else { throw APIError.preconditionFailed(found: job.revision) }
        return job.revision
    }
}

/// What a list of jobs is asked for by.
private struct JobListing {
    private enum Sort: String, CaseIterable {
        case newestFirst = "-created_at"
        case oldestFirst = "created_at"
    }

    private static let known = ["state", "label", "method", "created_after", "sort", "limit", "cursor"]
    let query: JobQuery
    let parameters: Query

    init(_ request: Request) throws(APIError) {
        parameters = try Query(request, known: Self.known, repeatable: ["state", "label"])
        var query = JobQuery(owner: nil)
        for text in parameters.list("state") { query.states.insert(try Query.word("state", text, as: JobState.self)) }
        for text in parameters.values("label") {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty, query.labels[parts[0], default: parts[1]] == parts[1],
                query.labels.count < JobLimits.labels.upperBound
            else { throw .invalidParameter("label", wanted: "name:value, each name once", found: text) }
            query.labels[parts[0]] = parts[1]
        }
        query.method = parameters["method"]
        if let text = parameters["created_after"] {
            guard let time = RFC3339.time(text) else {
                throw .invalidParameter("created_after", wanted: "a time like 2026-01-31T12:00:00Z", found: text)
            }
            query.createdAfter = time
        }
        if let text = parameters["sort"] {
            switch try Query.word("sort", text, as: Sort.self) {
            case .newestFirst: query.order = .newestFirst
            case .oldestFirst: query.order = .oldestFirst
            }
        }
        query.limit = try parameters.integer("limit", in: JobLimits.pageSize) ?? query.limit
        query.cursor = try parameters.cursor { JobCursor($0) }
        self.query = query
    }
}
