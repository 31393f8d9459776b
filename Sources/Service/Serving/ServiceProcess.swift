// The service as a process: its URL on standard output, its log on standard error, its signals.
import Dispatch
import Glibc
import Sockets

/// Runs a service until it is told to end.
package enum ServiceProcess {
    /// Serves; ends the process. Status 0 after a drain, 2 when it could not start.
    package static func run(_ configuration: ServiceConfiguration) -> Never {
        giveBackLargeBlocks()
        // A file at the process's limit is a full disk like any other: the write fails with EFBIG.
        signal(SIGXFSZ, SIG_IGN)
        // Listened to before the URL is said: a signal that comes sooner than its source is lost.
        let reloads = configuration.tls.map { _ in Signals([SIGHUP]) }
        // With nothing to read again, a hang-up is that of the terminal: an end, unless `nohup` says that it is none.
        let isHangUpAnEnd = configuration.tls == nil && !Signals.isIgnored(SIGHUP)
        let endings = Signals([SIGTERM, SIGINT] + (isHangUpAnEnd ? [SIGHUP] : []))
        let journal = ServiceLog(descriptor: STDERR_FILENO)
        let (ending, reload) = (endings.heard, reloads?.heard)
        Task.detached {
            do {
                let application = try await Application.start(configuration, journal: journal)
                if let reload {
                    Task.detached { for await _ in reload { journal.say(application.reloadCertificate()) } }
                }
                announce(application.url)
                var iterator = ending.makeAsyncIterator()
                _ = await iterator.next()
                journal.say("draining")
                Task.detached {
                    // A second signal ends the process at once.
                    _ = await iterator.next()
                    _exit(1)
                }
                await application.drain()
                journal.flush()
                exit(0)
            } catch let error as StartError {
                journal.say("error: \(error.reason)")
                journal.flush()
                exit(2)
            } catch {
                journal.say("error: \(error)")
                journal.flush()
                exit(2)
            }
        }
        withExtendedLifetime((endings, reloads)) { dispatchMain() }
    }

    /// The URL as a line. A reader that went away is no reason to end.
    private static func announce(_ url: String) {
        _ = Array("\(url)\n".utf8).withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}

/// Signals as a stream, in place of what they do to a process.
private struct Signals {
    /// An element for each signal that came.
    let heard: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]

    /// Whether the process was started without it.
    static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        // Cannot fail: the number is a signal's and the pointer is valid.
        sigaction(number, nil, &action)
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }

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
