// A small client on a raw socket. Every answer it takes is held against the contract.
import Dispatch
import HTTPServer
import ProblemSpecification
import Sockets
import Synchronization
import Testing

/// Every test here runs servers whose loops each hold a thread: one test at a time.
@Suite(.serialized) enum APITests {}

/// An answer as it came.
struct Answer: Sendable {
    var status = 0
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []

    init(head: String) {
        let lines = head.split(separator: "\r\n")
        status = lines.first.flatMap { Int($0.split(separator: " ", maxSplits: 2)[1]) } ?? 0
        fields = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
            return (parts[0].lowercased(), parts.count > 1 ? String(parts[1].drop { $0 == " " }) : "")
        }
    }

    subscript(name: String) -> String? { fields.first { $0.name == name.lowercased() }?.value }

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSONValue { get throws { try JSONParser.parse(body) } }
    /// The last part of a problem's type.
    var problem: String? { (try? json)?["type"]?.text.map { String($0.dropFirst("/problems/".count)) } }
    var detail: String { (try? json)?["detail"]?.text ?? "" }
}

/// One connection. Calls block a thread of their own, so that the tasks under test keep theirs.
final class APIClient: Sendable {
    struct EndOfStream: Error {}

    private let queue = DispatchQueue(label: "api-client")
    private let state: Mutex<State>

    fileprivate struct State: ~Copyable {
        let socket: StreamSocket
        var buffer: [UInt8] = []
    }

    init(_ address: SocketAddress) throws {
        state = Mutex(State(socket: try StreamSocket.connect(to: address)))
    }

    /// Sends a request and takes its answer.
    func request(
        _ method: String, _ target: String, _ fields: [String] = [], body: [UInt8]? = nil, host: String = "localhost"
    ) async throws -> Answer {
        try await send(method, target, fields, body: body, host: host)
        let head = try await head(method, target)
        var answer = head
        answer.body = try await perform { try $0.body(of: head, isHead: method == "HEAD") }
        let isBinary = ["application/octet-stream", "application/x-npy"].contains(answer["content-type"])
        if let last = answer.body.last, answer.status >= 300 || answer["content-type"] != "application/json", !isBinary
        {
            #expect(last == 0x0A, "\(target) does not end its line")
        }
        if answer.status >= 400, !target.hasSuffix("z"), !target.contains("z?") {
            #expect(answer["content-type"] == "application/problem+json")
            if method != "HEAD" { #expect(try answer.json["request_id"]?.text == answer["x-request-id"]) }
        }
        return answer
    }

    func get(_ target: String, _ fields: String...) async throws -> Answer { try await request("GET", target, fields) }

    func post(_ target: String, _ json: String = "", _ fields: String...) async throws -> Answer {
        try await request("POST", target, ["Content-Type: application/json"] + fields, body: Array(json.utf8))
    }

    /// Begins a stream and takes its head.
    func stream(_ target: String, _ fields: String...) async throws -> Answer {
        try await send("GET", target, fields, body: nil, host: "localhost")
        return try await head("GET", target)
    }

    /// Text of a stream up to and with `mark`.
    func read(through mark: String) async throws -> String {
        try await perform { state in
            var text: [UInt8] = []
            while text.firstRange(of: Array(mark.utf8)) == nil { text += try state.chunk() }
            return String(decoding: text, as: UTF8.self)
        }
    }

    /// The rest of a stream that ends.
    func rest() async throws -> String {
        try await perform { state in
            var text: [UInt8] = []
            while true {
                let chunk = try state.chunk()
                if chunk.isEmpty { return String(decoding: text, as: UTF8.self) }
                text += chunk
            }
        }
    }

    func send(_ text: String) async throws { try await perform { try $0.send(Array(text.utf8)) } }

    private func send(
        _ method: String, _ target: String, _ fields: [String], body: [UInt8]?, host: String
    ) async throws {
        var text = "\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\n"
        for field in fields { text += "\(field)\r\n" }
        if let body { text += "Content-Length: \(body.count)\r\n" }
        let bytes = Array("\(text)\r\n".utf8) + (body ?? [])
        try await perform { try $0.send(bytes) }
    }

    func head(_ method: String, _ target: String) async throws -> Answer {
        let answer = Answer(head: try await perform { try $0.read(through: "\r\n\r\n") })
        let path = String(target.prefix { $0 != "?" })
        let isDeclared = try Contract.current.get().declares(answer.status, of: method, path)
        #expect(isDeclared, "\(method) \(path) answers \(answer.status)")
        #expect(answer["x-request-id"] != nil)
        return answer
    }

    private func perform<Value: Sendable>(
        _ body: @escaping @Sendable (inout State) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try self.state.withLock { try body(&$0) } }) }
        }
    }
}

extension APIClient.State {
    fileprivate mutating func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard case .bytes(let count) = try rest.withUnsafeBytes({ try socket.write($0) }) else { return }
            rest = rest.dropFirst(count)
        }
    }

    fileprivate mutating func body(of answer: Answer, isHead: Bool) throws -> [UInt8] {
        if isHead || answer.status == 204 || answer.status == 304 { return [] }
        if let length = answer["content-length"].flatMap({ Int($0) }) { return try read(count: length) }
        var body: [UInt8] = []
        while true {
            let chunk = try chunk()
            if chunk.isEmpty { return body }
            body += chunk
        }
    }

    fileprivate mutating func chunk() throws -> [UInt8] {
        let size = Int(try read(through: "\r\n").dropLast(1), radix: 16) ?? 0
        let bytes = try read(count: size)
        _ = try read(count: 2)
        return bytes
    }

    private mutating func fill() throws {
        var piece = [UInt8](repeating: 0, count: 65_536)
        guard case .bytes(let count) = try piece.withUnsafeMutableBytes({ try socket.read(into: $0) }) else {
            throw APIClient.EndOfStream()
        }
        buffer += piece[..<count]
    }

    fileprivate mutating func read(through mark: String) throws -> String {
        while true {
            if let range = buffer.firstRange(of: Array(mark.utf8)) {
                defer { buffer.removeFirst(range.upperBound) }
                return String(decoding: buffer[..<range.upperBound], as: UTF8.self)
            }
            try fill()
        }
    }

    private mutating func read(count: Int) throws -> [UInt8] {
        while buffer.count < count { try fill() }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }
}
