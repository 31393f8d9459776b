// What the TLS of a server is made of: certificate and key, versions, ciphers, client certificates. RFC 8446, RFC 9325,
// RFC 7301; the ciphers of TLS 1.2 are Mozilla's "intermediate" list without finite-field Diffie-Hellman.
import COpenSSL
import Synchronization

/// Why TLS cannot be set up: a sentence.
package struct TLSError: Error, Equatable {
    package let reason: String
}

/// Where a server finds what it identifies itself by. Paths of PEM files.
package struct TLSFiles: Equatable, Sendable {
    /// The server's certificate, and behind it those that lead to its root.
    package var certificate: String
    /// The private key of the first certificate.
    package var key: String
    /// Roots that clients' certificates must lead to; nil asks clients for none.
    package var clientAuthorities: String?

    /// Takes the paths; the files are read by ``TLSContext``.
    package init(certificate: String, key: String, clientAuthorities: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.clientAuthorities = clientAuthorities
    }
}

/// The TLS side of a server. Sessions that have begun keep what they began with when the files are read again.
package final class TLSContext: Sendable {
    private let files: TLSFiles
    private let current: Mutex<NativeContext>

    /// Reads the files.
    ///
    /// - Throws: ``TLSError`` when one cannot be read, or key and certificate do not belong together.
    package init(_ files: TLSFiles) throws(TLSError) {
        self.files = files
        current = Mutex(try NativeContext(files))
    }

    /// Reads the files again, for sessions that begin from now on.
    ///
    /// - Throws: ``TLSError``; then everything stays as it was.
    package func reload() throws(TLSError) {
        let fresh = try NativeContext(files)
        current.withLock { $0 = fresh }
    }

    /// - Throws: ``SystemError`` (ENOMEM) when there is no memory for a session.
    func makeSession(on descriptor: borrowing OwnedDescriptor) throws(SystemError) -> TLSSession {
        let native = current.withLock { $0 }
        // A reload may let go of it at any time: it has to live until the session holds it too.
        defer { withExtendedLifetime(native) {} }
        return try TLSSession(context: native.raw, descriptor: descriptor.raw)
    }
}

/// Owns one `SSL_CTX`.
private final class NativeContext: @unchecked Sendable {
    // @unchecked: nothing changes it after `init`; its reference count, which sessions touch, is atomic.
    let raw: OpaquePointer

    private static let ciphers =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
        + "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

    init(_ files: TLSFiles) throws(TLSError) {
        guard let raw = SSL_CTX_new(TLS_server_method()) else { throw TLSError(reason: "OpenSSL has no memory") }
        self.raw = raw
        try require(copenssl_require_tls12(raw) == 1 && SSL_CTX_set_cipher_list(raw, Self.ciphers) == 1, "its ciphers")
        copenssl_set_server_options(raw)
        copenssl_set_stream_modes(raw)
        copenssl_read_ahead(raw)
        copenssl_keep_no_sessions(raw)
        SSL_CTX_set_alpn_select_cb(raw, selectProtocol, nil)
        try require(
            SSL_CTX_use_certificate_chain_file(raw, files.certificate) == 1, "the certificate \(files.certificate)")
        try require(SSL_CTX_use_PrivateKey_file(raw, files.key, SSL_FILETYPE_PEM) == 1, "the key \(files.key)")
        try require(SSL_CTX_check_private_key(raw) == 1, "the key \(files.key) for this certificate")
        if let authorities = files.clientAuthorities { try demandCertificates(of: authorities) }
        // Resumption with client certificates is refused without a context of its own.
        SSL_CTX_set_session_id_context(raw, Array("stackelberg".utf8), 11)
    }

    deinit { SSL_CTX_free(raw) }

    private func demandCertificates(of authorities: String) throws(TLSError) {
        try require(
            SSL_CTX_load_verify_locations(raw, authorities, nil) == 1, "the client authorities \(authorities)")
        SSL_CTX_set_client_CA_list(raw, SSL_load_client_CA_file(authorities))
        SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    }

    private func require(_ succeeded: Bool, _ what: @autoclosure () -> String) throws(TLSError) {
        if succeeded { return }
        let code = ERR_peek_last_error()
        let cause = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
        ERR_clear_error()
        throw TLSError(reason: "OpenSSL cannot use \(what()): \(cause)")
    }
}

/// Chooses `http/1.1` among what a client offers; one that offers only other protocols is refused (RFC 7301 §3.2).
private func selectProtocol(
    _: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenLength: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredLength: UInt32,
    _: UnsafeMutableRawPointer?
) -> CInt {
    let offers = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
    var rest = offers[...]
    while let length = rest.popFirst() {
        let name = rest.prefix(Int(length))
        rest = rest.dropFirst(Int(length))
        guard name.elementsEqual("http/1.1".utf8) else { continue }
        chosen?.pointee = UnsafeBufferPointer(rebasing: name).baseAddress
        chosenLength?.pointee = length
        return SSL_TLSEXT_ERR_OK
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}
