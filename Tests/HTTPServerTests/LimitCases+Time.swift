// The limits of time, tried in milliseconds: who keeps within is served, who does not is sent away and never early.
import Foundation
import HTTP1
import HTTPServer
import Sockets

extension LimitCase {
    /// A case whose limit is a time: `within` has to do with a peer that is quick, `beyond` with one that keeps still.
    private static func time(
        _ name: String, _ limit: any WritableKeyPath<ConnectionTimeouts, Duration> & Sendable, within: String,
        beyond: String, isSecured: Bool = false,
        _ trial: @escaping @Sendable (_ server: Server, _ isQuick: Bool) async throws -> String
    ) -> LimitCase {
        LimitCase(name, 200, within: within, beyond: "\(beyond), not early") { bound, size in
            let isQuick = size <= bound
            let tls = isSecured ? try TLSContext(Certificates.first) : nil
            let setup = Setup(configure: { configuration in
                configuration.tls = tls
                // A quick peer is never told apart from a slow machine: it has all the time of the test.
                configuration.timeouts[keyPath: limit] = .milliseconds(isQuick ? 50_000 : bound)
            })
            return try await seen(setup) { server in
                let begun = ContinuousClock.now
                let words = try await trial(server, isQuick)
                if isQuick { return words }
                return words + (ContinuousClock.now - begun >= .milliseconds(bound) ? ", not early" : ", early")
            }
        }
    }

    static let ofTime = [
        time("head-seconds", \.head, within: "200", beyond: "408") { server, isQuick in
            let client = try TestClient(server)
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n")
            if isQuick { try await client.send("\r\n") }
            return "\(try await client.answer().status)"
        },
        time("body-window-seconds", \.bodyWindow, within: "200", beyond: "408") { server, isQuick in
            let client = try TestClient(server)
            try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx")
            if isQuick { try await client.send("x") }
            return "\(try await client.answer().status)"
        },
        time("idle-seconds", \.idle, within: "200", beyond: "closed") { server, isQuick in
            let client = try TestClient(server)
            try await client.send(get("/"))
            _ = try await client.answer()
            guard isQuick else { return try await client.rest().isEmpty ? "closed" : "answered" }
            try await client.send(get("/"))
            return "\(try await client.answer().status)"
        },
        time("handshake-seconds", \.handshake, within: "200", beyond: "closed", isSecured: true) { server, isQuick in
            if !isQuick { return try await TestClient(server).rest().isEmpty ? "closed" : "answered" }
            let client = try TLSTestClient(server)
            try await client.handshake()
            try await client.send(get("/", "Connection: close"))
            return String(try await client.rest().dropFirst("HTTP/1.1 ".count).prefix(3))
        },
        time("linger-seconds", \.linger, within: "gone", beyond: "gone") { server, isQuick in
            let client = try TestClient(server)
            try await client.send(get("/", "Connection: close"))
            _ = try await client.rest()
            if isQuick { try await client.endWriting() }
            try await emptied(server)
            return "gone"
        },
        LimitCase("write-stall-seconds", 200, within: "read on", beyond: "dropped, not early") { limit, size in
            try await stall(.milliseconds(limit), isRead: size <= limit)
        },
        LimitCase("body-window-bytes", 5, within: "later", beyond: "first") { limit, size in
            try await thinBodies(limit, examined: limit - (size - limit))
        },
    ]

    private static func stall(_ limit: Duration, isRead: Bool) async throws -> String {
        let log = Record<AccessRecord>()
        let setup = Setup(
            configure: { configuration in
                configuration.timeouts.writeStall = isRead ? .seconds(50) : limit
                configuration.log = { log.add($0) }
            },
            routes: { router in
                router.add(
                    .get, "/flood",
                    .inline { _ in
                        Response(
                            body: .stream(length: nil) { writer in
                                while true { try await writer.write([UInt8](repeating: 120, count: 10_000)) }
                            })
                    })
            })
        return try await seen(setup) { server in
            let client = try TestClient(server)
            try await client.send(get("/flood"))
            _ = try await client.head()
            if isRead {
                // More than the kernel holds for both sides: progress depends on the reader.
                var count = 0
                while count < 20_000_000 { count += try await client.chunkBytes().count }
                return "read on"
            }
            let begun = ContinuousClock.now
            _ = await log.wait(for: 1)
            return ContinuousClock.now - begun >= limit ? "dropped, not early" : "dropped, early"
        }
    }

    /// Two bodies that go no further, one with as many bytes as a window wants and one with one less: the window that
    /// brought enough is followed by another.
    private static func thinBodies(_ limit: Int, examined: Int) async throws -> String {
        let ends = Record<Int>()
        let setup = limited("body-window-bytes", limit, configure: { $0.timeouts.bodyWindow = .milliseconds(150) })
        return try await seen(setup) { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for count in [limit - 1, limit] {
                    let client = try TestClient(server)
                    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\nExpect: 100-continue\r\n\r\n"
                    try await client.send(head)
                    // What comes with the head is not waited for: the window begins behind it.
                    _ = try await client.head()
                    try await client.send(String(repeating: "x", count: count))
                    group.addTask {
                        guard try await client.answer().status == 408 else { return }
                        ends.add(count)
                    }
                }
                try await group.waitForAll()
            }
            return ends.all.first == examined ? "first" : "later"
        }
    }
}

/// Returns when the server has no connection any more, which no peer can see.
func emptied(_ server: Server) async throws {
    while server.connectionCount > 0 { try await Task.sleep(for: .milliseconds(1)) }
}
