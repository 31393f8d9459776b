// A worker as the supervisor has it: spawned with nothing but its socket, read by a thread of its own, reaped by it.
import Foundation
import Glibc
import Synchronization

/// What a supervisor learns of a worker.
enum WorkerNews: Sendable {
    case report(WorkerReport)
    /// The process is gone.
    case ended(WorkerEnding)
    /// Time to look around: deadlines, requests, memory.
    case tick

    /// Whether it says no more than that the worker lives: the next one says it better.
    var isBeat: Bool { if case .report(.beat) = self { true } else { false } }
}

/// How a worker's process ended.
enum WorkerEnding: Sendable, Equatable, CustomStringConvertible {
    case status(Int32)
    case signal(Int32)

    /// What a person would call it.
    var description: String {
        switch self {
        case .status(let status): "exit status \(status)"
        case .signal(let signal): "signal \(signal)"
        }
    }
}

/// Why a worker could not be started.
struct SpawnError: Error, Equatable {
    let step: String
    let code: Int32

    var reason: String { "\(step): \(String(cString: strerror(code)))" }
}

/// A running worker process.
final class WorkerProcess: Sendable {
    /// Reports that may wait for the supervisor before the worker has to.
    private static let inboxLimit = 4_096

    let processID: Int32
    let inbox = Inbox<WorkerNews>(limit: WorkerProcess.inboxLimit)
    private let descriptor: Int32
    /// Whether the descriptor is closed, so that its number may belong to a client's connection.
    private let isClosed = Mutex(false)
    /// Whether the process is known to be gone, so that its number may belong to another.
    private let isReaped = Mutex(false)

    /// Starts `executable worker`.
    ///
    /// - Parameter environment: all of the worker's variables.
    init(executable: String, environment: [String: String]) throws(SpawnError) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw SpawnError(step: "socketpair", code: errno)
        }
        defer { close(ends[1]) }
        do throws(SpawnError) {
            processID = try Self.spawn(executable, environment, socket: ends[1])
        } catch {
            close(ends[0])
            throw error
        }
        descriptor = ends[0]
        Thread.detachNewThread { self.read() }
    }

    private static func spawn(
        _ executable: String, _ environment: [String: String], socket: Int32
    ) throws(SpawnError) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, socket, WorkerLink.descriptor)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var all = sigset_t()
        var none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        posix_spawnattr_setflags(&attributes, Int16(flags))
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(executable), strdup("worker"), nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") }
        variables.append(nil)
        defer { for text in arguments + variables { free(text) } }
        var child: pid_t = 0
        let status = posix_spawn(&child, executable, &actions, &attributes, &arguments, &variables)
        guard status == 0 else { throw SpawnError(step: "posix_spawn", code: status) }
        return child
    }

    /// Gives an order. Orders are small and rare: a worker whose socket is full of them is not reading, and is killed.
    func send(_ order: WorkerOrder) {
        let frame = WorkerFrame.encode(order.json)
        let sent = isClosed.withLock { isClosed in
            isClosed
                ? -1
                : frame.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                }
        }
        if sent != frame.count { kill() }
    }

    /// Whether the process has ended and was collected; a worker may die while nobody asks anything of it.
    var isGone: Bool { isReaped.withLock(\.self) }

    /// Ends the process and all it started, at once.
    func kill() {
        isReaped.withLock { isReaped in
            if !isReaped { _ = Glibc.kill(-processID, SIGKILL) }
        }
    }

    /// Waits until the process is gone; what it still says is for nobody.
    func end() async { while await !inbox.take().isEmpty {} }

    /// Resident memory; `nil` when the process is gone.
    var residentBytes: Int? {
        guard let text = try? String(contentsOfFile: "/proc/\(processID)/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return pages * 4_096
    }

    // MARK: - The reading thread

    private func read() {
        var buffer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        reading: while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            buffer += chunk[..<count]
            do throws(WorkerFrameError) {
                while let json = try WorkerFrame.decode(&buffer) {
                    guard let report = WorkerReport(json) else { break reading }
                    let news = WorkerNews.report(report)
                    // Nobody takes an idle worker's beats: were they all kept, they would stand before its end.
                    inbox.put(news, replacingLastIf: { news.isBeat && $0.isBeat })
                }
            } catch {
                break
            }
        }
        // Whoever closes its socket or talks nonsense is of no more use, dead or not.
        kill()
        let ending = reap()
        isClosed.withLock { isClosed in
            close(descriptor)
            isClosed = true
        }
        inbox.nudge(.ended(ending))
        inbox.close()
    }

    private func reap() -> WorkerEnding {
        var status: Int32 = 0
        while waitpid(processID, &status, 0) < 0 && errno == EINTR {}
        isReaped.withLock { $0 = true }
        let signal = status & 0x7f
        return signal == 0 ? .status((status >> 8) & 0xff) : .signal(signal)
    }
}
