// `stackelberg healthcheck`: asks a service on this machine whether it is ready; for containers.
import ArgumentParser
import Service

struct Healthcheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask a service on this machine whether it is ready.",
        discussion: "The exit status is 0 when /readyz answers 200, and 1 otherwise.")

    @Option(help: "The port that the service listens on.")
    var port = 8080

    @Flag(help: "The service speaks TLS; whose certificate it has is not looked at.")
    var tls = false

    func run() throws {
        guard ReadinessProbe.isReady(port: port, overTLS: tls) else {
            Console.say("not ready")
            throw Status.unfinished
        }
    }
}
