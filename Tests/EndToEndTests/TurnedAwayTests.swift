// Connections that the service has no room for, and those that come while it drains: answered or closed, and nothing else
// happens to it.
import Foundation
import Glibc
import ServiceHarness
import Synchronization
import Testing

@Suite struct TurnedAwayTests {
    @Test func oneConnectionTooManyIsAnsweredAndTheServiceLives() throws {
        let folder = try ServedFolder()
        let server = try folder.serve("--limit", "connections=2")
        let port = try server.port()
        let guests = try (0..<2).map { _ in try HTTPConnection(port: port) }
        for guest in guests { #expect(try guest.exchange("GET", "/livez").status == 200) }
        for _ in 0..<3 {
            let answer = try Socket(port: port).rest()
            #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("Connection: close\r\n"))
        }
        for guest in guests { #expect(try guest.exchange("GET", "/livez").status == 200) }
        server.kill(SIGTERM)
        #expect(try server.wait(seconds: 25) == .status(0))
        #expect(server.logText.split(separator: "\n").count { $0.contains(" - - 503 ") } == 3)
    }

    @Test func drainsUnderPeersThatGoOnConnecting() throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        let port = try server.port()
        let isOver = Atomic(false)
        let connected = Atomic(0)
        let ended = DispatchSemaphore(value: 0)
        for _ in 0..<2 {
            Thread.detachNewThread {
                while !isOver.load(ordering: .relaxed) {
                    // Refused once the service does not listen any more.
                    guard (try? Socket(port: port)) != nil else { continue }
                    connected.add(1, ordering: .relaxed)
                }
                ended.signal()
            }
        }
        defer {
            isOver.store(true, ordering: .relaxed)
            for _ in 0..<2 { ended.wait() }
            withExtendedLifetime(folder) {}
        }
        while connected.load(ordering: .relaxed) < 50 { usleep(1_000) }
        server.kill(SIGTERM)
        #expect(try server.wait(seconds: 25) == .status(0))
    }
}

@Suite struct HangUpTests {
    @Test func hangUpDrainsWhereThereIsNothingToReadAgain() throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        _ = try server.url()
        server.kill(SIGHUP)
        #expect(try server.wait(seconds: 25) == .status(0))
        #expect(server.logText.contains("draining"))
    }
}

extension Socket {
    /// Everything to the end, as text.
    fileprivate func rest() throws -> String {
        var bytes: [UInt8] = []
        while true {
            let piece = try receive()
            if piece.isEmpty { return String(decoding: bytes, as: UTF8.self) }
            bytes += piece
        }
    }
}
