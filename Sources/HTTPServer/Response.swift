// What a handler answers.
import HTTP1

/// An answer. Framing, Connection, Date and X-Request-Id are added by the connection.
package struct Response: Sendable {
    /// The content of an answer.
    package enum Body: Sendable {
        case empty
        case bytes([UInt8])
        /// Made while it is sent. The producer runs in a task of its own, which is cancelled when the peer is gone;
        /// `length` in bytes if it is known. Not run for HEAD.
        case stream(length: Int?, @Sendable (ResponseWriter) async throws -> Void)
    }

    /// The first line.
    package var status: Status
    /// Without those of the connection.
    package var fields: Fields
    /// The content, as GET has it also for HEAD.
    package var body: Body

    /// An answer; empty 200 by default.
    package init(status: Status = .ok, fields: Fields = Fields(), body: Body = .empty) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    var contentLength: ContentLength {
        switch body {
        case .empty: .known(0)
        case .bytes(let bytes): .known(bytes.count)
        case .stream(let length, _): length.map(ContentLength.known) ?? .unknown
        }
    }
}
