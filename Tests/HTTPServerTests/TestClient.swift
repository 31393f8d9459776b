// A client that sends any bytes at all, and reads answers just well enough to take them apart.
import Dispatch
import HTTP1
import HTTPServer
import Sockets
import Synchronization
import Testing

/// Every test here runs servers whose loops each hold a thread: one test at a time.
@Suite(.serialized) enum SocketTests {}

/// An answer as it came.
struct Answer: Equatable, Sendable {
    var status: Int
    var head: String
    var content: [UInt8]
    var body: String { String(decoding: content, as: UTF8.self) }

    func field(_ name: String) -> String? {
        for line in head.split(separator: "\r\n").dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts[0].lowercased() == name.lowercased() { return parts[1].trimmingPrefix(" ").description }
        }
        return nil
    }
}

/// Blocking calls on a thread of their own, so that the tasks under test keep theirs.
final class TestClient: Sendable {
    struct EndOfStream: Error {}

    private let queue = DispatchQueue(label: "test-client")
    private let state: Mutex<State>

    fileprivate struct State: ~Copyable {
        let socket: StreamSocket
        var buffer: [UInt8] = []
    }

    init(_ server: Server) throws {
        state = Mutex(State(socket: try StreamSocket.connect(to: server.address)))
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws {
        try await perform { state in
            var rest = bytes[...]
            while !rest.isEmpty {
                guard case .bytes(let count) = try rest.withUnsafeBytes({ try state.socket.write($0) }) else { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    func endWriting() async throws { try await perform { $0.socket.endWriting() } }

    /// The next answer.
    func answer(toHead: Bool = false) async throws -> Answer {
        try await perform { state in
            let head = try state.read(through: "\r\n\r\n")
            let status = Int(head.split(separator: " ", maxSplits: 2)[1]) ?? 0
            var answer = Answer(status: status, head: head, content: [])
            if toHead || status == 204 || status == 304 || status < 200 { return answer }
            if answer.field("Transfer-Encoding") == "chunked" {
                while true {
                    let size = Int(try state.read(through: "\r\n").dropLast(1), radix: 16) ?? 0
                    answer.content += try state.readBytes(count: size)
                    _ = try state.read(count: 2)
                    if size == 0 { return answer }
                }
            } else if let length = answer.field("Content-Length").flatMap({ Int($0) }) {
                answer.content = try state.readBytes(count: length)
            } else {
                answer.content = Array(try state.readToEnd().utf8)
            }
            return answer
        }
    }

    /// One chunk of a streamed answer whose head has been read with ``head()``.
    func chunk() async throws -> String { String(decoding: try await chunkBytes(), as: UTF8.self) }

    func chunkBytes() async throws -> [UInt8] {
        try await perform { state in
            let size = Int(try state.read(through: "\r\n").dropLast(1), radix: 16) ?? 0
            let bytes = try state.readBytes(count: size)
            _ = try state.read(count: 2)
            return bytes
        }
    }

    func head() async throws -> String { try await perform { try $0.read(through: "\r\n\r\n") } }

    /// What has come, waiting for it; at most 64 KiB, and nothing at the end.
    func some() async throws -> [UInt8] {
        try await perform { state in
            if state.buffer.isEmpty { _ = try state.fill() }
            defer { state.buffer = [] }
            return state.buffer
        }
    }

    /// Everything up to the end of the stream.
    func rest() async throws -> String { try await perform { try $0.readToEnd() } }

    private func perform<Value: Sendable>(
        _ body: @escaping @Sendable (inout State) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async {
                continuation.resume(with: Result { try self.state.withLock { try body(&$0) } })
            }
        }
    }
}

extension TestClient.State {
    fileprivate mutating func fill() throws -> Bool {
        var piece = [UInt8](repeating: 0, count: 65_536)
        guard case .bytes(let count) = try piece.withUnsafeMutableBytes({ try socket.read(into: $0) }) else {
            return false
        }
        buffer += piece[..<count]
        return true
    }

    fileprivate mutating func read(through mark: String) throws -> String {
        while true {
            if let range = buffer.firstRange(of: Array(mark.utf8)) {
                defer { buffer.removeFirst(range.upperBound) }
                return String(decoding: buffer[..<range.upperBound], as: UTF8.self)
            }
            guard try fill() else { throw TestClient.EndOfStream() }
        }
    }

    fileprivate mutating func read(count: Int) throws -> String {
        String(decoding: try readBytes(count: count), as: UTF8.self)
    }

    fileprivate mutating func readBytes(count: Int) throws -> [UInt8] {
        while buffer.count < count {
            guard try fill() else { throw TestClient.EndOfStream() }
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    fileprivate mutating func readToEnd() throws -> String {
        while try fill() {}
        defer { buffer = [] }
        return String(decoding: buffer, as: UTF8.self)
    }
}

/// Collects what closures of a server tell.
final class Record<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    private let changes = AsyncStream<Void>.makeStream()

    var all: [Value] { values.withLock { $0 } }

    func add(_ value: Value) {
        values.withLock { $0.append(value) }
        changes.continuation.yield()
    }

    /// Waits until there are `count` values.
    func wait(for count: Int) async -> [Value] {
        var iterator = changes.stream.makeAsyncIterator()
        while all.count < count { await iterator.next() }
        return all
    }
}

/// What a test changes about its server.
struct Setup {
    var configure: (inout ServerConfiguration) -> Void = { _ in }
    var routes: (inout Router) -> Void = { _ in }
}

/// Starts a server on a port of the kernel's choice, runs `body`, and drains the server.
func withServer(_ setup: Setup = Setup(), _ body: (Server) async throws -> Void) async throws {
    let identifiers = RequestIdentifiers(seed: 1)
    var configuration = ServerConfiguration(
        loops: 2, wallClock: { 784_111_777 }, requestIdentifier: { identifiers.next() })
    configuration.timeouts.linger = .milliseconds(200)
    setup.configure(&configuration)
    var router = Router()
    router.add(.get, "/", .inline { _ in Response(body: .bytes(Array("hello".utf8))) })
    router.add(
        .post, "/echo", body: .collected(limit: 100_000),
        .offLoop { request in
            Response(body: .bytes(request.content))
        })
    setup.routes(&router)
    let server = try await Server(
        on: SocketAddress(host: "127.0.0.1", port: 0), router: router, configuration: configuration)
    do {
        try await body(server)
    } catch {
        await server.drain(grace: .zero)
        throw error
    }
    await server.drain(grace: .zero)
    #expect(server.connectionCount == 0)
}

func get(_ path: String, _ fields: String...) -> String {
    "GET \(path) HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
}

func post(_ path: String, _ body: String, _ fields: String...) -> String {
    "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n"
        + fields.map { $0 + "\r\n" }.joined() + "\r\n" + body
}
