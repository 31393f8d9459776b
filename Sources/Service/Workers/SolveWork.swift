// Solving a job inside a worker: resume from the newest state that can be read, report, keep states, write the result.
import Foundation
import MultilevelOptimization
import ProblemSpecification

/// One job to be solved.
struct SolveWork {
    let order: SolveOrder
    let link: WorkerLink

    /// Runs the job and sends its last report.
    func perform() {
        do {
            let job = try admit()
            let provenance = KernelEnvironment.provenance(for: job)
            var runner = JobRunner(job: job, provenance: provenance, request: link.request)
            runner.elapsedBefore = order.elapsedSeconds
            runner.keepsStates = true
            runner.name = order.job
            var observer = LinkObserver(work: self, job: job, identity: job.identity(provenance))
            let saved = newestState(observer)
            switch try runner.run(from: saved, observer: &observer) {
            case .finished(let document, let termination): try finish(document, termination)
            case .suspended: link.send(.suspended)
            case .nothingComputed: link.send(.nothingComputed)
            }
        } catch let error as DocumentLoadError {
            link.send(.refused(error.text))
        } catch let error as DurableFile.Failure {
            link.send(.refused("the result could not be written: \(error.reason)"))
        } catch {
            link.send(.refused("\(error)"))
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
    private func newestState(_ observer: LinkObserver) -> SolverState? {
        for name in order.states {
            let file = URL(fileURLWithPath: order.folder).appendingPathComponent(name)
            do {
                return try SolverState(archive: [UInt8](try Data(contentsOf: file)), identity: observer.identity)
            } catch {
                observer.warn("the state \(name) cannot be read; the job goes on from an older one, or begins anew")
            }
        }
        return nil
    }

    private func finish(_ document: JSONValue, _ termination: Termination) throws {
        let file = URL(fileURLWithPath: order.folder).appendingPathComponent("result-\(order.epoch).json")
        // The supervisor puts it into the store; should the machine stop before, the job is done again.
        let result = try Parcel(JSONWriter.bytes(document), limit: Parcel.reportBytes, file: file)
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
    private let documents: EventDocument
    private var iterate: IterateFile
    /// The iteration of the newest state: one that is suspended right behind it is on disk already, and the file before it
    /// must stay.
    private var writtenAt: Int?
    /// The iteration of the best point at the last progress point that was told.
    private var bestThrough: Int

    init(work: SolveWork, job: AdmittedJob, identity: String) {
        self.work = work
        self.identity = identity
        let id = work.order.job
        documents = EventDocument(
            problem: job.built.problem, iterates: job.document.progress.iterates, attempt: work.order.epoch,
            link: { "/v1/jobs/\(id)/result/variables/\($0)?partial=true" })
        bestThrough = work.order.bestThrough
        iterate = IterateFile(in: URL(fileURLWithPath: work.order.folder))
    }

    mutating func began(resumedFrom iteration: Int?) { work.link.send(.began(resumedFrom: iteration)) }

    /// What an earlier attempt has logged is not said again.
    mutating func progress(
        _ point: ProgressPoint, incumbent: Incumbent, incumbentPoint: () -> [Double], elapsed: Double
    ) {
        guard point.iteration > work.order.reportedThrough else { return }
        if documents.isReferred(point.x.count) {
            let documents = documents
            iterate.offer { documents.variables(point.x) }
        }
        let isNews = IncumbentPace.tells(incumbent.iteration, after: bestThrough)
        bestThrough = incumbent.iteration
        work.link.send(
            .progress(
                data: documents.progress(point, incumbent, elapsed: elapsed),
                incumbent: isNews ? documents.incumbent(incumbent, at: incumbentPoint()) : nil))
    }

    mutating func remark(_ text: String, iteration: Int) {
        guard iteration > work.order.reportedThrough else { return }
        work.link.send(.warning(data: EventDocument.warning(text, iteration: iteration)))
    }

    /// Said behind what is in the log already.
    func warn(_ text: String) {
        let iteration = max(0, work.order.reportedThrough)
        work.link.send(.warning(data: EventDocument.warning(text, iteration: iteration)))
    }

    /// A state that cannot be written leaves the one before it: the job goes on.
    mutating func checkpoint(_ state: SolverState) {
        guard writtenAt != state.iteration else { return }
        do {
            try write(state)
            writtenAt = state.iteration
        } catch {
            let text = "the state could not be written (\(FileFault.describe(error))); the one before it stands"
            work.link.send(.warning(data: EventDocument.warning(text, iteration: state.iteration)))
        }
    }

    private func write(_ state: SolverState) throws {
        let name = "\(work.order.epoch)-\(state.iteration).state"
        let bytes = state.archive(identity: identity)
        let folder = URL(fileURLWithPath: work.order.folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try DurableFile.write(bytes, to: folder.appendingPathComponent(name))
        work.link.send(.checkpoint(name: name, iteration: state.iteration, bytes: bytes.count))
    }
}
