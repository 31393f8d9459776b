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
        var pieces: [[UInt8]] = []
        var byteCount = 0
        var outcome: Piece?
        var waiter: CheckedContinuation<[UInt8]?, any Error>?
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

    /// The next piece, not empty; nil at the end.
    ///
    /// - Throws: ``RequestBodyError``, or `CancellationError` when the task is cancelled.
    package func next() async throws -> [UInt8]? {
        if let piece = takePiece() { return try piece.get() }
        wantsMore()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { wait($0) }
        } onCancel: {
            take { state in
                defer { state.waiter = nil }
                return state.waiter.map { ($0, .failure(CancellationError())) }
            }
        }
    }

    /// A piece that is there already.
    private func takePiece() -> Piece? {
        let (piece, isEmpty) = state.withLock { state -> (Piece?, Bool) in
            guard !state.pieces.isEmpty else { return (state.outcome, false) }
            let bytes = state.pieces.removeFirst()
            state.byteCount -= bytes.count
            return (.success(bytes), state.pieces.isEmpty && state.outcome == nil)
        }
        if isEmpty { wantsMore() }
        return piece
    }

    private func wait(_ continuation: CheckedContinuation<[UInt8]?, any Error>) {
        take { state in
            if !state.pieces.isEmpty {
                let bytes = state.pieces.removeFirst()
                state.byteCount -= bytes.count
                return (continuation, .success(bytes))
            }
            if let outcome = state.outcome { return (continuation, outcome) }
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
    var bufferedBytes: Int { state.withLock { $0.byteCount } }

    func push(_ bytes: [UInt8]) {
        take { state in
            guard state.outcome == nil else { return nil }
            if let waiter = state.waiter {
                state.waiter = nil
                return (waiter, .success(bytes))
            }
            state.pieces.append(bytes)
            state.byteCount += bytes.count
            return nil
        }
    }

    /// Nothing more comes: the end for nil, else an error. Only the first counts.
    func finish(_ error: RequestBodyError?) {
        let outcome: Piece = error.map { .failure($0) } ?? .success(nil)
        take { state in
            guard state.outcome == nil else { return nil }
            state.outcome = outcome
            defer { state.waiter = nil }
            return state.waiter.map { ($0, outcome) }
        }
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
