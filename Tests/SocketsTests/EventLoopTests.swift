// The loop: calls, actors, deadlines, readiness, exhaustion of descriptors.
import Glibc
import Sockets
import Synchronization
import Testing

/// Writes down what a loop tells.
private actor Listening: EventHandler {
    let loop: EventLoop
    var registration: EventLoop.Registration?
    let told: AsyncStream<String>.Continuation

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(loop: EventLoop, told: AsyncStream<String>.Continuation) {
        self.loop = loop
        self.told = told
    }

    func start(deadline delay: Int) {
        let registration = loop.add(self)
        self.registration = registration
        loop.setDeadline(loop.now + delay, for: registration)
    }

    nonisolated func isReady(_ readiness: Readiness) { told.yield("ready") }

    nonisolated func deadlineHasPassed() {
        #expect(loop.isCurrent)
        told.yield("deadline")
    }
}

@Suite(.serialized, .timeLimit(.minutes(10))) struct EventLoopTests {
    private func withLoop(_ body: (EventLoop) async throws -> Void) async throws {
        let loop = try EventLoop(name: "test")
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        loop.start { continuation.finish() }
        try await body(loop)
        loop.stop()
        for await _ in stream {}
    }

    @Test func runsCallsInOrderOnItsThread() async throws {
        try await withLoop { loop in
            let (stream, continuation) = AsyncStream<Int>.makeStream()
            for number in 0..<1000 {
                loop.execute {
                    #expect(loop.isCurrent)
                    continuation.yield(number)
                }
            }
            var seen: [Int] = []
            for await number in stream {
                seen.append(number)
                if number == 999 { break }
            }
            #expect(seen == Array(0..<1000))
            #expect(!loop.isCurrent)
        }
    }

    @Test func dropsCallsAfterItsEnd() async throws {
        let count = Mutex(0)
        let loop = try EventLoop(name: "test")
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        loop.start { continuation.finish() }
        loop.execute { count.withLock { $0 += 1 } }
        loop.stop()
        for await _ in stream {}
        loop.execute { count.withLock { $0 += 1 } }
        #expect(count.withLock { $0 } == 1)
    }

    @Test func keepsDeadlinesAndIsNeverEarly() async throws {
        try await withLoop { loop in
            let (stream, continuation) = AsyncStream<String>.makeStream()
            let begun = MonotonicClock.now()
            await Listening(loop: loop, told: continuation).start(deadline: 30_000_000)
            for await event in stream {
                #expect(event == "deadline")
                break
            }
            #expect(MonotonicClock.now() - begun >= 30_000_000)
        }
    }
}

/// In processes of their own: they change what the process may open.
@Suite struct ListenerExhaustionTests {
    /// Without descriptors for peers a connection is closed as it comes, some stay for others, and there is service
    /// again once there is room.
    @Test func acceptingSurvivesIt() async {
        await #expect(processExitsWith: .success) {
            await openDescriptorsOfDispatch()
            let loop = try EventLoop(name: "test")
            loop.start()
            let listener = try Listener(on: SocketAddress(host: "127.0.0.1", port: 0), backlog: 16)
            let (stream, continuation) = AsyncStream<Void>.makeStream()
            let acceptor = Acceptor(listener, on: loop) { _ in continuation.yield() }
            try await acceptor.start()
            try expectRefusal(by: listener)
            let later = try StreamSocket.connect(to: listener.address)
            for await _ in stream { break }
            await acceptor.stop()
            _ = consume later
        }
    }
}

/// Connects when peers may have none of the descriptors that are left, and waits until the other end has been closed.
private func expectRefusal(by listener: Listener) throws {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let probe = dup(0)
    close(probe)
    var lowered = limit
    // A quarter is kept back: the connection's own end is within the rest, the other is not.
    lowered.rlim_cur = rlim_t((probe + 1) * 4 / 3)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &lowered)
    defer { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
    let socket = try StreamSocket.connect(to: listener.address)
    var byte: [UInt8] = [0]
    let outcome = try? byte.withUnsafeMutableBytes { try socket.read(into: $0) }
    #expect(outcome == .ended || outcome == nil)
}
