// One thread that waits for descriptors, deadlines and work from elsewhere: an executor that blocks in `epoll_wait`.
import CEventLoop
import Dispatch
import Glibc
import Synchronization

/// What a descriptor is ready for. Registrations are edge-triggered: told once, until it would block again.
package struct Readiness: OptionSet, Sendable {
    /// Events of epoll.
    package let rawValue: UInt32
    /// From events of epoll.
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// There are bytes, or connections, to be had.
    package static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    /// There is room to write.
    package static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// The peer has ended its half: read on to the end.
    package static let peerEnded = Readiness(rawValue: EPOLLRDHUP.rawValue)
    /// Both halves have ended: ours by us, and the peer's. What it sent before may be unread.
    package static let bothEnded = Readiness(rawValue: EPOLLHUP.rawValue)
    /// The connection is lost.
    package static let failed = Readiness(rawValue: EPOLLERR.rawValue)
    /// Something to read: bytes, or the end.
    package static let input = Readiness(rawValue: EPOLLIN.rawValue | EPOLLRDHUP.rawValue)
}

/// What a loop tells the owner of a registration, always on the loop.
package protocol EventHandler: AnyObject, Sendable {
    /// The descriptor of the registration became ready for what it was not before.
    func isReady(_ readiness: Readiness)
    /// The deadline set for the registration has passed; it has none any more.
    func deadlineHasPassed()
}

/// A serial executor on its own Dispatch queue. Actors that name it as their executor share its thread with their
/// descriptors, so that no lock stands between a readiness and the state it changes.
package final class EventLoop: SerialExecutor {
    private enum Work: Sendable {
        case job(UnownedJob)
        case call(@Sendable () -> Void)
    }

    /// What other threads may touch.
    private struct Inbox {
        var work: [Work] = []
        var isAsleep = false
        var isStopped = false
        /// The last turn is over: calls that come now are dropped.
        var hasEnded = false

        /// Whether the caller is the one who has to signal the sleeping loop.
        mutating func claimWakeUp() -> Bool {
            defer { isAsleep = false }
            return isAsleep
        }
    }

    private let queue: DispatchQueue
    private let poll: OwnedDescriptor
    private let wakeUp: OwnedDescriptor
    private let inbox = Mutex(Inbox())
    private let thread = Atomic<UInt>(0)
    /// Safe: touched only by the thread that runs the loop, which every method that uses it checks.
    nonisolated(unsafe) private var state: LoopState

    /// Safe: what is in it lasts for one call on the loop's thread.
    nonisolated(unsafe) private let scratchRoom = UnsafeMutableRawBufferPointer.allocate(
        byteCount: scratchBytes, alignment: 64)

    private static let scratchBytes = 64 * 1024
    private static let eventsPerTurn = 64
    /// Nanoseconds of put-off work in one turn; one piece is done in any case.
    private static let laterBudget = 1_000_000
    private static let wakeUpKey = UInt64.max

    /// - Parameter name: of the queue, for debuggers.
    /// - Throws: ``SystemError`` when the process has no descriptors left.
    package init(name: String) throws(SystemError) {
        queue = DispatchQueue(label: name)
        poll = OwnedDescriptor(CInt(try systemCall("epoll_create1") { Int(epoll_create1(CInt(EPOLL_CLOEXEC))) }))
        wakeUp = OwnedDescriptor(
            CInt(try systemCall("eventfd") { Int(eventfd(0, CInt(EFD_NONBLOCK | EFD_CLOEXEC))) }))
        state = LoopState(now: MonotonicClock.now())
        // Edge-triggered, so that the counter never has to be read back.
        try control(EPOLL_CTL_ADD, wakeUp.raw, events: EPOLLIN.rawValue | EPOLLET.rawValue, key: Self.wakeUpKey)
    }

    /// Begins to run. The loop keeps itself alive until it is stopped.
    ///
    /// - Parameter onStop: called on the loop's thread as the last thing it does.
    package func start(onStop: @escaping @Sendable () -> Void = {}) {
        queue.async {
            self.run()
            onStop()
        }
    }

    /// Lets the loop end after the turn it is in. What is registered then hears nothing more.
    package func stop() {
        let mustWake = inbox.withLock { inbox in
            inbox.isStopped = true
            return inbox.claimWakeUp()
        }
        if mustWake { signal() }
    }

    /// Runs `call` on the loop, soon, in the order of the calls. Wake-ups are coalesced: a loop that is awake is not
    /// signalled, one that sleeps only once. Dropped when the loop has ended.
    package func execute(_ call: @escaping @Sendable () -> Void) {
        submit(.call(call))
    }

    /// Whether the caller runs on the loop.
    package var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    deinit { scratchRoom.deallocate() }

    /// Room to read into, for whoever is called on the loop, until it returns. On the loop only.
    package var scratch: UnsafeMutableRawBufferPointer {
        checkIsolated()
        return scratchRoom
    }

    /// Nanoseconds of ``MonotonicClock`` at the beginning of the turn. On the loop only.
    package var now: Int {
        checkIsolated()
        return state.now
    }
}

// MARK: Executor

extension EventLoop {
    /// Runs a job of an actor that names this loop as its executor.
    package func enqueue(_ job: consuming ExecutorJob) {
        submit(.job(UnownedJob(job)))
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    /// Ends the process when the caller is not on the loop: its state is about to be touched by two threads.
    package func checkIsolated() {
        precondition(isCurrent, "called off its event loop")
    }

    private func submit(_ work: Work) {
        let mustWake = inbox.withLock { inbox in
            if case .call = work, inbox.hasEnded { return false }
            inbox.work.append(work)
            return inbox.claimWakeUp()
        }
        if mustWake { signal() }
    }

    private func signal() {
        var one: UInt64 = 1
        // The counter would have to overflow for this to fail: 2⁶⁴ sleeps.
        _ = Glibc.write(wakeUp.raw, &one, MemoryLayout<UInt64>.size)
    }
}

// MARK: Registrations, on the loop only

extension EventLoop {
    /// Names a handler for its deadlines and descriptors.
    package struct Registration: Hashable, Sendable {
        fileprivate let key: Int
    }

    /// Makes `handler` known; it is held until ``remove(_:)``.
    package func add(_ handler: any EventHandler) -> Registration {
        checkIsolated()
        return Registration(key: state.registrations.insert(handler))
    }

    /// Watches `socket` for everything, edge-triggered, until it is closed.
    ///
    /// - Throws: ``SystemError`` when the kernel cannot watch one more.
    package func watch(_ socket: borrowing StreamSocket, for registration: Registration) throws(SystemError) {
        let events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        try control(EPOLL_CTL_ADD, socket.descriptor.raw, events: events, key: UInt64(registration.key))
    }

    /// Watches for connections that wait to be accepted: level-triggered, and one loop is woken, not all.
    func watchForConnections(
        _ descriptor: borrowing OwnedDescriptor, for registration: Registration
    ) throws(SystemError) {
        let events = EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue
        try control(EPOLL_CTL_ADD, descriptor.raw, events: events, key: UInt64(registration.key))
    }

    func unwatch(_ descriptor: borrowing OwnedDescriptor) throws(SystemError) {
        try control(EPOLL_CTL_DEL, descriptor.raw, events: 0, key: 0)
    }

    /// Forgets the handler and its deadline; events that were told already are dropped.
    package func remove(_ registration: Registration) {
        checkIsolated()
        state.registrations.remove(registration.key)
        state.timers.cancel(registration.key)
    }

    /// Sets the one deadline of a registration, in nanoseconds of ``MonotonicClock``; nil for none. Kept to a tick of
    /// 10 ms, never early.
    package func setDeadline(_ deadline: Int?, for registration: Registration) {
        checkIsolated()
        if let deadline {
            state.timers.schedule(registration.key, at: deadline / LoopState.tick + 1)
        } else {
            state.timers.cancel(registration.key)
        }
    }

    /// Runs `call` in a later turn, after descriptors that are ready by then. On the loop only. For work that has had
    /// its share of this turn: however much of it there is, the loop looks at its descriptors once a millisecond.
    package func runLater(_ call: @escaping @Sendable () -> Void) {
        checkIsolated()
        state.later.append(call)
    }

    private func control(_ operation: CInt, _ raw: CInt, events: UInt32, key: UInt64) throws(SystemError) {
        var event = epoll_event()
        event.events = events
        event.data.u64 = key
        try systemCall("epoll_ctl") { Int(epoll_ctl(poll.raw, operation, raw, &event)) }
    }
}

// MARK: Turns

extension EventLoop {
    private func run() {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
        var events = [epoll_event](repeating: epoll_event(), count: Self.eventsPerTurn)
        while let timeout = prepareToSleep() {
            let count = wait(for: &events, timeout: timeout)
            let work = takeWork()
            state.now = MonotonicClock.now()
            for key in state.timers.advance(to: state.now / LoopState.tick) {
                state.registrations[key]?.deadlineHasPassed()
            }
            for event in events[..<count] where event.data.u64 != Self.wakeUpKey {
                state.registrations[Int(event.data.u64)]?.isReady(Readiness(rawValue: event.events))
            }
            perform(work)
            performLater()
        }
        // Handlers hold their loop: let go of them, or neither is ever freed.
        state = LoopState(now: state.now)
        thread.store(0, ordering: .relaxed)
    }

    /// How long to sleep, in milliseconds; nil when the loop has been stopped.
    private func prepareToSleep() -> CInt? {
        let hasLater = !state.later.isEmpty
        let hasWork = inbox.withLock { inbox -> Bool? in
            inbox.hasEnded = inbox.isStopped && inbox.work.isEmpty
            if inbox.hasEnded { return nil }
            inbox.isAsleep = inbox.work.isEmpty && !hasLater
            return !inbox.isAsleep
        }
        guard let hasWork else { return nil }
        if hasWork { return 0 }
        guard let next = state.timers.nextTick else { return -1 }
        let wait = next * LoopState.tick - MonotonicClock.now()
        return CInt(max(0, min((wait + 999_999) / 1_000_000, 60_000)))
    }

    private func wait(for events: inout [epoll_event], timeout: CInt) -> Int {
        events.withUnsafeMutableBufferPointer { buffer in
            // Fails only by EINTR, which is a turn without events.
            max(0, Int(epoll_wait(poll.raw, buffer.baseAddress, CInt(buffer.count), timeout)))
        }
    }

    private func takeWork() -> [Work] {
        inbox.withLock { inbox in
            inbox.isAsleep = false
            guard !inbox.work.isEmpty else { return [] }
            defer { inbox.work = [] }
            return inbox.work
        }
    }

    private func performLater() {
        guard !state.later.isEmpty else { return }
        let begun = MonotonicClock.now()
        var done = 0
        // What a call puts off again comes behind the others, in a later turn.
        for call in state.later {
            call()
            done += 1
            if MonotonicClock.now() - begun > Self.laterBudget { break }
        }
        state.later.removeFirst(done)
    }

    private func perform(_ work: [Work]) {
        for item in work {
            switch item {
            case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
            case .call(let call): call()
            }
        }
    }
}

/// What only the loop's thread touches.
private struct LoopState {
    /// Nanoseconds of one step of the timers.
    static let tick = 10_000_000

    var registrations = RegistrationTable()
    var timers: TimerWheel
    var now: Int
    /// Put-off work, in order.
    var later: [@Sendable () -> Void] = []

    init(now: Int) {
        self.now = now
        timers = TimerWheel(now: now / Self.tick)
    }
}
