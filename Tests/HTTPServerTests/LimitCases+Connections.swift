// The limits on numbers of connections, requests and handlers, and on what waits for a socket.
import Dispatch
import Foundation
import Glibc
import HTTP1
import HTTPServer
import Sockets

extension LimitCase {
    static let ofConnections = [
        LimitCase("connections", 2, within: "200", beyond: "503") { limit, size in
            try await crowd(limit, size, "connections")
        },
        LimitCase("connections-per-address", 2, within: "200", beyond: "503") { limit, size in
            try await crowd(limit, size, "connections-per-address")
        },
        LimitCase("waiting-connections", 3, within: "3 connected", beyond: "3 connected") { limit, size in
            try await queue(limit, size)
        },
        LimitCase("requests-per-connection", 3, within: "3 of 3", beyond: "3 of 4") { limit, size in
            try await seen(limited("requests-per-connection", limit)) { server in
                let client = try TestClient(server)
                try await client.send(String(repeating: get("/"), count: size))
                try await client.endWriting()
                let answers = try await client.rest().components(separatedBy: "HTTP/1.1 200 OK").count - 1
                return "\(answers) of \(size)"
            }
        },
        LimitCase("pipelined-requests", 3, within: "together", beyond: "one later") { limit, size in
            try await pipeline(limit, size)
        },
        LimitCase("handlers", 2, within: "200", beyond: "503") { limit, size in
            try await handlers(limit, size)
        },
        LimitCase("linger-bytes", 1_000, within: "read", beyond: "gone") { limit, size in
            try await linger(limit, size)
        },
    ]

    static let ofAnswers = [
        LimitCase("buffered-bytes", 4_096, within: "goes on", beyond: "waits") { limit, size in
            try await produce(limit, size)
        },
        LimitCase("compression-bytes", 100, within: "plain", beyond: "gzip") { limit, size in
            let setup = limited(
                "compression-bytes", limit,
                routes: { router in
                    router.add(
                        .get, "/text",
                        .inline { _ in
                            var response = Response(body: .bytes([UInt8](repeating: 120, count: size)))
                            try response.fields.append("Content-Type", "text/plain")
                            return response
                        })
                })
            return try await seen(setup) { server in
                let client = try TestClient(server)
                try await client.send(get("/text", "Accept-Encoding: gzip"))
                return try await client.answer().field("Content-Encoding") ?? "plain"
            }
        },
    ]

    /// The answer to the last of `size` connections that stay; one too many is answered unasked.
    private static func crowd(_ limit: Int, _ size: Int, _ name: String) async throws -> String {
        try await seen(limited(name, limit)) { server in
            var clients: [TestClient] = []
            var status = 0
            // One after the other: who connects together need not be taken in that order.
            for number in 0..<size {
                let client = try TestClient(server)
                clients.append(client)
                if number < limit { try await client.send(get("/")) }
                status = try await client.answer().status
            }
            return "\(status)"
        }
    }

    /// `size` peers of whom the last is answered while all others still are.
    private static func handlers(_ limit: Int, _ size: Int) async throws -> String {
        let started = Record<Int>()
        let gate = AsyncStream<Void>.makeStream()
        let setup = limited(
            "handlers", limit,
            routes: { router in
                router.add(
                    .get, "/wait",
                    .offLoop { _ in
                        started.add(1)
                        for await _ in gate.stream { break }
                        return Response()
                    })
                router.add(.get, "/task", .offLoop { _ in Response() })
            })
        return try await seen(setup) { server in
            defer { gate.continuation.finish() }
            var clients: [TestClient] = []
            for number in 1..<size {
                clients.append(try TestClient(server))
                try await clients[number - 1].send(get("/wait"))
                _ = await started.wait(for: number)
            }
            clients.append(try TestClient(server))
            try await clients[size - 1].send(get("/task"))
            return "\(try await clients[size - 1].answer().status)"
        }
    }

    /// Connections that the kernel completes while the only loop is busy.
    private static func queue(_ limit: Int, _ size: Int) async throws -> String {
        let pause = Pause()
        let setup = limited(
            "waiting-connections", limit, configure: { $0.loops = 1 }, routes: { $0.add(.get, "/pause", pause.handler) }
        )
        return try await seen(setup) { server in
            let busy = try TestClient(server)
            try await busy.send(get("/pause"))
            _ = await pause.begun.wait(for: 1)
            let descriptors = (0..<size).map { _ in startConnecting(to: server.address.port) }
            defer { for descriptor in descriptors { close(descriptor) } }
            let count = descriptors.count { isConnected($0) }
            pause.end()
            _ = try await busy.answer()
            return "\(count) connected"
        }
    }

    /// Whether the answers before the last of `size` requests have left when that is looked at.
    private static func pipeline(_ limit: Int, _ size: Int) async throws -> String {
        let read = DispatchSemaphore(value: 0)
        let found = Record<String>()
        let setup = limited(
            "pipelined-requests", limit,
            routes: { router in
                router.add(
                    .get, "/last",
                    .inline { _ in
                        let patience: DispatchTimeInterval = size > limit ? .seconds(20) : .milliseconds(50)
                        found.add(read.wait(timeout: .now() + patience) == .success ? "one later" : "together")
                        return Response()
                    })
            })
        return try await seen(setup) { server in
            let client = try TestClient(server)
            try await client.send(String(repeating: get("/"), count: size - 1) + get("/last"))
            for _ in 1..<size { _ = try await client.answer() }
            read.signal()
            _ = try await client.answer()
            return found.all.joined()
        }
    }

    /// What becomes of a peer that sends `size` bytes behind its last answer.
    private static func linger(_ limit: Int, _ size: Int) async throws -> String {
        let setup = limited(
            "linger-bytes", limit,
            configure: { configuration in
                configuration.loops = 1
                configuration.timeouts.linger = .seconds(50)
            })
        return try await seen(setup) { server in
            let client = try TestClient(server)
            try await client.send(get("/", "Connection: close"))
            _ = try await client.rest()
            try await client.send(String(repeating: "x", count: size))
            if size > limit {
                try await emptied(server)
                return "gone"
            }
            // The loop takes what is ready in turn: after two more answers it has read those bytes.
            let other = try TestClient(server)
            for _ in 0..<2 {
                try await other.send(get("/"))
                _ = try await other.answer()
            }
            return server.connectionCount == 2 ? "read" : "gone"
        }
    }

    /// Whether a producer goes on that has written `size` bytes which nobody takes: the only loop is busy.
    private static func produce(_ limit: Int, _ size: Int) async throws -> String {
        let pause = Pause()
        let (begun, written) = (Record<Int>(), Record<Int>())
        let gate = AsyncStream<Void>.makeStream()
        let setup = limited(
            "buffered-bytes", limit, configure: { $0.loops = 1 },
            routes: { router in
                router.add(.get, "/pause", pause.handler)
                router.add(
                    .get, "/stream",
                    .inline { _ in
                        Response(
                            body: .stream(length: nil) { writer in
                                begun.add(1)
                                for await _ in gate.stream { break }
                                try await writer.write([UInt8](repeating: 120, count: size))
                                written.add(size)
                            })
                    })
            })
        return try await seen(setup) { server in
            let (reader, busy) = (try TestClient(server), try TestClient(server))
            try await reader.send(get("/stream"))
            _ = await begun.wait(for: 1)
            try await busy.send(get("/pause"))
            _ = await pause.begun.wait(for: 1)
            gate.continuation.yield()
            if size <= limit {
                _ = await written.wait(for: 1)
            } else {
                try await Task.sleep(for: .milliseconds(30))
            }
            let words = written.all.isEmpty ? "waits" : "goes on"
            pause.end()
            let content = try await reader.answer().content
            return content.count == size ? words : "lost"
        }
    }
}

/// A route that keeps its loop from everything else until it is told to go on.
private struct Pause: Sendable {
    let begun = Record<Int>()
    private let gate = DispatchSemaphore(value: 0)

    var handler: Route.Handler {
        .inline { [begun, gate] _ in
            begun.add(1)
            gate.wait()
            return Response()
        }
    }

    func end() { gate.signal() }
}

/// A socket that is connecting, or connected already, to a port of this machine.
private func startConnecting(to port: UInt16) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            _ = connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    return descriptor
}

/// On the loopback a connection is there at once or waits for the next try of the kernel, a second later.
private func isConnected(_ descriptor: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&entry, 1, 100) == 1 && entry.revents & Int16(POLLERR | POLLHUP) == 0
}
