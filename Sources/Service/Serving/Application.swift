// The composition root: store, workers, endpoints and server put together, started in order, and taken down in order.
import Foundation
import Glibc
import HTTP1
import HTTPClient
import HTTPServer
import JobQueue
import SQLiteStore
import Sockets

/// Why a service could not start: a sentence.
package struct StartError: Error, Equatable {
    package let reason: String
}

/// A running service.
package final class Application: Sendable {
    /// Where it answers.
    package let url: String
    private let server: Server
    private let tls: TLSContext?
    private let store: SQLiteStore
    private let supervisor: Supervisor
    private let desks: [AdmissionWorkers]
    private let status: ServiceStatus
    private let keeping: Task<Void, Never>
    private let telling: Task<Void, Never>

    /// Seconds that requests and streams have to end when the service drains.
    private static let grace = Duration.seconds(5)

    /// Opens the store, recovers its jobs, starts the workers, and then listens.
    ///
    /// - Parameter journal: takes lines for people.
    package static func start(
        _ configuration: ServiceConfiguration, journal: ServiceLog
    ) async throws -> Application {
        let log: @Sendable (String) -> Void = { journal.say($0) }
        let clock = ServiceClock()
        let folder = ServiceFolder(configuration.data)
        let environment: [String: String]
        let store: SQLiteStore
        do {
            try folder.prepare()
            environment = try KernelVariant.settle(configuration.environment, in: folder.root)
            store = try await SQLiteStore.open(folder: folder.root.path, compose: StoreEvents.compose)
            try folder.removeLeftovers()
            for job in try await store.recover(at: clock.timestamp()) { log("\(job) goes on after a lost server") }
        } catch {
            throw StartError(reason: "the data folder \(folder.root.path) cannot be used: \(FileFault.describe(error))")
        }
        let blobs = BlobKeeper(folder: folder.blobs)
        do {
            let count = try await sweep(blobs, store, olderThan: 0)
            if count > 0 { log("\(count) files that nothing needs were removed") }
            let jobs = try await folder.removeOrphans(in: store)
            if jobs > 0 { log("the files of \(jobs) jobs that need none were removed") }
        } catch {
            log("files that nothing needs stay: \(error)")
        }
        let access = try makeGate(configuration, clock, log)
        let metrics = ServiceMetrics()
        let courier = try makeCourier(configuration, store, metrics, clock, log)
        let factory = WorkerFactory(executable: configuration.executable, environment: environment)
        var options = Supervisor.Options(workers: configuration.workers)
        options.silence = configuration.workerSilence
        let supervisor = Supervisor(
            store: store, factory: factory, folder: folder, options: options, clock: clock, metrics: metrics, log: log)
        let desk = AdmissionWorkers(
            "desk", factory: factory, folder: folder, datasets: [configuration.examples.path])
        // A long file does not keep documents waiting.
        let profiler = AdmissionWorkers("profiler", factory: factory, folder: folder, datasets: [])
        let status = ServiceStatus()
        var limits = APILimits()
        limits.documentBytes = configuration.documentBytes
        limits.uploads.bytes = configuration.datasetBytes
        let context = APIContext(
            store: store, desk: desk, workforce: supervisor,
            examples: ExampleCatalogue(folder: configuration.examples),
            contract: try readContract(configuration.contract),
            datasets: DatasetRoom(
                blobs: blobs, uploads: UploadRoom(folder: folder.uploads, limits: limits.uploads), profiler: profiler),
            status: status,
            identifiers: JobIdentifiers(source: SystemRandomNumberGenerator()), limits: limits,
            hosts: .loopback(allowed: Set(configuration.allowedHosts.map { $0.lowercased() })), access: access,
            callable: configuration.callable, metrics: metrics,
            now: { clock.moment() },
            discard: { job, what in folder.discard(what, of: job.description) },
            state: { job, checkpoint in folder.state(checkpoint.name, of: job.description) },
            iterate: { job in (try? Data(contentsOf: folder.iterate(of: job.description))).map { [UInt8]($0) } })
        let tls = try makeTLS(configuration)
        let server = try await listen(configuration, context, tls, journal)
        await supervisor.start()
        status.becomeReady()
        return Application(
            server: server, tls: tls, store: store, supervisor: supervisor, desks: [desk, profiler], status: status,
            keeping: keepHouse(store, folder, blobs, clock, log), telling: Task { await courier.run() })
    }

    private init(
        server: Server, tls: TLSContext?, store: SQLiteStore, supervisor: Supervisor, desks: [AdmissionWorkers],
        status: ServiceStatus, keeping: Task<Void, Never>, telling: Task<Void, Never>
    ) {
        url = (tls == nil ? "http" : "https") + "://\(server.address)"
        self.server = server
        self.tls = tls
        self.store = store
        self.supervisor = supervisor
        self.desks = desks
        self.status = status
        self.keeping = keeping
        self.telling = telling
    }

    private static func makeCourier(
        _ configuration: ServiceConfiguration, _ store: SQLiteStore, _ metrics: ServiceMetrics, _ clock: ServiceClock,
        _ log: @escaping @Sendable (String) -> Void
    ) throws -> WebhookCourier {
        let secret = try WebhookSecret(in: configuration.data)
        do throws(ClientError) {
            return try WebhookCourier(
                store: store, secret: secret, addresses: configuration.callable, metrics: metrics,
                now: { clock.timestamp() }, log: log)
        } catch {
            throw StartError(reason: "webhooks cannot be told: \(error)")
        }
    }

    private static func readContract(_ file: URL) throws -> ServedContract {
        do {
            return try ServedContract([UInt8](try Data(contentsOf: file)))
        } catch let error as ContractError {
            throw StartError(reason: "\(file.path): \(error.reason)")
        } catch {
            throw StartError(reason: "the contract \(file.path) cannot be read: \(FileFault.describe(error))")
        }
    }

    /// Without a key nobody but this machine may ask, unless that was said to be meant.
    private static func makeGate(
        _ configuration: ServiceConfiguration, _ clock: ServiceClock, _ log: @escaping @Sendable (String) -> Void
    ) throws -> AccessGate {
        let isLoopback = ["127.0.0.1", "::1"].contains(configuration.host) || configuration.host.hasPrefix("127.")
        guard configuration.authentication == .auto else {
            if !isLoopback { log("everybody who reaches \(configuration.host) may use the service: --auth none") }
            return .open()
        }
        do throws(KeyFileError) {
            let gate = try AccessGate.keyed(
                by: configuration.data, isClosed: !isLoopback, now: { clock.moment() }, log: log)
            guard isLoopback || gate.hasKeys else {
                throw KeyFileError(
                    reason: "\(configuration.host) is not the loopback, and there are no keys: make one with "
                        + "'stackelberg keys create --owner <name> --data \(configuration.data.path)', or say "
                        + "--auth none if everybody may use the service")
            }
            return gate
        } catch {
            throw StartError(reason: error.reason)
        }
    }

    private static func makeTLS(_ configuration: ServiceConfiguration) throws -> TLSContext? {
        do {
            return try configuration.tls.map { settings in
                try TLSContext(
                    TLSFiles(
                        certificate: settings.certificate, key: settings.key,
                        clientAuthorities: settings.clientAuthorities))
            }
        } catch let error as TLSError {
            throw StartError(reason: error.reason)
        }
    }

    /// Reads certificate and key again; connections that are open keep theirs.
    ///
    /// - Returns: a sentence for the log.
    package func reloadCertificate() -> String {
        guard let tls else { return "there is no certificate to read again" }
        do throws(TLSError) {
            try tls.reload()
            return "the certificate was read again"
        } catch {
            return "the certificate stays as it was: \(error.reason)"
        }
    }

    private static func listen(
        _ configuration: ServiceConfiguration, _ context: APIContext, _ tls: TLSContext?,
        _ journal: ServiceLog
    ) async throws -> Server {
        do {
            let identifiers = RequestIdentifiers(seed: UInt64.random(in: .min ... .max))
            var server = ServerConfiguration(
                loops: max(1, ProcessInfo.processInfo.activeProcessorCount), wallClock: { Int(time(nil)) },
                requestIdentifier: identifiers.next)
            server.tls = tls
            configuration.wire.apply(to: &server)
            server.log = { journal.note($0) }
            APIRouter.configure(&server, for: context)
            let address = try SocketAddress(host: configuration.host, port: UInt16(configuration.port))
            return try await Server(on: address, router: APIRouter.make(context), configuration: server)
        } catch let error as SystemError {
            throw StartError(
                reason: "cannot listen on \(configuration.host) port \(configuration.port): "
                    + String(cString: strerror(error.code)))
        }
    }

    /// Stops taking work, suspends what runs, tells streams, answers what is open, and closes the store.
    package func drain() async {
        status.beginDraining()
        async let workers: Void = supervisor.drain()
        async let requests: Void = server.drain(grace: Self.grace)
        _ = await (workers, requests)
        for desk in desks { await desk.close() }
        keeping.cancel()
        telling.cancel()
        await keeping.value
        await telling.value
        await store.close()
    }

    /// Logs of more than 20,000 events lose, an hour after, all progress but every tenth and the extremes of what is
    /// measured in each window.
    private static let thinning = CompactionPolicy(minimumAge: .seconds(3_600), keptNewest: 20_000, keptEvery: 10)
    /// Windows judged in one go.
    private static let windowsAtOnce = 200

    private static func thinLogs(_ store: SQLiteStore, _ clock: ServiceClock) async throws {
        for _ in 0..<windowsAtOnce {
            let step = try await store.compact(thinning, measuring: ProgressField.measures, at: clock.timestamp())
            if step == nil { return }
        }
    }

    private static func sweep(
        _ blobs: BlobKeeper, _ store: SQLiteStore, olderThan age: TimeInterval
    ) async throws -> Int {
        try await blobs.sweep(olderThan: age, at: Date()) { try await store.neededBlobs(among: $0) }
    }

    /// Removes what has outlived its time, thins old logs, and shortens the write-ahead log when nothing goes on.
    private static func keepHouse(
        _ store: SQLiteStore, _ folder: ServiceFolder, _ blobs: BlobKeeper, _ clock: ServiceClock,
        _ log: @escaping @Sendable (String) -> Void
    ) -> Task<Void, Never> {
        Task {
            while true {
                do { try await Task.sleep(for: .seconds(30)) } catch { return }
                do {
                    try await Retention.apply(to: store, in: folder, at: clock.timestamp())
                    try await thinLogs(store, clock)
                    _ = try await sweep(blobs, store, olderThan: BlobKeeper.grace)
                    _ = await store.truncateLogIfIdle()
                } catch {
                    log("housekeeping: \(error)")
                }
            }
        }
    }
}
