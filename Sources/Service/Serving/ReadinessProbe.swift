// One GET of /readyz over the loopback, for containers and start scripts.
import HTTP1
import HTTPClient
import Sockets

/// Asks a service whether it is ready.
package enum ReadinessProbe {
    /// Whether `/readyz` on 127.0.0.1 answers 200 within five seconds.
    ///
    /// - Parameter overTLS: by TLS, to whatever certificate.
    package static func isReady(port: Int, overTLS: Bool = false) -> Bool {
        var configuration = ClientConfiguration()
        configuration.total = .seconds(5)
        configuration.contentBytes = 1 << 16
        configuration.trust = .anyone
        guard let url = HTTPURL("\(overTLS ? "https" : "http")://127.0.0.1:\(port)/readyz"),
            let client = try? Client(configuration),
            let answer = try? client.send(OutgoingHead(method: .get, url: url))
        else { return false }
        return answer.head.statusCode == 200
    }
}
