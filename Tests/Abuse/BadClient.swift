// Clients as they should not be. Each is looked at every few milliseconds and does the next of its misdeeds; none waits.
import Foundation
import ServiceHarness

/// What a bad client does.
enum Misdeed: CaseIterable {
    /// Sends half a head and waits.
    case halfHead
    /// Sends a head, a byte at a time.
    case slowHead
    /// Announces a body and sends half of it.
    case halfBody
    /// Sends a body, a byte at a time.
    case slowBody
    /// Asks for a stream and never reads.
    case deafFollower
    /// Asks, and resets the connection before the answer.
    case reset
    /// Sends bytes that mean nothing.
    case garbage
    /// Sends hundreds of requests at once, and reads only when nothing more fits.
    case flood
}

/// One of them, with its connection. Whatever the server does to it, it comes again.
final class BadClient {
    private let misdeed: Misdeed
    private let port: Int
    private let job: String
    private var random: SeededRandom
    private var socket: Socket?
    private var unsent: [UInt8] = []
    /// Connections made so far.
    private(set) var connections = 0

    init(_ misdeed: Misdeed, port: Int, job: String, seed: UInt64) {
        self.misdeed = misdeed
        self.port = port
        self.job = job
        random = SeededRandom(seed: seed)
    }

    /// The next misdeed.
    func act() {
        guard let socket else { return connect() }
        guard let received = receive(socket) else { return close() }
        switch misdeed {
        case .halfHead, .halfBody, .deafFollower: break
        case .slowHead, .slowBody:
            if Int.random(in: 0..<8, using: &random) == 0 { send(1) }
        case .reset:
            if Int.random(in: 0..<3, using: &random) == 0 { close() }
        case .garbage: if received.isEmpty { send(unsent.count) } else { close() }
        case .flood: send(unsent.count)
        }
        if unsent.isEmpty && (misdeed == .flood || misdeed == .garbage) { unsent = bytes() }
    }

    /// Lets go of the connection.
    func close() {
        if misdeed == .reset { socket?.resetOnClose() }
        socket = nil
    }

    private func connect() {
        let buffer: Int32? = misdeed == .deafFollower ? 4_096 : nil
        socket = try? Socket(port: port, seconds: 5, receiveBuffer: buffer)
        connections += 1
        unsent = bytes()
        switch misdeed {
        case .halfHead, .halfBody, .deafFollower, .reset, .garbage, .flood: send(unsent.count)
        case .slowHead, .slowBody: break
        }
    }

    /// - Returns: nil when the server has ended the connection.
    private func receive(_ socket: Socket) -> [UInt8]? { misdeed == .deafFollower ? [] : socket.tryReceive() }

    private func send(_ count: Int) {
        guard let socket, !unsent.isEmpty else { return }
        let sent = socket.trySend(Array(unsent.prefix(count)))
        if sent < 0 { return close() }
        unsent.removeFirst(sent)
    }

    private func bytes() -> [UInt8] {
        let head =
            "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 4096\r\n\r\n"
        switch misdeed {
        case .halfHead: return Array("GET /v1/jobs HTTP/1.1\r\nHost: local".utf8)
        case .slowHead:
            return Array(
                "GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX-Slow: \(String(repeating: "a", count: 512))".utf8)
        case .halfBody: return Array((head + "{\"problem\": ").utf8)
        case .slowBody: return Array((head + String(repeating: " ", count: 4_000)).utf8)
        case .deafFollower:
            return Array("GET /v1/jobs/\(job)/events HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        case .reset: return Array("GET /v1/jobs/\(job) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        case .garbage: return (0..<256).map { _ in UInt8.random(in: 0...255, using: &random) }
        case .flood:
            let request = "GET /v1/jobs/\(job) HTTP/1.1\r\nHost: localhost\r\n\r\n"
            return Array(String(repeating: request, count: 200).utf8)
        }
    }
}
