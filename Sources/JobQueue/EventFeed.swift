// Wakes the readers of this process when a job's log grows. Readers of one job share one tail.
import Synchronization

/// Where stores announce what they committed and readers wait for it.
///
/// A reader takes the job's ``EventTail`` *before* it first reads the store: whatever is committed later reaches the
/// tail, whatever was committed earlier is in the store.
package final class EventFeed: Sendable {
    private struct Tails {
        var byJob: [JobID: Entry] = [:]
        var made: UInt64 = 0
        var isClosed = false
    }

    private struct Entry {
        let number: UInt64
        weak var tail: EventTail?
    }

    private let tails = Mutex(Tails())
    /// Waiting readers that one job may have.
    package let maximumReaders: Int

    package init(maximumReaders: Int = 1_000) { self.maximumReaders = maximumReaders }

    /// Jobs that someone reads at this moment.
    package var tailCount: Int { tails.withLock { $0.byJob.count } }

    /// The tail that all readers of `job` share; it lives as long as one of them holds it.
    package func tail(of job: JobID) -> EventTail {
        tails.withLock { tails in
            if let tail = tails.byJob[job]?.tail { return tail }
            tails.made += 1
            let tail = EventTail(of: job, number: tails.made, in: self, isClosed: tails.isClosed)
            tails.byJob[job] = Entry(number: tails.made, tail: tail)
            return tail
        }
    }

    /// Announces events that are on disk, in the order of their numbers, and the job's revision.
    package func publish(_ job: JobID, events: [JobEvent], revision: Int64) {
        tails.withLock { $0.byJob[job]?.tail }?.publish(events, revision: revision)
    }

    /// Ends all waiting, now and later: the server shuts down.
    package func close() {
        let open = tails.withLock { tails in
            tails.isClosed = true
            return tails.byJob.values.compactMap(\.tail)
        }
        for tail in open { tail.close() }
    }

    /// Called by a tail's end. A newer tail of the same job stays; it is told apart by its number, for taking a
    /// reference here could make this its last one and end it under the lock.
    fileprivate func forget(_ job: JobID, number: UInt64) {
        tails.withLock { tails in
            if tails.byJob[job]?.number == number { tails.byJob[job] = nil }
        }
    }
}

/// What a reader finds behind the event it knows.
package enum TailStep: Hashable, Sendable {
    /// The events that follow, without a hole.
    case events([JobEvent])
    /// There are more than the tail remembers: read the store.
    case behind
    /// No more will come to this process.
    case closed
}

/// Why a wait ended without news.
package enum EventFeedError: Error, Hashable, Sendable {
    case cancelled
    case tooManyReaders(limit: Int)
}

/// The newest events of one job, in memory, and those who wait for the next.
package final class EventTail: Sendable {
    package let job: JobID
    private let state: Mutex<TailState>
    private let number: UInt64
    private let maximumReaders: Int
    private let feed: EventFeed

    fileprivate init(of job: JobID, number: UInt64, in feed: EventFeed, isClosed: Bool) {
        self.job = job
        self.number = number
        maximumReaders = feed.maximumReaders
        self.feed = feed
        state = Mutex(TailState(isClosed: isClosed))
    }

    deinit { feed.forget(job, number: number) }

    /// Waits for what follows event `seq`.
    ///
    /// - Throws: ``EventFeedError/cancelled`` when the task is, ``EventFeedError/tooManyReaders(limit:)`` when the
    ///   job has all the waiting readers it may have.
    package func next(after seq: Int64) async throws(EventFeedError) -> TailStep {
        try await wait { $0.step(after: seq) }
    }

    /// Waits until the job's revision is above `revision`; nil when the feed closes first.
    package func revision(after revision: Int64) async throws(EventFeedError) -> Int64? {
        try await wait { $0.revision > revision ? .some($0.revision) : $0.isClosed ? .some(nil) : nil }
    }

    /// Readers that wait at this moment.
    package var waitingCount: Int { state.withLock { $0.waiting.count } }

    fileprivate func publish(_ events: [JobEvent], revision: Int64) {
        wake { $0.append(events, revision: revision) }
    }

    fileprivate func close() { wake { $0.isClosed = true } }

    private func wake(after change: (inout TailState) -> Void) {
        let waiting = state.withLock { state in
            change(&state)
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume(returning: .changed) }
    }

    private enum Wake {
        case changed
        case cancelled
        case refused
    }

    private struct TailState {
        var memory = TailMemory()
        var isClosed: Bool
        var revision: Int64 = 0
        var waiting: [UInt64: CheckedContinuation<Wake, Never>] = [:]
        var tickets: UInt64 = 0

        init(isClosed: Bool) { self.isClosed = isClosed }

        mutating func append(_ events: [JobEvent], revision: Int64) {
            memory.append(events)
            self.revision = max(self.revision, revision)
        }

        func step(after seq: Int64) -> TailStep? { memory.step(after: seq) ?? (isClosed ? .closed : nil) }
    }

    private func wait<Value>(_ ready: (TailState) -> Value?) async throws(EventFeedError) -> Value {
        let ticket = state.withLock { state in
            state.tickets += 1
            return state.tickets
        }
        while true {
            if let value = state.withLock({ ready($0) }) { return value }
            switch await suspend(ticket, unless: ready) {
            case .changed: continue
            case .cancelled: throw .cancelled
            case .refused: throw .tooManyReaders(limit: maximumReaders)
            }
        }
    }

    /// Suspends until the state changes. Whether to wait, and being found by those who wake, is decided under one
    /// lock: no wake-up falls in between. A cancellation that comes before is seen by `Task.isCancelled`, one that
    /// comes after finds the continuation.
    private func suspend<Value>(_ ticket: UInt64, unless ready: (TailState) -> Value?) async -> Wake {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Wake? = state.withLock { state in
                    if ready(state) != nil { return .changed }
                    if Task.isCancelled { return .cancelled }
                    if state.waiting.count >= maximumReaders { return .refused }
                    state.waiting[ticket] = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: ticket) }?.resume(returning: .cancelled)
        }
    }
}
