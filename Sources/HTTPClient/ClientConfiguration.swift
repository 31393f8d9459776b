// How long a client waits, how much it takes, and whom it speaks to.
import HTTP1
import Sockets

/// Finds the addresses of a host, a name or a numeric address.
package typealias HostLookup = @Sendable (_ host: String, _ port: UInt16) throws(UnresolvedHost) -> [SocketAddress]

/// The bounds of a client.
package struct ClientConfiguration: Sendable {
    /// From the first address to an open connection, handshake included.
    package var connecting = Duration.seconds(10)
    /// The longest silence of the server, in which it neither takes of a request nor sends of an answer. Streams send a sign of life every 15 seconds.
    package var silence = Duration.seconds(60)
    /// From the call to the last byte of the answer; nil for no bound.
    package var total: Duration?
    /// Bytes of an answer that is read as a whole.
    package var contentBytes = 1 << 30
    /// Whom TLS takes for the server.
    package var trust = ServerTrust.systemAuthorities
    /// Which addresses may be connected to. The very address that was judged is connected to: a name is looked up once.
    package var admits: @Sendable (SocketAddress) -> Bool = { _ in true }

    /// Finds the addresses of a host, in the order to try them; asked once for each exchange.
    package var resolve: HostLookup = { (host, port) throws(UnresolvedHost) in
        try HostResolver.addresses(of: host, port: port)
    }

    /// The defaults.
    package init() {}
}

/// Why an answer could not be had.
package enum ClientError: Error, Equatable {
    case unresolved(UnresolvedHost)
    /// None of these addresses may be connected to.
    case forbiddenAddress([SocketAddress])
    /// The last address that was tried, and what happened.
    case unreachable(SocketAddress, ClientSocketError)
    /// The connection broke, or was silent for too long.
    case interrupted(ClientSocketError)
    case malformed(ResponseError)
    /// More content than this many bytes.
    case tooLarge(limit: Int)
    case tls(TLSError)
}

extension ClientError: CustomStringConvertible {
    /// A clause without a full stop.
    package var description: String {
        switch self {
        case .unresolved(let fault): "there is no host \(fault.host): \(fault.reason)"
        case .forbiddenAddress(let addresses):
            "the address \(addresses.map(\.description).joined(separator: ", ")) may not be connected to"
        case .unreachable(let address, let error): "\(address) cannot be connected to: \(Self.describe(error))"
        case .interrupted(let error): "the connection broke: \(Self.describe(error))"
        case .malformed(.incomplete): "the connection ended inside the answer"
        case .malformed(let error): "the answer is not well-formed HTTP/1.1 (\(error))"
        case .tooLarge(let limit): "the answer has more than \(limit) bytes"
        case .tls(let error): error.reason
        }
    }

    private static func describe(_ error: ClientSocketError) -> String {
        switch error {
        case .timedOut: "no answer in time"
        case .system(let error): error.reason
        case .untrusted(let reason): "its certificate is not trusted: \(reason)"
        }
    }
}
