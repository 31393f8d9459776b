// The built executable as a process: what it prints, how it ends, how long its CPU works.
import Foundation
import Glibc
import Synchronization

/// How one run of the executable ended.
struct Finished {
    enum Ending: Equatable {
        case status(Int32)
        case signal(Int32)
        /// It ran longer than ``Executable/deadline`` and was killed.
        case overdue
    }

    let ending: Ending
    let output: String
    /// What came on standard error.
    let errors: String
    /// User and system time of the process.
    let cpuSeconds: Double
    /// The largest resident memory of the process, or of the tests at its start where that is more.
    let peakBytes: Int
}

/// Where a standard stream of the child leads.
enum StreamEnd {
    /// Into a pipe that is read to its end.
    case captured
    /// Into a pipe whose reader has gone away.
    case abandoned
    /// Into a terminal of its own, read like a pipe.
    case terminal
    case file(String)
}

/// Something the run could not be started for.
struct SystemFailure: Error {
    let call: String
    let code: Int32

    init(_ call: String, _ code: Int32 = errno) {
        self.call = call
        self.code = code
    }
}

/// The executable beside the test bundle.
enum Executable {
    /// Seconds after which a run is killed. No test needs a tenth of it on a free machine.
    static let deadline = 60.0

    static let path: String = {
        let bundle = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        return bundle.deletingLastPathComponent().appending(path: "stackelberg").path
    }()

    /// Runs the executable to its end.
    ///
    /// - Parameters:
    ///   - folder: the working folder.
    ///   - signal: sent once, as soon as standard error has a whole line.
    static func run(
        _ arguments: [String], in folder: URL = Repository.root, output: StreamEnd = .captured,
        errors: StreamEnd = .captured, signal: Int32? = nil
    ) throws -> Finished {
        var child = try Child(arguments, folder: folder, output: output, errors: errors)
        return try child.finish(signal: signal)
    }
}

/// The folder that holds Package.swift.
enum Repository {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let examples = root.appending(path: "Examples")

    /// The path of an example document.
    static func example(_ name: String) -> String { examples.appending(path: "\(name).json").path }
}

/// Held while a child is started: a descriptor that is not close-on-exec yet must not reach another child, which would
/// keep the pipe open.
private let starting = Mutex(())

/// A started process and our ends of its streams.
private struct Child {
    private let process: pid_t
    private var readers: [Int32?]
    private var texts: [[UInt8]] = [[], []]

    init(_ arguments: [String], folder: URL, output: StreamEnd, errors: StreamEnd) throws {
        (process, readers) = try starting.withLock { _ in
            try Self.start(arguments, folder: folder, output: output, errors: errors)
        }
    }

    private static func start(
        _ arguments: [String], folder: URL, output: StreamEnd, errors: StreamEnd
    ) throws -> (pid_t, [Int32?]) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        let streams = [try Stream(output), try Stream(errors)]
        defer { for stream in streams { close(stream.writer) } }
        for (index, stream) in streams.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, stream.writer, Int32(index) + 1)
        }
        // `env` changes the folder and becomes the executable.
        let words = ["/usr/bin/env", "-C", folder.path, Executable.path] + arguments
        return (try spawn(words, &actions), streams.map(\.reader))
    }

    /// Starts the executable with the default handling of signals, whatever the test runner ignores and blocks.
    private static func spawn(_ words: [String], _ actions: inout posix_spawn_file_actions_t) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var defaults = sigset_t()
        sigfillset(&defaults)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        var blocked = sigset_t()
        sigemptyset(&blocked)
        posix_spawnattr_setsigmask(&attributes, &blocked)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var copies = words.map { strdup($0) }
        copies.append(nil)
        defer { for copy in copies { free(copy) } }
        var process: pid_t = 0
        let status = posix_spawn(&process, words[0], &actions, &attributes, copies, environ)
        guard status == 0 else { throw SystemFailure("posix_spawn", status) }
        return process
    }

    /// Reads both streams to their ends, then collects the process.
    mutating func finish(signal: Int32?) throws -> Finished {
        let end = ContinuousClock.now + .seconds(Executable.deadline)
        var unsent = signal
        var isOverdue = false
        while readers.contains(where: { $0 != nil }) {
            let left = (end - ContinuousClock.now).components.seconds
            if left <= 0 {
                kill(process, SIGKILL)
                isOverdue = true
                break
            }
            try readSome(milliseconds: Int32(left + 1) * 1000)
            if let number = unsent, texts[1].contains(UInt8(ascii: "\n")) {
                kill(process, number)
                unsent = nil
            }
        }
        for reader in readers.compactMap(\.self) { close(reader) }
        return try collect(isOverdue: isOverdue)
    }

    private mutating func readSome(milliseconds: Int32) throws {
        // poll passes over descriptors below 0.
        var polled = readers.map { pollfd(fd: $0 ?? -1, events: Int16(POLLIN), revents: 0) }
        if poll(&polled, 2, milliseconds) < 0 && errno != EINTR { throw SystemFailure("poll") }
        for index in polled.indices where polled[index].revents != 0 {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = read(polled[index].fd, &buffer, buffer.count)
            if count > 0 {
                texts[index].append(contentsOf: buffer[..<count])
            } else {
                // The end of a pipe; a terminal without a writer answers EIO.
                close(polled[index].fd)
                readers[index] = nil
            }
        }
    }

    private func collect(isOverdue: Bool) throws -> Finished {
        var status: Int32 = 0
        var usage = rusage()
        while wait4(process, &status, 0, &usage) < 0 {
            if errno != EINTR { throw SystemFailure("wait4") }
        }
        let signal = status & 0x7F
        let ending: Finished.Ending =
            isOverdue ? .overdue : signal == 0 ? .status((status >> 8) & 0xFF) : .signal(signal)
        return Finished(
            ending: ending, output: String(decoding: texts[0], as: UTF8.self),
            errors: String(decoding: texts[1], as: UTF8.self),
            cpuSeconds: Self.seconds(usage.ru_utime) + Self.seconds(usage.ru_stime),
            peakBytes: usage.ru_maxrss * 1024)
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
}

/// The two ends of one stream.
private struct Stream {
    /// Ours; `nil` where nothing is read.
    let reader: Int32?
    /// The child's.
    let writer: Int32

    init(_ end: StreamEnd) throws {
        switch end {
        case .captured: (reader, writer) = try Self.pipe()
        case .abandoned:
            let (ours, theirs) = try Self.pipe()
            close(ours)
            (reader, writer) = (nil, theirs)
        case .terminal:
            var (ours, theirs): (Int32, Int32) = (0, 0)
            guard openpty(&ours, &theirs, nil, nil, nil) == 0 else { throw SystemFailure("openpty") }
            (reader, writer) = try Self.closingOnExec(ours, theirs)
        case .file(let path):
            let theirs = open(path, O_WRONLY | O_CLOEXEC)
            guard theirs >= 0 else { throw SystemFailure("open \(path)") }
            (reader, writer) = (nil, theirs)
        }
    }

    private static func pipe() throws -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw SystemFailure("pipe") }
        return try closingOnExec(ends[0], ends[1])
    }

    private static func closingOnExec(_ ours: Int32, _ theirs: Int32) throws -> (Int32, Int32) {
        for end in [ours, theirs] where fcntl(end, F_SETFD, FD_CLOEXEC) != 0 { throw SystemFailure("fcntl") }
        return (ours, theirs)
    }
}
