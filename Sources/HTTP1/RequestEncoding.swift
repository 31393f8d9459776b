// What a client sends before its content, RFC 9112 §3.

/// Status line and fields of a request as a client makes it. Host, Content-Length and Connection are not among the fields:
/// they are added when it is encoded, and fields of these names are dropped.
package struct OutgoingHead: Sendable {
    /// What is asked.
    package var method: RequestMethod
    /// Of what, and where.
    package var url: HTTPURL
    /// Without those of the connection.
    package var fields: Fields

    package init(method: RequestMethod, url: HTTPURL, fields: Fields = Fields()) {
        self.method = method
        self.url = url
        self.fields = fields
    }

    /// The head as bytes, the empty line included. No other request follows on the connection.
    ///
    /// - Parameter contentLength: nil for a request without content.
    package func encoded(contentLength: Int?) -> [UInt8] {
        var output = Array("\(method.token) \(url.target) HTTP/1.1\r\nHost: \(url.authority)\r\n".utf8)
        for (name, value) in fields.lines where !Self.ofConnection.contains(name.lowercased()) {
            output += Array("\(name): \(value)\r\n".utf8)
        }
        if let contentLength { output += Array("Content-Length: \(contentLength)\r\n".utf8) }
        output += Array("Connection: close\r\n\r\n".utf8)
        return output
    }

    private static let ofConnection: Set = ["host", "content-length", "transfer-encoding", "connection"]
}
