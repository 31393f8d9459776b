// A request's body as it arrives: the connection pushes, one handler pulls, and a full buffer stops the reading of the
// socket.
import HTTP1
import Synchronization

/// Sees the bytes of a streamed body as they were sent, before a content coding is taken off. Called on the loop, in
/// order, each time before the reader is given what the bytes stand for; must not block.
package protocol BodyWitness: Sendable {
    func see(_ bytes: [UInt8])
}

/// Reads a streamed body. One task at a time may ask for the next piece.
package final class RequestBodyReader: Sendable, AsyncSequence {
    private typealias Piece = Result<[UInt8]?, any Error>

    private struct State {
        /// What has come and was not asked for yet: one piece, in however many it came.
        var waiting: [UInt8] = []
        var outcome: Piece?
        var waiter: CheckedContinuation<[UInt8]?, any Error>?

        /// What a reader gets now: all that waits, then the end; nil when it has to wait.
        mutating func takePiece() -> Piece? {
            guard !waiting.isEmpty else { return outcome }
            defer { waiting = [] }
            return .success(waiting)
        }
    }

    private let state = Mutex(State())
    /// Tells the connection that there is room, and the first time that the body is wanted.
    private let wantsMore: @Sendable () -> Void
    /// Who sees the bytes as they were sent; at the end of the body it has seen all.
    package let witness: (any BodyWitness)?

    init(witness: (any BodyWitness)? = nil, wantsMore: @escaping @Sendable () -> Void) {
        self.witness = witness
        self.wantsMore = wantsMore
    }

    /// All that has come since the last piece, not empty; nil at the end.
    ///
    /// - Throws: ``RequestBodyError``, or `CancellationError` when the task is cancelled.
    package func next() async throws -> [UInt8]? {
        let (piece, hasMore) = state.withLock { ($0.takePiece(), $0.outcome == nil) }
        if hasMore { wantsMore() }
        if let piece { return try piece.get() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { wait($0) }
        } onCancel: {
            take { state in
                defer { state.waiter = nil }
                return state.waiter.map { ($0, .failure(CancellationError())) }
            }
        }
    }

    private func wait(_ continuation: CheckedContinuation<[UInt8]?, any Error>) {
        take { state in
            if let piece = state.takePiece() { return (continuation, piece) }
            if Task.isCancelled { return (continuation, .failure(CancellationError())) }
            state.waiter = continuation
            return nil
        }
    }

    /// Decides under the lock and resumes outside it.
    private func take(
        _ decide: (inout State) -> (CheckedContinuation<[UInt8]?, any Error>, Piece)?
    ) {
        if let (waiter, piece) = state.withLock({ decide(&$0) }) { waiter.resume(with: piece) }
    }

    // MARK: The connection's side

    /// Bytes that wait for the handler.
    var bufferedBytes: Int { state.withLock { $0.waiting.count } }

    /// Adds bytes for the next ``deliver()``.
    func push(_ bytes: [UInt8]) {
        state.withLock { state in
            if state.outcome == nil { state.waiting += bytes }
        }
    }

    /// Wakes a handler that waits for what was pushed: once for all of it, so that a body in many small chunks costs no
    /// more wake-ups than it has reads.
    func deliver() {
        take { state in
            guard let waiter = state.waiter, let piece = state.takePiece() else { return nil }
            state.waiter = nil
            return (waiter, piece)
        }
    }

    /// Nothing more comes: the end for nil, else an error. Only the first counts.
    func finish(_ error: RequestBodyError?) {
        state.withLock { state in
            if state.outcome == nil { state.outcome = error.map { .failure($0) } ?? .success(nil) }
        }
        deliver()
    }
}

extension RequestBodyReader {
    /// Iterates over the pieces.
    package struct AsyncIterator: AsyncIteratorProtocol {
        let reader: RequestBodyReader

        package mutating func next() async throws -> [UInt8]? { try await reader.next() }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader: self) }
}
