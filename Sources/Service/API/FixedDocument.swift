// A document that never changes while the service runs: its bytes are made once, and whoever has them is told so.
import HTTP1
import HTTPServer
import ProblemSpecification

/// A document and its tag.
struct FixedDocument: Sendable {
    private let bytes: [UInt8]
    private let tag: EntityTag?

    init(_ value: JSONValue) {
        bytes = JSONWriter.bytes(value) + [0x0A]
        tag = EntityTag(opaque: Digest.sha256(bytes))
    }

    /// The answer to GET or HEAD: 200, or 304 for a reader that has the document.
    ///
    /// - Throws: ``APIError/contentChanged``.
    func answer(_ request: Request) throws -> Response {
        var response: Response
        switch Precondition(of: request.head, current: tag) {
        case .proceed: response = .text(bytes, type: "application/json")
        case .notModified: response = Response(status: .notModified)
        case .failed: throw APIError.contentChanged
        }
        if let tag { response.fields.add("ETag", tag.text) }
        return response
    }
}
