// What a server is told: limits, time-outs, and the time, identifiers, log and error pages of its owner.
import HTTP1
import Sockets

/// Time-outs of a connection.
package struct ConnectionTimeouts: Equatable, Sendable {
    /// From the first byte of a head to its last (408).
    package var head = Duration.seconds(10)
    /// Between requests, and before the first (closed without an answer).
    package var idle = Duration.seconds(60)
    /// For a TLS handshake (closed).
    package var handshake = Duration.seconds(10)
    /// Without progress of a write while the peer does not read (closed).
    package var writeStall = Duration.seconds(30)
    /// The window over which the rate of a body is measured (408).
    package var bodyWindow = Duration.seconds(10)
    /// Bytes of body that must arrive in each window.
    package var bodyBytesPerWindow = 1024
    /// For the peer to end its half after our last answer.
    package var linger = Duration.seconds(2)

    /// The defaults.
    package init() {}
}

/// Everything a server needs to know.
package struct ServerConfiguration: Sendable {
    /// Bounds of the protocol layer.
    package var limits = HTTPLimits()
    /// Bounds on waiting.
    package var timeouts = ConnectionTimeouts()
    /// Certificate and key for TLS; nil for plain text.
    package var tls: TLSContext?
    /// Event loops, at least one; one a core is enough.
    package var loops: Int
    /// Connections that may wait to be accepted.
    package var backlog = 1024
    /// Connections at once; one more is answered 503 and closed.
    package var connections = 20_000
    /// Connections at once from one address; one more is answered 503 and closed.
    package var connectionsPerAddress = 10_000
    /// Handlers that run off the loops at once, streams that have begun not counted; one more request gets 503.
    package var handlersAtOnce = 1024
    /// Bytes of collected bodies at once, from their arrival to the end of the answer; whose body goes beyond gets 503.
    package var collectedBytes = 512 << 20
    /// Bytes that may wait for a socket, or for a reader of a request body, before their producer has to.
    package var bufferedBytes = 64 * 1024
    /// Text of more bytes leaves in gzip, for readers that welcome it.
    package var compressionBytes = 1024
    /// Bytes that content in gzip may stand for, for each byte of it, once a mebibyte has come out (413).
    package var decompressionRatio = 200
    /// Peers that are believed about whom they ask for (`X-Forwarded-For`); limits per address are then those of whom
    /// they name, a request counting as a connection.
    package var trustedProxies: [AddressBlock] = []
    /// Bytes read and dropped after the last answer, so that it is not lost to a reset.
    package var lingerBytes = 1024 * 1024

    /// Seconds since 1970, for the Date field.
    package var wallClock: @Sendable () -> Int
    /// A new request id, `[A-Za-z0-9._-]{1,128}`.
    package var requestIdentifier: @Sendable () -> String
    /// Called on a loop after every answer; must not block.
    package var log: (@Sendable (AccessRecord) -> Void)?
    /// Asked on the loop, before a body is read, whether a request is refused: authorization, quotas, host names. Must
    /// not block.
    package var admission: (@Sendable (RequestHead, _ peer: SocketAddress, _ requestID: String) -> Response?)?
    /// Asked on the loop when a streamed body begins: who is to see its bytes as they were sent.
    package var bodyWitness: (@Sendable (RequestHead) -> (any BodyWitness)?)?
    /// Makes the answer for a fault: the one place where errors become HTTP. Called on a loop; must not block.
    package var render: @Sendable (ServerFault, _ requestID: String) -> Response

    /// - Parameters:
    ///   - loops: number of event loops, at least 1.
    ///   - wallClock: seconds since 1970.
    ///   - requestIdentifier: a new request id.
    ///   - render: makes the answer for a fault; plain text by default.
    package init(
        loops: Int, wallClock: @escaping @Sendable () -> Int, requestIdentifier: @escaping @Sendable () -> String,
        render: @escaping @Sendable (ServerFault, _ requestID: String) -> Response = { fault, _ in
            Response(status: fault.status, body: .bytes(Array("\(fault.status.phrase)\n".utf8)))
        }
    ) {
        self.loops = max(1, loops)
        self.wallClock = wallClock
        self.requestIdentifier = requestIdentifier
        self.render = render
    }
}

/// Why a request does not get what it asks for.
package enum ServerFault: Error, Sendable {
    case request(RequestError)
    case notFound
    /// An escape in the path decodes to something that is not text.
    case invalidPathParameter
    case methodNotAllowed(allow: String)
    /// A method that nothing here implements.
    case notImplemented
    case contentTooLarge(limit: Int)
    /// The content comes in a coding other than gzip.
    case unsupportedContentCoding(String)
    /// The content is no gzip, or ends inside it.
    case malformedContentCoding
    /// Content in gzip stands for more than honest content does.
    case contentTooDense
    /// As many handlers run as may.
    case tooManyHandlers
    case tooManyConnections
    /// Bodies of others take all the room there is.
    case noRoomForContent
    /// What a handler threw.
    case handler(any Error)

    /// The status of the fault; 500 for what a handler threw.
    package var status: Status {
        switch self {
        case .request(let error): error.status
        case .notFound: .notFound
        case .invalidPathParameter: .badRequest
        case .methodNotAllowed: .methodNotAllowed
        case .notImplemented: .notImplemented
        case .contentTooLarge, .contentTooDense: .contentTooLarge
        case .unsupportedContentCoding: .unsupportedMediaType
        case .malformedContentCoding: .badRequest
        case .tooManyHandlers, .tooManyConnections, .noRoomForContent: .serviceUnavailable
        case .handler: .internalServerError
        }
    }
}

/// One line of the access log. Target and request id are as the peer sent them: escape them when writing.
package struct AccessRecord: Equatable, Sendable {
    package let method: String
    /// Method and pattern of the route, `GET /v1/jobs/{id}`, also where HEAD was asked for; nil when none was found.
    package let route: String?
    package let target: String
    package let status: Int
    /// Bytes of the answer, head and framing included, as handed to the socket's buffer.
    package let bytes: Int
    /// From the end of the head to the end of the answer.
    package let seconds: Double
    package let requestID: String
    package let peer: SocketAddress
    /// Whom the peer asks for, if it is a trusted proxy that says so.
    package let client: String?
}
