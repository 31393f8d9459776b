// `make auto-table`: `auto`, untuned, beside the best of a grid of step sizes, as the table of `Documentation/methods.md`.
import ExpressionLanguage
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors

enum AutoTable {
    /// Of the processor, so that a busy machine changes nothing.
    private static func processorSeconds() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now)
        return Double(now.tv_sec) + 1e-9 * Double(now.tv_nsec)
    }

    /// Seconds of the processor for one point of the grid.
    private static let budget = 0.2
    /// How near the best objective of the grid counts as there, relative.
    private static let nearness = 1e-3

    static func print(examples: String, only: String) {
        say(
            "| problem | `auto` chooses | its F | best F of the grid | by | `auto` within 10⁻³ after | the grid's best after | ratio |"
        )
        say("|---|---|---|---|---|---|---|---|")
        do {
            for problem in try AutoProblem.all(examples: examples) where problem.name.hasPrefix(only) {
                say(try row(problem))
            }
        } catch { say("error: \(error)") }
    }

    /// F by seconds along the run of one method, for those who look where it spends them.
    static func follow(examples: String, problem name: String, method: String) {
        do {
            for problem in try AutoProblem.all(examples: examples) where problem.name.hasPrefix(name) {
                let found = try trace(problem, method)
                say("\(problem.name), \(found.name)")
                for point in try found.outline() {
                    say(String(format: "%8.2f ms  %.9g", 1000 * point.seconds, point.value))
                }
            }
        } catch { say("error: \(error)") }
    }

    private static func row(_ problem: AutoProblem) throws -> String {
        let automatic = try trace(problem, "\"auto\"")
        let curvature = try problem.curvature ?? self.curvature(problem)
        var best: (trace: Trace, name: String, value: Double)?
        for (name, method) in problem.grid {
            for step in problem.lowerSteps {
                for ratio in problem.ratios {
                    let (lower, upper) = (step / curvature, ratio * step / curvature)
                    let text = method.replacing("LOWER", with: "\(lower)").replacing("UPPER", with: "\(upper)")
                    let found = try trace(problem, text)
                    guard let value = try found.lastValue(), value.isFinite else { continue }
                    if best.map({ value < $0.value }) ?? true {
                        best = (found, "`\(name)`, \(short(lower)) and \(short(upper))", value)
                    }
                }
            }
        }
        guard let best else { throw BenchError(description: "every point of the grid diverged") }
        let wanted = best.value + nearness * abs(best.value)
        let reached = try automatic.secondsTo(wanted)
        let gridReached = try best.trace.secondsTo(wanted)
        let ratio = reached.flatMap { mine in gridReached.map { String(format: "%.2f", mine / $0) } } ?? "–"
        let value = try automatic.lastValue() ?? .nan
        return "| \(problem.name) | `\(automatic.name)` | \(String(format: "%.6f", value)) | "
            + "\(String(format: "%.6f", best.value)) | \(best.name) | \(text(reached)) | \(text(gridReached)) | \(ratio) |"
    }

    private static func short(_ value: Double) -> String { String(format: "%.3g", value) }

    private static func text(_ seconds: Double?) -> String {
        seconds.map { String(format: "%.1f ms", 1000 * $0) } ?? "never"
    }

    // MARK: - Runs

    private static func admit(_ problem: AutoProblem, _ method: String) throws -> (
        MultilevelProblem, MethodConfiguration
    ) {
        let value = try JSONParser.parse(problem.document).applying(JSONAssignment("method=\(method)"))
        var diagnostics = Diagnostics()
        guard let document = DocumentDecoder.decode(value, into: &diagnostics),
            let built = ProblemBuilder.build(
                document.problem, seed: 1,
                resolve: { _, selection in
                    problem.data[selection.dataset].map { .success(.dense($0)) }
                        ?? .failure(DatasetFault(message: "no data called \(selection.dataset)"))
                }, into: &diagnostics),
            let settled = MethodResolver.resolve(
                document.method, tolerances: document.tolerances, for: built, into: &diagnostics)
        else { throw BenchError(description: diagnostics.rendered) }
        return (built.problem, settled)
    }

    private static func curvature(_ problem: AutoProblem) throws -> Double {
        let (built, _) = try admit(problem, "\"auto\"")
        return Curvature(BilevelOracle(built), seed: 1)?.largest ?? 1
    }

    /// Runs for the budget, or to the end, and keeps the upper points that were reported with their times; the start's
    /// measurements count.
    private static func trace(_ problem: AutoProblem, _ method: String) throws -> Trace {
        let (built, settled) = try admit(problem, method)
        let begin = processorSeconds()
        func elapsed() -> Double { processorSeconds() - begin }
        let stop: StopCheck = { elapsed() > budget ? .timeLimit : nil }
        var result = Trace(problem: built, name: settled.name)
        guard
            let begun = SolverRun.begin(
                built, settled, limits: RunLimits(iterations: .max), seed: 1, stop: stop)
        else { return result }
        result.points.append((elapsed(), begun.start.x))
        loop: while true {
            switch begun.run.advance() {
            case .progress(let point): result.points.append((elapsed(), point.x))
            case .silent: continue
            case .ended, .suspended: break loop
            }
        }
        return result
    }
}

/// Upper points by the seconds at which a run had them.
private struct Trace {
    let problem: MultilevelProblem
    let name: String
    var points: [(seconds: Double, x: [Double])] = []

    /// F, the lower level solved anew, in the minimised sense; `nil` where that fails.
    private func value(_ x: [Double]) throws -> Double? {
        guard VectorMath.isFinite(x) else { return nil }
        var levels = problem.levels
        levels[0].start = x
        let moved = MultilevelProblem(
            graph: problem.graph, levels: levels, data: problem.data, axes: problem.axes, precision: problem.precision)
        return SolverRun.begin(
            moved, reference(moved), limits: RunLimits(iterations: 0), seed: 1, stop: { nil })?.start.upperObjective
    }

    /// The cheapest method that reports the start: the reference evaluation makes the report, whatever the method.
    private func reference(_ problem: MultilevelProblem) -> MethodConfiguration {
        let axes = DoubleLoopConfiguration(
            lower: problem.lower.isSmooth
                ? .lbfgs(memory: 10, steps: 1, tolerance: .infinity)
                : .accelerated(steps: 1, tolerance: Tolerance(absolute: .infinity)),
            hypergradient: .implicit(.neumann(step: 1, terms: 0)),
            upper: .projectedGradient(schedule: .constant(1), momentum: 0), warmStartsLower: true,
            warmStartsLinear: false)
        return MethodConfiguration(name: "reference", reason: "", algorithm: .doubleLoop(axes))
    }

    /// At some twenty of the points, denser at the beginning.
    func outline() throws -> [(seconds: Double, value: Double)] {
        var (shown, next) = ([(seconds: Double, value: Double)](), 0.0)
        for (index, point) in points.enumerated() where index == points.count - 1 || point.seconds >= next {
            shown.append((point.seconds, try value(point.x) ?? .nan))
            next = max(point.seconds * 1.2, 0.001)
        }
        return shown
    }

    func lastValue() throws -> Double? { try points.last.flatMap { try value($0.x) } }

    /// When F was first at most `wanted`, by bisection among the reported points: runs come nearer in the main.
    func secondsTo(_ wanted: Double) throws -> Double? {
        guard let last = points.indices.last, let end = try value(points[last].x), end <= wanted else { return nil }
        var (low, high) = (-1, last)
        while high - low > 1 {
            let middle = (low + high) / 2
            if let found = try value(points[middle].x), found <= wanted { high = middle } else { low = middle }
        }
        return points[high].seconds
    }
}
