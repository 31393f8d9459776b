// Data sets: rows per owner, and which files they and the jobs need.
import GRDB
import JobQueue

extension SQLiteStore {
    private static let columns = "number, id, owner, name, created_at, blob, format, byte_count, profile"
    private static let selectByID = "SELECT \(columns) FROM dataset WHERE id = ?"
    private static let selectByName = "SELECT \(columns) FROM dataset WHERE owner = ? AND name = ?"
    private static let selectNameless = """
        SELECT \(columns) FROM dataset WHERE owner = ? AND name IS NULL AND blob = ? AND format = ?
        """
    private static let selectPage = "SELECT \(columns) FROM dataset WHERE id < ? ORDER BY id DESC LIMIT ?"
    private static let selectOwnedPage = """
        SELECT \(columns) FROM dataset WHERE owner = ? AND id < ? ORDER BY id DESC LIMIT ?
        """
    private static let insertDataset = """
        INSERT INTO dataset (id, owner, name, created_at, blob, format, byte_count, profile)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
    private static let deleteRow = "DELETE FROM dataset WHERE number = ?"
    private static let countOwned = "SELECT count(*) FROM dataset WHERE owner = ?"
    /// The same bytes have the same length: any row of a blob tells it.
    private static let sumOwned = """
        SELECT coalesce(sum(bytes), 0) FROM
            (SELECT max(byte_count) AS bytes FROM dataset WHERE owner = ? AND number <> ? GROUP BY blob)
        """
    private static let ownsBlob = "SELECT 1 FROM dataset WHERE owner = ? AND number <> ? AND blob = ? LIMIT 1"
    private static let selectUsers = """
        SELECT job.id FROM job_blob JOIN job ON job.number = job_blob.job
        WHERE job_blob.blob = ? AND job.owner = ? ORDER BY job.number DESC LIMIT ?
        """
    private static let countActiveUsers = """
        SELECT count(*) FROM job_blob JOIN job ON job.number = job_blob.job
        WHERE job_blob.blob = ? AND job.owner = ? AND job.state IN ('queued', 'running', 'stopping')
        """
    private static let isNeeded = """
        SELECT EXISTS (SELECT 1 FROM dataset WHERE blob = ?1) OR EXISTS (SELECT 1 FROM job_blob WHERE blob = ?1)
        """

    package func put(
        _ dataset: Dataset, storageLimit: Int64?, if condition: DatasetCondition?
    ) async throws(JobStoreError) -> StoredDataset {
        try await write { transaction in
            let db = transaction.db
            let present = try Self.counterpart(of: dataset, in: db)
            guard condition?(present?.dataset.blob) ?? true else { throw JobStoreError.datasetChanged }
            if let present, (present.dataset.blob, present.dataset.format) == (dataset.blob, dataset.format) {
                return StoredDataset(dataset: present.dataset, isNew: false)
            }
            try Self.checkRoom(for: dataset, instead: present?.number ?? -1, storageLimit, in: db)
            if let present { try db.cachedStatement(sql: Self.deleteRow).execute(arguments: [present.number]) }
            try db.cachedStatement(sql: Self.insertDataset).execute(arguments: [
                dataset.id.description, dataset.owner, dataset.name, dataset.createdAt.milliseconds, dataset.blob,
                dataset.format, dataset.byteCount, dataset.profile.blob,
            ])
            return StoredDataset(dataset: dataset, isNew: present == nil)
        }
    }

    /// What a data set takes the place of.
    private static func counterpart(of dataset: Dataset, in db: Database) throws -> (number: Int64, dataset: Dataset)? {
        let row =
            if let name = dataset.name {
                try Row.fetchOne(db.cachedStatement(sql: selectByName), arguments: [dataset.owner, name])
            } else {
                try Row.fetchOne(
                    db.cachedStatement(sql: selectNameless),
                    arguments: [dataset.owner, dataset.blob, dataset.format])
            }
        return try row.map { ($0[0], try read($0)) }
    }

    /// - Throws: ``JobStoreError/tooMuchData(limit:)``, ``JobStoreError/tooManyDatasets(limit:)``.
    private static func checkRoom(
        for dataset: Dataset, instead number: Int64, _ limit: Int64?, in db: Database
    ) throws {
        let count = try Int.fetchOne(db.cachedStatement(sql: countOwned), arguments: [dataset.owner]) ?? 0
        guard count < JobLimits.ownedDatasets || number >= 0 else {
            throw JobStoreError.tooManyDatasets(limit: JobLimits.ownedDatasets)
        }
        guard let limit else { return }
        let owner: StatementArguments = [dataset.owner, number]
        let others = try Int64.fetchOne(db.cachedStatement(sql: sumOwned), arguments: owner) ?? 0
        let isThere = try Bool.fetchOne(
            db.cachedStatement(sql: ownsBlob), arguments: [dataset.owner, number, dataset.blob])
        let (total, overflow) = others.addingReportingOverflow(isThere ?? false ? 0 : dataset.byteCount)
        if overflow || total > limit { throw JobStoreError.tooMuchData(limit: limit) }
    }

    package func dataset(_ reference: DatasetReference) async throws(JobStoreError) -> DatasetEntry {
        try await read { db in
            let text: String
            let row: Row?
            switch reference {
            case .id(let id):
                text = id.description
                row = try Row.fetchOne(db.cachedStatement(sql: Self.selectByID), arguments: [text])
            case .name(let name, let owner):
                text = name
                row = try Row.fetchOne(db.cachedStatement(sql: Self.selectByName), arguments: [owner, name])
            }
            guard let row else { throw JobStoreError.unknownDataset(text) }
            return try Self.entry(row, in: db)
        }
    }

    package func datasets(
        called references: Set<String>, of owner: String
    ) async throws(JobStoreError) -> [String: Dataset] {
        guard !references.isEmpty else { return [:] }
        return try await read { db in
            var found: [String: Dataset] = [:]
            for text in references {
                let isID = DatasetID(text) != nil
                let statement = try db.cachedStatement(sql: isID ? Self.selectByID : Self.selectByName)
                let row = try Row.fetchOne(statement, arguments: isID ? [text] : [owner, text])
                guard let dataset = try row.map(Self.read), dataset.owner == owner else { continue }
                found[text] = dataset
            }
            return found
        }
    }

    package func datasets(_ query: DatasetQuery) async throws(JobStoreError) -> DatasetPage {
        try JobLimits.check(.limit, query.limit, in: JobLimits.pageSize)
        return try await read { db in
            // Every id is below: text is compared by its bytes.
            let before = query.cursor?.description ?? "e"
            let rows =
                if let owner = query.owner {
                    try Row.fetchAll(
                        db.cachedStatement(sql: Self.selectOwnedPage), arguments: [owner, before, query.limit + 1])
                } else {
                    try Row.fetchAll(db.cachedStatement(sql: Self.selectPage), arguments: [before, query.limit + 1])
                }
            let entries = try rows.prefix(query.limit).map { try Self.entry($0, in: db) }
            return DatasetPage(entries: entries, next: rows.count > query.limit ? entries.last?.dataset.id : nil)
        }
    }

    package func storedBytes(of owner: String) async throws(JobStoreError) -> Int64 {
        try await read { db in
            try Int64.fetchOne(db.cachedStatement(sql: Self.sumOwned), arguments: [owner, -1]) ?? 0
        }
    }

    package func deleteDataset(
        _ id: DatasetID, force: Bool, if condition: DatasetCondition?
    ) async throws(JobStoreError) {
        try await write { transaction in
            let db = transaction.db
            let select = try db.cachedStatement(sql: Self.selectByID)
            guard let row = try Row.fetchOne(select, arguments: [id.description]) else {
                throw JobStoreError.unknownDataset(id.description)
            }
            let entry = try Self.entry(row, in: db)
            let active = entry.use.activeCount
            if active > 0, !force { throw JobStoreError.datasetInUse(id, jobs: active) }
            guard condition?(entry.dataset.blob) ?? true else { throw JobStoreError.datasetChanged }
            let number: Int64 = row[0]
            try db.cachedStatement(sql: Self.deleteRow).execute(arguments: [number])
        }
    }

    package func neededBlobs(among blobs: Set<String>) async throws(JobStoreError) -> Set<String> {
        guard !blobs.isEmpty else { return [] }
        return try await read { db in
            let statement = try db.cachedStatement(sql: Self.isNeeded)
            return try blobs.filter { try Bool.fetchOne(statement, arguments: [$0]) ?? false }
        }
    }

    private static func entry(_ row: Row, in db: Database) throws -> DatasetEntry {
        let dataset = try read(row)
        let users = try String.fetchAll(
            db.cachedStatement(sql: selectUsers), arguments: [dataset.blob, dataset.owner, JobLimits.namedUsers])
        let active = try Int.fetchOne(
            db.cachedStatement(sql: countActiveUsers), arguments: [dataset.blob, dataset.owner])
        return DatasetEntry(
            dataset: dataset, use: DatasetUse(jobs: users.compactMap { JobID($0) }, activeCount: active ?? 0))
    }

    private static func read(_ row: Row) throws -> Dataset {
        let text: String = row[1]
        guard let id = DatasetID(text) else { throw UnreadableColumn(column: "id of dataset", found: text) }
        return Dataset(
            id: id, owner: row[2], name: row[3], createdAt: Timestamp(milliseconds: row[4]), blob: row[5],
            format: row[6], byteCount: row[7], profile: row.bytes(8))
    }
}
