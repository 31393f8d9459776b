// What the TLS of a client is made of: versions, roots, and the name that a certificate must carry. RFC 8446, RFC 9325, RFC 9525.
import COpenSSL

/// Whom a client takes for the server it asked for.
package enum ServerTrust: Equatable, Sendable {
    /// Who has a certificate for the name, led to the system's roots.
    case systemAuthorities
    /// Who has a certificate for the name, led to the roots in this PEM file.
    case authorities(String)
    /// Anyone: for a probe of one's own machine.
    case anyone
}

/// The TLS side of a client.
package final class ClientTLS: @unchecked Sendable {
    // @unchecked: nothing changes the context after `init`; its reference count, which sessions touch, is atomic.
    private let context: OpaquePointer
    private let checksName: Bool

    /// - Throws: ``TLSError`` when the roots cannot be read.
    package init(trusting trust: ServerTrust) throws(TLSError) {
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw TLSError(reason: "OpenSSL has no memory") }
        self.context = context
        checksName = trust != .anyone
        _ = copenssl_require_tls12(context)
        copenssl_set_stream_modes(context)
        copenssl_set_client_options(context)
        switch trust {
        case .systemAuthorities:
            guard SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw TLSError(reason: "OpenSSL cannot find the system's certificate authorities")
            }
        case .authorities(let file):
            guard SSL_CTX_load_verify_locations(context, file, nil) == 1 else {
                ERR_clear_error()
                throw TLSError(reason: "OpenSSL cannot read certificate authorities from \(file)")
            }
        case .anyone: break
        }
        SSL_CTX_set_verify(context, checksName ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
    }

    deinit { SSL_CTX_free(context) }

    /// A session that expects a server called `host`.
    ///
    /// - Throws: ``SystemError`` (ENOMEM).
    func makeSession(on descriptor: borrowing OwnedDescriptor, to host: String) throws(SystemError) -> TLSSession {
        let session = try TLSSession(context: context, descriptor: descriptor.raw, connectingTo: host)
        if checksName { try session.requireName(host) }
        return session
    }
}
