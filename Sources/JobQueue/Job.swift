// What the queue knows of a job. Payload and result are read apart: a reader of states pays for neither.

/// A job without its payload and its result.
package struct Job: Hashable, Sendable, Identifiable {
    package let id: JobID
    package let owner: String
    /// Which workers can do it.
    package let kind: String
    package let createdAt: Timestamp
    /// Lost workers that end the job.
    package let maxAttempts: Int
    /// What will do the work, in one word; opaque.
    package let method: String?
    /// The least time between two progress events that a reader is sent who does not ask otherwise.
    package let progressInterval: Duration?
    /// Who is told of its events.
    package let subscription: Subscription?

    /// In ``JobLimits/priorities``; higher is sooner.
    package var priority: Int
    /// The owner's words for it, to find it by.
    package var labels: [String: String]
    /// The caller's limits, opaque, changeable while the job is not final.
    package var limits: [UInt8]
    /// How long the job is kept once it is final; for ever if nil.
    package var timeToLive: Duration?
    /// When the job fails unless it has been claimed before; nil if it may wait for ever, or has been claimed.
    package var queueDeadline: Timestamp?

    package var state: JobState
    /// What was asked of it and is not yet done.
    package var interruption: Interruption?
    /// When it was first claimed.
    package var startedAt: Timestamp?
    /// Set in final states only.
    package var finishedAt: Timestamp?
    /// Who holds the lease.
    package var worker: String?
    /// When the worker was last heard of; nil unless a lease is held.
    package var heartbeatAt: Timestamp?
    /// Rises with every claim and never otherwise: the number of the attempt, and the fence of its writes.
    package var epoch: Int64
    /// Workers lost without a newer checkpoint.
    package var failures: Int
    /// The worker has an iterate that a stop could keep.
    package var hasIterate: Bool
    /// A result is stored: the whole one if it succeeded, else the best so far.
    package var hasResult: Bool
    /// Why the solver ended, where one did.
    package var termination: Termination?
    /// Set if it failed.
    package var failure: JobFailure?
    /// The newest last, at most ``JobLimits/keptCheckpoints``.
    package var checkpoints: [CheckpointReference]

    /// Rises with every change that a reader of the job could see, events aside.
    package var revision: Int64
    /// The newest event's number; 0 before the first.
    package var lastSeq: Int64

    /// When the job is removed; nil while it is not final or is kept for ever.
    package var expiresAt: Timestamp? {
        guard let finishedAt, let timeToLive else { return nil }
        return finishedAt.advanced(by: timeToLive)
    }

    /// Jobs of a lower rank are claimed first: one step of priority is worth a minute of waiting.
    package var rank: Int64 { createdAt.milliseconds - Int64(priority) * 60_000 }

    /// A job as it is submitted: queued, untouched.
    package init(_ submission: Submission, at time: Timestamp) {
        id = submission.id
        owner = submission.owner
        kind = submission.kind
        createdAt = time
        maxAttempts = submission.maxAttempts
        priority = submission.priority
        labels = submission.labels
        limits = submission.limits
        timeToLive = submission.timeToLive
        method = submission.method
        progressInterval = submission.progressInterval
        subscription = submission.subscription
        queueDeadline = submission.queueTime.map(time.advanced)
        state = .queued
        epoch = 0
        failures = 0
        hasIterate = false
        hasResult = false
        checkpoints = []
        revision = 1
        lastSeq = 0
    }
}

extension JobFailure {
    /// Of a job that no worker took in the time it gave.
    package static let waitedTooLong = Self(
        code: "queue_timeout", detail: "no worker was free within the time that the job may wait")
}

/// A worker's right to write to a job, until the job's epoch moves on or its state does.
package struct Lease: Hashable, Sendable {
    package let job: JobID
    package let epoch: Int64
    package let worker: String

    package init(job: JobID, epoch: Int64, worker: String) {
        self.job = job
        self.epoch = epoch
        self.worker = worker
    }
}

/// A job handed to a worker.
package struct Claim: Hashable, Sendable {
    package let job: Job
    package let lease: Lease
    package let payload: [UInt8]

    package init(job: Job, lease: Lease, payload: [UInt8]) {
        self.job = job
        self.lease = lease
        self.payload = payload
    }
}

/// A written checkpoint, by the name of its file.
package struct CheckpointReference: Hashable, Sendable {
    /// The attempt that wrote it.
    package let epoch: Int64
    /// Unique within the job; opaque.
    package let name: String
    package let iteration: Int64
    package let byteCount: Int64
    package let writtenAt: Timestamp

    package init(epoch: Int64, name: String, iteration: Int64, byteCount: Int64, writtenAt: Timestamp) {
        self.epoch = epoch
        self.name = name
        self.iteration = iteration
        self.byteCount = byteCount
        self.writtenAt = writtenAt
    }
}
