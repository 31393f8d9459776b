// What a store refuses, and what it could not do. One type for every store.

/// Why a call on a store had no effect: every error leaves the store as it was.
package enum JobStoreError: Error, Hashable, Sendable {
    case unknownJob(JobID)
    /// The job that the repeated request made has been deleted.
    case gone(JobID)
    /// The key was used with another body.
    case idempotencyKeyReused(route: String, key: String)
    /// The name is taken.
    case duplicateJob(JobID)
    /// The lease's epoch is past or the job is no longer running: the work is to be dropped.
    case leaseLost(Lease)
    /// The job's state does not allow the action.
    case invalidState(JobID, JobState, JobActionName)
    case revisionMismatch(wanted: Int64, found: Int64)
    case outOfRange(JobParameter, allowed: ClosedRange<Int>, found: Int)
    /// The owner has this many jobs that have not ended, and may not have more.
    case tooManyActive(limit: Int)
    /// Only the store writes events of this type.
    case reservedEventType(String)
    /// The owner has no data set of this name or id.
    case unknownDataset(String)
    /// Jobs that have not ended work on the data set.
    case datasetInUse(DatasetID, jobs: Int)
    /// What the data set would take the place of is not what the caller expects.
    case datasetChanged
    /// The owner's data sets would take more bytes than they may.
    case tooMuchData(limit: Int64)
    /// The owner has as many data sets as an owner may have.
    case tooManyDatasets(limit: Int)
    /// More writes wait than the store holds.
    case overloaded(limit: Int)
    case closed
    case storage(StorageFault)
}

/// What the disk or the database said.
package enum StorageFault: Hashable, Sendable {
    case full
    case readOnly
    case corrupt(String)
    /// Another process holds the database longer than the store waits.
    case busy
    case failed(code: Int, message: String)
}
