// `serve` with a certificate, as curl and `openssl s_client` see it; SIGHUP; the health check.
import Foundation
import Glibc
import ServiceHarness
import Testing

@Suite struct TLSCommandTests {
    private let folder: ServedFolder
    private var certificate: URL { folder.scratch.folder.appending(path: "server.pem") }
    private var key: URL { folder.scratch.folder.appending(path: "server.key") }

    init() throws { folder = try ServedFolder() }

    private func fixture(_ name: String) -> String {
        Repository.root.appending(path: "Tests/HTTPServerTests/Certificates/\(name)").path
    }

    private func install(_ name: String) throws {
        for (ending, target) in [("pem", certificate), ("key", key)] {
            try? FileManager.default.removeItem(at: target)
            try FileManager.default.copyItem(atPath: fixture("\(name).\(ending)"), toPath: target.path)
        }
    }

    private func serve() throws -> ServedProcess {
        try install("first")
        return try folder.serve("--tls-certificate", certificate.path, "--tls-key", key.path)
    }

    private func curl(_ server: ServedProcess, trusting name: String, _ path: String) throws -> (String, Int32) {
        try Shell.run([
            "curl", "-sS", "--cacert", fixture("\(name).pem"), "https://localhost:\(try server.port())\(path)",
        ])
    }

    @Test func curlAndTheHealthCheckSpeakToIt() throws {
        let server = try serve()
        #expect(try server.url().hasPrefix("https://127.0.0.1:"))
        #expect(try curl(server, trusting: "first", "/livez").0 == "{\"status\":\"ok\"}\n")
        #expect(try curl(server, trusting: "second", "/livez").1 == 60)
        let healthcheck = [Executable.path, "healthcheck", "--port", "\(try server.port())"]
        #expect(try Shell.run(healthcheck + ["--tls"]).status == 0)
        #expect(try Shell.run(healthcheck).status == 1)
    }

    @Test func theCommandsSpeakToItAndToNobodyElse() throws {
        let server = try serve()
        let list = ["list", "--server", try server.url()]
        #expect(try Executable.run(list + ["--tls-authorities", fixture("first.pem")]).ending == .status(0))
        for trust in [[], ["--tls-authorities", fixture("second.pem")]] {
            let refused = try Executable.run(list + trust)
            #expect(refused.ending == .status(2) && refused.errors.contains("its certificate is not trusted: "))
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"]) func opensslSpeaksToIt(_ version: String) throws {
        let server = try serve()
        let request = "printf 'GET /livez HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n'"
        let client = "openssl s_client -quiet -alpn http/1.1 \(version) -connect 127.0.0.1:\(try server.port())"
        let run = try Shell.run(["bash", "-c", "(\(request); sleep 1) | \(client) 2>&1"])
        #expect(run.text.contains("HTTP/1.1 200 OK") && run.text.contains("{\"status\":\"ok\"}"))
    }

    @Test func hangUpReadsTheCertificateAgain() throws {
        let server = try serve()
        _ = try server.url()
        try install("second")
        server.kill(SIGHUP)
        let deadline = ContinuousClock.now + .seconds(20)
        while try curl(server, trusting: "second", "/livez").1 != 0 {
            try #require(ContinuousClock.now < deadline)
        }
        try Data("nonsense".utf8).write(to: certificate)
        server.kill(SIGHUP)
        while !server.logText.contains("the certificate stays as it was") {
            try #require(ContinuousClock.now < deadline)
        }
        #expect(try curl(server, trusting: "second", "/livez").1 == 0)
    }

    @Test func saysWhatIsMissing() throws {
        let words = [Executable.path, "serve", "--tls-certificate", fixture("first.pem")]
        #expect(try Shell.run(words).text.contains("--tls-key is missing"))
        let mixed = try Shell.run(words + ["--tls-key", fixture("second.key"), "--data", folder.data.path])
        #expect(mixed.text.contains("OpenSSL cannot use the key") && mixed.status == 2)
    }
}
