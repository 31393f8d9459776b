// The service as a process: its URL on standard output, its log on standard error, its signals.
import Dispatch
import Foundation
import Glibc

/// Runs a service until it is told to end.
package enum ServiceProcess {
    /// Serves; ends the process. Status 0 after a drain, 2 when it could not start.
    package static func run(_ configuration: ServiceConfiguration) -> Never {
        // Listened to before the URL is said: a signal that comes sooner than its source is lost.
        let endings = Signals([SIGTERM, SIGINT])
        let reloads = configuration.tls.map { _ in Signals([SIGHUP]) }
        let (ending, reload) = (endings.heard, reloads?.heard)
        Task.detached {
            do {
                let application = try await Application.start(configuration, log: say)
                if let reload {
                    Task.detached { for await _ in reload { say(application.reloadCertificate()) } }
                }
                write("\(application.url)\n", to: STDOUT_FILENO)
                var iterator = ending.makeAsyncIterator()
                _ = await iterator.next()
                say("draining")
                Task.detached {
                    // A second signal ends the process at once.
                    _ = await iterator.next()
                    _exit(1)
                }
                await application.drain()
                exit(0)
            } catch let error as StartError {
                say("error: \(error.reason)")
                exit(2)
            } catch {
                say("error: \(error)")
                exit(2)
            }
        }
        withExtendedLifetime((endings, reloads)) { dispatchMain() }
    }

    /// A line of the log. Control characters are shown, so that a name in it cannot forge another line.
    @Sendable private static func say(_ line: String) {
        let safe = String(line.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? "?" : Character($0) })
        write("\(EventDocument.timestamp(Date())) \(safe)\n", to: STDERR_FILENO)
    }

    /// A reader that went away is no reason to end.
    private static func write(_ text: String, to descriptor: Int32) {
        _ = Array(text.utf8).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}

/// Signals as a stream, in place of what they do to a process.
private struct Signals {
    /// An element for each signal that came.
    let heard: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]

    init(_ numbers: [Int32]) {
        let (heard, told) = AsyncStream<Void>.makeStream()
        self.heard = heard
        sources = numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: DispatchQueue(label: "signals"))
            source.setEventHandler { told.yield() }
            source.activate()
            return source
        }
    }
}
