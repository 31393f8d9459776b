// What a caller is sent of a stored result: long arrays by reference unless asked for, conditions and single ranges as of any
// stored content (RFC 9110 §13, §14).
import HTTP1
import HTTPServer
import JobQueue
import ProblemSpecification

/// How the arrays of a result are sent.
enum ResultArrays: String, CaseIterable {
    /// Those above ``inlineLimit`` as an object of shape, entries and path.
    case reference
    /// All as they are.
    case inline

    /// Entries of the longest array that is always sent as it is.
    static let inlineLimit = 10_000

    /// The result of `job` as it is sent, with a line feed. One without long arrays stays as it is, byte for byte.
    ///
    /// - Throws: ``JSONError`` for bytes that are no JSON.
    func content(_ result: [UInt8], of job: Job) throws(JSONError) -> [UInt8] {
        // An entry and what divides it from the next take two bytes.
        let whole = result.last == 0x0A ? result : result + [0x0A]
        guard case .reference = self, result.count > 2 * Self.inlineLimit else { return whole }
        let document = try JSONParser.parse(result)
        guard let members = document.members, let variables = document["variables"]?.members else { return whole }
        let sent = variables.map { JSONMember(name: $0.name, value: Self.value($0, of: job)) }
        let settled = members.map { $0.name == "variables" ? JSONMember(name: $0.name, value: .object(sent)) : $0 }
        return JSONWriter.bytes(.object(settled)) + [0x0A]
    }

    private static func value(_ variable: JSONMember, of job: Job) -> JSONValue {
        let shape = NumericArray.shape(of: variable.value)
        let count = shape.reduce(1, *)
        guard !shape.isEmpty, count > inlineLimit else { return variable.value }
        let path = JobDocument.path(job.id, "result/variables/\(QueryText.escaped(variable.name))")
        var reference = JSONObjectBuilder()
        reference.add("shape", .list(shape.map(JSONValue.integer)))
        reference.add("entries", count)
        reference.add("href", job.state == .succeeded ? path : path + "?partial=true")
        return reference.value
    }
}

extension Response {
    /// Answers GET or HEAD of bytes that do not change: 200, 206 or 304, as the request asks.
    ///
    /// - Throws: ``APIError/contentChanged``, ``APIError/unsatisfiableRange(length:)``.
    static func stored(_ bytes: [UInt8], type: String, for request: Request) throws -> Response {
        guard let tag = EntityTag(opaque: Digest.sha256(bytes)) else { throw APIError.contentChanged }
        let response: Response = try .representation(bytes, mediaType: type, tag: tag, for: request)
        switch response.status {
        case .preconditionFailed: throw APIError.contentChanged
        case .rangeNotSatisfiable: throw APIError.unsatisfiableRange(length: bytes.count)
        default: return response
        }
    }
}
