// A client that speaks TLS by OpenSSL, blocking, and can be told to do so badly.
import COpenSSL
import Dispatch
import Foundation
import Glibc
import HTTPServer
import Sockets

/// Files that the tests identify servers and clients by; valid for a hundred years, and secret to nobody.
enum Certificates {
    static func path(_ name: String) -> String {
        Bundle.module.path(forResource: name, ofType: nil, inDirectory: "Certificates") ?? name
    }

    static let first = TLSFiles(certificate: path("first.pem"), key: path("first.key"))
}

/// What a client offers.
struct TLSOffer: Sendable {
    var versions = TLS1_2_VERSION...TLS1_3_VERSION
    var protocols: [String] = []
    var hasCertificate = false
}

/// One connection. Everything blocks, on a queue of its own.
final class TLSTestClient: @unchecked Sendable {
    // @unchecked: OpenSSL is called on the queue only.
    struct Failure: Error {}

    private let queue = DispatchQueue(label: "tls-test-client")
    private let descriptor: Int32
    private let context: OpaquePointer
    private let raw: OpaquePointer

    /// Connects; the handshake is not begun.
    ///
    /// - Parameter session: of an earlier connection, to be resumed; freed here.
    init(_ server: Server, _ offer: TLSOffer = TLSOffer(), resuming session: OpaquePointer? = nil) throws {
        descriptor = try Self.connect(to: server.address.port)
        guard let context = SSL_CTX_new(TLS_client_method()), let raw = SSL_new(context) else { throw Failure() }
        self.context = context
        self.raw = raw
        SSL_set_security_level(raw, 0)
        SSL_ctrl(raw, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(offer.versions.lowerBound), nil)
        SSL_ctrl(raw, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(offer.versions.upperBound), nil)
        let protocols = offer.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        if !protocols.isEmpty { SSL_set_alpn_protos(raw, protocols, UInt32(protocols.count)) }
        if offer.hasCertificate {
            SSL_use_certificate_file(raw, Certificates.path("client.pem"), SSL_FILETYPE_PEM)
            SSL_use_PrivateKey_file(raw, Certificates.path("client.key"), SSL_FILETYPE_PEM)
        }
        if let session {
            SSL_set_session(raw, session)
            SSL_SESSION_free(session)
        }
        SSL_set_fd(raw, descriptor)
    }

    deinit {
        SSL_free(raw)
        SSL_CTX_free(context)
        close(descriptor)
    }

    private static func connect(to port: UInt16) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure() }
        return descriptor
    }

    private func perform<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try body() }) }
        }
    }

    // MARK: Above TLS

    func handshake() async throws { try await perform { try self.require(SSL_connect(self.raw)) } }

    func send(_ text: String) async throws {
        try await perform { try self.require(SSL_write(self.raw, text, Int32(text.utf8.count))) }
    }

    /// Everything until `count` bytes have come, or the end.
    func receive(_ count: Int) async throws -> String {
        try await perform {
            var bytes: [UInt8] = []
            while bytes.count < count, let piece = self.piece() { bytes += piece }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// Everything to the end.
    func rest() async throws -> String { try await receive(.max) }

    /// Whether the server has said that nothing more comes; known at the end only.
    var hasHeardTheEnd: Bool {
        get async throws { try await perform { SSL_get_shutdown(self.raw) & SSL_RECEIVED_SHUTDOWN != 0 } }
    }

    private func piece() -> [UInt8]? {
        var piece = [UInt8](repeating: 0, count: 16_384)
        let count = SSL_read(raw, &piece, Int32(piece.count))
        return count > 0 ? Array(piece[..<Int(count)]) : nil
    }

    private func require(_ result: Int32) throws { if result != 1 && result <= 0 { throw Failure() } }

    // MARK: TLS itself

    var chosenProtocol: String {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(raw, &name, &count)
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    var version: Int32 { SSL_version(raw) }
    var isResumed: Bool { SSL_session_reused(raw) == 1 }
    /// Belongs to the caller, who frees it.
    func session() -> OpaquePointer? { SSL_get1_session(raw) }

    /// The common name of the server.
    var serverName: String {
        guard let certificate = SSL_get0_peer_certificate(raw) else { return "" }
        var name = [CChar](repeating: 0, count: 64)
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, &name, Int32(name.count))
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Says that nothing more comes, and reads on.
    func endWriting() async throws { _ = try await perform { SSL_shutdown(self.raw) } }

    /// Asks for a new handshake.
    func renegotiate() async throws {
        try await perform {
            try self.require(SSL_renegotiate(self.raw))
            try self.require(SSL_do_handshake(self.raw))
            var nothing: UInt8 = 0
            try self.require(SSL_read(self.raw, &nothing, 1))
        }
    }
}
