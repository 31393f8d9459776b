// `make bench`: the engine beside work by hand, in alternating rounds of one process, as ratios with their spread.
import ExpressionGraph
import Foundation
import MultilevelOptimization
import Solvers
import Tensors

/// Two or more ways to do the same work.
struct Contest {
    let title: String
    /// Bounds that the design sets on the first way over the others, by position; nil where it sets none.
    let targets: [Double?]
    /// The first is the engine's. Each repeats the work `count` times.
    let ways: [(name: String, run: (Int) -> Void)]
}

/// The numbers of one way.
struct Spread {
    let median: Double
    let lowerQuartile: Double
    let upperQuartile: Double
    let least: Double

    init(_ values: [Double]) {
        let sorted = values.sorted()
        median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        lowerQuartile = sorted[sorted.count / 4]
        upperQuartile = sorted[sorted.count - 1 - sorted.count / 4]
        least = sorted[0]
    }

    /// Whether something else ran on the machine meanwhile.
    var isContended: Bool { median > 1.3 * least }
}

/// Runs contests and prints them.
enum Table {
    static func print(rounds: Int) {
        let environment = ProcessInfo.processInfo.environment
        say("processor   \(processorName())")
        say("kernels     \(Kernels.variant)")
        say(
            "BLAS        \(BLAS.configuration), one thread, OPENBLAS_CORETYPE \(environment["OPENBLAS_CORETYPE"] ?? "unset")"
        )
        say("rounds      \(rounds), the ways of a contest in turn; ratio = median over rounds of engine / other\n")
        do {
            for contest in try Contests.all() { report(contest, rounds: rounds) }
        } catch { say("error: \(error)") }
    }

    private static func processorName() -> String {
        let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
        let model = lines.first { $0.hasPrefix("model name") }
        return model.flatMap { $0.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } }
            ?? "unknown"
    }

    private static func report(_ contest: Contest, rounds: Int) {
        let counts = contest.ways.map { way in
            way.run(1)
            let once = max(seconds { way.run(1) }, 1e-8)
            return max(1, Int(0.03 / once))
        }
        var times = contest.ways.map { _ in [Double]() }
        for _ in 0..<rounds {
            for (index, way) in contest.ways.enumerated() {
                times[index].append(seconds { way.run(counts[index]) } / Double(counts[index]))
            }
        }
        say(contest.title)
        let engine = times[0]
        for (index, way) in contest.ways.enumerated() {
            let spread = Spread(times[index])
            var line = "  \(way.name.padding(toLength: 34, withPad: " ", startingAt: 0))"
            line += " \(microseconds(spread.median)) µs  [\(microseconds(spread.lowerQuartile)),"
            line += " \(microseconds(spread.upperQuartile))] least \(microseconds(spread.least))"
            if index > 0 {
                let ratio = Spread(zip(engine, times[index]).map { $0 / $1 }).median
                line += String(format: "  ratio %.2f", ratio)
                if let target = contest.targets[index - 1] {
                    line += String(format: " (at most %.2f%@)", target, ratio <= target ? "" : ": MISSED")
                }
            }
            if spread.isContended { line += "  contended" }
            say(line)
        }
        say("")
    }

    private static func microseconds(_ seconds: Double) -> String { String(format: "%9.3f", seconds * 1e6) }
}
