// Webhooks of a real server: a receiver that is down is told when it is up again, whatever became of the server meanwhile.
import Foundation
import Glibc
import ServiceHarness
import Testing

/// A place where somebody will listen: bound, so that nobody else takes it, and refusing connections until then.
private final class Listening {
    let port: Int
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        guard status == 0 else { throw HarnessError("no port: errno \(errno)") }
    }

    deinit { close(descriptor) }

    func listen() { Glibc.listen(descriptor, 8) }

    /// Takes one request whole and answers 204. Waits double from attempt to attempt, and a slow start has seen several.
    func take(within seconds: Int = 240) throws -> String {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&polled, 1, Int32(seconds * 1_000)) == 1 else { throw HarnessError("nobody called") }
        let connection = accept(descriptor, nil, nil)
        defer { close(connection) }
        var text: [UInt8] = []
        while !text.hasSuffix("}\n") {
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { throw HarnessError("the caller went away") }
            text += chunk[..<count]
        }
        let answer = Array("HTTP/1.1 204 No Content\r\n\r\n".utf8)
        _ = send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
        return String(decoding: text, as: UTF8.self)
    }
}

extension [UInt8] {
    fileprivate func hasSuffix(_ text: String) -> Bool { Array(suffix(text.utf8.count)) == Array(text.utf8) }
}

@Suite struct WebhookTests {
    private func document(_ port: Int) -> String {
        SampleDocuments.quick.dropLast() + ", \"webhook\": {\"url\": \"http://127.0.0.1:\(port)/hook\"}}"
    }

    private func waitForLog(_ server: ServedProcess, _ words: String) throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !server.logText.contains(words) {
            if ContinuousClock.now > deadline { throw HarnessError("not said: \(words)\n\(server.logText)") }
            usleep(5_000)
        }
    }

    @Test func aReceiverThatWasDownIsToldAfterARestart() throws {
        let folder = try ServedFolder()
        let receiver = try Listening()
        let first = try folder.serve(workers: 1, "--webhook-allow", "127.0.0.1")
        let client = JobClient(port: try first.port())
        let id = try client.submit(document(receiver.port))
        #expect(try client.ended(id)["state"]?.text == "succeeded")
        try waitForLog(
            first, "attempt 2: 127.0.0.1:\(receiver.port) cannot be connected to: Connection refused; again in ")
        try first.crash()
        receiver.listen()
        let second = try folder.serve(workers: 1, "--webhook-allow", "127.0.0.1")
        _ = try second.port()
        let call = try receiver.take()
        #expect(call.hasPrefix("POST /hook HTTP/1.1\r\n") && call.contains("\r\nWebhook-Id: \(id)_"))
        #expect(call.contains("\r\nWebhook-Signature: v1,") && call.contains("{\"job\":\"\(id)\",\"event\":{\"seq\":"))
        #expect(call.contains("\"type\":\"end\"") && call.contains("\"state\":\"succeeded\""))
        second.kill(SIGTERM)
        #expect(try second.wait(seconds: 25) == .status(0))
    }

    @Test func theServicesOwnMachineIsNotCalledUnlessAllowed() throws {
        let folder = try ServedFolder()
        let receiver = try Listening()
        receiver.listen()
        let server = try folder.serve()
        let port = try server.port()
        let answer = try exchange(port, "POST", "/v1/jobs", Array(document(receiver.port).utf8))
        #expect(answer.status == 422 && answer.text.contains("\"pointer\":\"/webhook/url\""))
        // A name is looked up when it is called; the address decides.
        let name = document(receiver.port).replacing("127.0.0.1", with: "127.1")
        let id = try JobClient(port: port).submit(name)
        try waitForLog(server, "\(id): webhook, event")
        #expect(server.logText.contains("127.0.0.1:\(receiver.port) may not be connected to; again in "))
        #expect(throws: HarnessError.self) { try receiver.take(within: 0) }
    }

    @Test func ownersHaveTheirSecrets() throws {
        let scratch = try Scratch()
        func secret(_ owner: String...) throws -> Finished {
            try Executable.run(["keys", "webhook-secret", "--data", scratch.path("data")] + owner)
        }
        let local = try secret()
        #expect(local.ending == .status(0) && local.output.wholeMatch(of: #/whsec_[A-Za-z0-9+\/]{43}=\n/#) != nil)
        #expect(try secret().output == local.output)
        #expect(try secret("--owner", "ann").output != local.output)
        #expect(try secret("--owner", "a b").ending == .status(2))
        let typo = try Executable.run(["serve", "--webhook-allow", "10.0.0.0/40"])
        #expect(typo.ending == .status(64) && typo.errors.contains("--webhook-allow wants an address"))
    }
}
