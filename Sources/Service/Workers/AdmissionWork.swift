// Checking a document inside a worker: decode, build, settle the method, freeze the data sets, answer.
import ExpressionLanguage
import Foundation
import MultilevelOptimization
import ProblemSpecification

/// One document to be checked.
struct AdmissionWork {
    let order: AdmitOrder

    /// The answer; nil where it is long and cannot be written.
    func perform() -> Parcel? {
        let answer: JSONValue
        do {
            let source = try JSONParser.parse(try order.document.open())
            answer = check(source)
        } catch {
            answer = Self.failure("the document could not be read: \(error)")
        }
        return try? Parcel(
            JSONWriter.bytes(answer), limit: Parcel.reportBytes, file: URL(fileURLWithPath: order.answer))
    }

    private static func failure(_ reason: String) -> JSONValue {
        .object([JSONMember(name: "failure", value: .string(reason))])
    }

    private func check(_ source: JSONValue) -> JSONValue {
        let blobs = BlobFolder(folder: URL(fileURLWithPath: order.blobs))
        guard let uploads = try? FrozenDataset.read(try order.uploads.open()) else {
            return Self.failure("the list of data sets could not be read")
        }
        let datasets = DatasetLocator(
            folders: order.datasets.map(URL.init(fileURLWithPath:)), uploads: uploads, in: blobs,
            hint: "upload it (PUT /v1/datasets/name), or give the array inline as {\"value\": …}")
        do throws(DocumentLoadError) {
            let loaded = try DocumentLoader.decode(source, datasets: datasets)
            // What the job will have when it is solved, so that nothing is taken that is refused later.
            let budget = loaded.document.limits.memoryBytes ?? order.jobMemoryBytes
            let job = try Admission.admit(loaded, machineBytes: min(budget, KernelEnvironment.memoryBytes))
            return order.isReport ? report(job) : payload(job, source, datasets, blobs)
        } catch {
            switch error {
            case .unreadable(let reason): return Self.failure(reason)
            case .faults(let diagnostics): return ValidationDocument.refuse(diagnostics)
            }
        }
    }

    private func report(_ job: AdmittedJob) -> JSONValue {
        order.measures ? Validation.report(job).value : ValidationDocument.composeUnmeasured(job)
    }

    /// What the endpoints keep of an admitted document.
    private func payload(
        _ job: AdmittedJob, _ source: JSONValue, _ datasets: DatasetLocator, _ blobs: BlobFolder
    ) -> JSONValue {
        var frozen: [String: String] = [:]
        for selection in job.selections {
            guard frozen[DatasetLocator.key(selection)] == nil, let found = datasets.find(selection) else { continue }
            do {
                frozen[DatasetLocator.key(selection)] =
                    try found.hash ?? blobs.keep([UInt8](try Data(contentsOf: found.file)))
            } catch {
                return Self.failure("the data set \(selection.dataset) could not be kept: \(error)")
            }
        }
        var answer = JSONObjectBuilder()
        answer.add("valid", true)
        answer.add("method", job.method.name)
        answer.add(
            "labels", .object(job.document.labels.map { JSONMember(name: $0.name, value: .string($0.value)) }))
        answer.add("priority", job.document.priority ?? 0)
        let queueing = job.document.queueing
        answer.add("max_attempts", queueing.maxAttempts)
        answer.add("ttl_seconds", queueing.keptSeconds)
        answer.add("queue_seconds", queueing.queueSeconds)
        if let interval = job.document.progress.minIntervalMilliseconds { answer.add("min_interval_ms", interval) }
        answer.add("payload", JobPayload(document: source, datasets: frozen, origin: Self.origin(job)).json)
        return answer.value
    }

    /// What a reader of the problem needs beside the document to reproduce the job.
    private static func origin(_ job: AdmittedJob) -> JSONValue {
        var method = JSONObjectBuilder()
        method.add("name", job.method.name)
        method.add("reason", job.method.reason)
        var origin = JSONObjectBuilder()
        origin.add("method", method)
        origin.add("document_sha256", job.documentSHA256)
        origin.add("version", Version.number)
        origin.add("revision", Version.revision)
        return origin.value
    }
}
