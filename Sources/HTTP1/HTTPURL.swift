// Absolute `http` and `https` URLs as a client is given them, RFC 9110 §4.2; checked by the same grammar as a server's targets.

/// Where a client sends a request.
package struct HTTPURL: Hashable, Sendable, CustomStringConvertible {
    /// Whether TLS is spoken.
    package let isSecure: Bool
    /// A name or a numeric address, without brackets.
    package let host: String
    /// In host order; the scheme's default when none is written.
    package let port: UInt16
    /// Path and query as the request line carries them; begins with a slash.
    package let target: String

    /// - Returns: nil for another scheme, user information, a fragment, or anything outside the grammar.
    package init?(_ text: String) {
        guard let end = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<end.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        let isSecure = scheme == "https"
        let rest = text[end.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard Array(authority.utf8).withUnsafeBufferPointer(Authority.isValid) else { return nil }
        let path = rest[authority.endIndex...]
        let target = path.hasPrefix("/") ? String(path) : "/\(path)"
        guard Self.isTarget(target), let (host, port) = Self.split(authority, defaultPort: isSecure ? 443 : 80) else {
            return nil
        }
        self.init(isSecure: isSecure, host: host, port: port, target: target)
    }

    private init(isSecure: Bool, host: String, port: UInt16, target: String) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.target = target
    }

    package var description: String { "\(isSecure ? "https" : "http")://\(authority)\(target)" }

    /// What Host says: the port only where it is not the scheme's.
    package var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// Another target on the same server, below the path of this URL.
    ///
    /// - Parameter target: begins with a slash.
    /// - Returns: nil when it is no target.
    package func appending(_ target: String) -> HTTPURL? {
        let base = self.target.prefix { $0 != "?" }
        let joined = base.hasSuffix("/") ? base.dropLast() + target : base + target
        guard target.hasPrefix("/"), Self.isTarget(String(joined)) else { return nil }
        return HTTPURL(isSecure: isSecure, host: host, port: port, target: String(joined))
    }

    private static func isTarget(_ text: String) -> Bool {
        Array(text.utf8).withUnsafeBufferPointer { bytes in
            (try? RequestTarget(bytes, method: .get)) != nil
        }
    }

    private static func split(_ authority: Substring, defaultPort: UInt16) -> (String, UInt16)? {
        let isLiteral = authority.hasPrefix("[")
        let hostEnd = isLiteral ? authority.firstIndex(of: "]") : authority.firstIndex(of: ":")
        let host = authority[..<(hostEnd ?? authority.endIndex)].drop { $0 == "[" }
        let port = authority[(hostEnd ?? authority.endIndex)...].drop { $0 == "]" || $0 == ":" }
        guard !port.isEmpty else { return (String(host), defaultPort) }
        return UInt16(port).map { (String(host), $0) }
    }
}
