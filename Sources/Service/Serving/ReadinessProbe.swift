// One GET of /readyz over the loopback, by plain system calls: a health check must work where little else does.
import COpenSSL
import Glibc

/// Asks a service whether it is ready.
package enum ReadinessProbe {
    private static let request = Array("GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)

    /// Whether `/readyz` on 127.0.0.1 answers 200 within five seconds.
    ///
    /// - Parameter overTLS: by TLS, to whatever certificate.
    package static func isReady(port: Int, overTLS: Bool = false) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard connect(descriptor, port) else { return false }
        if overTLS { return isReadyOverTLS(descriptor) }
        guard write(descriptor, request, request.count) == request.count else { return false }
        return headIsReady { read(descriptor, $0.baseAddress, $0.count) }
    }

    private static func connect(_ descriptor: Int32, _ port: Int) -> Bool {
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func isReadyOverTLS(_ descriptor: Int32) -> Bool {
        guard let context = SSL_CTX_new(TLS_client_method()) else { return false }
        defer { SSL_CTX_free(context) }
        guard let session = SSL_new(context) else { return false }
        defer { SSL_free(session) }
        guard SSL_set_fd(session, descriptor) == 1, SSL_connect(session) == 1,
            SSL_write(session, request, Int32(request.count)) == request.count
        else { return false }
        return headIsReady { Int(SSL_read(session, $0.baseAddress, Int32($0.count))) }
    }

    private static func headIsReady(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Bool {
        var head = [UInt8](repeating: 0, count: 12)
        var count = 0
        while count < head.count {
            let more = head[count...].withUnsafeMutableBytes { read($0) }
            if more <= 0 { return false }
            count += more
        }
        return String(decoding: head, as: UTF8.self) == "HTTP/1.1 200"
    }
}
