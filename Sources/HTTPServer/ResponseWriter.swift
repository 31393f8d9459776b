// A streamed answer's way to its socket. What is written while the socket is busy leaves in one piece, so that a
// producer faster than its reader costs one chunk a write, not one an event.
import Synchronization

/// The peer is gone, or the server has given up on it.
package struct ConnectionClosed: Error, Equatable {}

/// Takes the content of a streamed answer. One task at a time may write.
package final class ResponseWriter: Sendable {
    /// What the connection finds when it looks.
    enum Supply: Equatable {
        case nothingYet
        case bytes([UInt8])
        case ended
        case failed
    }

    private struct State {
        var buffer: [UInt8] = []
        var isAnnounced = false
        var isDraining = false
        var end: End?
        var waiter: CheckedContinuation<Void, Never>?
    }

    private enum End {
        case complete
        case failed
        case closed
    }

    private let state = Mutex(State())
    private let limit: Int
    /// Tells the connection to look; called once until it has.
    private let announce: @Sendable () -> Void

    /// - Parameter limit: bytes that may wait before a writer has to.
    init(limit: Int, announce: @escaping @Sendable () -> Void) {
        self.limit = limit
        self.announce = announce
    }

    /// Hands over bytes, and waits while more than the limit of the server has not reached the socket.
    ///
    /// - Throws: ``ConnectionClosed``; `CancellationError` when the task is cancelled.
    package func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        guard !bytes.isEmpty else { return }
        let (isFull, mustAnnounce) = try state.withLock { state in
            guard state.end == nil else { throw ConnectionClosed() }
            state.buffer += bytes
            defer { state.isAnnounced = true }
            return (state.buffer.count > limit, !state.isAnnounced)
        }
        if mustAnnounce { announce() }
        if isFull { try await waitForRoom() }
    }

    /// Whether the server is shutting down: say so to the reader and end soon.
    package var isDraining: Bool { state.withLock { $0.isDraining } }

    private func waitForRoom() async throws {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let hasRoom = state.withLock { state in
                    if state.end != nil || state.buffer.count <= limit || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if hasRoom { continuation.resume() }
            }
        } onCancel: {
            takeWaiter()?.resume()
        }
        try Task.checkCancellation()
        if state.withLock({ $0.end == .closed }) { throw ConnectionClosed() }
    }

    private func takeWaiter() -> CheckedContinuation<Void, Never>? {
        state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }
    }

    // MARK: The connection's side

    /// All that waits.
    func take() -> Supply {
        let (supply, waiter) = state.withLock { state -> (Supply, CheckedContinuation<Void, Never>?) in
            state.isAnnounced = false
            guard state.buffer.isEmpty else {
                defer {
                    state.buffer = []
                    state.waiter = nil
                }
                return (.bytes(state.buffer), state.waiter)
            }
            return switch state.end {
            case nil: (.nothingYet, nil)
            case .complete: (.ended, nil)
            case .failed, .closed: (.failed, nil)
            }
        }
        waiter?.resume()
        return supply
    }

    /// The producer has returned, or thrown.
    func finish(failed: Bool) {
        let mustAnnounce = state.withLock { state in
            if state.end == nil { state.end = failed ? .failed : .complete }
            defer { state.isAnnounced = true }
            return !state.isAnnounced
        }
        if mustAnnounce { announce() }
    }

    /// The peer is gone: what waits is dropped, and writing fails from now on.
    func close() {
        state.withLock { state in
            state.end = .closed
            state.buffer = []
        }
        takeWaiter()?.resume()
    }

    func beginDraining() {
        state.withLock { $0.isDraining = true }
    }
}
