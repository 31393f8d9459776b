// Which service a command speaks to: options first, then the environment.
import ArgumentParser
import Foundation
import Service

struct RemoteOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The service's URL; STACKELBERG_URL or http://127.0.0.1:8080 unless said. The key comes from "
                + "STACKELBERG_KEY, so that it stands in no process list.", valueName: "url"))
    var server: String?

    @Option(
        help: ArgumentHelp(
            "Roots in PEM that the service's certificate must lead to; those of the system unless said.",
            valueName: "file"))
    var tlsAuthorities: String?

    /// The service.
    func service() throws(RemoteError) -> RemoteService {
        let environment = ProcessInfo.processInfo.environment
        return try RemoteService(
            RemoteSettings(
                server: server ?? environment["STACKELBERG_URL"] ?? "http://127.0.0.1:8080",
                key: environment["STACKELBERG_KEY"], authorities: tlsAuthorities))
    }

    /// Runs `body`, and turns a service's no into a message and an exit status.
    static func reporting<Value>(_ body: () throws(RemoteError) -> Value) throws -> Value {
        do throws(RemoteError) {
            return try body()
        } catch {
            Console.say(error.text)
            throw error.isOutcome ? Status.unfinished : Status.refused
        }
    }
}
