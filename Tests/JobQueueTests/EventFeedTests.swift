// Waiting readers: woken once, cancelled cleanly, bounded, and forgotten when they go.
import JobQueue
import Testing

@Suite(.timeLimit(.minutes(10))) struct EventFeedTests {
    private let job = JobID(bits: 1)

    /// Yields until so many readers wait.
    private func waiting(_ count: Int, on tail: EventTail) async {
        while tail.waitingCount != count { await Task.yield() }
    }

    @Test func givesWhatWasPublishedBeforeTheWait() async throws {
        let feed = EventFeed()
        let tail = feed.tail(of: job)
        feed.publish(job, events: [makeEvent(1), makeEvent(2)], revision: 3)
        #expect(try await tail.next(after: 1) == .events([makeEvent(2)]))
        #expect(try await tail.revision(after: 2) == 3)
    }

    @Test func wakesAllReadersOfOneJob() async throws {
        let feed = EventFeed()
        let tail = feed.tail(of: job)
        let readers = (0..<10).map { _ in Task { try await tail.next(after: 0) } }
        await waiting(10, on: tail)
        feed.publish(JobID(bits: 2), events: [makeEvent(1)], revision: 1)
        feed.publish(job, events: [makeEvent(1)], revision: 1)
        for reader in readers { #expect(try await reader.value == .events([makeEvent(1)])) }
        #expect(tail.waitingCount == 0)
    }

    @Test func aWakeUpWithoutNewsIsSleptOver() async throws {
        let feed = EventFeed()
        let tail = feed.tail(of: job)
        let reader = Task { try await tail.next(after: 5) }
        await waiting(1, on: tail)
        feed.publish(job, events: [makeEvent(5)], revision: 1)
        feed.publish(job, events: [], revision: 2)
        await waiting(1, on: tail)
        feed.publish(job, events: [makeEvent(6)], revision: 2)
        #expect(try await reader.value == .events([makeEvent(6)]))
    }

    @Test func cancellationEndsAWaitAndLeavesNothing() async throws {
        let tail = EventFeed().tail(of: job)
        let reader = Task { try await tail.next(after: 0) }
        await waiting(1, on: tail)
        reader.cancel()
        await #expect(throws: EventFeedError.cancelled) { try await reader.value }
        #expect(tail.waitingCount == 0)
        let late = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await tail.next(after: 0)
        }
        late.cancel()
        await #expect(throws: EventFeedError.cancelled) { try await late.value }
        #expect(tail.waitingCount == 0)
    }

    @Test func holdsSoManyReadersAndNoMore() async throws {
        let feed = EventFeed(maximumReaders: 2)
        let tail = feed.tail(of: job)
        let readers = (0..<2).map { _ in Task { try await tail.next(after: 0) } }
        await waiting(2, on: tail)
        await #expect(throws: EventFeedError.tooManyReaders(limit: 2)) { try await tail.next(after: 0) }
        feed.publish(job, events: [makeEvent(1)], revision: 1)
        for reader in readers { _ = try await reader.value }
    }

    @Test func closingEndsAllWaitingNowAndLater() async throws {
        let feed = EventFeed()
        let tail = feed.tail(of: job)
        let reader = Task { try await tail.next(after: 0) }
        let watcher = Task { try await tail.revision(after: 0) }
        await waiting(2, on: tail)
        feed.close()
        #expect(try await reader.value == .closed)
        #expect(try await watcher.value == nil)
        #expect(try await feed.tail(of: JobID(bits: 2)).next(after: 0) == .closed)
    }

    @Test func aTailLivesAsLongAsItsReaders() {
        let feed = EventFeed()
        var first: EventTail? = feed.tail(of: job)
        var second: EventTail? = feed.tail(of: job)
        #expect(first === second && feed.tailCount == 1)
        first = nil
        #expect(feed.tailCount == 1)
        second = nil
        #expect(second == nil && feed.tailCount == 0)
        feed.publish(job, events: [makeEvent(1)], revision: 1)
    }

    @Test func manyReadersComingAndGoingLoseNothing() async throws {
        let feed = EventFeed()
        let job = job
        await withTaskGroup(of: Void.self) { group in
            for reader in 0..<50 {
                group.addTask {
                    for _ in 0..<50 {
                        let tail = feed.tail(of: job)
                        let wait = Task { try await tail.next(after: 0) }
                        if reader % 2 == 0 { wait.cancel() }
                        feed.publish(job, events: [makeEvent(1)], revision: 1)
                        _ = await wait.result
                    }
                }
            }
        }
        #expect(feed.tailCount == 0)
    }
}
