// A blocking TCP socket with time-outs: tests speak HTTP by hand, so that no client library hides what the server does.
import Glibc

/// A connection to a port of 127.0.0.1, closed with its last reference.
package final class Socket: Sendable {
    package let descriptor: Int32

    /// - Parameters:
    ///   - seconds: patience of each read and write.
    ///   - receiveBuffer: bytes that the kernel keeps for a reader that does not read; its default when nil.
    package init(port: Int, seconds: Double = 30, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw HarnessError("socket: errno \(errno)") }
        let whole = Int(seconds)
        var patience = timeval(tv_sec: whole, tv_usec: Int((seconds - Double(whole)) * 1e6))
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        // Head and body go out as they are written: Nagle's algorithm would hold the second for an acknowledgement (40 ms).
        var isPrompt: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isPrompt, socklen_t(MemoryLayout<Int32>.size))
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // The descriptor is closed by deinit, also when this throws.
        guard status == 0 else { throw HarnessError("connect to port \(port): errno \(errno)") }
    }

    deinit { close(descriptor) }

    package func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw HarnessError("send: errno \(errno)") }
            sent += count
        }
    }

    /// Sends what fits now; negative when the connection is gone, 0 when nothing fits.
    package func trySend(_ bytes: [UInt8]) -> Int {
        let count = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        return count < 0 && errno == EAGAIN ? 0 : count
    }

    /// Reads what is there now; nil at the end or when the connection is gone, empty when nothing is there.
    package func tryReceive() -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: 16_384)
        let count = recv(descriptor, &chunk, chunk.count, Int32(MSG_DONTWAIT))
        if count < 0 && errno == EAGAIN { return [] }
        return count > 0 ? Array(chunk[..<count]) : nil
    }

    /// The next bytes; empty at the end.
    package func receive() throws -> [UInt8] {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count >= 0 { return Array(chunk[..<count]) }
            if errno != EINTR { throw HarnessError("receive: errno \(errno)") }
        }
    }

    /// Makes closing send a reset.
    package func resetOnClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }
}
