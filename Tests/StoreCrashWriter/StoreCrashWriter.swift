// A process made to be killed: writes to the store in the folder it is given, and says what was acknowledged.
import Glibc
import JobQueue
import SQLiteStore

@main enum StoreCrashWriter {
    private static let time = Timestamp(milliseconds: 1_800_000_000_000)

    /// Arguments: the folder, a number that makes this process's names its own.
    static func main() async throws {
        let folder = CommandLine.arguments[1]
        let round = UInt128(CommandLine.arguments[2]) ?? 0
        let store = try await SQLiteStore.open(folder: folder) { change, _ in Array("\(change)".utf8) }
        _ = try await store.recover(at: time)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in UInt128(0)..<4 {
                group.addTask {
                    for number in UInt128(1)... {
                        try await work(on: JobID(bits: 1 << 80 | round << 32 | worker << 24 | number), in: store)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Submits a job of its own kind, appends to it four times, and finishes it.
    private static func work(on id: JobID, in store: SQLiteStore) async throws {
        let submission = Submission(id: id, owner: "ann", kind: "\(id)", payload: [])
        _ = try await store.submit(submission, idempotency: nil, at: time)
        say("\(id) 1 submitted")
        let claims = try await store.claim(
            limit: 1, kinds: ["\(id)"], worker: "w", lease: .seconds(30),
            at: Moment(calendar: time, uptime: .zero))
        guard let lease = claims.first?.lease else { return }
        for count in 1...4 {
            let draft = EventDraft(type: JobEvent.progressType, time: time, data: Array("\(count)".utf8))
            let seqs = try await store.append([draft, draft], under: lease)
            say("\(id) \(seqs.upperBound) \(count)")
        }
        let outcome = Outcome.succeeded(Termination(rawValue: "converged"), result: [1])
        let job = try await store.finish(lease, with: outcome, appending: [], at: time)
        say("\(id) \(job.lastSeq) ended")
    }

    /// One line on standard output, whole or not at all as far as the kernel can help it: shorter than PIPE_BUF.
    private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        if write(STDOUT_FILENO, bytes, bytes.count) != bytes.count { exit(1) }
    }
}
