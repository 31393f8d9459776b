// A server that takes what it is sent in pieces, with pauses, or not at all.
import Dispatch
import Foundation
import Glibc

/// Serves one connection on a thread of its own.
final class SlowServer: Sendable {
    struct Failure: Error {}

    private static let pieceBytes = 3_200_000
    let port: UInt16
    /// What it takes before it answers.
    let bytes: Int
    private let listening: Int32
    /// Told when nobody wants the server any more.
    private let isUnwanted = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - pieces: how many are taken before the answer.
    ///   - pause: microseconds before each; before the answer, if there are none.
    init(pieces: Int, pause: UInt32) throws {
        bytes = pieces * Self.pieceBytes
        listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { [listening] in
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listening, $0, length) | listen(listening, 1) | getsockname(listening, $0, &length)
            }
        }
        guard status == 0 else { throw Failure() }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [listening, bytes, isUnwanted] in
            Self.serve(listening, bytes, pause, until: isUnwanted)
        }
    }

    deinit {
        isUnwanted.signal()
        close(listening)
    }

    private static func serve(
        _ listening: Int32, _ bytes: Int, _ pause: UInt32, until isUnwanted: DispatchSemaphore
    ) {
        let connection = accept(listening, nil, nil)
        defer { close(connection) }
        var room = [UInt8](repeating: 0, count: pieceBytes)
        var taken = 0
        if bytes == 0 { usleep(pause) }
        while taken < bytes {
            usleep(pause)
            let count = recv(connection, &room, min(pieceBytes, bytes - taken), Int32(MSG_WAITALL))
            guard count > 0 else { return }
            taken += count
        }
        let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)
        _ = send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
        // One who takes nothing goes on taking nothing.
        if bytes == 0 { return isUnwanted.wait() }
        // To the peer's end: a reset could overtake the answer.
        while recv(connection, &room, pieceBytes, 0) > 0 {}
    }
}
