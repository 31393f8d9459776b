// Data sets: whose they are, what a name stands for, and which files are needed.
import JobQueue
import Testing

extension Workbench {
    func dataset(
        _ name: String?, owner: String = "ann", blob: String = "a", format: String = "csv", bytes: Int64 = 10
    ) -> Dataset {
        Dataset(
            id: DatasetID(bits: newID().bits), owner: owner, name: name, createdAt: Self.time(), blob: blob,
            format: format, byteCount: bytes, profile: [0, 255])
    }

    @discardableResult
    func put(
        _ dataset: Dataset, limit: Int64? = nil, if condition: DatasetCondition? = nil
    ) async throws -> StoredDataset {
        try await store.put(dataset, storageLimit: limit, if: condition)
    }

    func all(of owner: String?) async throws -> [Dataset] {
        try await store.datasets(DatasetQuery(owner: owner)).entries.map(\.dataset)
    }
}

let datasetChecks = [
    ConformanceCheck("a data set reads back as it was given, by name and by id") { bench in
        let given = bench.dataset("x")
        let stored = try await bench.put(given)
        #expect(stored == StoredDataset(dataset: given, isNew: true))
        let entry = DatasetEntry(dataset: given, use: DatasetUse(jobs: [], activeCount: 0))
        #expect(try await bench.store.dataset(.name("x", owner: "ann")) == entry)
        #expect(try await bench.store.dataset(.id(given.id)) == entry)
    },
    ConformanceCheck("a condition is asked of what is there, and what it refuses changes nothing") { bench in
        let first = bench.dataset("x")
        try await bench.put(first, if: { $0 == nil })
        for present in [nil, "b"] as [String?] {
            await #expect(throws: JobStoreError.datasetChanged) {
                try await bench.put(bench.dataset("x", blob: "b"), if: { $0 == present })
            }
        }
        #expect(try await bench.all(of: "ann") == [first])
        let second = bench.dataset("x", blob: "b")
        #expect(try await bench.put(second, if: { $0 == first.blob }).dataset == second)
    },
    ConformanceCheck("a name that is given again stands for the new bytes, under a new id") { bench in
        let first = bench.dataset("x")
        try await bench.put(first)
        let same = try await bench.put(bench.dataset("x"))
        #expect(same == StoredDataset(dataset: first, isNew: false))
        for second in [bench.dataset("x", blob: "b"), bench.dataset("x", blob: "b", format: "libsvm")] {
            #expect(try await bench.put(second) == StoredDataset(dataset: second, isNew: false))
            #expect(try await bench.all(of: "ann") == [second])
        }
        await expectThrows(.unknownDataset(first.id.description)) { try await bench.store.dataset(.id(first.id)) }
    },
    ConformanceCheck("without a name the same bytes are one data set") { bench in
        let first = bench.dataset(nil)
        try await bench.put(first)
        #expect(try await bench.put(bench.dataset(nil)) == StoredDataset(dataset: first, isNew: false))
        #expect(try await bench.put(bench.dataset(nil, format: "npy")).isNew)
        #expect(try await bench.put(bench.dataset("x")).isNew)
        #expect(try await bench.all(of: "ann").count == 3)
    },
    ConformanceCheck("owners know nothing of each other's data sets") { bench in
        let ours = bench.dataset("x")
        try await bench.put(ours)
        await expectThrows(.unknownDataset("x")) { try await bench.store.dataset(.name("x", owner: "bob")) }
        let theirs = bench.dataset("x", owner: "bob")
        #expect(try await bench.put(theirs).isNew)
        #expect(try await bench.put(bench.dataset(nil, owner: "bob")).isNew)
        #expect(try await bench.all(of: "ann") == [ours])
        #expect(try await bench.all(of: nil).count == 3)
        let found = try await bench.store.datasets(
            called: ["x", ours.id.description, theirs.id.description, "y", "ds_x"], of: "ann")
        #expect(found == ["x": ours, ours.id.description: ours])
        #expect(try await bench.store.datasets(called: [], of: "ann").isEmpty)
    },
    ConformanceCheck("pages of data sets do not overlap, the newest first") { bench in
        for number in 0..<5 { try await bench.put(bench.dataset("n\(number)")) }
        try await bench.put(bench.dataset("other", owner: "bob"))
        var names: [String?] = []
        var query = DatasetQuery(owner: "ann", limit: 2)
        repeat {
            let page = try await bench.store.datasets(query)
            names += page.entries.map(\.dataset.name)
            query.cursor = page.next
        } while query.cursor != nil
        #expect(names == ["n4", "n3", "n2", "n1", "n0"])
        for limit in [0, 201] {
            await expectThrows(.outOfRange(.limit, allowed: 1...200, found: limit)) {
                try await bench.store.datasets(DatasetQuery(limit: limit))
            }
        }
    },
    ConformanceCheck("an owner's bytes are bounded, the same bytes counted once, at the limit taken") { bench in
        try await bench.put(bench.dataset("x", blob: "a", bytes: 60), limit: 100)
        try await bench.put(bench.dataset("same", blob: "a", bytes: 60), limit: 100)
        await expectThrows(.tooMuchData(limit: 100)) {
            try await bench.put(bench.dataset("y", blob: "b", bytes: 41), limit: 100)
        }
        try await bench.put(bench.dataset("y", blob: "b", bytes: 40), limit: 100)
        #expect(try await bench.store.storedBytes(of: "ann") == 100)
        // What is replaced does not count; what another name keeps does.
        try await bench.put(bench.dataset("y", blob: "c", bytes: 39), limit: 100)
        await expectThrows(.tooMuchData(limit: 100)) {
            try await bench.put(bench.dataset("x", blob: "d", bytes: 2), limit: 100)
        }
        try await bench.put(bench.dataset("z", owner: "bob", blob: "e", bytes: 100), limit: 100)
        #expect(try await bench.store.storedBytes(of: "nobody") == 0)
    },
    ConformanceCheck("a data set that jobs work on is not deleted, unless forced") { bench in
        let given = bench.dataset("x", blob: "a")
        try await bench.put(given)
        let job = try await bench.submit { $0.blobs = ["a", "b"] }
        try await bench.submit(owner: "bob") { $0.blobs = ["a"] }
        let use = try await bench.store.dataset(.id(given.id)).use
        #expect(use == DatasetUse(jobs: [job.id], activeCount: 1))
        await expectThrows(.datasetInUse(given.id, jobs: 1)) {
            try await bench.store.deleteDataset(given.id, force: false)
        }
        _ = try await bench.store.cancel(job.id, at: Workbench.time())
        #expect(try await bench.store.dataset(.id(given.id)).use == DatasetUse(jobs: [job.id], activeCount: 0))
        try await bench.store.deleteDataset(given.id, force: false)
        await expectThrows(.unknownDataset(given.id.description)) {
            try await bench.store.deleteDataset(given.id, force: true)
        }
        try await bench.put(given)
        try await bench.submit { $0.blobs = ["a"] }
        try await bench.store.deleteDataset(given.id, force: true)
    },
    ConformanceCheck("files are needed as long as a data set or a job is there") { bench in
        let given = bench.dataset("x", blob: "a")
        try await bench.put(given)
        let job = try await bench.submit { $0.blobs = ["a", "b"] }
        #expect(try await bench.store.neededBlobs(among: ["a", "b", "c"]) == ["a", "b"])
        try await bench.store.deleteDataset(given.id, force: true)
        #expect(try await bench.store.neededBlobs(among: ["a", "b", "c"]) == ["a", "b"])
        _ = try await bench.store.delete(job.id, force: true)
        #expect(try await bench.store.neededBlobs(among: ["a", "b", "c"]).isEmpty)
        #expect(try await bench.store.neededBlobs(among: []).isEmpty)
    },
]
