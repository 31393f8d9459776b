// A client's end of a connection: calls that block, each until a deadline at the latest.
import Glibc

/// Why a connection cannot be made or used.
package enum ClientSocketError: Error, Equatable {
    /// The deadline passed.
    case timedOut
    case system(SystemError)
    /// The server's certificate is not what was asked for: a sentence.
    case untrusted(String)
}

/// A connected socket, plain or under TLS. Deadlines are nanoseconds of ``MonotonicClock``.
package struct ClientSocket: ~Copyable, Sendable {
    private let stream: StreamSocket

    /// Connects, and shakes hands where TLS is wanted.
    ///
    /// - Parameters:
    ///   - tls: nil for plain text.
    ///   - host: the name that the server's certificate must carry.
    /// - Throws: ``ClientSocketError``.
    package init(
        to address: SocketAddress, tls: ClientTLS?, host: String, before deadline: Int
    ) throws(ClientSocketError) {
        stream = try Self.connect(to: address, tls: tls, host: host, before: deadline)
    }

    private static func connect(
        to address: SocketAddress, tls: ClientTLS?, host: String, before deadline: Int
    ) throws(ClientSocketError) -> StreamSocket {
        let descriptor = try system { () throws(SystemError) in try begin(connectingTo: address) }
        try wait(for: descriptor.raw, CInt(POLLOUT), before: deadline)
        var failure: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(descriptor.raw, SOL_SOCKET, SO_ERROR, &failure, &size)
        if failure != 0 { throw .system(SystemError(call: "connect", code: failure)) }
        let session = try secure(descriptor, tls, host, before: deadline)
        let stream = StreamSocket(descriptor, session: session)
        stream.disableDelay()
        return stream
    }

    private static func secure(
        _ descriptor: borrowing OwnedDescriptor, _ tls: ClientTLS?, _ host: String, before deadline: Int
    ) throws(ClientSocketError) -> TLSSession? {
        guard let tls else { return nil }
        let session: TLSSession
        do throws(SystemError) {
            session = try tls.makeSession(on: descriptor, to: host)
        } catch {
            throw .system(error)
        }
        try shakeHands(session, descriptor.raw, before: deadline)
        return session
    }

    private static func shakeHands(
        _ session: TLSSession, _ descriptor: CInt, before deadline: Int
    ) throws(ClientSocketError) {
        while true {
            do throws(SystemError) {
                if try session.shakeHands() { return }
            } catch {
                throw session.distrust.map(ClientSocketError.untrusted) ?? .system(error)
            }
            try wait(for: descriptor, session.wantsToWrite ? CInt(POLLOUT) : CInt(POLLIN), before: deadline)
        }
    }

    /// What came next, at most what `buffer` holds; 0 when the peer has ended its half.
    package func read(
        into buffer: UnsafeMutableRawBufferPointer, before deadline: Int
    ) throws(ClientSocketError) -> Int {
        while true {
            switch try Self.system({ () throws(SystemError) in try stream.read(into: buffer) }) {
            case .bytes(let count): return count
            case .ended: return 0
            case .wouldBlock:
                try Self.wait(
                    for: stream.descriptor.raw, stream.wantsToWrite ? CInt(POLLOUT) : CInt(POLLIN), before: deadline)
            }
        }
    }

    /// Writes all of `bytes`.
    ///
    /// - Parameter deadline: of a wait that begins when it is asked for, which is at first and whenever the peer has taken
    ///   some.
    package func write(_ bytes: [UInt8], before deadline: () -> Int) throws(ClientSocketError) {
        var written = 0
        var end = deadline()
        while written < bytes.count {
            let outcome = try Self.system { () throws(SystemError) in
                try bytes.withUnsafeBufferPointer { (all) throws(SystemError) in
                    try stream.write(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: all[written...])))
                }
            }
            switch outcome {
            case .bytes(let count):
                written += count
                end = deadline()
            case .wouldBlock:
                try Self.wait(for: stream.descriptor.raw, CInt(POLLOUT), before: end)
            }
        }
    }

    private static func begin(connectingTo address: SocketAddress) throws(SystemError) -> OwnedDescriptor {
        var native = try address.makeNative()
        let family = native.family
        let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = OwnedDescriptor(CInt(try systemCall("socket") { Int(socket(family, type, 0)) }))
        let raw = descriptor.raw
        do throws(SystemError) {
            try systemCall("connect") {
                native.withPointer { pointer, length in Int(Glibc.connect(raw, pointer, length.pointee)) }
            }
        } catch {
            guard error.code == EINPROGRESS || error.code == EALREADY else { throw error }
        }
        return descriptor
    }

    private static func wait(for descriptor: CInt, _ events: CInt, before deadline: Int) throws(ClientSocketError) {
        while true {
            let left = (deadline - MonotonicClock.now() + 999_999) / 1_000_000
            guard left > 0 else { throw .timedOut }
            var polled = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let count = try system { () throws(SystemError) in
                try systemCall("poll") { Int(poll(&polled, 1, CInt(clamping: left))) }
            }
            if count > 0 { return }
        }
    }

    private static func system<Value: ~Copyable>(
        _ body: () throws(SystemError) -> Value
    ) throws(ClientSocketError) -> Value {
        do throws(SystemError) { return try body() } catch { throw .system(error) }
    }
}
