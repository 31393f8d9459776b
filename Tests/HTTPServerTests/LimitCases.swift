// Every limit that can be set, each at its number and one beyond, as a peer sees it over a socket: one table by name.
import Foundation
import HTTP1
import HTTPServer
import Sockets

/// How one limit is tried.
struct LimitCase: Sendable {
    /// A server with the limit at `limit`, and a peer who wants `size`; what the peer sees, in a few words.
    typealias Trial = @Sendable (_ limit: Int, _ size: Int) async throws -> String

    /// As ``ServerLimit`` has it.
    let name: String
    let limit: Int
    /// What the peer sees at the limit and one beyond.
    let expected: (within: String, beyond: String)
    let trial: Trial

    init(_ name: String, _ limit: Int, within: String, beyond: String, _ trial: @escaping Trial) {
        self.name = name
        self.limit = limit
        expected = (within, beyond)
        self.trial = trial
    }

    static let all = ofHeads + ofBodies + ofTime + ofConnections + ofAnswers
}

/// Sets one limit by its name, as the command does, beside what else a trial needs.
func limited(
    _ name: String, _ number: Int, configure: @escaping (inout ServerConfiguration) -> Void = { _ in },
    routes: @escaping (inout Router) -> Void = { _ in }
) -> Setup {
    Setup(
        configure: { configuration in
            configure(&configuration)
            ServerLimit.all.first { $0.name == name }?.set(number, in: &configuration)
        }, routes: routes)
}

private func filler(_ count: Int) -> String { String(repeating: "x", count: count) }

/// What `body` sees of a server.
func seen(_ setup: Setup, _ body: (Server) async throws -> String) async throws -> String {
    var words = ""
    try await withServer(setup) { words = try await body($0) }
    return words
}

/// Sends one request, and a good one behind it: the statuses of the answers.
private func outcome(_ request: String, of setup: Setup) async throws -> String {
    try await seen(setup) { server in
        let client = try TestClient(server)
        try await client.send(request + get("/", "Connection: close"))
        return try await client.rest().components(separatedBy: "HTTP/1.1 ").dropFirst().map { String($0.prefix(3)) }
            .joined(separator: ", ")
    }
}

// MARK: Heads and bodies

extension LimitCase {
    private static let ofHeads = [
        LimitCase("request-line-bytes", 100, within: "200, 200", beyond: "414") { limit, size in
            let line = "GET /?\(filler(size - 15)) HTTP/1.1"
            return try await outcome("\(line)\r\nHost: a\r\n\r\n", of: limited("request-line-bytes", limit))
        },
        LimitCase("field-bytes", 100, within: "200, 200", beyond: "431") { limit, size in
            try await outcome(get("/", "A: \(filler(size - 3))"), of: limited("field-bytes", limit))
        },
        LimitCase("head-bytes", 200, within: "200, 200", beyond: "431") { limit, size in
            let bare = get("/", "A: ").utf8.count
            return try await outcome(get("/", "A: \(filler(size - bare))"), of: limited("head-bytes", limit))
        },
        LimitCase("fields", 4, within: "200, 200", beyond: "431") { limit, size in
            let fields = (1..<size).map { "A\($0): b\r\n" }.joined()
            return try await outcome("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n", of: limited("fields", limit))
        },
    ]

    private static let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

    private static let ofBodies = [
        LimitCase("chunk-line-bytes", 40, within: "200, 200", beyond: "400") { limit, size in
            let body = "1;\(filler(size - 2))\r\na\r\n0\r\n\r\n"
            return try await outcome(chunked + body, of: limited("chunk-line-bytes", limit))
        },
        LimitCase("chunk-extension-bytes", 40, within: "200, 200", beyond: "400") { limit, size in
            let body = "1;\(filler(19))\r\na\r\n1;\(filler(size - 21))\r\nb\r\n0\r\n\r\n"
            return try await outcome(chunked + body, of: limited("chunk-extension-bytes", limit))
        },
        LimitCase("trailer-bytes", 60, within: "200, 200", beyond: "431") { limit, size in
            let body = "0\r\nA: \(filler(20))\r\nB: \(filler(size - 32))\r\n\r\n"
            return try await outcome(chunked + body, of: limited("trailer-bytes", limit))
        },
        LimitCase("discarded-body-bytes", 1_000, within: "404, 200", beyond: "404") { limit, size in
            try await outcome(post("/nothing", filler(size)), of: limited("discarded-body-bytes", limit))
        },
        LimitCase("collected-bytes", 8_000, within: "200, 200", beyond: "503, 200") { limit, size in
            try await seen(limited("collected-bytes", limit)) { server in
                var words: [String] = []
                // Whatever became of the first, its room is free again.
                for count in [size, limit] {
                    let client = try TestClient(server)
                    try await client.send(post("/echo", filler(count)))
                    words.append("\(try await client.answer().status)")
                }
                return words.joined(separator: ", ")
            }
        },
        LimitCase("decompression-ratio", 100, within: "200", beyond: "413") { limit, size in
            try await denseBody(limit, size)
        },
    ]

    /// Two mebibytes of one letter in as few bytes as the limit allows, or one byte less. A comment in the head of the
    /// gzip makes up the number.
    private static func denseBody(_ limit: Int, _ size: Int) async throws -> String {
        let total = 2 << 20
        let bare = Gzip.compress(filler(total))
        let comment = filler(total / limit - (size - limit) - bare.count - 1)
        // RFC 1952 §2.3: the fourth byte tells of a comment, which ends with a zero behind the first ten.
        let body = bare[..<3] + [0x10] + bare[4..<10] + Array(comment.utf8) + [0] + bare[10...]
        let setup = limited(
            "decompression-ratio", limit,
            routes: { router in
                router.add(.put, "/large", body: .collected(limit: 8 << 20), .inline { _ in Response() })
            })
        let head = "PUT /large HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: \(body.count)\r\n\r\n"
        return try await seen(setup) { server in
            let client = try TestClient(server)
            try await client.send(Array(head.utf8) + body)
            return "\(try await client.answer().status)"
        }
    }
}
