// The server that is up now: started, killed, started again over the same data.
import Foundation
import Glibc
import ServiceHarness
import Synchronization

/// Owns the server of a storm. One thread starts and kills; any may ask for the port.
final class ServerKeeper: Sendable {
    private struct State {
        var process: ServedProcess?
        var port = 0
        var startSeconds: [Double] = []
    }

    let data: URL
    private let executable: String
    private let state = Mutex(State())

    init(executable: String, folder: URL) {
        self.executable = executable
        data = folder.appendingPathComponent("data")
    }

    var port: Int { state.withLock { $0.port } }
    var client: JobClient { JobClient(port: { self.port }) }
    /// Seconds from each start to its URL.
    var startSeconds: [Double] { state.withLock { $0.startSeconds } }

    var process: ServedProcess {
        // `start` comes first; a storm without a server has nothing to say.
        state.withLock { $0.process! }
    }

    var workers: [Int32] { ProcessTable.children(of: process.processID) }

    /// Starts a server and waits until it listens.
    func start() throws {
        let began = ContinuousClock.now
        let process = try ServedProcess(executable: executable, data: data)
        state.withLock { $0.process = process }
        let port = try process.port()
        let took = began.duration(to: .now)
        state.withLock { state in
            state.port = port
            state.startSeconds.append(
                Double(took.components.seconds) + Double(took.components.attoseconds) * 1e-18)
        }
    }

    /// Starts a server and kills it after a while, wherever it has come to.
    func startInVain(microseconds: UInt32) throws {
        let process = try ServedProcess(executable: executable, data: data)
        usleep(microseconds)
        try process.crash()
    }

    /// Kills the server.
    ///
    /// - Returns: the workers it had.
    func crash() throws -> [Int32] {
        let workers = workers
        try process.crash()
        return workers
    }
}
