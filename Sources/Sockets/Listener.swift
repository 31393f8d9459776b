// One listening socket, watched by every loop. One, not one a loop with SO_REUSEPORT: a second server would bind the
// same port silently, and closing one of several resets what waits in its queue.
import CEventLoop
import Glibc

/// A connection that a listener has taken.
package struct AcceptedConnection: ~Copyable, Sendable {
    /// Non-blocking, without delay for small segments.
    package let socket: StreamSocket
    /// Who connected.
    package let peer: SocketAddress

    /// Takes the parts apart: the socket moves to its next owner.
    package consuming func take() -> StreamSocket { socket }
}

/// A bound, listening TCP socket.
package final class Listener: Sendable {
    /// Bytes that may wait in the kernel before any of them is sent. Told nothing, it takes four mebibytes for a peer that
    /// reads nothing, all of which had to be made first.
    package static let unsentBytes = 128 << 10

    fileprivate let descriptor: OwnedDescriptor
    /// Where it listens, with the port the kernel chose if 0 was asked for.
    package let address: SocketAddress

    /// - Parameters:
    ///   - address: port 0 lets the kernel choose.
    ///   - backlog: connections that may wait to be accepted.
    /// - Throws: ``SystemError`` of `socket`, `bind` or `listen`.
    package init(on address: SocketAddress, backlog: Int) throws(SystemError) {
        var native = try address.makeNative()
        let family = native.family
        let type = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let raw = CInt(try systemCall("socket") { Int(socket(family, type, 0)) })
        descriptor = OwnedDescriptor(raw)
        try Self.set(SO_REUSEADDR, of: SOL_SOCKET, to: 1, on: raw)
        // Connections inherit it.
        try Self.set(TCP_NOTSENT_LOWAT, of: CInt(IPPROTO_TCP), to: CInt(Self.unsentBytes), on: raw)
        try systemCall("bind") { native.withPointer { pointer, length in Int(bind(raw, pointer, length.pointee)) } }
        // The kernel lets one more wait than it is told.
        try systemCall("listen") { Int(listen(raw, CInt(clamping: max(0, backlog - 1)))) }
        var bound = NativeAddress()
        try systemCall("getsockname") { bound.withPointer { Int(getsockname(raw, $0, $1)) } }
        self.address = bound.address ?? address
    }

    private static func set(_ option: CInt, of level: CInt, to value: CInt, on descriptor: CInt) throws(SystemError) {
        var value = value
        try systemCall("setsockopt") {
            Int(setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size)))
        }
    }

    /// The next connection that waits; nil when none does.
    ///
    /// - Throws: ``SystemError``; `isExhaustion` when the process has no descriptor for it.
    fileprivate func accept() throws(SystemError) -> AcceptedConnection? {
        var peer = NativeAddress()
        let flags = CInt(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let raw: Int
        do throws(SystemError) {
            raw = try systemCall("accept4") {
                peer.withPointer { Int(accept4(descriptor.raw, $0, $1, flags)) }
            }
        } catch {
            if error.isWouldBlock { return nil }
            throw error
        }
        let socket = StreamSocket(OwnedDescriptor(CInt(raw)))
        socket.disableDelay()
        return AcceptedConnection(socket: socket, peer: peer.address ?? address)
    }

    /// Descriptors that no connection gets: files must still be opened when peers have taken all others, and Dispatch
    /// ends the process (SIGILL) where it cannot open one of its own.
    private static let keptBack = 64

    /// Connections whose descriptor is this or above are closed as they come: the kernel gives the lowest that is free.
    fileprivate static var descriptorsForPeers: Int {
        var limit = rlimit()
        // Cannot fail: the resource exists and the pointer is valid.
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let count = Int(clamping: limit.rlim_cur)
        return count - min(keptBack, count / 4)
    }
}

/// Accepts connections on one loop.
package actor Acceptor: EventHandler {
    /// Connections taken in one turn before the loop looks at others: a burst spreads over the loops.
    private static let acceptsPerTurn = 8
    /// Nanoseconds without accepting after descriptors ran out, though some were kept back.
    private static let backOff = 20_000_000

    /// nil once stopped.
    private var listener: Listener?
    private let loop: EventLoop
    private let accepted: @Sendable (consuming AcceptedConnection) -> Void
    private var registration: EventLoop.Registration?
    private var isWatching = false

    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// - Parameter accepted: called on the loop for every connection.
    package init(
        _ listener: Listener, on loop: EventLoop,
        accepted: @escaping @Sendable (consuming AcceptedConnection) -> Void
    ) {
        self.listener = listener
        self.loop = loop
        self.accepted = accepted
    }

    /// Begins to accept.
    ///
    /// - Throws: ``SystemError`` when the kernel cannot watch one more.
    package func start() throws {
        let registration = loop.add(self)
        self.registration = registration
        try watch(registration)
    }

    /// Accepts nothing more; the listening socket closes with the last acceptor that lets go of it.
    package func stop() {
        if isWatching, let listener { try? loop.unwatch(listener.descriptor) }
        isWatching = false
        listener = nil
        if let registration { loop.remove(registration) }
        registration = nil
    }

    package nonisolated func isReady(_ readiness: Readiness) { assumeIsolated { $0.acceptWaiting() } }

    package nonisolated func deadlineHasPassed() { assumeIsolated { $0.resume() } }

    private func acceptWaiting() {
        for _ in 0..<Self.acceptsPerTurn {
            guard isWatching, let listener else { return }
            do throws(SystemError) {
                guard let connection = try listener.accept() else { return }
                // Let go of, it is closed, and its peer learns at once that there is no room.
                if connection.socket.descriptor.raw < Listener.descriptorsForPeers { accepted(connection) }
            } catch {
                // Any other failure belongs to that one connection, which its peer has given up.
                if error.isExhaustion { return pause() }
            }
        }
    }

    private func pause() {
        guard let listener, let registration else { return }
        guard (try? loop.unwatch(listener.descriptor)) != nil else { return }
        isWatching = false
        loop.setDeadline(loop.now + Self.backOff, for: registration)
    }

    private func resume() {
        guard let registration else { return }
        if (try? watch(registration)) == nil { loop.setDeadline(loop.now + Self.backOff, for: registration) }
    }

    private func watch(_ registration: EventLoop.Registration) throws(SystemError) {
        guard let listener else { return }
        try loop.watchForConnections(listener.descriptor, for: registration)
        isWatching = true
    }
}
