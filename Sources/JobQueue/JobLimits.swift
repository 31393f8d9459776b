// Every limit of the queue, by name.

/// The numbers that no request may leave.
package enum JobLimits {
    /// Steps of urgency.
    package static let priorities = 0...9
    /// Lost workers that a job may allow itself.
    package static let attempts = 1...100
    /// Labels on a job, or in a query.
    package static let labels = 0...64
    /// Jobs on a page.
    package static let pageSize = 1...200
    /// Jobs handed out by one claim.
    package static let claims = 1...64
    /// Events written by one call.
    package static let eventBatch = 1...500
    /// Events read by one call.
    package static let eventPage = 1...500
    /// Jobs, or keys, removed by one call.
    package static let expiries = 1...1_000
    /// Notices handed out by one call.
    package static let notices = 1...256
    /// The longest time for which a notice is put off. One that is due later was written before the clock went back, and
    /// is due.
    package static let longestPostponement = Duration.seconds(3_600)
    /// Data sets of one owner.
    package static let ownedDatasets = 10_000
    /// Jobs that are named as users of a data set, the newest.
    package static let namedUsers = 100
    /// Checkpoints kept of a job.
    package static let keptCheckpoints = 2
    /// How long an idempotency key is remembered.
    package static let idempotencyRetention = Duration.seconds(24 * 60 * 60)

    /// - Throws: ``JobStoreError/outOfRange(_:allowed:found:)`` if `value` lies outside `allowed`.
    package static func check(
        _ parameter: JobParameter, _ value: Int, in allowed: ClosedRange<Int>
    ) throws(JobStoreError) {
        guard allowed.contains(value) else { throw .outOfRange(parameter, allowed: allowed, found: value) }
    }
}

/// A number that has a range.
package enum JobParameter: String, Hashable, Sendable {
    case priority
    case maxAttempts
    case labels
    case limit
    case events
}
