// A process that writes is killed at random moments: what it was told is on disk stays, and numbers have no hole.
import Foundation
import JobQueue
import SQLiteStore
import Testing

@Suite(.timeLimit(.minutes(10))) struct SQLiteStoreCrashTests {
    /// What the killed process saw acknowledged: the newest number and its data, by job.
    private typealias Acknowledged = [JobID: (seq: Int64, data: String)]

    /// xorshift64 (Marsaglia 2003), seeded: the same moments in every run, as far as the machine allows.
    private struct Moments {
        var state: UInt64 = 20_261_121

        mutating func nextMilliseconds(upTo bound: UInt64) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % bound)
        }
    }

    @Test func whatWasAcknowledgedOutlivesTheProcess() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        var moments = Moments()
        var acknowledged: Acknowledged = [:]
        for round in 1...20 {
            let delay = moments.nextMilliseconds(upTo: 100)
            acknowledged.merge(try await killedWriter(in: folder, round: round, after: delay)) { $1 }
            let store = try await folder.open()
            for (id, newest) in acknowledged { try await expectWhole(id, newest, in: store) }
            let leased = try await store.list(JobQuery(states: [.running], limit: 200)).jobs.map(\.id).sorted()
            #expect(try await store.recover(at: Timestamp(milliseconds: 1_900_000_000_000)) == leased)
            await store.close()
        }
        #expect(acknowledged.count >= 20)
        let ended = acknowledged.values.filter { $0.data == "ended" }.count
        print("crash rounds: 20, jobs acknowledged: \(acknowledged.count), of which ended: \(ended)")
    }

    /// Numbers count from 1 without a hole, the acknowledged event is there as it was written, and an end is the last
    /// event of a job that has ended.
    private func expectWhole(
        _ id: JobID, _ newest: (seq: Int64, data: String), in store: SQLiteStore
    ) async throws {
        let job = try await store.job(id)
        let page = try await store.events(of: id, after: 0, limit: 500, types: nil)
        #expect(page.gaps == [] && page.isLast && page.readThrough == job.lastSeq)
        let acknowledged = page.events.first { $0.seq == newest.seq }
        #expect(acknowledged.map { String(decoding: $0.data, as: UTF8.self) } == newest.data)
        let ends = page.events.filter { $0.type == JobEvent.endType }.map(\.seq)
        #expect(ends == (job.state == .succeeded ? [job.lastSeq] : []))
        #expect(try await store.result(of: id) == (job.state == .succeeded ? [1] : nil))
    }

    /// Starts the writer, waits for its first word and `delay` milliseconds, kills it, and reads all it said.
    private func killedWriter(in folder: TemporaryFolder, round: Int, after delay: Int) async throws -> Acknowledged {
        let child = Process()
        let built = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        child.executableURL = built.appending(path: "StoreCrashWriter")
        child.arguments = [folder.path, "\(round)"]
        let output = Pipe()
        child.standardOutput = output
        try child.run()
        let identifier = child.processIdentifier
        return try await withCheckedThrowingContinuation { continuation in
            // Reading blocks: on a thread of its own.
            Thread {
                var said = output.fileHandleForReading.availableData
                let killing = Thread {
                    usleep(UInt32(delay) * 1_000)
                    kill(identifier, SIGKILL)
                }
                killing.start()
                said += output.fileHandleForReading.readDataToEndOfFile()
                child.waitUntilExit()
                continuation.resume(with: Result { try Self.acknowledged(in: said) })
            }.start()
        }
    }

    /// The last whole line of each job.
    private static func acknowledged(in said: Data) throws -> Acknowledged {
        let whole = said.prefix(through: try #require(said.lastIndex(of: UInt8(ascii: "\n"))))
        var acknowledged: Acknowledged = [:]
        for line in String(decoding: whole, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            let id = try #require(JobID(words[0]))
            acknowledged[id] = (try #require(Int64(words[1])), String(words[2]))
        }
        return acknowledged
    }
}
