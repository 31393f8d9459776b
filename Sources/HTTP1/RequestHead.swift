// What a request says before its body.

/// The methods this server knows (RFC 9110 §9, RFC 5789); another token is a method that nothing here implements.
package enum RequestMethod: Hashable, Sendable {
    case get
    case head
    case post
    case put
    case patch
    case delete
    case options
    case trace
    case connect
    case other(String)

    init(token: UnsafeBufferPointer<UInt8>) {
        let text = String(decoding: token, as: UTF8.self)
        self =
            switch text {
            case "GET": .get
            case "HEAD": .head
            case "POST": .post
            case "PUT": .put
            case "PATCH": .patch
            case "DELETE": .delete
            case "OPTIONS": .options
            case "TRACE": .trace
            case "CONNECT": .connect
            default: .other(text)
            }
    }

    /// The token on the wire.
    package var token: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .patch: "PATCH"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .connect: "CONNECT"
        case .other(let text): text
        }
    }
}

/// The versions that are spoken. A higher minor version is answered as 1.1 (RFC 9110 §2.5).
package enum HTTPVersion: Equatable, Sendable {
    case http10
    case http11
}

/// A complete, checked request head. A class because it is handed from hand to hand and never changes.
package final class RequestHead: Sendable {
    package let method: RequestMethod
    package let target: RequestTarget
    package let version: HTTPVersion
    package let fields: Fields
    /// How the body is delimited, decided once.
    package let framing: BodyFraming
    /// The target as it was sent, for the log.
    package let rawTarget: String
    /// Whether the peer allows another request on this connection.
    package let allowsReuse: Bool
    /// Whether the peer waits for `100 Continue` before it sends the body.
    package let expectsContinue: Bool

    init(
        method: RequestMethod, target: RequestTarget, version: HTTPVersion, fields: Fields, framing: BodyFraming,
        rawTarget: String, allowsReuse: Bool, expectsContinue: Bool
    ) {
        self.method = method
        self.target = target
        self.version = version
        self.fields = fields
        self.framing = framing
        self.rawTarget = rawTarget
        self.allowsReuse = allowsReuse
        self.expectsContinue = expectsContinue
    }
}

extension RequestHead: Equatable {
    /// Same request, same persistence.
    package static func == (left: RequestHead, right: RequestHead) -> Bool {
        left.method == right.method && left.target == right.target && left.version == right.version
            && left.fields == right.fields && left.framing == right.framing && left.rawTarget == right.rawTarget
            && left.allowsReuse == right.allowsReuse && left.expectsContinue == right.expectsContinue
    }
}
