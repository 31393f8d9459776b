// Solving a job inside a worker: resume from the newest state that can be read, report, keep states, write the result.
import Foundation
import MultilevelOptimization
import ProblemSpecification

/// One job to be solved.
struct SolveWork: Sendable {
    let order: SolveOrder
    let link: WorkerLink
    /// Bytes that a thread takes by itself.
    let threadBytes: Int

    /// Runs the job and sends its last report.
    func perform() {
        do {
            let job = try admit()
            let provenance = KernelEnvironment.provenance(for: job)
            var runner = JobRunner(job: job, provenance: provenance, request: link.request)
            runner.elapsedBefore = order.elapsedSeconds
            runner.keepsStates = true
            runner.threads = min(order.threads, job.ensemble?.room ?? 1)
            WorkerLimits.makeRoom(forThreads: runner.threads - 1, bytesOfEach: threadBytes)
            runner.name = order.job
            var observer = LinkObserver(work: self, job: job, identity: job.identity(provenance))
            let saved = newestState(job, observer)
            switch try runner.run(from: saved, observer: &observer) {
            case .finished(let document, let termination): try finish(document, termination)
            case .suspended: link.send(.suspended)
            case .nothingComputed: link.send(.nothingComputed)
            }
        } catch let error as DocumentLoadError {
            link.send(.refused(error.text))
        } catch {
            link.send(.refused("the result could not be written: \(FileFault.describe(error))"))
        }
    }

    private func admit() throws -> AdmittedJob {
        guard let payload = JobPayload(try JSONParser.parse(try order.payload.open())) else {
            throw DocumentLoadError.unreadable("the payload of the job is damaged")
        }
        let blobs = BlobFolder(folder: URL(fileURLWithPath: order.blobs))
        let datasets = DatasetLocator(frozen: payload.datasets.mapValues(blobs.file))
        let loaded = try DocumentLoader.decode(payload.document, datasets: datasets)
        return try Admission.admit(
            try order.limits.map(loaded.limited) ?? loaded, machineBytes: order.memoryBytes)
    }

    /// The newest state that can be read and belongs to this job; `nil` means the start.
    private func newestState(_ job: AdmittedJob, _ observer: LinkObserver) -> SavedState? {
        for name in order.states {
            let file = URL(fileURLWithPath: order.folder).appendingPathComponent(name)
            do {
                return try SavedState([UInt8](try Data(contentsOf: file)), of: job, identity: observer.identity)
            } catch {
                observer.warn("the state \(name) cannot be read; the job goes on from an older one, or begins anew")
            }
        }
        return nil
    }

    private func finish(_ document: JSONValue, _ termination: Termination) throws {
        let folder = URL(fileURLWithPath: order.folder)
        let bytes = JSONWriter.bytes(document)
        if bytes.count > Parcel.reportBytes {
            // A short job has no folder unless a state or its payload has needed one.
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
        // The supervisor puts it into the store; should the machine stop before, the job is done again.
        let file = folder.appendingPathComponent("result-\(order.epoch).json")
        let result = try Parcel(bytes, limit: Parcel.reportBytes, file: file)
        let remarks = document["remarks"]?.elements?.compactMap(\.text)
        link.send(
            .finished(
                result: result, termination: termination.rawValue, isSuccess: termination.isSuccess,
                detail: termination.isSuccess ? nil : remarks?.last))
    }
}

/// Sends what a run reports.
private struct LinkObserver: RunObserver {
    let work: SolveWork
    let identity: String
    private let iterates: ProgressRequest.Iterates
    private var iterate: IterateFile
    /// The iteration of the newest state: one that is suspended right behind it is on disk already, and the file before it
    /// must stay.
    private var writtenAt: Int?
    /// What is in the log already.
    private var told: ToldProgress

    init(work: SolveWork, job: AdmittedJob, identity: String) {
        self.work = work
        self.identity = identity
        iterates = job.document.progress.iterates
        told = work.order.told
        iterate = IterateFile(in: URL(fileURLWithPath: work.order.folder))
    }

    mutating func began(resumedFrom iteration: Int?) { work.link.send(.began(resumedFrom: iteration)) }

    /// What an earlier attempt has logged is not said again.
    mutating func progress(
        _ point: ProgressPoint, of source: RunSource, incumbent: Incumbent, incumbentPoint: () -> [Double],
        elapsed: Double
    ) {
        guard let isNews = told.takes(point.iteration, best: incumbent.iteration, of: source.member) else { return }
        let id = work.order.job
        let documents = EventDocument(
            source: source, iterates: iterates, link: { "/v1/jobs/\(id)/result/variables/\($0)?partial=true" })
        if documents.isReferred(point.x.count) {
            iterate.offer { documents.variables(point.x) }
        }
        work.link.send(
            .progress(
                data: documents.progress(point, incumbent, elapsed: elapsed),
                incumbent: isNews ? documents.incumbent(incumbent, at: incumbentPoint()) : nil))
    }

    mutating func remark(_ text: String, iteration: Int, member: Int?) {
        guard iteration > work.order.told.iteration(of: member) else { return }
        work.link.send(.warning(data: EventDocument.warning(text, iteration: iteration, member: member)))
    }

    mutating func ended(member: Int, _ data: JSONValue) {
        guard !work.order.told.ended.contains(member) else { return }
        work.link.send(.member(data: data))
    }

    /// Said behind what is in the log already.
    func warn(_ text: String) {
        let iteration = max(0, work.order.told.lastIteration)
        work.link.send(.warning(data: EventDocument.warning(text, iteration: iteration)))
    }

    /// A state that cannot be written leaves the one before it: the job goes on.
    mutating func checkpoint(_ state: KeptState) {
        guard writtenAt != state.iteration else { return }
        do {
            try write(state)
            writtenAt = state.iteration
        } catch {
            let text = "the state could not be written (\(FileFault.describe(error))); the one before it stands"
            work.link.send(.warning(data: EventDocument.warning(text, iteration: state.iteration)))
        }
    }

    private func write(_ state: KeptState) throws {
        let name = "\(work.order.epoch)-\(state.iteration).state"
        let bytes = state.archive(identity)
        let folder = URL(fileURLWithPath: work.order.folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try DurableFile.write(bytes, to: folder.appendingPathComponent(name))
        work.link.send(.checkpoint(name: name, iteration: state.iteration, bytes: bytes.count))
    }
}
