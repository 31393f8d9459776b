// The one door to the kernel: retries EINTR and turns `errno` into a value before anything can overwrite it.
// For `timeval` and `timespec`: its headers declare them too, and the compiler may take them from there.
import COpenSSL
import Glibc

/// A system call that failed.
package struct SystemError: Error, Equatable, CustomStringConvertible {
    /// The name of the call.
    package let call: String
    /// Its `errno`.
    package let code: CInt

    package var description: String { "\(call): errno \(code)" }

    /// What the system says of its code, such as "Connection refused".
    package var reason: String { String(cString: strerror(code)) }

    /// Whether the call would have had to wait.
    package var isWouldBlock: Bool { code == EAGAIN }
    /// Whether the process, or the machine, has no descriptor or buffer left.
    package var isExhaustion: Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) }
}

/// Calls `body` until it is not interrupted.
///
/// - Returns: what the call returned, never negative.
/// - Throws: ``SystemError`` with the `errno` of the call.
@discardableResult @inline(__always)
func systemCall(_ name: StaticString, _ body: () -> Int) throws(SystemError) -> Int {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code != EINTR { throw SystemError(call: "\(name)", code: code) }
    }
}

/// Lets a write to a closed connection fail with EPIPE instead of ending the process. Call once, before any socket.
package func ignoreBrokenPipeSignal() {
    signal(SIGPIPE, SIG_IGN)
}

/// Seconds, nanoseconds resolution, of the monotonic clock; only differences mean anything.
package enum MonotonicClock {
    /// Nanoseconds since some moment in the past.
    package static func now() -> Int {
        var time = timespec()
        // Cannot fail: the clock exists on every Linux and the pointer is valid.
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
