// The log of a service: of a server that turns connections away, and before a reader that does not read.
import Dispatch
import Foundation
import HTTP1
import HTTPServer
import Service
import Sockets
import Testing

extension APITests {
    @Suite(.timeLimit(.minutes(10))) struct ServiceLogTests {
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

        /// A pipe that nobody reads: whoever speaks goes on, what has no room is counted, and all the rest comes in order
        /// once somebody reads. Also where the pipe does not block.
        @Test(arguments: [0, O_NONBLOCK]) func doesNotWaitForItsReader(_ flags: Int32) async throws {
            let pipe = Pipe()
            let end = pipe.fileHandleForWriting
            _ = fcntl(end.fileDescriptor, F_SETFL, flags)
            let log = ServiceLog(descriptor: end.fileDescriptor)
            let filler = String(repeating: "x", count: 8_000)
            let count = 1_000
            for number in 0..<count { log.say("line \(number) \(filler)") }
            log.flush(within: .milliseconds(10))
            async let reading = read(pipe.fileHandleForReading)
            log.flush(within: .seconds(50))
            try end.close()
            let lines = try await reading.split(separator: UInt8(ascii: "\n"))
                .map { String(decoding: $0.prefix(80), as: UTF8.self).split(separator: " ") }
            let numbers = lines.filter { $0[1] == "line" }.compactMap { Int($0[2]) }
            #expect(numbers == numbers.sorted() && numbers.count > 500)
            let dropped = lines.filter { $0[2] == "lines" }.compactMap { Int($0[1]) }
            #expect(!dropped.isEmpty && dropped.reduce(numbers.count, +) == count)
        }

        private func read(_ end: FileHandle) async throws -> Data {
            try await withCheckedThrowingContinuation { continuation in
                DispatchQueue(label: "reader").async {
                    continuation.resume(with: Result { try end.readToEnd() ?? Data() })
                }
            }
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
