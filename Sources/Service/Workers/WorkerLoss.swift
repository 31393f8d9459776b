// Why a worker is gone: in a word that is counted, and in words for people.
import JobQueue

/// The end of a worker that was at a job.
struct WorkerLoss: Equatable, Sendable {
    /// What losses are counted by. Labels of a metric are few: numbers and texts go with the job's failure.
    enum Cause: String, Sendable {
        /// It used more than the job's budget.
        case memory
        /// It made no progress.
        case silence
        /// It did not stop when asked.
        case stop
        /// It was killed by somebody else, or crashed.
        case signal
        /// It ended itself.
        case exit
        /// What it reported could not be written down.
        case storage
        /// The job has been taken from it.
        case dropped = "attempt_dropped"
        /// The service failed at the attempt.
        case failed = "attempt_failed"
    }

    let cause: Cause
    let detail: String

    init(_ cause: Cause, _ detail: String) {
        self.cause = cause
        self.detail = detail
    }

    /// A process that ended by itself, or so it looks.
    init(_ ending: WorkerEnding) {
        switch ending {
        case .status: self.init(.exit, ending.description)
        case .signal: self.init(.signal, ending.description)
        }
    }

    /// A worker that was killed because the store refused what it reported.
    init(_ error: JobStoreError) {
        if case .storage = error {
            self.init(.storage, "\(error)")
        } else {
            self.init(.dropped, "\(error)")
        }
    }
}
