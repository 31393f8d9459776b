// What a handler is given.
import HTTP1
import Sockets

/// A request whose route has been found.
package struct Request: Sendable {
    /// The content of a request, as its route wants it.
    package enum Body: Sendable {
        /// None came, or the route ignores it.
        case none
        case collected([UInt8])
        case streamed(RequestBodyReader)
    }

    /// As it was read.
    package let head: RequestHead
    /// The path's variable segments by their names, decoded.
    package let parameters: [String: String]
    /// The peer's id if it was well formed, else a new one.
    package let id: String
    /// Who is connected; a proxy, if there is one between.
    package let peer: SocketAddress
    /// The content.
    package let body: Body

    /// The collected content; empty when there is none.
    package var content: [UInt8] {
        if case .collected(let bytes) = body { bytes } else { [] }
    }
}

/// Why a request's body cannot be read to its end.
package enum RequestBodyError: Error, Equatable {
    /// The peer broke the protocol, or was too slow.
    case malformed(RequestError)
    /// More than the route takes.
    case tooLarge(limit: Int)
    /// The connection is gone, or the request has been answered already.
    case closed
}
