// A whole service without worker processes: the real store and server, a desk and a workforce of paper.
import DataFormats
import Foundation
import HTTPServer
import JobQueue
import ProblemSpecification
import SQLiteStore
import Service
import Sockets
import Synchronization
import Testing

/// Does what the document's member `desk` says.
struct PaperDesk: AdmissionDesk {
    static let faults: [JSONValue] = [fault("/problem/levels/0", "unknown-name"), fault("/method", "unknown-word")]

    private static func fault(_ pointer: String, _ code: String) -> JSONValue {
        .object([
            JSONMember(name: "pointer", value: .string(pointer)), JSONMember(name: "code", value: .string(code)),
            JSONMember(name: "detail", value: .string("wrong")),
        ])
    }

    func admit(_ document: JSONValue, uploads: [String: FrozenDataset]) async -> AdmissionOutcome {
        switch document["desk"]?.text {
        case "refuse": return .refused(Self.faults)
        case "limits": return .exceedsLimits("more than 2 seconds")
        case "unavailable": return .unavailable("nobody is free")
        default: break
        }
        let labels = document["labels"]?.members ?? []
        return .admitted(
            AdmittedDocument(
                payload: JSONWriter.bytes(
                    .object([
                        JSONMember(name: "document", value: document),
                        JSONMember(
                            name: "datasets",
                            value: .object(
                                uploads.sorted { $0.key < $1.key }.map {
                                    JSONMember(name: $0.key, value: .string($0.value.hash))
                                })),
                    ])), method: document["method"]?.text ?? "aid-cg",
                labels: Dictionary(uniqueKeysWithValues: labels.map { ($0.name, $0.value.text ?? "") }),
                priority: document["priority"]?.double.map { Int($0) } ?? 0,
                blobs: Set(uploads.values.map(\.hash))))
    }

    func validate(
        _ document: JSONValue, uploads: [String: FrozenDataset], checksDerivatives: Bool
    ) async -> ValidationOutcome {
        switch document["desk"]?.text {
        case "limits": .exceedsLimits("more than 2 seconds")
        case "unavailable": .unavailable("nobody is free")
        case "refuse":
            .report(
                .object([
                    JSONMember(name: "valid", value: .bool(false)),
                    JSONMember(name: "errors", value: .array(Self.faults)),
                ]))
        default:
            .report(
                .object([
                    JSONMember(name: "valid", value: .bool(true)),
                    JSONMember(name: "checked", value: .bool(checksDerivatives)),
                    JSONMember(name: "uploads", value: .list(uploads.keys.sorted().map(JSONValue.string))),
                ]))
        }
    }
}

/// Looks through files in this very process.
struct PaperProfiler: DatasetProfiler {
    func profile(_ file: String, format: DatasetFormat, byteCount: Int) async -> ProfileOutcome {
        ProfileWork.outcome(ProfileWork.answer(file, format: format, memoryBytes: 1 << 30))
    }
}

/// Counts what it is told.
final class PaperWorkforce: Workforce {
    private let wakes = Mutex(0)

    var wakeCount: Int { wakes.withLock { $0 } }

    func wake(for news: WorkforceNews) { wakes.withLock { $0 += 1 } }

    var status: [WorkerStatus] {
        get async { [WorkerStatus(name: "w1", processID: 4_711, job: nil, residentBytes: 1_024)] }
    }

    var restarts: [String: Int] {
        get async { ["memory": 2] }
    }
}

/// SplitMix64 from a fixed seed.
struct TestRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64 = 20_261_121

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}

/// Everything a test needs.
struct House: Sendable {
    let store: any JobStore
    let workforce: PaperWorkforce
    let status: ServiceStatus
    let server: Server
    let routes: [String]
    let discarded: Record<JobID>
    let metrics: ServiceMetrics
    /// What the server asks for the answer to a fault.
    let render: @Sendable (ServerFault, String) -> Response
    /// With `blobs` and `uploads`.
    let folder: URL
    let blobs: BlobKeeper

    func client() throws -> APIClient { try APIClient(server.address) }

    /// A moment as the service has it.
    static func now() -> Moment {
        let time = Date().timeIntervalSince1970
        let uptime = ProcessInfo.processInfo.systemUptime
        return Moment(calendar: Timestamp(milliseconds: Int64(time * 1_000)), uptime: .seconds(uptime))
    }

    /// Submits a document and answers with the job's id.
    func submit(_ client: APIClient, _ json: String = "{}") async throws -> JobID {
        let answer = try await client.post("/v1/jobs", json)
        #expect(answer.status == 202)
        return try #require(JobID(try answer.json["id"]?.text ?? ""))
    }

    /// Hands the next job to a worker.
    func claim() async throws -> Lease {
        let claims = try await store.claim(
            limit: 1, kinds: [APIContext.jobKind], worker: "w1", lease: .seconds(600), at: Self.now())
        return try #require(claims.first).lease
    }

    /// Appends `count` events of one type, with some data.
    func append(
        _ count: Int, _ type: String = "progress", to lease: Lease, bytes: Int = 0, carriesIterate: Bool = false
    ) async throws {
        let filler = bytes > 0 ? ",\"filler\":\"\(String(repeating: "x", count: bytes))\"" : ""
        let drafts = (0..<count).map { index in
            EventDraft(
                type: type, time: Self.now().calendar, data: Array("{\"iteration\":\(index)\(filler)}".utf8),
                carriesIterate: carriesIterate)
        }
        _ = try await store.append(drafts, under: lease)
    }

    static let result = "{\"state\":\"succeeded\",\"variables\":{\"x\":[1,2.5]}}"

    func finish(_ lease: Lease, _ outcome: Outcome? = nil) async throws {
        let converged = Outcome.succeeded(Termination(rawValue: "converged"), result: Array(Self.result.utf8))
        _ = try await store.finish(lease, with: outcome ?? converged, appending: [], at: Self.now().calendar)
    }
}

/// Collects what closures of a service tell.
final class Record<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])

    var all: [Value] { values.withLock { $0 } }

    func add(_ value: Value) { values.withLock { $0.append(value) } }
}

/// What a test changes about its service.
struct Setup {
    var limits = APILimits()
    var hosts = HostPolicy.loopback(allowed: ["example.test"])
    var access = AccessGate.open()
    var callable = CallableAddresses(allowing: [AddressBlock]())
    var isReady = true
    /// The database's largest size.
    var storeBytes: Int64?
    /// Files of checkpoints by name.
    var states: [String: URL] = [:]
    /// What a running job has told by a link.
    var iterate: String?

    init() {
        limits.pollInterval = .milliseconds(20)
        limits.documentBytes = 4_096
    }
}

/// Starts a service in a folder of its own, runs `body`, and takes everything down.
func withHouse(_ setup: Setup = Setup(), _ body: (House) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "service-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var options = SQLiteStore.Options()
    options.maximumBytes = setup.storeBytes
    let store = try await SQLiteStore.open(folder: folder.path, options: options, compose: StoreEvents.compose)
    for name in ["blobs", "uploads"] {
        try FileManager.default.createDirectory(at: folder.appending(path: name), withIntermediateDirectories: true)
    }
    let blobs = BlobKeeper(folder: folder.appending(path: "blobs"))
    let workforce = PaperWorkforce()
    let status = ServiceStatus()
    if setup.isReady { status.becomeReady() }
    let discarded = Record<JobID>()
    let metrics = ServiceMetrics()
    let context = APIContext(
        store: store, desk: PaperDesk(), workforce: workforce,
        examples: ExampleCatalogue(folder: Contract.root.appending(path: "Examples")),
        contract: try Contract.served.get(),
        datasets: DatasetRoom(
            blobs: blobs, uploads: UploadRoom(folder: folder.appending(path: "uploads"), limits: setup.limits.uploads),
            profiler: PaperProfiler()),
        status: status,
        identifiers: JobIdentifiers(source: TestRandom()), limits: setup.limits, hosts: setup.hosts,
        access: setup.access, callable: setup.callable, metrics: metrics, now: House.now,
        discard: { id, what in if what == .everything { discarded.add(id) } },
        state: { _, checkpoint in setup.states[checkpoint.name] },
        iterate: { _ in setup.iterate.map { Array($0.utf8) } })
    let identifiers = RequestIdentifiers(seed: 1)
    var configuration = ServerConfiguration(
        loops: 2, wallClock: { 784_111_777 }, requestIdentifier: { identifiers.next() })
    configuration.timeouts.linger = .milliseconds(100)
    APIRouter.configure(&configuration, for: context)
    let server = try await Server(
        on: SocketAddress(host: "127.0.0.1", port: 0), router: APIRouter.make(context), configuration: configuration)
    let house = House(
        store: store, workforce: workforce, status: status, server: server,
        routes: APIRouter.routes(context).map { "\($0.method) \($0.pattern)" }.sorted(), discarded: discarded,
        metrics: metrics, render: configuration.render, folder: folder, blobs: blobs)
    let outcome: Result<Void, any Error>
    do {
        outcome = .success(try await body(house))
    } catch {
        outcome = .failure(error)
    }
    await server.drain(grace: .zero)
    await store.close()
    try outcome.get()
}
