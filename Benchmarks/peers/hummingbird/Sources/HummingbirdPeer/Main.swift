// The routes of `Benchmarks/http/server`, by Hummingbird.
import Glibc
import Hummingbird
import Logging

@main enum Main {
    static let event = ByteBuffer(string: #"{"type":"progress","seq":1,"time":"2026-11-21T08:33:21.045Z"}"# + "\n")

    static func main() async throws {
        let router = Router()
        router.get("livez") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
                body: .init(byteBuffer: ByteBuffer(string: "{\"status\":\"ok\"}\n")))
        }
        router.post("take") { request, _ in
            let body = try await request.body.collect(upTo: 1 << 20)
            return Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(string: "\(body.readableBytes)\n")))
        }
        router.get("flood") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/x-ndjson"],
                body: .init { writer in
                    while !Task.isCancelled { try await writer.write(event) }
                    try await writer.finish(nil)
                })
        }
        router.get("quiet") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/x-ndjson"],
                body: .init { writer in
                    try await writer.write(event)
                    try await Task.sleep(for: .seconds(3_600))
                    try await writer.finish(nil)
                })
        }
        var logger = Logger(label: "peer")
        logger.logLevel = .error
        let port = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 0 : 0
        let app = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port), backlog: 1_024),
            onServerRunning: { channel in
                let line = Array("\(channel.localAddress?.port ?? 0)\n".utf8)
                _ = write(STDOUT_FILENO, line, line.count)
            }, logger: logger)
        try await app.runService()
    }
}
