// What the endpoints need of the rest of the service: somebody who checks documents, and somebody who works on jobs.
import DataFormats
import JobQueue
import ProblemSpecification

/// A document that a worker has checked in full.
package struct AdmittedDocument: Sendable, Equatable {
    /// What the job's payload will be: the document with what was frozen at admission. Opaque to the endpoints.
    package var payload: [UInt8]
    /// The settled method's name.
    package var method: String
    package var labels: [String: String]
    package var priority: Int
    package var maxAttempts: Int
    package var timeToLive: Duration?
    /// How long the job may wait for its first worker.
    package var queueTime: Duration?
    /// The least time between two progress events that a reader is sent who does not ask otherwise.
    package var progressInterval: Duration?
    /// Hashes of the data sets that were frozen.
    package var blobs: Set<String>

    package init(
        payload: [UInt8], method: String, labels: [String: String] = [:], priority: Int = 0, maxAttempts: Int = 3,
        timeToLive: Duration? = nil, queueTime: Duration? = nil, progressInterval: Duration? = nil,
        blobs: Set<String> = []
    ) {
        self.payload = payload
        self.method = method
        self.labels = labels
        self.priority = priority
        self.maxAttempts = maxAttempts
        self.timeToLive = timeToLive
        self.queueTime = queueTime
        self.progressInterval = progressInterval
        self.blobs = blobs
    }
}

/// What became of a document.
package enum AdmissionOutcome: Sendable, Equatable {
    case admitted(AdmittedDocument)
    /// The faults, each an object with pointer, line, column, code, detail, hint.
    case refused([JSONValue])
    /// It could not be checked within the limits of time and memory: a sentence.
    case exceedsLimits(String)
    /// Nobody is free to check it: a sentence.
    case unavailable(String)
}

/// What became of a request for a validation report.
package enum ValidationOutcome: Sendable, Equatable {
    /// The report, of a valid document or of a refused one.
    case report(JSONValue)
    case exceedsLimits(String)
    case unavailable(String)
}

/// Checks documents, in processes of their own. None of the calls blocks its thread.
package protocol AdmissionDesk: Sendable {
    /// - Parameters:
    ///   - document: JSON as it came; its syntax has been checked.
    ///   - uploads: the owner's data sets by what the document calls them.
    func admit(_ document: JSONValue, uploads: [String: FrozenDataset]) async -> AdmissionOutcome
    /// - Parameter checksDerivatives: whether derivatives and curvature are measured too.
    func validate(
        _ document: JSONValue, uploads: [String: FrozenDataset], checksDerivatives: Bool
    ) async -> ValidationOutcome
}

/// What became of a file that was to be a data set.
package enum ProfileOutcome: Sendable, Equatable {
    /// What is in it: an object.
    case profile(JSONValue)
    /// It is no data set of its format: a sentence.
    case refused(String)
    case exceedsLimits(String)
    case unavailable(String)
}

/// Looks through files, in processes of their own.
package protocol DatasetProfiler: Sendable {
    /// - Parameter byteCount: of the file.
    func profile(_ file: String, format: DatasetFormat, byteCount: Int) async -> ProfileOutcome
}

/// A worker process as `/v1/workers` shows it.
package struct WorkerStatus: Sendable, Equatable {
    package var name: String
    package var processID: Int
    package var job: JobID?
    package var residentBytes: Int?

    package init(name: String, processID: Int, job: JobID?, residentBytes: Int?) {
        self.name = name
        self.processID = processID
        self.job = job
        self.residentBytes = residentBytes
    }
}

/// What is worth looking at at once.
package enum WorkforceNews: Sendable, Equatable {
    /// A job waits.
    case waiting
    /// Something was asked of this job.
    case asked(JobID)
}

/// Works on queued jobs.
package protocol Workforce: Sendable {
    /// Says what to look at at once.
    func wake(for news: WorkforceNews)
    /// The workers as they are.
    var status: [WorkerStatus] { get async }
    /// Workers lost so far, by reason.
    var restarts: [String: Int] { get async }
}
