// From a thread to a task: what a blocking reader has read, handed over in batches.
import Foundation
import Synchronization

/// A bounded queue with one asynchronous reader.
final class Inbox<Element: Sendable>: Sendable {
    private struct State {
        var waiting: [Element] = []
        var isClosed = false
        var reader: CheckedContinuation<[Element], Never>?

        /// - Returns: false where there is no room.
        mutating func add(_ element: Element, limit: Int, replacingLastIf isOutdated: (Element) -> Bool) -> Bool {
            if let last = waiting.last, isOutdated(last) {
                waiting[waiting.count - 1] = element
                return true
            }
            guard waiting.count < limit || isClosed else { return false }
            waiting.append(element)
            return true
        }
    }
    private let state = Mutex(State())
    private let limit: Int

    /// - Parameter limit: elements beyond which ``put(_:replacingLastIf:)`` makes its thread wait.
    init(limit: Int) { self.limit = limit }

    /// Adds an element. Blocks the calling thread, which must be one of its own, while the queue is full.
    ///
    /// - Parameter isOutdated: whether the element takes the place of the last one that waits.
    func put(_ element: Element, replacingLastIf isOutdated: (Element) -> Bool = { _ in false }) {
        var isIn = false
        while true {
            deliver { isIn = $0.add(element, limit: limit, replacingLastIf: isOutdated) }
            if isIn { return }
            usleep(1_000)
        }
    }

    /// Adds an element without waiting, whatever the limit: for ticks and wake-ups, which their sender limits.
    func nudge(_ element: Element) { deliver { $0.waiting.append(element) } }

    /// Ends the queue: after what waits, ``take()`` returns nothing.
    func close() { deliver { $0.isClosed = true } }

    /// All that waits; waits itself until there is something. Empty when the queue has ended.
    func take() async -> [Element] {
        await withCheckedContinuation { continuation in
            let ready: [Element]? = state.withLock { state in
                if state.waiting.isEmpty && !state.isClosed {
                    state.reader = continuation
                    return nil
                }
                defer { state.waiting = [] }
                return state.waiting
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }

    private func deliver(_ change: (inout State) -> Void) {
        let (reader, elements) = state.withLock { state -> (CheckedContinuation<[Element], Never>?, [Element]) in
            change(&state)
            guard let reader = state.reader else { return (nil, []) }
            defer {
                state.reader = nil
                state.waiting = []
            }
            return (reader, state.waiting)
        }
        reader?.resume(returning: elements)
    }
}
