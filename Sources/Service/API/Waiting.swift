// Waiting for a job: long polls and `Prefer: wait`. A wait holds no thread, ends with the service, and their number is
// bounded.
import JobQueue
import Synchronization

/// Counts requests that wait.
final class WaitGate: Sendable {
    private let limit: Int
    private let count = Mutex(0)

    init(limit: Int) { self.limit = limit }

    /// Runs `body` as one of those that wait.
    ///
    /// - Throws: ``APIError/tooManyWaits(limit:)``.
    func enter<Value>(_ body: () async throws -> Value) async throws -> Value {
        let isRoom = count.withLock { count in
            guard count < limit else { return false }
            count += 1
            return true
        }
        guard isRoom else { throw APIError.tooManyWaits(limit: limit) }
        defer { count.withLock { $0 -= 1 } }
        return try await body()
    }
}

/// Bounds the jobs that wait. The depth is read at most every quarter of a second and counted on in between, so that a
/// rush of submissions does not count the queue each time; what is refused was counted at that moment.
final class QueueGate: Sendable {
    private static let freshness = Duration.milliseconds(250)
    private let limit: Int
    private let state = Mutex<(depth: Int, readAt: Duration)?>(nil)

    init(limit: Int) { self.limit = limit }

    /// - Throws: ``APIError/queueFull(limit:)``.
    func checkRoom(in store: any JobStore, at uptime: Duration) async throws {
        let known = state.withLock { $0 }
        if let known, known.depth < limit, uptime - known.readAt < Self.freshness { return }
        let depth = try await store.statistics(owner: nil).depth
        state.withLock { $0 = (depth, uptime) }
        guard depth < limit else { throw APIError.queueFull(limit: limit) }
    }

    /// One more job waits.
    func count() { state.withLock { $0?.depth += 1 } }
}

/// Why a wait for a job's change ended.
private enum Change {
    case revision
    case elapsed
    case closed
}

extension APIContext {
    /// The job, once `isSatisfied`, the seconds are over, or the service shuts down; whichever comes first.
    ///
    /// - Throws: ``JobStoreError`` (`unknownJob` also when the job is deleted meanwhile),
    ///   ``APIError/tooManyWaits(limit:)``.
    func job(_ id: JobID, waiting seconds: Int, until isSatisfied: (Job) -> Bool) async throws -> Job {
        guard seconds > 0 else { return try await store.job(id) }
        // Taken before the first reading: no change falls in between.
        let tail = store.feed.tail(of: id)
        let job = try await store.job(id)
        if isSatisfied(job) { return job }
        return try await waits.enter {
            try await wait(on: tail, from: job, seconds: seconds, until: isSatisfied)
        }
    }

    private func wait(
        on tail: EventTail, from first: Job, seconds: Int, until isSatisfied: (Job) -> Bool
    ) async throws -> Job {
        let deadline = now().uptime + .seconds(seconds)
        var job = first
        while !isSatisfied(job), !status.isDraining {
            let remaining = deadline - now().uptime
            guard remaining > .zero else { break }
            switch try await change(of: tail, after: job.revision, within: min(remaining, limits.pollInterval)) {
            case .revision: job = try await store.job(job.id)
            case .elapsed: continue
            case .closed: return job
            }
        }
        // Events may have come without a new revision.
        return try await store.job(job.id)
    }

    private func change(
        of tail: EventTail, after revision: Int64, within duration: Duration
    ) async throws -> Change {
        try await withThrowingTaskGroup(of: Change.self) { group in
            group.addTask {
                do throws(EventFeedError) {
                    return try await tail.revision(after: revision) == nil ? .closed : .revision
                } catch {
                    if case .cancelled = error { return .elapsed }
                    throw error
                }
            }
            group.addTask {
                // Cut short when the revision comes first.
                try? await Task.sleep(for: duration)
                return .elapsed
            }
            defer { group.cancelAll() }
            let first = try await group.next() ?? .elapsed
            try Task.checkCancellation()
            return first
        }
    }
}
