// One wave: jobs go in under keys, streams are followed, processes die; when all has ended, the logs and the results
// are held against what was promised.
import Foundation
import Glibc
import ServiceHarness
import Synchronization

/// A wave of a storm: so many jobs at once.
struct Wave {
    /// A job that never ends would otherwise storm for ever.
    private static let patience = 900.0

    let number: Int
    let keeper: ServerKeeper
    let documents: [StormDocument]
    /// Kills after which the rest of the jobs ends undisturbed.
    let mostKills: Int

    init(
        number: Int, keeper: ServerKeeper, documents: [StormDocument], mostKills: Int, random: inout SeededRandom
    ) {
        self.number = number
        self.mostKills = mostKills
        self.keeper = keeper
        self.documents = documents.shuffled(using: &random)
    }

    /// - Returns: what did not hold.
    func run(jobs count: Int, _ random: inout SeededRandom, _ report: inout StormReport) throws -> [String] {
        let board = Board(count: count)
        let clients = (0..<count).map { job in
            let thread = Thread { self.beClient(job, board) }
            thread.start()
            return thread
        }
        var faults = try disturb(until: { board.isDone }, &random, &report)
        for client in clients {
            while !client.isFinished { usleep(5_000) }
        }
        for job in 0..<count { faults += try judge(job, board, &report) }
        return faults
    }

    private func document(_ job: Int) -> StormDocument { documents[job % documents.count] }

    // MARK: - Clients

    /// What became of the clients.
    private final class Board: Sendable {
        struct Entry {
            var id: String?
            var events: [StreamedEvent] = []
            var connections = 0
            var fault: String?
            var isDone = false
        }

        private let entries: Mutex<[Entry]>

        init(count: Int) { entries = Mutex(Array(repeating: Entry(), count: count)) }

        var isDone: Bool { entries.withLock { $0.allSatisfy(\.isDone) } }

        subscript(job: Int) -> Entry { entries.withLock { $0[job] } }

        func update(_ job: Int, _ change: (inout Entry) -> Void) { entries.withLock { change(&$0[job]) } }
    }

    /// Submits until the job is accepted, then follows it to its end, whatever happens to the server.
    private func beClient(_ job: Int, _ board: Board) {
        do {
            let id = try submit(document(job).text, key: "wave-\(number)-job-\(job)")
            board.update(job) { $0.id = id }
            let (events, connections) = try keeper.client.followToEnd(id, within: Self.patience)
            board.update(job) {
                $0.events = events
                $0.connections = connections
            }
        } catch {
            board.update(job) { $0.fault = "\(error)" }
        }
        board.update(job) { $0.isDone = true }
    }

    /// The key makes repeating safe: an answer that was lost is not a second job. A refusal is no loss.
    private func submit(_ document: String, key: String) throws -> String {
        let deadline = ContinuousClock.now + .seconds(Self.patience)
        while true {
            let answer = try? exchange(
                keeper.port, "POST", "/v1/jobs", Array(document.utf8), fields: ["Idempotency-Key": key])
            if let answer, answer.status == 202, let id = try answer.json["id"]?.text { return id }
            if let answer, answer.status != 503 { throw HarnessError("\(answer.status) \(answer.text.prefix(300))") }
            if ContinuousClock.now > deadline { throw HarnessError("not accepted in \(Self.patience) s") }
            usleep(20_000)
        }
    }

    // MARK: - Disturbances

    private enum Blow {
        case worker
        case stoppedWorker
        case server
        case startingServer
    }

    private func disturb(
        until isDone: () -> Bool, _ random: inout SeededRandom, _ report: inout StormReport
    ) throws -> [String] {
        var faults: [String] = []
        while !isDone(), report.kills < mostKills {
            usleep(UInt32.random(in: 20_000...700_000, using: &random))
            if isDone() { break }
            switch [Blow.worker, .worker, .stoppedWorker, .server, .startingServer].randomElement(using: &random) {
            case .worker: try strikeWorker(stopping: false, &random, &report)
            case .stoppedWorker: try strikeWorker(stopping: true, &random, &report)
            case .server: faults += try strikeServer(startsInVain: 0, &random, &report)
            case .startingServer:
                faults += try strikeServer(startsInVain: Int.random(in: 1...2, using: &random), &random, &report)
            case nil: break
            }
        }
        return faults
    }

    /// A job that lost two workers without writing a state in between would rightly fail at the third: it is spared.
    private func strikeWorker(stopping: Bool, _ random: inout SeededRandom, _ report: inout StormReport) throws {
        let jobs = try exchange(keeper.port, "GET", "/v1/jobs?state=running&limit=200").json["items"]?.items ?? []
        guard jobs.allSatisfy({ ($0["failures"]?.integer ?? 0) < 2 }) else { return }
        guard let worker = keeper.workers.randomElement(using: &random) else { return }
        if stopping {
            kill(worker, SIGSTOP)
            usleep(UInt32.random(in: 1_000...200_000, using: &random))
            report.workerStops += 1
        }
        kill(worker, SIGKILL)
        report.workerKills += 1
        // The failure is counted before the next blow is thought of.
        _ = ProcessTable.areGone([worker], within: 5)
        usleep(100_000)
    }

    private func strikeServer(
        startsInVain: Int, _ random: inout SeededRandom, _ report: inout StormReport
    ) throws -> [String] {
        let orphans = try keeper.crash()
        report.serverKills += 1
        let found = try StoreCheck.faults(of: keeper.data)
        for _ in 0..<startsInVain {
            try keeper.startInVain(microseconds: UInt32.random(in: 0...400_000, using: &random))
            report.startKills += 1
        }
        try keeper.start()
        return found + (ProcessTable.areGone(orphans, within: 5) ? [] : ["workers outlived their server"])
    }

    // MARK: - Judgement

    private func judge(_ job: Int, _ board: Board, _ report: inout StormReport) throws -> [String] {
        let entry = board[job]
        if let fault = entry.fault { return ["job \(job) (\(entry.id ?? "not accepted")): \(fault)"] }
        guard let id = entry.id else { return ["job \(job) was not accepted"] }
        let document = try keeper.client.job(id)
        report.mostAttempts = max(report.mostAttempts, document["attempt"]?.integer ?? 0)
        report.mostFailures = max(report.mostFailures, document["failures"]?.integer ?? 0)
        report.reconnections += entry.connections - 1
        guard document["state"]?.text == "succeeded" else {
            return ["\(id) is \(document["state"]?.text ?? "gone"), \(document["failure"]?["detail"]?.text ?? "")"]
        }
        let log = try keeper.client.log(id)
        report.events += log.count
        var faults = ServiceHarness.faults(inLog: log)
        if ServiceHarness.iterations(ofLog: log) != self.document(job).iterations {
            faults.append("other iterations told")
        }
        if entry.events.map(\.seq) != log.map(\.seq) { faults.append("the stream and the log differ") }
        if try keeper.client.hash(id) != self.document(job).hash { faults.append("another result") }
        return faults.map { "\(id): \($0)" }
    }
}
