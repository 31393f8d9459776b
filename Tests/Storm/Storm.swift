// Kills workers and servers at random moments and then asks, through the API alone, whether anything was lost, done
// twice, or came out otherwise. `Storm --rounds 100 --jobs 100 --seed 1 --executable path`: a round is one kill -9.
import Foundation
import ServiceHarness

@main enum Storm {
    static func main() {
        do {
            let options = try Options(CommandLine.arguments)
            let seed = try UInt64(options.number("seed", or: Int(UInt32.random(in: 1 ... .max))))
            print("seed \(seed)")
            let beside = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            let executable = options["executable"] ?? beside.appendingPathComponent("stackelberg").path
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("storm-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let faults = try run(options, ServerKeeper(executable: executable, folder: folder), seed)
            if faults.isEmpty {
                try FileManager.default.removeItem(at: folder)
            } else {
                print("the data and the log stay in \(folder.path)")
            }
            exit(faults.isEmpty ? 0 : 1)
        } catch {
            print("storm: \(error)")
            exit(2)
        }
    }

    /// - Returns: what did not hold.
    private static func run(_ options: Options, _ keeper: ServerKeeper, _ seed: UInt64) throws -> [String] {
        let began = ContinuousClock.now
        try keeper.start()
        let documents = try undisturbed(keeper)
        var random = SeededRandom(seed: seed)
        var faults: [String] = []
        var report = StormReport()
        let rounds = try options.number("rounds", or: 100)
        let jobs = try options.number("jobs", or: 100)
        var waves = 0
        while report.kills < rounds {
            waves += 1
            let wave = Wave(number: waves, keeper: keeper, documents: documents, mostKills: rounds, random: &random)
            let found = try wave.run(jobs: jobs, &random, &report)
            for fault in found { print("wave \(waves): \(fault)") }
            faults += found
        }
        faults += try closing(keeper, accepted: waves * jobs + documents.count)
        report.starts = keeper.startSeconds
        print(report.text(jobs: waves * jobs, seconds: began.duration(to: .now)))
        print(faults.isEmpty ? "every promise held" : "\(faults.count) promises broken")
        return faults
    }

    /// The documents with the hashes of undisturbed runs.
    private static func undisturbed(_ keeper: ServerKeeper) throws -> [StormDocument] {
        let texts = [
            SampleDocuments.unrolled(iterations: 200), SampleDocuments.stochastic(iterations: 3_000),
            try SampleDocuments.logistic(port: keeper.port, iterations: 400),
        ]
        return try texts.map { text in
            let id = try keeper.client.submit(text)
            let job = try keeper.client.ended(id, within: 600)
            guard job["state"]?.text == "succeeded" else { throw HarnessError("undisturbed: \(job)") }
            let log = try keeper.client.log(id)
            return StormDocument(
                text: text, hash: try keeper.client.hash(id), iterations: ServiceHarness.iterations(ofLog: log))
        }
    }

    /// The last looks: no job more than were accepted, an end without remainders.
    private static func closing(_ keeper: ServerKeeper, accepted: Int) throws -> [String] {
        var faults: [String] = []
        let jobs = try exchange(keeper.port, "GET", "/v1/queue").json["jobs"]
        if jobs?["succeeded"]?.integer != accepted {
            faults.append("\(accepted) accepted, the queue counts \(String(describing: jobs))")
        }
        let (process, workers) = (keeper.process, keeper.workers)
        process.kill(SIGTERM)
        let ending = try process.wait(seconds: 25)
        if ending != .status(0) { faults.append("the drain ended as \(ending)") }
        if !ProcessTable.areGone(workers, within: 5) { faults.append("workers outlived the drain") }
        let left = try FileManager.default.contentsOfDirectory(atPath: keeper.data.appendingPathComponent("spool").path)
        if !left.isEmpty { faults.append("left in the spool: \(left)") }
        return faults + (try StoreCheck.faults(of: keeper.data))
    }
}

/// A document, and what its undisturbed run came to.
struct StormDocument {
    let text: String
    let hash: String
    /// The iterations whose progress it told.
    let iterations: [Int]
}
