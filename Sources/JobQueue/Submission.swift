// What comes in with a new job, and the promise that a repeated request finds the same job again.

/// A job to be.
package struct Submission: Hashable, Sendable {
    /// From the caller's ``JobIDGenerator``.
    package var id: JobID
    /// Whose it is, and whose share it counts in.
    package var owner: String
    /// Which workers can do it.
    package var kind: String
    /// What is to be done; opaque.
    package var payload: [UInt8]
    /// Opaque, and changeable later.
    package var limits: [UInt8]
    /// Words to find it by.
    package var labels: [String: String]
    /// In ``JobLimits/priorities``; higher is sooner.
    package var priority: Int
    /// In ``JobLimits/attempts``.
    package var maxAttempts: Int
    /// Refused when the owner has this many jobs that have not ended; nil for no bound. Not part of the job.
    package var activeLimit: Int?
    /// How long it is kept once final; for ever if nil.
    package var timeToLive: Duration?
    /// How long it may wait for its first worker; for ever if nil.
    package var queueTime: Duration?
    /// What will do the work, in one word; opaque.
    package var method: String?
    /// The least time between two progress events that a reader is sent who does not ask otherwise.
    package var progressInterval: Duration?
    /// Who is told of its events.
    package var subscription: Subscription?
    /// Names of files that are kept as long as the job. Not part of the job.
    package var blobs: Set<String>

    package init(
        id: JobID, owner: String, kind: String, payload: [UInt8], limits: [UInt8] = [], labels: [String: String] = [:],
        priority: Int = 0, maxAttempts: Int = 3, timeToLive: Duration? = nil, queueTime: Duration? = nil,
        method: String? = nil, progressInterval: Duration? = nil, blobs: Set<String> = []
    ) {
        self.id = id
        self.owner = owner
        self.kind = kind
        self.payload = payload
        self.limits = limits
        self.labels = labels
        self.priority = priority
        self.maxAttempts = maxAttempts
        self.timeToLive = timeToLive
        self.queueTime = queueTime
        self.method = method
        self.progressInterval = progressInterval
        self.blobs = blobs
    }

    /// - Throws: ``JobStoreError/outOfRange(_:allowed:found:)`` for the first number outside its range.
    package func check() throws(JobStoreError) {
        try JobLimits.check(.priority, priority, in: JobLimits.priorities)
        try JobLimits.check(.maxAttempts, maxAttempts, in: JobLimits.attempts)
        try JobLimits.check(.labels, labels.count, in: JobLimits.labels)
    }
}

/// Names a request, so that its repetition creates nothing. Unique per owner, route and key for
/// ``JobLimits/idempotencyRetention``.
package struct IdempotencyKey: Hashable, Sendable {
    package let route: String
    package let key: String
    /// A digest of the request's body, the caller's choice.
    package let bodyHash: [UInt8]

    package init(route: String, key: String, bodyHash: [UInt8]) {
        self.route = route
        self.key = key
        self.bodyHash = bodyHash
    }
}

/// The answer to a submission.
package struct Submitted: Hashable, Sendable {
    package let job: Job
    /// An earlier request with the same key and body made this job; nothing was written now.
    package let isReplay: Bool

    package init(job: Job, isReplay: Bool) {
        self.job = job
        self.isReplay = isReplay
    }
}

/// A bound on a time, or none.
package enum TimeBound: Hashable, Sendable {
    case unbounded
    case within(Duration)

    /// nil for no bound.
    package var duration: Duration? {
        switch self {
        case .unbounded: nil
        case .within(let duration): duration
        }
    }
}

/// A change of a job's attributes; nil leaves one as it is.
package struct JobPatch: Hashable, Sendable {
    package var priority: Int?
    package var labels: [String: String]?
    package var limits: [UInt8]?
    package var timeToLive: TimeBound?
    /// From the job's creation; without effect on a job that has been claimed.
    package var queueTime: TimeBound?

    package init(
        priority: Int? = nil, labels: [String: String]? = nil, limits: [UInt8]? = nil, timeToLive: TimeBound? = nil,
        queueTime: TimeBound? = nil
    ) {
        self.priority = priority
        self.labels = labels
        self.limits = limits
        self.timeToLive = timeToLive
        self.queueTime = queueTime
    }

    /// - Throws: ``JobStoreError/outOfRange(_:allowed:found:)`` for the first number outside its range.
    package func check() throws(JobStoreError) {
        if let priority { try JobLimits.check(.priority, priority, in: JobLimits.priorities) }
        if let labels { try JobLimits.check(.labels, labels.count, in: JobLimits.labels) }
    }
}
