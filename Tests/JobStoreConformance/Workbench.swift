// What the checks share: a clock that stands still, names that never repeat, short ways to a job in some state.
import JobQueue
import Synchronization
import Testing

/// Small, seeded and reproducible (SplitMix64, Steele et al. 2014).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

/// A store under test and the means to fill it.
final class Workbench: Sendable {
    let store: any JobStore
    private let names = Mutex((JobIDGenerator(), SeededGenerator(state: 7)))

    init(store: any JobStore) { self.store = store }

    /// `seconds` after the beginning of the test's time.
    static func time(_ seconds: Double = 0) -> Timestamp {
        Timestamp(milliseconds: 1_800_000_000_000 + Int64(seconds * 1_000))
    }

    static func moment(_ seconds: Double = 0) -> Moment {
        Moment(calendar: time(seconds), uptime: .milliseconds(Int64(seconds * 1_000)))
    }

    func newID() -> JobID {
        names.withLock { names in names.0.next(at: Self.time(), using: &names.1) }
    }

    func submission(owner: String = "ann", kind: String = "solve") -> Submission {
        Submission(id: newID(), owner: owner, kind: kind, payload: Array("{}".utf8))
    }

    @discardableResult
    func submit(
        owner: String = "ann", kind: String = "solve", at seconds: Double = 0,
        _ edit: (inout Submission) -> Void = { _ in }
    ) async throws -> Job {
        var submission = submission(owner: owner, kind: kind)
        edit(&submission)
        return try await store.submit(submission, idempotency: nil, at: Self.time(seconds)).job
    }

    func claim(_ limit: Int = 1, at seconds: Double = 0) async throws -> [Claim] {
        try await store.claim(
            limit: limit, kinds: ["solve"], worker: "w1", lease: .seconds(30), at: Self.moment(seconds))
    }

    /// A new job in a worker's hands.
    func running(_ edit: (inout Submission) -> Void = { _ in }) async throws -> Lease {
        let job = try await submit(edit)
        let claim = try #require(try await claim().first)
        try #require(claim.job.id == job.id)
        return claim.lease
    }

    /// A new job in a worker's hands, with an iterate.
    func runningWithIterate() async throws -> Lease {
        let lease = try await running()
        _ = try await store.append([progress(1, carriesIterate: true)], under: lease)
        return lease
    }

    /// A job that lost its only attempt.
    func failed() async throws -> Job {
        let lease = try await running { $0.maxAttempts = 1 }
        return try await store.fail(lease, reason: "signal 9", at: Self.time())
    }

    func succeed(_ lease: Lease, at seconds: Double = 0) async throws -> Job {
        try await store.finish(
            lease, with: .succeeded(Termination(rawValue: "converged"), result: Array("42".utf8)), appending: [],
            at: Self.time(seconds))
    }

    func progress(_ iteration: Int, at seconds: Double = 0, carriesIterate: Bool = false) -> EventDraft {
        EventDraft(
            type: JobEvent.progressType, time: Self.time(seconds), data: Array("\(iteration)".utf8),
            carriesIterate: carriesIterate)
    }

    func checkpoint(_ iteration: Int64, epoch: Int64 = 1) -> CheckpointReference {
        CheckpointReference(
            epoch: epoch, name: "c\(iteration)", iteration: iteration, byteCount: 8, writtenAt: Self.time())
    }

    /// The whole log, read page by page.
    func log(of id: JobID, limit: Int = 500) async throws -> [JobEvent] {
        var events: [JobEvent] = []
        var after: Int64 = 0
        while true {
            let page = try await store.events(of: id, after: after, limit: limit, types: nil)
            #expect(page.gaps == [])
            events += page.events
            after = page.readThrough
            if page.isLast { return events }
        }
    }

    /// The log's data, as text.
    func story(of id: JobID) async throws -> [String] {
        try await log(of: id).map { String(decoding: $0.data, as: UTF8.self) }
    }

    /// Numbers count from 1 without a hole, and there is one `end` at most, last.
    func expectWholeLog(of id: JobID) async throws {
        let events = try await log(of: id)
        #expect(events.map(\.seq) == Array(1...Int64(events.count)))
        #expect(events.filter { $0.type == JobEvent.endType }.count <= 1)
        #expect(events.dropLast().allSatisfy { $0.type != JobEvent.endType })
        #expect(try await store.job(id).lastSeq == Int64(events.count))
    }
}

/// States that `body` throws `error`.
func expectThrows<Value>(
    _ error: JobStoreError, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Value
) async {
    await #expect(throws: error, sourceLocation: sourceLocation) { _ = try await body() }
}
