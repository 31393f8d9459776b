// What the queue knows of a data set: whose it is, what it is called, and which file holds its bytes.

/// A data set. Its bytes are a file that is named by their hash; other data sets and jobs may need the same.
package struct Dataset: Hashable, Sendable, Identifiable {
    /// Stands for the same bytes as long as it exists.
    package let id: DatasetID
    package let owner: String
    /// Unique among the owner's; nil for one that goes by its id alone.
    package let name: String?
    package let createdAt: Timestamp
    /// The name of the file.
    package let blob: String
    /// Opaque.
    package let format: String
    package let byteCount: Int64
    /// What is known of the content; opaque.
    package let profile: [UInt8]

    package init(
        id: DatasetID, owner: String, name: String?, createdAt: Timestamp, blob: String, format: String,
        byteCount: Int64, profile: [UInt8]
    ) {
        self.id = id
        self.owner = owner
        self.name = name
        self.createdAt = createdAt
        self.blob = blob
        self.format = format
        self.byteCount = byteCount
        self.profile = profile
    }
}

/// Which data set is meant.
package enum DatasetReference: Hashable, Sendable {
    /// Of any owner: the caller looks whose it is.
    case id(DatasetID)
    case name(String, owner: String)
}

/// What became of a data set that was stored.
package struct StoredDataset: Hashable, Sendable {
    package let dataset: Dataset
    /// Nothing of this name, or without a name nothing with these bytes, was the owner's before.
    package let isNew: Bool

    package init(dataset: Dataset, isNew: Bool) {
        self.dataset = dataset
        self.isNew = isNew
    }
}

/// What a data set may take the place of: the caller says, of the file under its name (nil where there is none).
package typealias DatasetCondition = @Sendable (_ present: String?) -> Bool

/// The jobs of a data set's owner that were given its bytes.
package struct DatasetUse: Hashable, Sendable {
    /// The newest first, at most ``JobLimits/namedUsers``.
    package let jobs: [JobID]
    /// How many of all have not ended.
    package let activeCount: Int

    package init(jobs: [JobID], activeCount: Int) {
        self.jobs = jobs
        self.activeCount = activeCount
    }
}

/// A data set and who uses it.
package struct DatasetEntry: Hashable, Sendable {
    package let dataset: Dataset
    package let use: DatasetUse

    package init(dataset: Dataset, use: DatasetUse) {
        self.dataset = dataset
        self.use = use
    }
}

/// Which data sets, the newest first.
package struct DatasetQuery: Hashable, Sendable {
    /// Every owner's if nil.
    package var owner: String?
    /// In ``JobLimits/pageSize``.
    package var limit: Int
    /// The last one of the page before; the beginning if nil.
    package var cursor: DatasetID?

    package init(owner: String? = nil, limit: Int = 50, cursor: DatasetID? = nil) {
        self.owner = owner
        self.limit = limit
        self.cursor = cursor
    }
}

/// One page of a list.
package struct DatasetPage: Hashable, Sendable {
    package let entries: [DatasetEntry]
    /// nil on the last page.
    package let next: DatasetID?

    package init(entries: [DatasetEntry], next: DatasetID?) {
        self.entries = entries
        self.next = next
    }
}

/// Data sets, durable; what holds of a ``JobStore``'s calls holds of these.
package protocol DatasetStore: Sendable {
    /// Stores a data set whose file is on disk.
    ///
    /// One of the same name is replaced, unless it has the same bytes and format: then it stays as it is. Without a
    /// name, one without a name that has the same bytes and format stays.
    ///
    /// - Parameters:
    ///   - storageLimit: the most bytes of the owner's data sets, the same bytes counted once; nil for no bound.
    ///   - condition: asked in the transaction, of what the data set would take the place of; nil for none.
    /// - Throws: `tooMuchData`, `tooManyDatasets`; `datasetChanged` where the condition does not hold.
    func put(
        _ dataset: Dataset, storageLimit: Int64?, if condition: DatasetCondition?
    ) async throws(JobStoreError) -> StoredDataset
    /// The data set and who uses it.
    ///
    /// - Throws: `unknownDataset`.
    func dataset(_ reference: DatasetReference) async throws(JobStoreError) -> DatasetEntry
    /// The owner's data sets among `references`: names and ids as texts. Those that do not exist are left out.
    func datasets(called references: Set<String>, of owner: String) async throws(JobStoreError) -> [String: Dataset]
    /// Pages do not overlap, and a data set that stays on the list is on exactly one.
    func datasets(_ query: DatasetQuery) async throws(JobStoreError) -> DatasetPage
    /// Bytes of the owner's data sets, the same bytes counted once.
    func storedBytes(of owner: String) async throws(JobStoreError) -> Int64
    /// Forgets a data set; jobs keep its file.
    ///
    /// - Parameter condition: asked in the transaction, of its file; nil for none.
    /// - Throws: `unknownDataset`; `datasetInUse` while jobs that have not ended use it, unless `force`; `datasetChanged` where
    ///   the condition does not hold.
    func deleteDataset(_ id: DatasetID, force: Bool, if condition: DatasetCondition?) async throws(JobStoreError)
    /// Those of `blobs` that a data set or a job needs.
    func neededBlobs(among blobs: Set<String>) async throws(JobStoreError) -> Set<String>
}
