// The heart of a stream: wakes its writer for news, for a sign of life, and for the end of the service.
import JobQueue
import Synchronization

/// Waits for news of a log, but not past the next keep-alive and not into a shutdown.
///
/// One timer runs for the stream's whole life instead of one for each wait: timers that are cancelled would pile up at
/// the rate of the events.
final class StreamPulse: Sendable {
    /// Why a wait ended.
    enum Beat: Equatable {
        case step(TailStep)
        case keepAlive
        case draining
    }

    private typealias Outcome = Result<TailStep, EventFeedError>

    private struct State {
        var waiting: Task<Outcome, Never>?
        var spokeAt: Duration
        var due: Beat?
    }

    private let state: Mutex<State>
    private let limits: APILimits
    private let uptime: @Sendable () -> Duration
    private let isDraining: @Sendable () -> Bool

    init(
        limits: APILimits, uptime: @escaping @Sendable () -> Duration, isDraining: @escaping @Sendable () -> Bool
    ) {
        state = Mutex(State(spokeAt: uptime()))
        self.limits = limits
        self.uptime = uptime
        self.isDraining = isDraining
    }

    /// Something was written.
    func spoke() {
        let now = uptime()
        state.withLock { state in
            state.spokeAt = now
            if state.due == .keepAlive { state.due = nil }
        }
    }

    /// Looks at the clock until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            guard (try? await Task.sleep(for: min(limits.pollInterval, limits.keepAlive))) != nil else { return }
            tick()
        }
    }

    private func tick() {
        let now = uptime()
        let isDraining = isDraining()
        let overdue = state.withLock { state -> Task<Outcome, Never>? in
            if isDraining {
                state.due = .draining
            } else if now - state.spokeAt >= limits.keepAlive {
                state.due = .keepAlive
            }
            return state.due == nil ? nil : state.waiting
        }
        overdue?.cancel()
    }

    /// Waits for what follows event `seq`.
    ///
    /// - Throws: ``EventFeedError``, `CancellationError`.
    func next(of tail: EventTail, after seq: Int64) async throws -> Beat {
        if let due = takeDue() { return due }
        let wait = Task<Outcome, Never> {
            do throws(EventFeedError) {
                return .success(try await tail.next(after: seq))
            } catch {
                return .failure(error)
            }
        }
        let isLate = state.withLock { state in
            state.waiting = wait
            return state.due != nil
        }
        if isLate { wait.cancel() }
        let outcome = await withTaskCancellationHandler {
            await wait.value
        } onCancel: {
            wait.cancel()
        }
        state.withLock { $0.waiting = nil }
        switch outcome {
        case .success(let step): return .step(step)
        case .failure(.cancelled):
            try Task.checkCancellation()
            return takeDue() ?? .keepAlive
        case .failure(let error): throw error
        }
    }

    /// A shutdown stays due.
    private func takeDue() -> Beat? {
        state.withLock { state in
            defer { if state.due == .keepAlive { state.due = nil } }
            return state.due
        }
    }
}
