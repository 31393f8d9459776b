// One connection on its loop: performs what the state machine decides, and nothing else decides.
import HTTP1
import Sockets

/// Reads, writes and closes one socket. Everything runs on the loop that is its executor; handlers reach it through
/// calls that the loop runs.
actor Connection: EventHandler {
    /// The request that is open, from its head to the end of its answer.
    struct Exchange {
        /// nil when the bytes could not be read as a request.
        let head: RequestHead?
        let id: String
        let begun: Int
        /// Bytes handed to the output before its answer.
        var outputMark: Int
        var status = 0
        /// Bytes of content seen so far, against the limit of the route.
        var contentBytes = 0
        /// Bytes of collected content that are counted for it.
        var collectedBytes = 0
        /// A condition of the request is about content in gzip.
        var namesGzipTags = false
        /// Whom a trusted proxy asks for.
        var client: String?
        /// The name of its route, if it has one.
        var route: String?
    }

    /// How a request is answered whose body nobody wants.
    enum Conclusion {
        case fault(ServerFault)
        case response(Response)
        case run(Route, [String: String])
    }

    /// What is being done about the open request.
    enum Stage {
        /// Nothing is open, or its answer is complete.
        case idle
        /// The body is being read and dropped, and its framing checked, before the answer.
        case dropping(Conclusion)
        /// The body is being read before the handler runs.
        case collecting(Route, [String: String], content: [UInt8], limit: Int)
        /// A handler runs off the loop.
        case handling(Task<Void, Never>, RequestBodyReader?, limit: Int)
        /// The rest of an answer whose content is there already.
        case sending([UInt8], sent: Int)
        /// A producer makes the answer.
        case streaming(Task<Void, Never>, ResponseWriter)
    }

    /// What is done when the last output has left.
    enum Parting {
        /// Our half is ended, and the peer's read to its end.
        case linger
        /// Our half is ended, and no more.
        case close
        /// The peer must see that the answer is cut: nothing says that it has ended.
        case cut
    }

    /// How far the end has come.
    enum Ending {
        case open
        case afterOutput(Parting)
        case lingering(deadline: Int, dropped: Int)
        case closed
    }

    let server: ServerCore
    let loop: EventLoop
    let peer: SocketAddress
    let isSecured: Bool
    var socket: StreamSocket?
    var registration: EventLoop.Registration?
    var machine: ConnectionStateMachine
    var output = OutputBuffer()
    /// All bytes ever handed to the output.
    var outputTotal = 0
    var exchange: Exchange?
    var stage = Stage.idle
    /// Codes the content of the answer that is being sent.
    var encoder: GzipEncoder?
    /// Takes the coding off the content of the open request.
    var decoder: GzipDecoder?
    /// What that gave in the present round.
    var decodedBytes = 0
    /// Actions of the present round.
    var actions = 0
    var ending = Ending.open
    /// Counts exchanges, so that what comes too late from a handler is recognised.
    var exchangeNumber = 0

    // Edge-triggered readiness: true until the kernel says that it would block.
    var mayRead = false
    var mayWrite = true
    var peerHasEnded = false
    var isAdvancing = false
    /// It broke off for the others' sake and goes on in a later turn, whatever happens until then: with a turn for
    /// each event beside that one it would have as many turns as its peer sends segments.
    var isPutOff = false
    /// All that was read has been looked at, and more is needed to go on, however much is buffered: the protocol's own
    /// limits bound it.
    var needsInput = true
    var clock: ConnectionClock

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(_ accepted: consuming AcceptedConnection, loop: EventLoop, server: ServerCore) {
        self.server = server
        self.loop = loop
        peer = accepted.peer
        if let tls = server.configuration.tls {
            isSecured = true
            // Without memory for it there is no socket, and the connection ends as it starts.
            socket = try? accepted.take().secured(by: tls)
        } else {
            isSecured = false
            socket = accepted.take()
        }
        machine = ConnectionStateMachine(limits: server.configuration.limits)
        clock = ConnectionClock(bounds: server.clockBounds, now: MonotonicClock.now(), isHandshaking: isSecured)
    }

    /// Begins to be served.
    func start() {
        guard hasSocket else { return tearDown() }
        let registration = loop.add(self)
        self.registration = registration
        do {
            try watch(registration)
            updateDeadline()
        } catch {
            tearDown()
        }
    }

    private func watch(_ registration: EventLoop.Registration) throws(SystemError) {
        switch socket {
        case .some(let socket): try loop.watch(socket, for: registration)
        case .none: break
        }
    }

    nonisolated func isReady(_ readiness: Readiness) {
        assumeIsolated { $0.handle(readiness) }
    }

    nonisolated func deadlineHasPassed() {
        assumeIsolated { $0.checkDeadlines() }
    }

    /// Lets the connection go on after something changed elsewhere. From any thread.
    nonisolated func poke() {
        loop.execute { self.assumeIsolated { $0.goOn() } }
    }

    private func handle(_ readiness: Readiness) {
        if readiness.contains(.failed) { return tearDown() }
        if readiness.contains(.bothEnded) {
            // Closed with input unread, the answer that is still on its way would be lost to a reset.
            guard case .lingering = ending else { return tearDown() }
            (peerHasEnded, mayRead) = (true, true)
        }
        if readiness.contains(.writable) { mayWrite = true }
        if readiness.contains(.peerEnded) { peerHasEnded = true }
        if !readiness.isDisjoint(with: .input) { mayRead = true }
        // TLS may have to write before it can read, and to read before it can write.
        if isSecured { (mayRead, mayWrite) = (true, true) }
        goOn()
    }
}

// MARK: Going on

extension Connection {
    /// Reads, and rounds of answering and writing, before other connections have their turn: about half a millisecond
    /// of a peer that floods us.
    private static let readsPerTurn = 4
    private static let roundsPerTurn = 2

    /// Reads, answers and writes until nothing more can be done without an event. Gives the loop to others after a
    /// bounded number of reads.
    func advance() {
        // Answers that a step produces inside are taken up by the loop below.
        guard !isAdvancing else { return }
        isAdvancing = true
        defer { isAdvancing = false }
        let begun = MonotonicClock.now()
        for _ in 0..<Self.readsPerTurn {
            let hasRead = wantsInput && mayRead
            if hasRead { readOnce() }
            if turn() { break }
            guard isServing, wantsInput && mayRead else {
                updateDeadline()
                return
            }
            if MonotonicClock.now() - begun > Self.longestRound { break }
        }
        updateDeadline()
        putOff()
    }

    private func putOff() {
        guard isServing, !isPutOff else { return }
        isPutOff = true
        loop.runLater {
            self.assumeIsolated { connection in
                connection.isPutOff = false
                connection.advance()
            }
        }
    }

    /// Goes on after an event, unless it is to go on anyway.
    func goOn() {
        if !isPutOff { advance() }
    }

    var isServing: Bool {
        if case .closed = ending { false } else { true }
    }

    /// Whether another read has room to go to.
    private var wantsInput: Bool {
        switch ending {
        case .open: needsInput || machine.bufferedBytes < server.configuration.bufferedBytes
        case .afterOutput, .closed: false
        case .lingering: true
        }
    }

    private func readOnce() {
        let buffer = loop.scratch
        do throws(SystemError) {
            switch try read(into: buffer) {
            case .bytes(let count): received(UnsafeRawBufferPointer(rebasing: buffer[..<count]), of: buffer.count)
            case .wouldBlock: mayRead = false
            case .ended: receivedEnd()
            }
            noteHandshake()
        } catch {
            tearDown()
        }
    }

    private var hasSocket: Bool {
        switch socket {
        case .some: true
        case .none: false
        }
    }

    private func noteHandshake() {
        guard clock.isHandshaking else { return }
        switch socket {
        case .some(let socket): if socket.isEstablished { clock.handshakeHasEnded(now: loop.now) }
        case .none: break
        }
    }

    private func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> ReadOutcome {
        switch socket {
        case .some(let socket): try socket.read(into: buffer)
        case .none: .wouldBlock
        }
    }

    private func received(_ bytes: UnsafeRawBufferPointer, of size: Int) {
        // Less than asked for: the socket is empty, unless its end is to be read as well. TLS gives a record at a time.
        if bytes.count < size && !peerHasEnded && !isSecured { mayRead = false }
        if case .lingering(let deadline, let dropped) = ending {
            let total = dropped + bytes.count
            ending = .lingering(deadline: deadline, dropped: total)
            if total > server.configuration.lingerBytes { tearDown() }
            return
        }
        clock.noteBytes(bytes.count, waiting: machine.waiting, now: loop.now)
        machine.receive(bytes)
        needsInput = false
    }

    private func receivedEnd() {
        mayRead = false
        if case .lingering = ending { return tearDown() }
        machine.receiveEndOfStream()
    }

    /// Answers what has been read and writes what has been answered, as long as the socket takes it.
    ///
    /// - Returns: whether it broke off for the others' sake.
    private func turn() -> Bool {
        defer { finishEnding() }
        for _ in 0..<Self.roundsPerTurn where isServing {
            let hasMore = process()
            let wasBusy = exchange != nil
            let isBacklogged = produce()
            flush()
            // An answer that ended just now makes room for the request behind it.
            let isFree = wasBusy && exchange == nil
            guard isFree || hasHadItsShare || output.isEmpty && (hasMore || isBacklogged) else { return false }
        }
        return isServing
    }

    private func flush() {
        do throws(SystemError) {
            while mayWrite && !output.isEmpty {
                switch try write() {
                case .bytes(let count):
                    output.consume(count)
                    clock.noteWriting(now: loop.now)
                case .wouldBlock:
                    mayWrite = false
                }
            }
        } catch {
            tearDown()
        }
    }

    private func write() throws(SystemError) -> WriteOutcome {
        switch socket {
        case .some(let socket):
            try output.withUnsent { (bytes) throws(SystemError) in try socket.write(bytes) }
        case .none: .wouldBlock
        }
    }
}
