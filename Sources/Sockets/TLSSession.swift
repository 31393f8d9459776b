// TLS over one non-blocking descriptor: the outcomes of plain reads and writes, with the handshake done on the way.
import COpenSSL
import Glibc

/// One side of a TLS connection. It belongs to its socket and is used where that is used: on one loop.
final class TLSSession: @unchecked Sendable {
    // @unchecked: OpenSSL wants one thread at a time, which the loop of the connection is.
    private let raw: OpaquePointer
    /// After an error that breaks the protocol not even an end may be said.
    private var hasFailed = false

    /// - Parameter descriptor: outlives the session.
    /// - Throws: ``SystemError`` (ENOMEM).
    init(context: OpaquePointer, descriptor: CInt) throws(SystemError) {
        ERR_clear_error()
        guard let raw = SSL_new(context) else { throw SystemError(call: "SSL_new", code: ENOMEM) }
        self.raw = raw
        guard SSL_set_fd(raw, descriptor) == 1 else { throw SystemError(call: "SSL_set_fd", code: ENOMEM) }
        SSL_set_accept_state(raw)
    }

    /// The client's side.
    ///
    /// - Parameters:
    ///   - descriptor: outlives the session.
    ///   - host: said to the server where it is a name.
    /// - Throws: ``SystemError`` (ENOMEM).
    init(context: OpaquePointer, descriptor: CInt, connectingTo host: String) throws(SystemError) {
        ERR_clear_error()
        guard let raw = SSL_new(context) else { throw SystemError(call: "SSL_new", code: ENOMEM) }
        self.raw = raw
        let isNamed = Self.isNumeric(host) || copenssl_name_server(raw, host) == 1
        guard isNamed, SSL_set_fd(raw, descriptor) == 1 else { throw SystemError(call: "SSL_set_fd", code: ENOMEM) }
        SSL_set_connect_state(raw)
    }

    deinit { SSL_free(raw) }

    /// Refuses a certificate that is not for `host` (RFC 9525 §6).
    func requireName(_ host: String) throws(SystemError) {
        let isSet =
            Self.isNumeric(host)
            ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(raw), host) : SSL_set1_host(raw, host)
        guard isSet == 1 else { throw SystemError(call: "SSL_set1_host", code: EINVAL) }
    }

    private static func isNumeric(_ host: String) -> Bool { (try? SocketAddress(host: host, port: 0)) != nil }

    /// Goes on with the handshake.
    ///
    /// - Returns: whether it is over.
    func shakeHands() throws(SystemError) -> Bool {
        ERR_clear_error()
        let result = SSL_do_handshake(raw)
        if result == 1 { return true }
        if try fault(of: result, "SSL_do_handshake") { throw SystemError(call: "SSL_do_handshake", code: EPIPE) }
        return false
    }

    /// Whether the call that would have had to wait waits for room to write.
    var wantsToWrite: Bool { SSL_want(raw) == SSL_WRITING }

    /// Why the peer's certificate was not taken; nil when it was, or none was looked at.
    var distrust: String? {
        let code = SSL_get_verify_result(raw)
        return code == Int(X509_V_OK) ? nil : String(cString: X509_verify_cert_error_string(code))
    }

    /// Whether the handshake is over.
    var isEstablished: Bool { SSL_is_init_finished(raw) == 1 }

    /// What a read gave; it may want to write, or a write to read: whatever readiness comes, both are worth a try.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> ReadOutcome {
        ERR_clear_error()
        let count = SSL_read(raw, buffer.baseAddress, CInt(clamping: buffer.count))
        if count > 0 { return .bytes(Int(count)) }
        return try fault(of: count, "SSL_read") ? .ended : .wouldBlock
    }

    /// What a write took. The same bytes, perhaps with more behind them, are to be offered again when it took none.
    func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) -> WriteOutcome {
        ERR_clear_error()
        let count = SSL_write(raw, bytes.baseAddress, CInt(clamping: bytes.count))
        if count > 0 { return .bytes(Int(count)) }
        if try fault(of: count, "SSL_write") { throw SystemError(call: "SSL_write", code: EPIPE) }
        return .wouldBlock
    }

    /// Says that nothing more comes.
    func endWriting() {
        guard isEstablished, !hasFailed else { return }
        ERR_clear_error()
        // Without room for it the peer sees the end of the stream instead.
        _ = SSL_shutdown(raw)
    }

    /// - Returns: whether the peer has ended its half; false when the call would have to wait.
    private func fault(of result: CInt, _ call: String) throws(SystemError) -> Bool {
        let code = errno
        switch SSL_get_error(raw, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return false
        case SSL_ERROR_ZERO_RETURN: return true
        case SSL_ERROR_SYSCALL:
            hasFailed = true
            throw SystemError(call: call, code: code == 0 ? EPIPE : code)
        default:
            hasFailed = true
            throw SystemError(call: call, code: EPROTO)
        }
    }
}
