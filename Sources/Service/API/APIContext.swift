// What the endpoints work with: store, desk, workforce, clocks, names, limits. Made once, by whoever starts the service.
import Foundation
import JobQueue
import Synchronization

/// The bounds of the endpoints.
package struct APILimits: Sendable, Equatable {
    /// Bytes of a posted change or request (413).
    package var changeBytes = 64 << 10
    /// Rows of a log that one down-sampled series looks at, from the end.
    package var seriesRows: Int64 = 200_000
    /// Bytes of a posted document (413).
    package var documentBytes = 16 << 20
    /// Bounds of posted data sets.
    package var uploads = UploadLimits()
    /// Jobs that may wait (503 `queue-full`).
    package var queuedJobs = 100_000
    /// Requests that may wait for a job at once (503 `too-many-waits`).
    package var waitingRequests = 512
    /// Seconds that a request may wait for a job.
    package var waitSeconds = 60
    /// Silence after which a stream sends a sign of life.
    package var keepAlive = Duration.seconds(15)
    /// How often a waiting request looks whether the server shuts down.
    package var pollInterval = Duration.milliseconds(500)
    /// Events that a reader may be behind before it loses progress events.
    package var readerBacklog: Int64 = 1_000

    /// The defaults.
    package init() {}
}

/// Which host names a request may use.
package enum HostPolicy: Sendable, Equatable {
    /// Any: the service is protected by keys, or was told to be open.
    case any
    /// `localhost`, `127.0.0.1`, `[::1]` and these, in lower case and without port: keeps foreign pages from reaching a
    /// service on the loopback by a name of their own (DNS rebinding).
    case loopback(allowed: Set<String>)
}

/// How far the service's own life has come.
package final class ServiceStatus: Sendable {
    /// The phases, in order.
    package enum Phase: Int, Sendable, CaseIterable {
        case starting
        case ready
        case draining
    }

    private let state = Mutex(Phase.starting)

    /// A service that starts.
    package init() {}

    package var phase: Phase { state.withLock { $0 } }

    /// Requests may come.
    package func becomeReady() { advance(to: .ready) }

    /// No job is taken any more, waiting requests are answered, streams are told and end.
    package func beginDraining() { advance(to: .draining) }

    var isDraining: Bool { phase == .draining }

    private func advance(to phase: Phase) {
        state.withLock { if phase.rawValue > $0.rawValue { $0 = phase } }
    }
}

/// What is left of a job's files for nobody.
package enum Discarded: Sendable, Equatable {
    /// The job is deleted.
    case everything
    case checkpoints([CheckpointReference])
}

/// Makes names of jobs from a source of randomness.
package final class JobIdentifiers: Sendable {
    private struct State {
        var generator = JobIDGenerator()
        var source: any RandomNumberGenerator & Sendable
    }

    private let state: Mutex<State>

    package init(source: sending some RandomNumberGenerator & Sendable) {
        state = Mutex(State(source: source))
    }

    func next(at time: Timestamp) -> JobID {
        state.withLock { $0.generator.next(at: time, using: &$0.source) }
    }
}

/// Everything that the endpoints need of the service.
package struct APIContext: Sendable {
    /// The kind of the jobs that are submitted here, for those who claim them.
    package static let jobKind = "solve"
    /// The owner of every job while there are no keys.
    package static let owner = "local"

    let store: any JobStore
    let desk: any AdmissionDesk
    let workforce: any Workforce
    let examples: ExampleCatalogue
    let contract: ServedContract
    let datasets: DatasetRoom
    let limits: APILimits
    let hosts: HostPolicy
    let access: AccessGate
    /// Whom webhooks may call.
    let callable: CallableAddresses
    let status: ServiceStatus
    let identifiers: JobIdentifiers
    /// Both clocks, read together.
    let now: @Sendable () -> Moment
    /// Takes what a job no longer needs of its files.
    let discard: @Sendable (JobID, Discarded) -> Void
    /// The file of a checkpoint, where it is still there.
    let state: @Sendable (JobID, CheckpointReference) -> URL?
    /// The newest iterate of a running job, where it tells iterates by links: an object of upper variables.
    let iterate: @Sendable (JobID) -> [UInt8]?
    let metrics: ServiceMetrics
    let probe = StorageProbe()
    let waits: WaitGate
    let queue: QueueGate
    let finalAnswers = FinalAnswers()

    /// - Parameters:
    ///   - status: what the endpoints obey; its owner moves it on.
    ///   - callable: the addresses that webhooks may call.
    ///   - metrics: what others count beside the endpoints.
    ///   - now: both clocks; the uptime never goes back.
    ///   - discard: called for files that are not needed any more.
    ///   - state: finds the file of a checkpoint.
    ///   - iterate: reads the newest iterate of a running job.
    package init(
        store: any JobStore, desk: any AdmissionDesk, workforce: any Workforce, examples: ExampleCatalogue,
        contract: ServedContract, datasets: DatasetRoom, status: ServiceStatus, identifiers: JobIdentifiers,
        limits: APILimits = APILimits(),
        hosts: HostPolicy = .loopback(allowed: []), access: AccessGate = .open(),
        callable: CallableAddresses = CallableAddresses(),
        metrics: ServiceMetrics = ServiceMetrics(),
        now: @escaping @Sendable () -> Moment,
        discard: @escaping @Sendable (JobID, Discarded) -> Void,
        state: @escaping @Sendable (JobID, CheckpointReference) -> URL?,
        iterate: @escaping @Sendable (JobID) -> [UInt8]?
    ) {
        self.store = store
        self.desk = desk
        self.workforce = workforce
        self.examples = examples
        self.contract = contract
        self.datasets = datasets
        self.limits = limits
        self.hosts = hosts
        self.access = access
        self.callable = callable
        self.status = status
        self.identifiers = identifiers
        self.now = now
        self.discard = discard
        self.state = state
        self.iterate = iterate
        self.metrics = metrics
        waits = WaitGate(limit: limits.waitingRequests)
        queue = QueueGate(limit: limits.queuedJobs)
    }
}
