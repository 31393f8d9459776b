// The server alone, without the service on top: what `compare.py` sets beside nginx and Hummingbird where the service has
// no route of that kind.
import Glibc
import HTTP1
import HTTPServer
import Sockets

@main enum Main {
    private static let event =
        Array(
            #"{"type":"progress","seq":1,"time":"2026-11-21T08:33:21.045Z"}"#.utf8) + [UInt8(ascii: "\n")]

    /// `BenchServer [PORT]`: prints its port.
    static func main() async throws {
        let port = CommandLine.arguments.count > 1 ? UInt16(CommandLine.arguments[1]) ?? 0 : 0
        let configuration = ServerConfiguration(
            loops: 2, wallClock: { Int(time(nil)) }, requestIdentifier: RequestIdentifiers(seed: 1).next)
        let address = try SocketAddress(host: "127.0.0.1", port: port)
        let server = try await Server(on: address, router: routes(), configuration: configuration)
        let line = Array("\(server.address.port)\n".utf8)
        _ = write(STDOUT_FILENO, line, line.count)
        while true { try await Task.sleep(for: .seconds(3_600)) }
    }

    private static func routes() -> Router {
        var router = Router()
        router.add(.get, "/livez", .inline { _ in try answer("{\"status\":\"ok\"}\n") })
        router.add(.get, "/task", .offLoop { _ in try answer("{\"status\":\"ok\"}\n") })
        router.add(
            .post, "/take", body: .collected(limit: 1 << 20), .inline { try answer("\($0.content.count)\n") })
        router.add(
            .get, "/flood",
            .offLoop { _ in
                try stream { writer in while true { try await writer.write(event) } }
            })
        router.add(
            .get, "/quiet",
            .offLoop { _ in
                try stream { writer in
                    try await writer.write(event)
                    try await Task.sleep(for: .seconds(3_600))
                }
            })
        return router
    }

    private static func answer(_ text: String) throws -> Response {
        var response = Response(body: .bytes(Array(text.utf8)))
        try response.fields.append("Content-Type", "application/json")
        try response.fields.append("Cache-Control", "no-store")
        return response
    }

    private static func stream(_ producer: @escaping @Sendable (ResponseWriter) async throws -> Void) throws -> Response
    {
        var response = Response(body: .stream(length: nil, producer))
        try response.fields.append("Content-Type", "application/x-ndjson")
        return response
    }
}
