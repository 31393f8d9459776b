// A job as a caller sees it: what the queue knows, and for a live one where it waits or how far it has come.
import HTTP1
import HTTPServer
import JobQueue
import ProblemSpecification
import Synchronization

/// Composes job documents.
struct JobDocument {
    let job: Job
    /// Place in the queue and why it waits, for a queued job.
    var waiting: (position: Int, reason: String)?
    /// Data of the newest progress and incumbent events, for a leased job.
    var progress: JSONValue?
    var best: JSONValue?
    /// The result's own bytes, spliced in as they are.
    var result: [UInt8]?

    init(_ job: Job) { self.job = job }

    var tag: JobTag { JobTag(revision: job.revision, seq: job.lastSeq) }

    /// The path of the job, or of something below it.
    static func path(_ id: JobID, _ part: String = "") -> String {
        part.isEmpty ? "/v1/jobs/\(id)" : "/v1/jobs/\(id)/\(part)"
    }

    /// The document's bytes, with a line feed.
    func bytes(at now: Timestamp) -> [UInt8] {
        var bytes = JSONWriter.bytes(value(at: now))
        if let result {
            bytes.removeLast()
            bytes += Array(",\"result\":".utf8) + result.filter { $0 != 0x0A && $0 != 0x0D } + [UInt8(ascii: "}")]
        }
        return bytes + [0x0A]
    }

    /// The document without the result.
    func value(at now: Timestamp) -> JSONValue {
        var document = JSONObjectBuilder()
        document.add("id", job.id.description)
        document.add("state", job.state.rawValue)
        document.add("termination", job.termination.map { .string($0.rawValue) } ?? .null)
        if let method = job.method { document.add("method", method) }
        if let failure = job.failure { document.add("failure", self.failure(failure)) }
        if let interruption = job.interruption { document.add("interruption", interruption.rawValue) }
        addTimes(to: &document)
        document.add("priority", job.priority)
        document.add("labels", labels)
        document.add("limits", (try? JSONParser.parse(job.limits)) ?? .object([]))
        document.add("ttl_seconds", job.timeToLive.map { .number($0.seconds) } ?? .null)
        if let webhook = job.subscription { document.add("webhook", self.webhook(webhook)) }
        document.add("attempt", Int(job.epoch))
        document.add("failures", job.failures)
        document.add("max_attempts", job.maxAttempts)
        document.add("revision", Int(job.revision))
        document.add("last_seq", Int(job.lastSeq))
        document.add("has_result", job.hasResult)
        addLiveStatus(to: &document)
        document.add("timings", timings(at: now))
        document.add("links", links)
        return document.value
    }

    private func addTimes(to document: inout JSONObjectBuilder) {
        document.add("created_at", RFC3339.text(job.createdAt))
        for (name, time) in [
            ("started_at", job.startedAt), ("finished_at", job.finishedAt), ("expires_at", job.expiresAt),
        ] {
            document.add(name, time.map { .string(RFC3339.text($0)) } ?? .null)
        }
    }

    private func addLiveStatus(to document: inout JSONObjectBuilder) {
        if let waiting {
            document.add("position", waiting.position)
            document.add("reason", waiting.reason)
        }
        if let worker = job.worker { document.add("worker", worker) }
        if let heartbeat = job.heartbeatAt { document.add("last_heartbeat_at", RFC3339.text(heartbeat)) }
        if let progress { document.add("progress", progress) }
        if let best { document.add("best", best) }
    }

    private var labels: JSONValue {
        .object(
            job.labels.sorted { $0.key < $1.key }.map { JSONMember(name: $0.key, value: .string($0.value)) })
    }

    private func webhook(_ subscription: Subscription) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("url", subscription.address)
        object.add("events", .array(subscription.eventTypes.sorted().map(JSONValue.string)))
        return object
    }

    private func failure(_ failure: JobFailure) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("code", failure.code)
        object.add("detail", failure.detail)
        return object
    }

    /// Seconds in the queue until the first start, and from there to the end or to now.
    private func timings(at now: Timestamp) -> JSONObjectBuilder {
        func seconds(_ from: Timestamp, _ to: Timestamp) -> Double {
            Double(max(0, to.milliseconds - from.milliseconds)) / 1_000
        }
        var object = JSONObjectBuilder()
        object.add("queued_s", seconds(job.createdAt, job.startedAt ?? job.finishedAt ?? now))
        if let started = job.startedAt { object.add("running_s", seconds(started, job.finishedAt ?? now)) }
        return object
    }

    private var links: JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("self", Self.path(job.id))
        for part in ["events", "progress", "result", "problem", "checkpoints"] {
            object.add(part, Self.path(job.id, part))
        }
        if !job.state.isFinal {
            for part in ["stop", "cancel"] { object.add(part, Self.path(job.id, part)) }
        }
        if case .failed = job.state { object.add("retry", Self.path(job.id, "retry")) }
        return object
    }
}

extension APIContext {
    /// Rows at the end of a log among which the newest progress is looked for.
    private static let recentRows: Int64 = 32

    /// The document of `job` with its live status.
    func document(of job: Job) async throws -> JobDocument {
        var document = JobDocument(job)
        switch job.state {
        case .queued:
            if let position = try await store.position(of: job.id) {
                document.waiting = (position, reason(position))
            }
        case .running, .stopping: try await addProgress(to: &document)
        case .succeeded, .failed, .cancelled: break
        }
        return document
    }

    private func reason(_ position: Int) -> String {
        if status.isDraining { return "the service is shutting down; the job stays in the queue" }
        return position == 1 ? "next for a free worker" : "\(position - 1) jobs are ahead"
    }

    private func addProgress(to document: inout JobDocument) async throws {
        let page = try await store.events(
            of: document.job.id, after: max(0, document.job.lastSeq - Self.recentRows), limit: Int(Self.recentRows),
            types: [JobEvent.progressType, EventType.incumbent.rawValue])
        document.progress = newest(JobEvent.progressType, in: page)
        let told = newest(EventType.incumbent.rawValue, in: page)
        let best = document.progress?["best"]
        // Of the same point the event says more.
        let isSameRun = document.progress?["member"] == told?["member"]
        document.best = best == nil || isSameRun && best?["iteration"] == told?["iteration"] ? told : best
    }

    private func newest(_ type: String, in page: EventPage) -> JSONValue? {
        page.events.last { $0.type == type }.flatMap { try? JSONParser.parse($0.data) }
    }

    /// The answer that shows `job`.
    func answer(_ job: Job, status: Status = .ok, result: [UInt8]? = nil) async throws -> Response {
        let isLasting = job.state.isFinal && status == .ok && result == nil
        if isLasting, let answer = finalAnswers.answer(for: job) { return answer }
        var document = try await document(of: job)
        document.result = result
        let answer = Response.text(document.bytes(at: now().calendar), status: status, type: "application/json")
            .with("ETag", document.tag.text)
        if isLasting { finalAnswers.keep(answer, for: job) }
        return answer
    }

    /// The job's id in the path.
    ///
    /// - Throws: ``APIError/notFound(_:)`` for text that names no job.
    func jobID(_ request: Request) throws(APIError) -> JobID {
        let text = request.parameters["id"] ?? ""
        guard let id = JobID(text) else { throw .notFound("such job") }
        return id
    }
}

/// Answers that show jobs which have ended: nothing in them depends on the moment, so each is made once for a tag.
final class FinalAnswers: Sendable {
    private let answers = Mutex(RecentValues<JobID, (tag: JobTag, answer: Response)>(limit: 512))

    func answer(for job: Job) -> Response? {
        answers.withLock { answers in
            guard let known = answers.value(of: job.id), known.tag == JobTag(revision: job.revision, seq: job.lastSeq)
            else { return nil }
            return known.answer
        }
    }

    func keep(_ answer: Response, for job: Job) {
        answers.withLock {
            $0.keep((JobTag(revision: job.revision, seq: job.lastSeq), answer), for: job.id)
        }
    }
}
