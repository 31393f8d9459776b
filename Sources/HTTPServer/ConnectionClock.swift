// The time-outs of one connection as arithmetic on monotonic nanoseconds.
import HTTP1

/// Remembers when things began and tells when they have lasted too long.
struct ConnectionClock {
    /// ``ConnectionTimeouts`` in nanoseconds, worked out once for all connections.
    struct Bounds {
        let head, idle, handshake, writeStall, bodyWindow, linger: Int
        let bodyBytesPerWindow: Int

        init(_ timeouts: ConnectionTimeouts) {
            head = timeouts.head.nanoseconds
            idle = timeouts.idle.nanoseconds
            handshake = timeouts.handshake.nanoseconds
            writeStall = timeouts.writeStall.nanoseconds
            bodyWindow = timeouts.bodyWindow.nanoseconds
            linger = timeouts.linger.nanoseconds
            bodyBytesPerWindow = timeouts.bodyBytesPerWindow
        }
    }

    private let bounds: Bounds
    private var waiting = ConnectionStateMachine.Waiting.forRequest
    /// When the present wait, or its present window, began.
    private var begun: Int
    /// Bytes of body in the present window.
    private var windowBytes = 0
    /// When the socket last took bytes, or had nothing to take.
    private var written: Int
    /// When the loop will look again.
    private var armed: Int?
    /// A TLS handshake comes before the first request.
    private(set) var isHandshaking: Bool

    init(bounds: Bounds, now: Int, isHandshaking: Bool) {
        self.bounds = bounds
        self.isHandshaking = isHandshaking
        begun = now
        written = now
    }

    /// A request, or the wait for one, begins.
    mutating func noteRequest(now: Int) {
        begun = now
        windowBytes = 0
    }

    mutating func handshakeHasEnded(now: Int) {
        isHandshaking = false
        noteRequest(now: now)
    }

    /// Bytes from the peer while it was waited for.
    mutating func noteBytes(_ count: Int, waiting: ConnectionStateMachine.Waiting, now: Int) {
        switch waiting {
        case .forRequest, .forAnswer: begun = now
        case .forRestOfHead: break
        case .forBody: windowBytes += count
        }
    }

    mutating func noteWriting(now: Int) {
        written = now
    }

    /// The earliest moment at which something may have lasted too long; nil when nothing can.
    mutating func nextDeadline(_ waiting: ConnectionStateMachine.Waiting, isWriting: Bool, now: Int) -> Int? {
        enter(waiting, now: now)
        if !isWriting { written = now }
        let wait = limit(of: waiting).map { begun + $0 }
        guard isWriting else { return wait }
        let stall = written + bounds.writeStall
        return wait.map { min($0, stall) } ?? stall
    }

    /// - Returns: whether the loop has to be told.
    mutating func arm(_ deadline: Int) -> Bool {
        if let armed, armed <= deadline { return false }
        armed = deadline
        return true
    }

    mutating func deadlineHasPassed() {
        armed = nil
    }

    func writeHasStalled(now: Int) -> Bool {
        now - written >= bounds.writeStall
    }

    /// Whether the peer has kept us waiting too long. A window of a body that brought enough begins anew.
    mutating func hasWaitedTooLong(_ waiting: ConnectionStateMachine.Waiting, now: Int) -> Bool {
        enter(waiting, now: now)
        guard let limit = limit(of: waiting), now - begun >= limit else { return false }
        guard waiting == .forBody, windowBytes >= bounds.bodyBytesPerWindow else { return true }
        noteRequest(now: now)
        return false
    }

    func lingerDeadline(now: Int) -> Int {
        now + bounds.linger
    }

    private mutating func enter(_ waiting: ConnectionStateMachine.Waiting, now: Int) {
        guard waiting != self.waiting else { return }
        self.waiting = waiting
        noteRequest(now: now)
    }

    private func limit(of waiting: ConnectionStateMachine.Waiting) -> Int? {
        switch waiting {
        case .forRequest: isHandshaking ? bounds.handshake : bounds.idle
        case .forRestOfHead: bounds.head
        case .forBody: bounds.bodyWindow
        case .forAnswer: nil
        }
    }
}

extension Duration {
    /// Whole nanoseconds; a configuration's time-outs are far from overflow.
    var nanoseconds: Int {
        Int(components.seconds) * 1_000_000_000 + Int(components.attoseconds / 1_000_000_000)
    }
}
