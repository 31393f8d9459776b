// What is refused before a body is read: foreign host names (DNS rebinding), requests without the right key or without the
// body that they need, bodies of a media type that nothing takes, new work for a service that shuts down. A client that waits for `100 Continue` then sends
// nothing.
import HTTP1

/// Screens request heads; inline, on the loop.
struct RequestScreening: Sendable {
    private static let jobs = "/v1/jobs"
    private static let documents: Set<String> = [jobs, "/v1/validate"]
    private static let datasets = "/v1/datasets"
    let hosts: HostPolicy
    let status: ServiceStatus
    let access: AccessGate

    /// Why the request is refused; nil when it is not.
    func refusal(of head: RequestHead) -> APIError? {
        if let host = foreignHost(head) { return .forbiddenHost(host) }
        do throws(APIError) {
            try access.check(head, needs: RouteScopes.needed(head))
        } catch {
            return error
        }
        switch head.method {
        case .post where Self.documents.contains(head.target.path):
            // Under a key it may be a repetition, which takes no new work.
            let mayBeReplay = head.target.path == Self.jobs && head.fields["idempotency-key"] != nil
            return status.isDraining && !mayBeReplay ? .draining : lengthFault(head) ?? mediaTypeFault(head.fields)
        case .post where head.target.path == Self.datasets, .put where head.target.path.hasPrefix(Self.datasets + "/"):
            return lengthFault(head)
        case .post where head.target.path.hasSuffix("/retry"):
            // The body may be left out.
            return head.fields["content-type"] == nil ? nil : mediaTypeFault(head.fields)
        case .patch: return lengthFault(head) ?? mediaTypeFault(head.fields)
        default: return nil
        }
    }

    private func lengthFault(_ head: RequestHead) -> APIError? {
        switch head.framing {
        case .none: .lengthRequired
        case .length, .chunked: nil
        }
    }

    private func mediaTypeFault(_ fields: Fields) -> APIError? {
        let types = fields.values(of: "content-type")
        return types.count == 1 && MediaType(types[0]).isJSON ? nil : .unsupportedMediaType(types.first)
    }

    /// The host of the request where the service does not answer to it. The target's own authority overrides Host.
    private func foreignHost(_ head: RequestHead) -> String? {
        guard case .loopback(let allowed) = hosts else { return nil }
        // No Host at all is HTTP/1.0, which no browser speaks.
        let authority: String? =
            switch head.target.form {
            case .absolute(let authority), .authority(let authority): authority
            case .origin, .asterisk: head.fields["host"]
            }
        guard let authority else { return nil }
        let named = Self.host(of: authority)
        if Self.isOwn(named) { return nil }
        let host = named.lowercased()
        // With keys a foreign page gets nowhere, whatever it calls the service.
        return Self.isOwn(host) || allowed.contains(host) || access.needsKeys ? nil : authority
    }

    private static func isOwn(_ host: String) -> Bool {
        host == "127.0.0.1" || host == "localhost" || host == "[::1]"
    }

    /// The authority without port.
    private static func host(of authority: String) -> String {
        let bytes = authority.utf8
        let end =
            bytes.first == UInt8(ascii: "[")
            ? bytes.firstIndex(of: UInt8(ascii: "]")).map { bytes.index(after: $0) }
            : bytes.firstIndex(of: UInt8(ascii: ":"))
        return end.map { String(authority[..<$0]) } ?? authority
    }
}
