// Readings and commits in every order: what a commit overlapped is not remembered.
import JobQueue
import SQLiteStore
import Testing

@Suite struct JobMemoryTests {
    private static let id = JobID(bits: 7)

    private func job(revision: Int64) -> Job {
        var job = Job(
            Submission(id: Self.id, owner: "o", kind: "k", payload: []), at: Timestamp(milliseconds: 0))
        job.revision = revision
        return job
    }

    /// The revision that is found, where the database has `stored`.
    private func read(_ memory: JobMemory, stored: Int64, during change: () -> Void = {}) async throws -> Int64 {
        try await memory.job(Self.id) { () throws(JobStoreError) in
            change()
            return job(revision: stored)
        }.revision
    }

    @Test func readsOnce() async throws {
        let memory = JobMemory(limit: 4)
        #expect(try await read(memory, stored: 1) == 1)
        #expect(try await read(memory, stored: 2) == 1)
    }

    @Test func aCommitBehindIsSeen() async throws {
        let memory = JobMemory(limit: 4)
        _ = try await read(memory, stored: 1)
        memory.willChange([Self.id])
        // The commit may or may not have happened: only the database knows.
        #expect(try await read(memory, stored: 1) == 1)
        #expect(try await read(memory, stored: 2) == 2)
        memory.hasChanged()
        #expect(try await read(memory, stored: 2) == 2)
        #expect(try await read(memory, stored: 3) == 2)
    }

    @Test func whatACommitOverlappedIsNotKept() async throws {
        let memory = JobMemory(limit: 4)
        let around = try await read(memory, stored: 1) {
            memory.willChange([Self.id])
            memory.hasChanged()
        }
        #expect(around == 1)
        #expect(try await read(memory, stored: 2) { memory.willChange([Self.id]) } == 2)
        #expect(try await read(memory, stored: 3) { memory.hasChanged() } == 3)
        #expect(try await read(memory, stored: 4) == 4)
        #expect(try await read(memory, stored: 5) == 4)
    }

    @Test func othersStay() async throws {
        let memory = JobMemory(limit: 4)
        _ = try await read(memory, stored: 1)
        memory.willChange([JobID(bits: 8)])
        memory.hasChanged()
        #expect(try await read(memory, stored: 2) == 1)
    }

    @Test func aFailedReadingLeavesNothing() async throws {
        let memory = JobMemory(limit: 4)
        await #expect(throws: JobStoreError.unknownJob(Self.id)) {
            _ = try await memory.job(Self.id) { () throws(JobStoreError) in throw .unknownJob(Self.id) }
        }
        #expect(try await read(memory, stored: 1) == 1)
    }

    @Test func aClosedStoreRemembersNothing() async throws {
        let memory = JobMemory(limit: 4)
        _ = try await read(memory, stored: 1)
        memory.close()
        #expect(try await read(memory, stored: 2) == 2)
        #expect(try await read(memory, stored: 3) == 3)
    }
}
