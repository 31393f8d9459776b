// Requests and answers over a socket, bodies piece by piece: enough of RFC 9112 for an honest client.
import Foundation

/// An answer.
package struct Answer: Sendable {
    package let status: Int
    /// Names in lower case.
    package let fields: [String: String]
    package var body: [UInt8] = []

    package var text: String { String(decoding: body, as: UTF8.self) }
    /// The body read as JSON.
    package var json: Reading { get throws { try Reading(body) } }
}

/// One connection, for one request after the other.
package final class HTTPConnection {
    private let socket: Socket
    private let port: Int
    private var buffer: [UInt8] = []
    private var chunked = false
    private var left = 0

    package init(port: Int, seconds: Double = 30) throws {
        self.port = port
        socket = try Socket(port: port, seconds: seconds)
    }

    /// Sends a request and reads the whole answer.
    package func exchange(
        _ method: String, _ path: String, _ body: [UInt8]? = nil, fields: [String: String] = [:]
    ) throws -> Answer {
        var answer = try open(method, path, body, fields: fields)
        while let piece = try nextPiece() { answer.body += piece }
        return answer
    }

    /// Sends a request and reads the head of the answer; the body follows by ``nextPiece()``.
    package func open(
        _ method: String, _ path: String, _ body: [UInt8]? = nil, fields: [String: String] = [:]
    ) throws -> Answer {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n"
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        if let body {
            if fields["Content-Type"] == nil { head += "Content-Type: application/json\r\n" }
            // A body in chunks comes as it goes over the wire.
            if fields["Transfer-Encoding"] == nil { head += "Content-Length: \(body.count)\r\n" }
        }
        try socket.send(Array((head + "\r\n").utf8))
        // A server may refuse a body before it has it all; what it answers is there to be read.
        try? socket.send(body ?? [])
        let lines = try readHead()
        let words = lines[0].split(separator: " ")
        guard words.count >= 2, let status = Int(words[1]) else { throw HarnessError("no answer: \(lines[0])") }
        var names: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            if parts.count == 2 { names[parts[0].lowercased()] = parts[1] }
        }
        chunked = names["transfer-encoding"] == "chunked"
        left = status == 204 || status == 304 ? 0 : names["content-length"].flatMap { Int($0) } ?? 0
        return Answer(status: status, fields: names)
    }

    /// The next bytes of the body; nil behind the last.
    ///
    /// - Throws: also when the connection ends before the body does.
    package func nextPiece() throws -> [UInt8]? {
        if chunked { return try nextChunk() }
        guard left > 0 else { return nil }
        if buffer.isEmpty { try fill() }
        let piece = Array(buffer.prefix(left))
        buffer.removeFirst(piece.count)
        left -= piece.count
        return piece
    }

    private func nextChunk() throws -> [UInt8]? {
        let line = try readLine()
        guard let size = Int(line, radix: 16) else { throw HarnessError("no chunk size: \(line)") }
        while buffer.count < size + 2 { try fill() }
        let piece = Array(buffer.prefix(size))
        buffer.removeFirst(size + 2)
        if size == 0 { chunked = false }
        return size == 0 ? nil : piece
    }

    private func readHead() throws -> [String] {
        var lines: [String] = []
        while true {
            let line = try readLine()
            if line.isEmpty && !lines.isEmpty { return lines }
            lines.append(line)
        }
    }

    private func readLine() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 0x0A) {
                let line = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeSubrange(...end)
                return line.trimmingCharacters(in: .whitespacesAndNewlines)
            }
            try fill()
        }
    }

    private func fill() throws {
        let bytes = try socket.receive()
        guard !bytes.isEmpty else { throw HarnessError("the connection ended early") }
        buffer += bytes
    }
}

/// One request over a connection of its own.
package func exchange(
    _ port: Int, _ method: String, _ path: String, _ body: [UInt8]? = nil, fields: [String: String] = [:],
    seconds: Double = 30
) throws -> Answer {
    let connection = try HTTPConnection(port: port, seconds: seconds)
    return try connection.exchange(method, path, body, fields: fields.merging(["Connection": "close"]) { $1 })
}
