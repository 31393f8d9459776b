// What supervisor and worker say to each other: JSON objects in length-prefixed, versioned frames. States, and documents
// and results that are long, go by files; frames stay small.
import DataFormats
import ProblemSpecification

/// From the supervisor.
package enum WorkerOrder: Sendable, Equatable {
    case admit(AdmitOrder)
    case profile(ProfileOrder)
    case solve(SolveOrder)
    /// End the running job with its best point.
    case stop
    /// Write the running job's state and end it.
    case suspend
}

/// A document to be checked.
package struct AdmitOrder: Sendable, Equatable {
    /// JSON.
    package var document: Parcel
    /// Where the answer is written if it is long, JSON.
    package var answer: String
    /// Folders with data sets.
    package var datasets: [String]
    /// The owner's data sets that the document names, JSON; see ``FrozenDataset``.
    package var uploads: Parcel
    /// Where data sets are frozen by their hash.
    package var blobs: String
    /// Whether a validation report is wanted instead of a payload.
    package var isReport: Bool
    /// Whether the report measures derivatives and curvature.
    package var measures: Bool
    /// Seconds of processor time.
    package var processorSeconds: Int
    /// Bytes beyond the worker's own.
    package var memoryBytes: Int
    /// Bytes that a worker will have to solve a job whose document does not say.
    package var jobMemoryBytes: Int
}

/// A file to be looked through.
package struct ProfileOrder: Sendable, Equatable {
    package var file: String
    package var format: DatasetFormat
    /// Where the answer is written if it is long, JSON.
    package var answer: String
    /// Seconds of processor time.
    package var processorSeconds: Int
    /// Bytes beyond the worker's own.
    package var memoryBytes: Int
}

/// A job to be solved.
package struct SolveOrder: Sendable, Equatable {
    package var job: String
    /// JSON.
    package var payload: Parcel
    package var blobs: String
    /// Where states and the result are written.
    package var folder: String
    package var epoch: Int
    /// Names of states in `folder`, the newest first.
    package var states: [String]
    /// What is in the log already.
    package var told: ToldProgress
    package var elapsedSeconds: Double
    /// Bytes beyond the worker's own.
    package var memoryBytes: Int
    /// Members of the job that run at once, at most.
    package var threads: Int
    /// The limits that hold instead of the document's.
    package var limits: JSONValue?
}

/// From a worker.
package enum WorkerReport: Sendable, Equatable {
    case ready
    /// The document is checked, or the file looked through; nil where no answer could be made.
    case admitted(Parcel?)
    /// The job runs, from a state or from the start.
    case began(resumedFrom: Int?)
    /// The data of a progress event, and of the event that tells of the best point, where it is told.
    case progress(data: JSONValue, incumbent: JSONValue?)
    case warning(data: JSONValue)
    /// A member of the job is over.
    case member(data: JSONValue)
    /// A state is on disk.
    case checkpoint(name: String, iteration: Int, bytes: Int)
    case finished(result: Parcel, termination: String, isSuccess: Bool, detail: String?)
    case suspended
    case nothingComputed
    /// The payload could not be run after all: a sentence.
    case refused(String)
    /// The worker lives; `work` rises with every inner iteration.
    case beat(work: Int)
}

/// Frames: four bytes of length (big-endian), one of version, then JSON.
package enum WorkerFrame {
    /// Bytes of the largest frame, version included.
    package static let limit = 1 << 20
    static let version: UInt8 = 5

    /// The frame of a message.
    static func encode(_ value: JSONValue) -> [UInt8] {
        let body = JSONWriter.bytes(value)
        let count = UInt32(body.count + 1)
        return withUnsafeBytes(of: count.bigEndian) { Array($0) } + [version] + body
    }

    /// Takes the first whole frame off a buffer.
    ///
    /// - Returns: `nil` when more bytes are needed.
    static func decode(_ buffer: inout [UInt8]) throws(WorkerFrameError) -> JSONValue? {
        guard buffer.count >= 4 else { return nil }
        let count = buffer[..<4].reduce(0) { $0 << 8 | Int($1) }
        guard count >= 1, count <= limit else { throw .badLength(count) }
        guard buffer.count >= 4 + count else { return nil }
        guard buffer[4] == version else { throw .badVersion(buffer[4]) }
        let body = Array(buffer[5..<(4 + count)])
        buffer.removeFirst(4 + count)
        do throws(JSONError) { return try JSONParser.parse(body) } catch { throw .badMessage }
    }
}

/// The other side does not keep to the protocol.
package enum WorkerFrameError: Error, Equatable {
    case badLength(Int)
    case badVersion(UInt8)
    case badMessage
}
