// A real `stackelberg serve` as tests have it: started on a free port, signalled, collected, its workers looked up.
import Foundation
import Glibc
import Synchronization

/// Something a test could not go on without.
package struct HarnessError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Held while a child is started: a descriptor that is not close-on-exec yet must not reach another child.
private let starting = Mutex(())

/// A server process on 127.0.0.1.
package final class ServedProcess: Sendable {
    /// How a process ended.
    package enum Ending: Equatable, Sendable {
        case status(Int32)
        case signal(Int32)
    }

    package let processID: Int32
    /// File that takes standard error.
    package let log: URL
    private let output: Int32
    private let heard = Mutex<[UInt8]>([])
    private let ending = Mutex<Ending?>(nil)

    /// Starts a server; does not wait for it.
    ///
    /// - Parameters:
    ///   - executable: path of `stackelberg`.
    ///   - data: its data folder. Standard error goes to `<data>.log`, appended.
    ///   - options: besides `serve --port 0 --data`; the last of two equal options counts.
    ///   - variables: `NAME=value`, for the environment of the server and its workers.
    package init(
        executable: String, data: URL, workers: Int = 2, options: [String] = [], variables: [String] = []
    ) throws {
        log = URL(fileURLWithPath: data.path + ".log")
        let words =
            ["/usr/bin/env"] + variables
            + [executable, "serve", "--port", "0", "--data", data.path, "--workers", "\(workers)"] + options
        (processID, output) = try starting.withLock { [log] _ in try Self.spawn(words, errors: log.path) }
    }

    deinit {
        if ending.withLock({ $0 }) == nil {
            kill(SIGKILL)
            _ = try? wait(seconds: 10)
        }
        close(output)
    }

    /// The first line of standard output, without its line feed.
    ///
    /// - Throws: when the process ends first, or `seconds` pass.
    package func url(within seconds: Double = 60) throws -> String {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            if let line = firstLine { return line }
            var polled = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard poll(&polled, 1, 50) > 0 else { continue }
            var chunk = [UInt8](repeating: 0, count: 4_096)
            let count = read(output, &chunk, chunk.count)
            if count > 0 { heard.withLock { $0 += chunk[..<count] } }
            if count == 0 { throw HarnessError("the server ended before it said its URL: \(logText.suffix(400))") }
        }
        throw HarnessError("the server did not say its URL within \(seconds) s")
    }

    private var firstLine: String? {
        heard.withLock { bytes in
            bytes.firstIndex(of: 0x0A).map { String(decoding: bytes[..<$0], as: UTF8.self) }
        }
    }

    /// The port of the URL.
    package func port(within seconds: Double = 60) throws -> Int {
        let url = try url(within: seconds)
        guard let text = url.split(separator: ":").last, let port = Int(text) else {
            throw HarnessError("no port in \(url)")
        }
        return port
    }

    package var logText: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    package func kill(_ signal: Int32) {
        if ending.withLock({ $0 }) == nil { _ = Glibc.kill(processID, signal) }
    }

    /// Collects the process.
    ///
    /// - Throws: when it still runs after `seconds`.
    package func wait(seconds: Double) throws -> Ending {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            if let ending = collect() { return ending }
            usleep(2_000)
        }
        throw HarnessError("the server still runs after \(seconds) s: \(logText.suffix(400))")
    }

    private func collect() -> Ending? {
        ending.withLock { ending in
            if let ending { return ending }
            var status: Int32 = 0
            guard waitpid(processID, &status, WNOHANG) == processID else { return nil }
            let signal = status & 0x7F
            ending = signal == 0 ? .status((status >> 8) & 0xFF) : .signal(signal)
            return ending
        }
    }

    /// Kills the process and its memory of anything.
    package func crash() throws {
        kill(SIGKILL)
        _ = try wait(seconds: 10)
    }

    // MARK: - Starting

    private static func spawn(_ words: [String], errors: String) throws -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw HarnessError("pipe: errno \(errno)") }
        defer { close(ends[1]) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var all = sigset_t()
        var none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var copies = words.map { strdup($0) }
        copies.append(nil)
        defer { for copy in copies { free(copy) } }
        var process: pid_t = 0
        let status = posix_spawn(&process, words[0], &actions, &attributes, copies, environ)
        guard status == 0 else {
            close(ends[0])
            throw HarnessError("posix_spawn \(words[0]): errno \(status)")
        }
        return (process, ends[0])
    }
}
