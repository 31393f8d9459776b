// What has outlived its time goes all at once, but in rounds: each is a transaction of its own, so that no write of others
// waits long.
import JobQueue

/// Removes jobs past their time to live, with their files, and keys past their retention.
package enum Retention {
    /// Jobs, or keys, of one transaction. A job may take tens of thousands of events with it.
    package static let round = 50

    /// Goes on until there are no more, or the task is cancelled.
    package static func apply(
        to store: any JobStore, in folder: ServiceFolder, at time: Timestamp
    ) async throws(JobStoreError) {
        var isDone = false
        while !isDone, !Task.isCancelled {
            let expired = try await store.expire(limit: round, at: time)
            for job in expired { folder.discard(.everything, of: job.id.description) }
            isDone = expired.count < round
        }
        isDone = false
        while !isDone, !Task.isCancelled { isDone = try await store.forgetKeys(limit: round, at: time) < round }
    }
}
