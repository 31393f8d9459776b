// The log of a service on a server that turns connections away: a line for each, and nothing else.
import Dispatch
import Foundation
import HTTP1
import HTTPServer
import Service
import Sockets
import Testing

extension APITests {
    @Suite(.timeLimit(.minutes(1))) struct ServiceLogTests {
        /// What the log of a server with room for one connection says of others.
        @Test func notesWhoIsTurnedAway() async throws {
            let file = FileManager.default.temporaryDirectory.appending(path: "log-\(UUID().uuidString)")
            try Data().write(to: file)
            defer { try? FileManager.default.removeItem(at: file) }
            let handle = try FileHandle(forWritingTo: file)
            let log = ServiceLog(descriptor: handle.fileDescriptor)
            let identifiers = RequestIdentifiers(seed: 1)
            var configuration = ServerConfiguration(
                loops: 1, wallClock: { 784_111_777 }, requestIdentifier: { identifiers.next() })
            configuration.connections = 1
            configuration.log = { log.note($0) }
            var router = Router()
            router.add(.get, "/", .inline { _ in Response() })
            let server = try await Server(
                on: SocketAddress(host: "127.0.0.1", port: 0), router: router, configuration: configuration)
            let guest = try StreamSocket.connect(to: server.address)
            while server.connectionCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
            for _ in 0..<3 { #expect(try await greeting(of: server.address).hasPrefix("HTTP/1.1 503 ")) }
            await server.drain(grace: .zero)
            log.flush()
            try handle.close()
            guest.endWriting()
            let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            let refusals = lines.filter { $0.contains(" - - 503 ") }
            #expect(lines.count == 3 && refusals.count == 3)
            #expect(refusals.allSatisfy { $0.contains(#/ 503 [0-9]+ [0-9]+\.[0-9]{6} /#) })
        }

        /// What comes unasked, to the end.
        private func greeting(of address: SocketAddress) async throws -> String {
            try await withCheckedThrowingContinuation { continuation in
                DispatchQueue(label: "guest").async {
                    continuation.resume(
                        with: Result {
                            let socket = try StreamSocket.connect(to: address)
                            var (text, piece) = ([UInt8](), [UInt8](repeating: 0, count: 4_096))
                            while case .bytes(let count) = try piece.withUnsafeMutableBytes({
                                try socket.read(into: $0)
                            }) {
                                text += piece[..<count]
                            }
                            return String(decoding: text, as: UTF8.self)
                        })
                }
            }
        }
    }
}
