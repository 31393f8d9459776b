// The threads of an abuse: all bad clients on one, each honest follower on its own, one that measures.
import Foundation
import Glibc
import ServiceHarness
import Synchronization

/// Something with a thread of its own that can be told to end, and waited for.
class Participant: @unchecked Sendable {
    // @unchecked: what subclasses keep is written by their thread and read after `end`.
    private let shouldEndNow = Atomic(false)
    private let hasEnded = Atomic(false)
    var shouldEnd: Bool { shouldEndNow.load(ordering: .relaxed) }

    /// What the thread does.
    func work() {}

    /// Begins the thread.
    func start() {
        Thread.detachNewThread {
            self.work()
            self.hasEnded.store(true, ordering: .releasing)
        }
    }

    /// Returns when the thread has ended.
    func end() {
        shouldEndNow.store(true, ordering: .relaxed)
        while !hasEnded.load(ordering: .acquiring) { usleep(5_000) }
    }
}

/// All bad clients.
final class Crowd: Participant, @unchecked Sendable {
    private let clients: [BadClient]

    init(count: Int, port: Int, job: String, seed: UInt64) {
        clients = (0..<count).map { number in
            let misdeed = Misdeed.allCases[number % Misdeed.allCases.count]
            return BadClient(misdeed, port: port, job: job, seed: seed &+ UInt64(number))
        }
    }

    var connections: Int { clients.reduce(0) { $0 + $1.connections } }

    override func work() {
        while !shouldEnd {
            for client in clients { client.act() }
            usleep(20_000)
        }
        for client in clients { client.close() }
    }
}

/// An honest reader of the whole stream. It reads the lines when all is over: a hundred readers of JSON would keep the
/// server from the processor.
final class Follower: Participant, @unchecked Sendable {
    private let port: Int
    private let job: String
    private var text = ""
    private(set) var failure: String?

    init(port: Int, job: String) {
        self.port = port
        self.job = job
    }

    /// The numbers of the events.
    var numbers: [Int] { text.split(separator: "\n").compactMap { try? StreamedEvent(String($0))?.seq } }

    override func work() {
        do {
            text = try exchange(port, "GET", "/v1/jobs/\(job)/events", seconds: 120).text
        } catch {
            failure = "\(error)"
        }
    }
}

/// Measures how long answers take.
final class Prober: Participant, @unchecked Sendable {
    private let port: Int
    private let paths: [String]
    private var seconds: [String: [Double]] = [:]
    private var failures: [String] = []

    init(port: Int, job: String) {
        self.port = port
        paths = ["/livez", "/v1/jobs/\(job)"]
    }

    override func work() {
        while !shouldEnd {
            for path in paths { probe(path) }
            usleep(15_000)
        }
    }

    private func probe(_ path: String) {
        let began = ContinuousClock.now
        do {
            let answer = try exchange(port, "GET", path)
            if answer.status != 200 { failures.append("\(path): \(answer.status)") }
        } catch {
            failures.append("\(path): \(error)")
        }
        let took = began.duration(to: .now).components
        seconds[path, default: []].append(Double(took.seconds) + Double(took.attoseconds) * 1e-18)
    }

    /// Prints the ninety-ninth hundredth of the times of each path, and complains of those beyond the bound.
    func faults(slowest: Double) -> [String] {
        var faults = failures.prefix(5).map { "an honest request failed: \($0)" }
        for path in paths {
            let sorted = seconds[path, default: []].sorted()
            guard let worst = sorted.last else { continue }
            let p99 = sorted[sorted.count * 99 / 100]
            let shown = [sorted[sorted.count / 2], p99, worst].map { "\(($0 * 1e4).rounded() / 10)" }
            print("\(path): \(sorted.count) times, median \(shown[0]) ms, p99 \(shown[1]) ms, at most \(shown[2]) ms")
            if p99 > slowest { faults.append("\(path) took \(p99) s") }
        }
        return faults
    }
}
