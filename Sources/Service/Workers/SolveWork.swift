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
            let saved = newestState(identity: observer.identity)
            switch try runner.run(from: saved, observer: &observer) {
            case .finished(let document, let termination): try finish(document, termination)
            case .suspended: link.send(.suspended)
            case .nothingComputed: link.send(.nothingComputed)
            }
        } catch let error as DocumentLoadError {
            link.send(.refused(error.text))
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
    private func newestState(identity: String) -> SolverState? {
        for name in order.states {
            let file = URL(fileURLWithPath: order.folder).appendingPathComponent(name)
            guard let data = try? Data(contentsOf: file) else { continue }
            if let state = try? SolverState(archive: [UInt8](data), identity: identity) { return state }
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

    init(work: SolveWork, job: AdmittedJob, identity: String) {
        self.work = work
        self.identity = identity
        documents = EventDocument(
            problem: job.built.problem, iterates: job.document.progress.iterates, attempt: work.order.epoch)
    }

    mutating func began(resumedFrom iteration: Int?) { work.link.send(.began(resumedFrom: iteration)) }

    /// What an earlier attempt has logged is not said again.
    mutating func progress(_ point: ProgressPoint, elapsed: Double) {
        guard point.iteration > work.order.reportedThrough else { return }
        work.link.send(.progress(data: documents.progress(point, elapsed: elapsed)))
    }

    mutating func remark(_ text: String, iteration: Int) {
        guard iteration > work.order.reportedThrough else { return }
        work.link.send(.warning(data: EventDocument.warning(text, iteration: iteration)))
    }

    mutating func checkpoint(_ state: SolverState) throws {
        let name = "\(work.order.epoch)-\(state.iteration).state"
        let bytes = state.archive(identity: identity)
        let folder = URL(fileURLWithPath: work.order.folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try DurableFile.write(bytes, to: folder.appendingPathComponent(name))
        work.link.send(.checkpoint(name: name, iteration: state.iteration, bytes: bytes.count))
    }
}
