// Checks documents, and looks through data sets, in a worker kept for that, so that a busy pool still admits and hostile bytes
// cost one process.
import DataFormats
import Foundation
import Glibc
import ProblemSpecification

/// The desk that endpoints bring documents and files to.
package actor AdmissionWorkers: AdmissionDesk, DatasetProfiler {
    /// Limits of one check.
    package struct Limits: Sendable {
        package var processorSeconds = 4
        package var reportProcessorSeconds = 20
        package var profileProcessorSeconds = 60
        package var wallClock = Duration.seconds(30)
        package var profileWallClock = Duration.seconds(120)
        /// Workers that one document may be given. One that is killed from outside says nothing about its document; a
        /// document whose workers are killed again is the likelier reason.
        package var workersPerDocument = 2
        package var memoryBytes = 1 << 30
        /// What a job may use whose document does not say.
        package var jobMemoryBytes = Supervisor.Options.defaultMemoryBytes
        /// Documents that may wait.
        package var waiting = 64

        package init() {}
    }

    private let name: String
    private let factory: WorkerFactory
    private let folder: ServiceFolder
    private let datasets: [String]
    private let limits: Limits
    private var worker: WorkerProcess?
    private var waiting = 0
    private var last: Task<Void, Never>?
    private var ticket = 0
    private var isClosed = false

    /// - Parameter name: unique among those that share the folder.
    package init(
        _ name: String, factory: WorkerFactory, folder: ServiceFolder, datasets: [String], limits: Limits = Limits()
    ) {
        self.name = name
        self.factory = factory
        self.folder = folder
        self.datasets = datasets
        self.limits = limits
    }

    package func admit(_ document: JSONValue, uploads: [String: FrozenDataset]) async -> AdmissionOutcome {
        switch await check({ try await self.question(document, uploads, isReport: false, measures: false) }) {
        case .answer(let answer): return Self.outcome(answer)
        case .exceedsLimits: return .exceedsLimits(Self.tooCostly)
        case .unavailable(let reason): return .unavailable(reason)
        }
    }

    package func validate(
        _ document: JSONValue, uploads: [String: FrozenDataset], checksDerivatives: Bool
    ) async -> ValidationOutcome {
        switch await check({ try await self.question(document, uploads, isReport: true, measures: checksDerivatives) })
        {
        case .answer(let answer):
            if let reason = answer["failure"]?.text { return .unavailable(reason) }
            return .report(answer)
        case .exceedsLimits: return .exceedsLimits(Self.tooCostly)
        case .unavailable(let reason): return .unavailable(reason)
        }
    }

    package func profile(_ file: String, format: DatasetFormat, byteCount: Int) async -> ProfileOutcome {
        switch await check({ await self.question(file, format, byteCount) }) {
        case .answer(let answer): return ProfileWork.outcome(answer)
        case .exceedsLimits:
            return .exceedsLimits("the data set could not be read within the limits of time and memory")
        case .unavailable(let reason): return .unavailable(reason)
        }
    }

    /// Ends the worker; documents are not checked any more.
    package func close() {
        isClosed = true
        worker?.kill()
    }

    private static func outcome(_ answer: JSONValue) -> AdmissionOutcome {
        if let reason = answer["failure"]?.text { return .unavailable(reason) }
        guard answer["valid"]?.flag == true, let payload = answer["payload"], let method = answer["method"]?.text else {
            return .refused(answer["errors"]?.elements ?? [])
        }
        let labels = answer["labels"]?.members ?? []
        return .admitted(
            AdmittedDocument(
                payload: JSONWriter.bytes(payload), method: method,
                labels: Dictionary(labels.map { ($0.name, $0.value.text ?? "") }, uniquingKeysWith: { $1 }),
                priority: answer["priority"]?.int ?? 0, maxAttempts: answer["max_attempts"]?.int ?? 3,
                timeToLive: answer["ttl_seconds"]?.double.map(Duration.atMostCentury),
                queueTime: answer["queue_seconds"]?.double.map(Duration.atMostCentury),
                progressInterval: answer["min_interval_ms"]?.double.map { .atMostCentury(seconds: $0 / 1_000) },
                blobs: Set((payload["datasets"]?.members ?? []).compactMap(\.value.text))))
    }

    // MARK: - One after the other

    private enum Check: Sendable {
        case answer(JSONValue)
        case exceedsLimits
        case unavailable(String)
    }

    /// An order, how long it may take, and the files that go with it.
    private struct Question {
        var order: WorkerOrder
        var wallClock: Duration
        var answer: URL
        var files: [URL] = []
    }

    /// Does one thing after the other; what waits is bounded.
    private func check(_ ask: @escaping @Sendable () async throws -> Question) async -> Check {
        guard waiting < limits.waiting else { return .unavailable("\(waiting) documents wait to be checked already") }
        waiting += 1
        defer { waiting -= 1 }
        let previous = last
        let task = Task {
            await previous?.value
            return await self.perform(ask)
        }
        last = Task { _ = await task.value }
        return await task.value
    }

    /// A file of the spool that no other question uses.
    private func spooled(_ ending: String) -> URL {
        ticket += 1
        return folder.spool.appendingPathComponent("\(name)-\(ticket).\(ending)")
    }

    private func question(
        _ document: JSONValue, _ uploads: [String: FrozenDataset], isReport: Bool, measures: Bool
    ) throws -> Question {
        let answer = spooled("answer.json")
        let files = [spooled("json"), spooled("uploads.json")]
        let document = try Parcel(JSONWriter.bytes(document), limit: Parcel.orderBytes, file: files[0])
        let uploads = try Parcel(FrozenDataset.bytes(uploads), limit: Parcel.orderBytes, file: files[1])
        let order = AdmitOrder(
            document: document, answer: answer.path, datasets: datasets, uploads: uploads, blobs: folder.blobs.path,
            isReport: isReport, measures: measures,
            processorSeconds: measures ? limits.reportProcessorSeconds : limits.processorSeconds,
            memoryBytes: limits.memoryBytes, jobMemoryBytes: limits.jobMemoryBytes)
        return Question(order: .admit(order), wallClock: limits.wallClock, answer: answer, files: files)
    }

    /// A sparse matrix takes at most some eight times the bytes of its text.
    private func question(_ file: String, _ format: DatasetFormat, _ byteCount: Int) -> Question {
        let answer = spooled("answer.json")
        let order = ProfileOrder(
            file: file, format: format, answer: answer.path, processorSeconds: limits.profileProcessorSeconds,
            memoryBytes: limits.memoryBytes + 8 * byteCount)
        return Question(order: .profile(order), wallClock: limits.profileWallClock, answer: answer)
    }

    private func perform(_ ask: () async throws -> Question) async -> Check {
        do {
            let question = try await ask()
            defer { for file in question.files + [question.answer] { unlink(file.path) } }
            for _ in 0..<limits.workersPerDocument {
                guard !isClosed else { return .unavailable("the service shuts down") }
                let worker = try await ready()
                worker.send(question.order)
                switch await end(of: worker, within: question.wallClock) {
                case .answered(let parcel):
                    guard let parcel else { return .unavailable("the document could not be checked: no room") }
                    return .answer(try JSONParser.parse(try parcel.open()))
                case .exhausted: return .exceedsLimits
                case .killed: continue
                }
            }
            return .exceedsLimits
        } catch {
            return .unavailable("the document could not be checked: \(error)")
        }
    }

    private static let tooCostly = "the document could not be checked within the limits of time and memory"

    private func ready() async throws -> WorkerProcess {
        if let worker, !worker.isGone { return worker }
        let started = try await factory.start()
        worker = started
        return started
    }

    /// How a check ended for its worker.
    private enum CheckEnding {
        case answered(Parcel?)
        /// It trapped, or ran out of time or memory.
        case exhausted
        /// Something else killed it.
        case killed
    }

    /// Waits for the answer; a worker that ends or takes too long instead is replaced.
    private func end(of worker: WorkerProcess, within wallClock: Duration) async -> CheckEnding {
        let watch = Task {
            do { try await Task.sleep(for: wallClock) } catch { return false }
            worker.kill()
            return true
        }
        defer { watch.cancel() }
        while true {
            for news in await worker.inbox.take() {
                switch news {
                case .report(.admitted(let answer)): return .answered(answer)
                case .ended(let ending):
                    self.worker = nil
                    watch.cancel()
                    let isOverdue = await watch.value
                    return ending == .signal(SIGKILL) && !isOverdue ? .killed : .exhausted
                case .report, .tick: continue
                }
            }
        }
    }
}

/// Starts workers.
package struct WorkerFactory: Sendable {
    let executable: String
    let environment: [String: String]

    /// - Parameters:
    ///   - executable: this program.
    ///   - environment: of workers; what BLAS reads before `main` is settled here.
    package init(executable: String, environment: [String: String]) {
        self.executable = executable
        var variables = environment
        variables["OPENBLAS_NUM_THREADS"] = "1"
        // A crash is the supervisor's to report, at once; writing a trace takes seconds.
        variables["SWIFT_BACKTRACE"] = "enable=no"
        self.environment = variables
    }

    /// Time that a worker has to say it is ready.
    static let patience = Duration.seconds(10)

    /// A worker that has said it is ready.
    func start() async throws -> WorkerProcess {
        let worker = try WorkerProcess(executable: executable, environment: environment)
        let watch = Task {
            try await Task.sleep(for: Self.patience)
            worker.kill()
        }
        defer { watch.cancel() }
        while true {
            for news in await worker.inbox.take() {
                switch news {
                case .report(.ready): return worker
                case .ended(let ending): throw WorkerStartError(reason: ending.description)
                case .report, .tick: continue
                }
            }
        }
    }
}

/// A worker that ended before it was ready.
struct WorkerStartError: Error, Equatable {
    let reason: String
}
