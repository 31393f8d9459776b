// SIGINT and SIGTERM as requests that the solver looks at. A second signal ends the process at once.
import Foundation
import Service
import Synchronization

/// The request made so far: 0 none, 1 stop, 2 suspend.
private let requested = Atomic<Int>(0)

enum StopSignals {
    /// Lets a write to a reader that went away fail instead of ending the process.
    static func ignoreClosedPipes() { signal(SIGPIPE, SIG_IGN) }

    /// Begins to listen.
    ///
    /// - Parameter suspends: whether SIGTERM asks to suspend instead of to stop.
    static func install(suspends: Bool) -> @Sendable () -> StopRequest? {
        // A handler may only touch atomics and async-signal-safe functions.
        signal(SIGINT) { _ in if requested.exchange(1, ordering: .relaxed) != 0 { _exit(130) } }
        if suspends {
            signal(SIGTERM) { _ in if requested.exchange(2, ordering: .relaxed) != 0 { _exit(143) } }
        } else {
            signal(SIGTERM) { _ in if requested.exchange(1, ordering: .relaxed) != 0 { _exit(143) } }
        }
        return {
            switch requested.load(ordering: .relaxed) {
            case 1: .stop
            case 2: .suspend
            default: nil
            }
        }
    }
}
