// A connected, non-blocking TCP socket, plain or under TLS.
import CEventLoop
import Glibc

/// What a read gave.
package enum ReadOutcome: Equatable, Sendable {
    case bytes(Int)
    case wouldBlock
    /// The peer has ended its half.
    case ended
}

/// What a write took.
package enum WriteOutcome: Equatable, Sendable {
    case bytes(Int)
    case wouldBlock
}

/// One end of a connection. It is closed with its owner.
package struct StreamSocket: ~Copyable, Sendable {
    let descriptor: OwnedDescriptor
    /// nil for plain text.
    private let session: TLSSession?

    init(_ descriptor: consuming OwnedDescriptor, session: TLSSession? = nil) {
        self.descriptor = descriptor
        self.session = session
    }

    /// The same socket as the server's side of a TLS connection. The handshake is done by reading and writing.
    ///
    /// - Throws: ``SystemError`` when there is no memory for it; the socket is closed then.
    package consuming func secured(by context: TLSContext) throws(SystemError) -> StreamSocket {
        let session = try context.makeSession(on: descriptor)
        return StreamSocket(descriptor, session: session)
    }

    /// Whether bytes of the application can flow: always, but for a TLS handshake that still goes on.
    package var isEstablished: Bool { session?.isEstablished ?? true }

    /// Whether what would have had to wait waits for room to write, as TLS may also when it reads.
    var wantsToWrite: Bool { session?.wantsToWrite ?? false }

    /// Sends small segments at once: head and body leave in one write anyway. Failure only costs latency.
    func disableDelay() {
        var one: CInt = 1
        setsockopt(descriptor.raw, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
    }

    /// Reads what is there, up to the size of `buffer`, which is not empty.
    ///
    /// - Throws: ``SystemError`` for a connection that is gone.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> ReadOutcome {
        if let session { return try session.read(into: buffer) }
        do throws(SystemError) {
            let count = try systemCall("read") { Glibc.read(descriptor.raw, buffer.baseAddress, buffer.count) }
            return count == 0 ? .ended : .bytes(count)
        } catch {
            if error.isWouldBlock { return .wouldBlock }
            throw error
        }
    }

    /// Writes what the kernel takes of `bytes`, which is not empty.
    ///
    /// - Throws: ``SystemError`` for a connection that is gone.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) -> WriteOutcome {
        if let session { return try session.write(bytes) }
        do throws(SystemError) {
            return .bytes(try systemCall("write") { Glibc.write(descriptor.raw, bytes.baseAddress, bytes.count) })
        } catch {
            if error.isWouldBlock { return .wouldBlock }
            throw error
        }
    }

    /// Ends our half: the peer reads to the end of what was written. A peer that is gone already needs no end.
    package func endWriting() {
        session?.endWriting()
        _ = shutdown(descriptor.raw, CInt(SHUT_WR))
    }

    /// Makes closing look like a failure to the peer: a reset in place of an end. What it has not got by then is lost.
    package func resetOnClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor.raw, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Connects and waits for it, for clients and tests on this machine.
    ///
    /// - Throws: ``SystemError`` of `socket` or `connect`.
    package static func connect(to address: SocketAddress) throws(SystemError) -> StreamSocket {
        var native = try address.makeNative()
        let family = native.family
        let raw = try systemCall("socket") {
            Int(socket(family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        }
        let descriptor = OwnedDescriptor(CInt(raw))
        let fileDescriptor = descriptor.raw
        try systemCall("connect") {
            native.withPointer { pointer, length in Int(Glibc.connect(fileDescriptor, pointer, length.pointee)) }
        }
        return StreamSocket(descriptor)
    }
}
