// Disks that are full or read-only and queues that are too long: typed errors, nothing half done, no crash.
import GRDB
import JobQueue
import SQLiteStore
import Testing

@Suite struct SQLiteStoreFaultTests {
    private let now = Timestamp(milliseconds: 1_800_000_000_000)

    private func submission(_ number: UInt128, bytes: Int = 1) -> Submission {
        Submission(
            id: JobID(bits: number), owner: "ann", kind: "solve", payload: Array(repeating: 7, count: bytes))
    }

    @Test func aFullDiskRefusesWritesAndLosesNothing() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let store = try await folder.open { $0.maximumBytes = 400 * 1_024 }
        var accepted: [JobID] = []
        for number in UInt128(1)...100 {
            do {
                let submission = submission(number, bytes: 16_384)
                accepted.append(try await store.submit(submission, idempotency: nil, at: now).job.id)
            } catch {
                #expect(error == .storage(.full))
            }
        }
        #expect((5..<30).contains(accepted.count))
        for id in accepted { #expect(try await store.payload(of: id).count == 16_384) }
        for id in accepted { _ = try await store.delete(id, force: true) }
        _ = try await store.submit(submission(200, bytes: 16_384), idempotency: nil, at: now)
        await store.close()
    }

    @Test func aFullDiskIsTheAnswerToAWholeGroup() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let store = try await folder.open { $0.maximumBytes = 400 * 1_024 }
        let answers = await withTaskGroup(of: JobID?.self) { group in
            for number in UInt128(1)...100 {
                let submission = submission(number, bytes: 16_384)
                group.addTask { try? await store.submit(submission, idempotency: nil, at: now).job.id }
            }
            return await group.reduce(into: []) { $0 += $1.map { [$0] } ?? [] }
        }
        #expect(try await store.statistics(owner: nil).depth == answers.count)
        for id in answers { #expect(try await store.payload(of: id).count == 16_384) }
        await store.close()
    }

    @Test(arguments: [
        (ResultCode.SQLITE_FULL, StorageFault.full), (.SQLITE_READONLY, .readOnly),
        (ResultCode(rawValue: 8 | 8 << 8), .readOnly), (.SQLITE_CORRUPT, .corrupt("m")),
        (.SQLITE_NOTADB, .corrupt("m")), (.SQLITE_BUSY, .busy), (.SQLITE_LOCKED, .busy),
        (.SQLITE_IOERR_FSYNC, .failed(code: 1_034, message: "m")),
    ])
    func resultCodesBecomeFaults(_ code: ResultCode, _ fault: StorageFault) {
        #expect(StorageFault(DatabaseError(resultCode: code, message: "m")) == fault)
    }

    @Test func writesBeyondTheLimitAreRefused() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let store = try await folder.open {
            $0.maximumWaitingWrites = 0
        }
        await #expect(throws: JobStoreError.overloaded(limit: 0)) {
            try await store.submit(submission(1), idempotency: nil, at: now)
        }
        await store.close()
        let wider = try await folder.open { $0.maximumWaitingWrites = 1 }
        _ = try await wider.submit(submission(1), idempotency: nil, at: now)
        await wider.close()
    }

    @Test func oneRefusalInAGroupLeavesTheOthers() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let store = try await folder.open()
        let answers = await withTaskGroup(of: Bool.self) { group in
            for number in 1...200 {
                let submission = submission(UInt128(number % 100 + 1))
                group.addTask { await (try? store.submit(submission, idempotency: nil, at: now)) != nil }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(answers == 100)
        #expect(try await store.statistics(owner: nil).depth == 100)
        await store.close()
    }
}
