// The course of an abuse: an undisturbed run for its hash, the same job under siege, and a look at what is left.
import Foundation
import Glibc
import ServiceHarness

/// One server besieged.
struct Siege {
    /// Seconds and bytes that hold on a busy machine with a debug build; 50 ms are wanted of a quiet one.
    private static let slowestAnswer = 2.0
    private static let memoryGrowth = 192 << 20
    private static let descriptorGrowth = 8

    private let seconds: Double
    private let clientCount: Int
    private let streamCount: Int
    private let seed: UInt64
    private let process: ServedProcess
    private let port: Int
    private let client: JobClient

    init(_ options: Options, folder: URL) throws {
        seconds = Double(try options.number("seconds", or: 15))
        clientCount = try options.number("clients", or: 256)
        streamCount = try options.number("streams", or: 100)
        seed = UInt64(try options.number("seed", or: Int(UInt32.random(in: 1 ... .max))))
        print("seed \(seed)")
        let beside = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let executable = options["executable"] ?? beside.appendingPathComponent("stackelberg").path
        process = try ServedProcess(executable: executable, data: folder.appendingPathComponent("data"))
        port = try process.port()
        client = JobClient(port: port)
    }

    /// - Returns: what did not hold.
    func run() throws -> [String] {
        let document = SampleDocuments.unrolled(iterations: 1_000, checkpointSeconds: 1)
        let undisturbed = try client.submit(document)
        _ = try client.ended(undisturbed, within: 120)
        let before = footprint
        let job = try client.submit(document)
        let crowd = Crowd(count: clientCount, port: port, job: job, seed: seed)
        let streams = (0..<streamCount).map { _ in Follower(port: port, job: job) }
        let prober = Prober(port: port, job: job)
        let began = ContinuousClock.now
        for participant in [crowd, prober] + streams { participant.start() }
        _ = try client.ended(job, within: 180)
        while ContinuousClock.now < began + .seconds(seconds) { usleep(50_000) }
        for participant in [crowd, prober] + streams { participant.end() }
        print("\(crowd.connections) bad connections in \(began.duration(to: .now).components.seconds) s")
        var faults = try judge(job, undisturbed, streams)
        faults += prober.faults(slowest: Self.slowestAnswer)
        faults += remains(before)
        process.kill(SIGTERM)
        let ending = try process.wait(seconds: 25)
        return faults + (ending == .status(0) ? [] : ["the drain ended as \(ending)"])
    }

    private func judge(_ job: String, _ undisturbed: String, _ streams: [Follower]) throws -> [String] {
        let log = try client.log(job)
        var faults = ServiceHarness.faults(inLog: log)
        if try client.hash(job) != client.hash(undisturbed) { faults.append("another result under abuse") }
        let whole = log.map(\.seq)
        let complete = streams.count { $0.numbers == whole }
        print("\(complete) of \(streams.count) streams got all of \(log.count) events")
        if complete != streams.count {
            let reasons = Set(streams.compactMap(\.failure)).sorted().prefix(3)
            faults.append("\(streams.count - complete) streams missed events \(reasons.joined(separator: "; "))")
        }
        return faults
    }

    // MARK: - What is left

    private struct Footprint {
        let descriptors: Int
        let bytes: Int
    }

    private var footprint: Footprint {
        Footprint(
            descriptors: ProcessTable.descriptors(of: process.processID),
            bytes: ProcessTable.residentBytes(of: process.processID))
    }

    /// Clients have gone; the server has ten seconds to notice.
    private func remains(_ before: Footprint) -> [String] {
        let deadline = ContinuousClock.now + .seconds(10)
        while footprint.descriptors > before.descriptors + Self.descriptorGrowth, ContinuousClock.now < deadline {
            usleep(100_000)
        }
        let after = footprint
        print(
            "descriptors \(before.descriptors) before, \(after.descriptors) after; memory \(before.bytes >> 20) MiB before, "
                + "\(after.bytes >> 20) MiB after")
        var faults: [String] = []
        if after.descriptors > before.descriptors + Self.descriptorGrowth { faults.append("descriptors were kept") }
        if after.bytes > before.bytes + Self.memoryGrowth { faults.append("memory was kept") }
        return faults
    }
}
