// What the service says of itself: links, contract, version, examples, methods, queue, workers, health, metrics.
import HTTP1
import HTTPServer
import JobQueue
import ProblemSpecification

/// Everything that is not about one job.
struct ServiceEndpoints: Sendable {
    let context: APIContext
    private let methodTable = FixedDocument(MethodCatalogue.document)
    private let exampleList: FixedDocument

    init(context: APIContext) {
        self.context = context
        var document = JSONObjectBuilder()
        document.add("items", .array(context.examples.examples.map(Self.entry)))
        exampleList = FixedDocument(document.value)
    }

    // MARK: Fixed documents

    /// `GET /ui`.
    @Sendable func dashboard(_ request: Request) throws -> Response {
        _ = try Query(request)
        return Dashboard.answer
    }

    /// `GET /`: links, or the dashboard to a browser.
    @Sendable func links(_ request: Request) throws -> Response {
        _ = try Query(request)
        let choice = MediaType.choose(["application/json", "text/html"], accept: request.fields("accept"))
        return (choice == "text/html" ? Dashboard.answer : linkList).with("Vary", "Accept")
    }

    private var linkList: Response {
        var document = JSONObjectBuilder()
        document.add("name", "stackelberg")
        document.add("version", Version.number)
        var links = JSONObjectBuilder()
        for (name, path) in [
            ("jobs", "/v1/jobs"), ("datasets", "/v1/datasets"), ("validate", "/v1/validate"),
            ("examples", "/v1/examples"),
            ("methods", "/v1/methods"), ("queue", "/v1/queue"), ("workers", "/v1/workers"), ("ready", "/readyz"),
            ("metrics", "/metrics"), ("version", "/version"), ("contract", "/openapi.yaml"),
            ("contract_json", "/openapi.json"), ("docs", "/docs"), ("ui", "/ui"),
        ] {
            links.add(name, path)
        }
        document.add("links", links)
        return .json(document.value)
    }

    /// `GET /version`.
    @Sendable func version(_ request: Request) throws -> Response {
        _ = try Query(request)
        var document = JSONObjectBuilder()
        document.add("version", Version.number)
        document.add("revision", Version.revision)
        return .json(document.value)
    }

    /// `GET /openapi.yaml`.
    @Sendable func contract(_ request: Request) throws -> Response {
        _ = try Query(request)
        return .text(context.contract.yaml, type: "application/yaml")
    }

    /// `GET /openapi.json`.
    @Sendable func contractAsJSON(_ request: Request) throws -> Response {
        _ = try Query(request)
        return .text(context.contract.json, type: "application/json")
    }

    /// `GET /docs`: a page that needs nothing but itself.
    @Sendable func documentation(_ request: Request) throws -> Response {
        _ = try Query(request)
        return Response.text(context.contract.html, type: "text/html; charset=utf-8")
            .with("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
    }

    /// `GET /v1/methods`.
    @Sendable func methods(_ request: Request) throws -> Response {
        _ = try Query(request)
        return try methodTable.answer(request)
    }

    /// `GET /problems/{type}`: the page behind the `type` of a problem.
    @Sendable func problem(_ request: Request) throws -> Response {
        _ = try Query(request)
        guard let type = request.parameters["type"].flatMap(ProblemType.init(rawValue:)) else {
            throw APIError.notFound("such type of problem")
        }
        var document = JSONObjectBuilder()
        document.add("type", "/problems/\(type.rawValue)")
        document.add("title", type.title)
        document.add("status", type.status.code)
        return .json(document.value)
    }

    // MARK: Examples

    /// `GET /v1/examples`.
    @Sendable func examples(_ request: Request) throws -> Response {
        _ = try Query(request)
        return try exampleList.answer(request)
    }

    private static func entry(_ example: ExampleCatalogue.Example) -> JSONValue {
        var object = JSONObjectBuilder()
        object.add("id", example.id)
        if let title = example.title { object.add("title", title) }
        object.add("datasets", .array(example.datasets.map(JSONValue.string)))
        object.add("bytes", example.bytes.count)
        object.add("href", "/v1/examples/\(example.id)")
        return object.value
    }

    /// `GET /v1/examples/{id}`.
    @Sendable func example(_ request: Request) throws -> Response {
        _ = try Query(request)
        guard let example = context.examples[request.parameters["id"] ?? ""] else {
            throw APIError.notFound("such example; GET /v1/examples lists them")
        }
        // The file itself, so without an added line feed.
        return Response(status: .ok, body: .bytes(example.bytes)).with("Content-Type", "application/json")
    }

    // MARK: Work

    /// `GET /v1/queue`.
    @Sendable func queue(_ request: Request) async throws -> Response {
        _ = try Query(request)
        let caller = try context.access.caller(request.head)
        let statistics = try await context.store.statistics(owner: nil)
        // How long the queue is concerns everybody; how somebody's jobs have gone, its owner.
        var visible = statistics.jobs
        if let owner = caller.visibleOwner { visible = try await context.store.statistics(owner: owner).jobs }
        let workers = await context.workforce.status
        let busy = workers.filter { $0.job != nil }.count
        var jobs = JSONObjectBuilder()
        for state in JobState.allCases { jobs.add(state.rawValue, visible[state, default: 0]) }
        var slots = JSONObjectBuilder()
        slots.add("total", workers.count)
        slots.add("busy", busy)
        slots.add("free", workers.count - busy)
        var document = JSONObjectBuilder()
        document.add("depth", statistics.depth)
        document.add("oldest_age_s", age(statistics.oldestQueuedAt))
        document.add("jobs", jobs)
        document.add("slots", slots)
        return .json(document.value)
    }

    /// Seconds since `time`; null for none.
    private func age(_ time: Timestamp?) -> JSONValue {
        guard let time else { return .null }
        return .number(Double(max(0, context.now().calendar.milliseconds - time.milliseconds)) / 1_000)
    }

    /// `GET /v1/workers`.
    @Sendable func workers(_ request: Request) async throws -> Response {
        _ = try Query(request)
        var items: [JSONValue] = []
        for worker in await context.workforce.status { items.append(await entry(worker)) }
        var document = JSONObjectBuilder()
        document.add("items", .array(items))
        var restarts = JSONObjectBuilder()
        for (reason, count) in await context.workforce.restarts.sorted(by: { $0.key < $1.key }) {
            restarts.add(reason, count)
        }
        document.add("restarts", restarts)
        return .json(document.value)
    }

    private func entry(_ worker: WorkerStatus) async -> JSONValue {
        var object = JSONObjectBuilder()
        object.add("name", worker.name)
        object.add("process_id", worker.processID)
        object.add("job", worker.job.map { .string($0.description) } ?? .null)
        object.add("lease", await lease(of: worker))
        object.add("resident_bytes", worker.residentBytes.map(JSONValue.integer) ?? .null)
        object.add("version", Version.number)
        return object.value
    }

    /// The attempt that a worker is at, and when it was last heard of; null for an idle one.
    private func lease(of worker: WorkerStatus) async -> JSONValue {
        guard let id = worker.job, let job = try? await context.store.job(id), job.state.isLeased else { return .null }
        var object = JSONObjectBuilder()
        object.add("attempt", Int(job.epoch))
        object.add("last_heartbeat_at", job.heartbeatAt.map { .string(RFC3339.text($0)) } ?? .null)
        return object.value
    }

    // MARK: Health

    /// `GET /livez`.
    @Sendable func live(_ request: Request) throws -> Response {
        if request.head.target.query == nil { return Self.alive }
        return try health(request, [])
    }

    private static let alive = health([], isVerbose: false)

    /// `GET /startupz`.
    @Sendable func started(_ request: Request) throws -> Response {
        try health(request, [("started", context.status.phase != .starting)])
    }

    /// `GET /readyz`.
    @Sendable func ready(_ request: Request) async throws -> Response {
        let phase = context.status.phase
        let storeAnswers = (try? await context.store.statistics(owner: APIContext.owner)) != nil
        let takesWrites = await context.probe.takesWrites(context.store, at: context.now().uptime)
        return try health(
            request,
            [
                ("started", phase != .starting), ("not_draining", phase != .draining), ("store", storeAnswers),
                ("storage", takesWrites),
            ])
    }

    private func health(_ request: Request, _ checks: [(name: String, passes: Bool)]) throws -> Response {
        Self.health(checks, isVerbose: try Query(request, known: ["verbose"]).flag("verbose") ?? false)
    }

    private static func health(_ checks: [(name: String, passes: Bool)], isVerbose: Bool) -> Response {
        let isHealthy = checks.allSatisfy(\.passes)
        var document = JSONObjectBuilder()
        document.add("status", isHealthy ? "ok" : "unavailable")
        if isVerbose {
            var list = JSONObjectBuilder()
            for check in checks { list.add(check.name, check.passes ? "ok" : "failed") }
            document.add("checks", list)
        }
        return Response.json(document.value, status: isHealthy ? .ok : .serviceUnavailable)
            .with("Cache-Control", "no-store")
    }

    // MARK: Metrics

    /// `GET /metrics`.
    @Sendable func metrics(_ request: Request) async throws -> Response {
        _ = try Query(request)
        let statistics = try await context.store.statistics(owner: nil)
        let restarts = await context.workforce.restarts
        var text = MetricsText()
        text.add(
            "stackelberg_jobs", "gauge", "Jobs by state.",
            JobState.allCases.map { ("{state=\"\($0.rawValue)\"}", String(statistics.jobs[$0, default: 0])) })
        text.add(
            "stackelberg_store_log_bytes", "gauge", "Bytes of the store's write-ahead log.",
            Int(context.store.logByteCount))
        text.add("stackelberg_stream_clients", "gauge", "Event streams that are open.", context.metrics.streamClients)
        text.add(
            "stackelberg_events_dropped_total", "counter", "Progress events that slow readers lost.",
            context.metrics.droppedEvents)
        text.add(
            "stackelberg_worker_restarts_total", "counter", "Workers lost, by reason.",
            restarts.sorted { $0.key < $1.key }.map {
                ("{reason=\"\(MetricsText.escaped($0.key))\"}", String($0.value))
            })
        text.add(
            "stackelberg_webhooks_total", "counter", "Calls of webhooks by outcome.",
            context.metrics.webhooks.sorted { $0.key < $1.key }.map { ("{outcome=\"\($0.key)\"}", String($0.value)) })
        let finished = context.metrics.jobs
        text.add("stackelberg_queue_wait_seconds", "Time that finished jobs waited for a worker.", finished.queued)
        text.add("stackelberg_solve_seconds", "Time that finished jobs were solved for.", finished.solve)
        text.add(
            "stackelberg_iterations_total", "counter", "Upper iterations of finished jobs.", finished.iterations)
        text.add(
            "stackelberg_oracle_calls_total", "counter", "Oracle calls of finished jobs by kind.",
            finished.oracle.sorted { $0.key < $1.key }.map { ("{kind=\"\($0.key)\"}", String($0.value)) })
        text.add(context.metrics.histograms)
        addProcess(to: &text)
        return .text(Array(text.text.utf8), type: "text/plain; version=0.0.4; charset=utf-8")
    }

    private func addProcess(to text: inout MetricsText) {
        guard let process = ProcessStatistics.read() else { return }
        text.add("process_resident_memory_bytes", "gauge", "Resident memory.", process.residentBytes)
        text.add("process_open_fds", "gauge", "Open file descriptors.", process.openDescriptors)
        text.add(
            "process_cpu_seconds_total", "counter", "Processor time, user and system.",
            [("", "\(process.processorSeconds)")])
    }
}
