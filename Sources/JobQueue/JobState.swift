// The states of a job, what may interrupt it and how it ends: the vocabulary that store, supervisor and reader share.

/// Where a job stands. `queued → running → (stopping) → succeeded | failed | cancelled`; back to `queued` when a lease
/// is lost or given back.
package enum JobState: String, CaseIterable, Hashable, Sendable {
    case queued
    case running
    /// Running, and asked to end.
    case stopping
    case succeeded
    case failed
    case cancelled

    /// No further work is done, until a retry.
    package var isFinal: Bool {
        switch self {
        case .queued, .running, .stopping: false
        case .succeeded, .failed, .cancelled: true
        }
    }

    /// A worker holds the job under a lease.
    package var isLeased: Bool {
        switch self {
        case .running, .stopping: true
        case .queued, .succeeded, .failed, .cancelled: false
        }
    }
}

/// What a user asked of a job with work to lose. It survives requeueing; the heartbeat brings it to the worker.
package enum Interruption: String, CaseIterable, Hashable, Sendable {
    /// End with the best iterate, succeeded.
    case stop
    /// End, cancelled.
    case cancel
}

/// Why the solver ended; opaque to the queue but for ``workerLost``.
package struct Termination: RawRepresentable, Hashable, Sendable {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }

    /// The worker died more often than the job allows, without getting further.
    package static let workerLost = Self(rawValue: "worker_lost")
}

/// How a worker's run ended. Bytes of results are opaque.
package enum Outcome: Hashable, Sendable {
    case succeeded(Termination, result: [UInt8])
    case failed(Termination?, JobFailure, partial: [UInt8]?)
    case cancelled(partial: [UInt8]?)

    /// The result, whole or partial.
    package var result: [UInt8]? {
        switch self {
        case .succeeded(_, let result): result
        case .failed(_, _, let partial), .cancelled(let partial): partial
        }
    }
}

/// What a failed job says of itself.
package struct JobFailure: Hashable, Sendable {
    /// A stable word for programs.
    package let code: String
    /// A sentence for people.
    package let detail: String

    package init(code: String, detail: String) {
        self.code = code
        self.detail = detail
    }
}
