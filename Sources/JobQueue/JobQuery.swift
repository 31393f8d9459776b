// Lists of jobs, page by page.

/// Which jobs, in which order.
package struct JobQuery: Hashable, Sendable {
    /// Jobs of one millisecond go by name.
    package enum Order: String, CaseIterable, Hashable, Sendable {
        case newestFirst
        case oldestFirst
    }

    /// Every owner's if nil.
    package var owner: String?
    /// Every state if empty.
    package var states: Set<JobState>
    /// All of these must match.
    package var labels: [String: String]
    /// Every method's if nil.
    package var method: String?
    /// Exclusive.
    package var createdAfter: Timestamp?
    /// By time of creation.
    package var order: Order
    /// In ``JobLimits/pageSize``.
    package var limit: Int
    /// Where the page before ended; the beginning if nil.
    package var cursor: JobCursor?

    package init(
        owner: String? = nil, states: Set<JobState> = [], labels: [String: String] = [:], method: String? = nil,
        createdAfter: Timestamp? = nil, order: Order = .newestFirst, limit: Int = 50, cursor: JobCursor? = nil
    ) {
        self.owner = owner
        self.states = states
        self.labels = labels
        self.method = method
        self.createdAfter = createdAfter
        self.order = order
        self.limit = limit
        self.cursor = cursor
    }

    /// - Throws: ``JobStoreError/outOfRange(_:allowed:found:)`` for the limit or the number of labels.
    package func check() throws(JobStoreError) {
        try JobLimits.check(.limit, limit, in: JobLimits.pageSize)
        try JobLimits.check(.labels, labels.count, in: JobLimits.labels)
    }
}

/// The last job of a page; the next page begins behind it, whatever came or went in between.
package struct JobCursor: Hashable, Sendable, CustomStringConvertible {
    package let createdAt: Timestamp
    package let id: JobID
    /// Of milliseconds in a cursor: until the year 33658.
    private static let digits = 15

    package init(after job: Job) {
        createdAt = job.createdAt
        id = job.id
    }

    /// Reads what ``description`` writes; nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, (1...Self.digits).contains(parts[0].utf8.count),
            parts[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let milliseconds = Int64(parts[0]),
            let id = JobID(parts[1])
        else { return nil }
        createdAt = Timestamp(milliseconds: milliseconds)
        self.id = id
    }

    package var description: String { "\(createdAt.milliseconds).\(id)" }
}

/// One page of a list.
package struct JobPage: Hashable, Sendable {
    package let jobs: [Job]
    /// nil on the last page.
    package let next: JobCursor?

    package init(jobs: [Job], next: JobCursor?) {
        self.jobs = jobs
        self.next = next
    }
}

/// The queue in numbers.
package struct QueueStatistics: Hashable, Sendable {
    /// States without a job are absent.
    package let jobs: [JobState: Int]
    /// When the job that waits longest came; nil if none waits.
    package let oldestQueuedAt: Timestamp?

    package init(jobs: [JobState: Int], oldestQueuedAt: Timestamp?) {
        self.jobs = jobs
        self.oldestQueuedAt = oldestQueuedAt
    }

    /// Jobs that wait.
    package var depth: Int { jobs[.queued, default: 0] }
}
