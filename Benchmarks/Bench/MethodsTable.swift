// `make methods-table`: what every method on batches reaches on a finite sum within a number of samples, its steps
// automatic, as the table of `Documentation/methods.md`.
import ExpressionLanguage
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors

enum MethodsTable {
    private static let names = ["soba"] + StochasticPreset.allCases.map(\.rawValue)

    /// - Parameter document: the path of another document; `nil` for the shared problem, and what methods reach on others.
    static func print(document: String?, samples: Int) {
        do {
            let text = try document.map { try String(contentsOfFile: $0, encoding: .utf8) } ?? FiniteSum.shared.document
            let optimum = try Self.optimum(text)
            say("| method | oracle calls | samples | (F − F*)/\\|F*\\| | ‖∇F‖ |")
            say("|---|---|---|---|---|")
            for name in names {
                let row = try outcome(text, name, samples: samples)
                let gap = relative(row.value, optimum)
                say(
                    "| `\(name)` | \(row.counts.calls) | \(row.counts.samples) | "
                        + String(format: "%.1e | %.1e |", gap, row.norm))
            }
            if document == nil { try printOthers(samples: samples) }
        } catch { say("error: \(error)") }
    }

    /// (F − F*)/|F*| on the other problems.
    private static func printOthers(samples: Int) throws {
        let problems = FiniteSum.others
        say("")
        say("| method |" + problems.map { " \($0.name) |" }.joined())
        say("|---|" + problems.map { _ in "---|" }.joined())
        let optima = try problems.map { try optimum($0.document) }
        for name in names {
            var line = "| `\(name)` |"
            for (problem, optimum) in zip(problems, optima) {
                let row = try outcome(problem.document, name, samples: samples)
                line += String(format: " %.1e |", relative(row.value, optimum))
            }
            say(line)
        }
    }

    /// Below what F* itself is known to, 0.
    private static func relative(_ value: Double, _ optimum: Double) -> Double {
        max(0, (value - optimum) / max(optimum.magnitude, .leastNormalMagnitude))
    }

    private static func admit(
        _ text: String, _ method: String
    ) throws -> (MultilevelProblem, MethodConfiguration, UInt64) {
        let value = try JSONParser.parse(text).applying(JSONAssignment("method=\(method)"))
        var diagnostics = Diagnostics()
        guard let document = DocumentDecoder.decode(value, into: &diagnostics),
            let built = ProblemBuilder.build(
                document.problem, seed: document.seed, expressions: document.expressions,
                resolve: { _, _ in .failure(DatasetFault(message: "only random data and values are read here")) },
                into: &diagnostics),
            let method = MethodResolver.resolve(
                document.method, tolerances: document.tolerances, for: built, into: &diagnostics)
        else { throw BenchError(description: diagnostics.rendered) }
        return (built.problem, method, document.seed)
    }

    private static func run(
        _ problem: MultilevelProblem, _ method: MethodConfiguration, _ limits: RunLimits, _ seed: UInt64
    ) throws -> (run: SolverRun, start: ProgressPoint) {
        guard let begun = SolverRun.begin(problem, method, limits: limits, seed: seed, stop: { nil }) else {
            throw BenchError(description: "nothing stops a run here")
        }
        while begun.run.state.termination == nil { _ = begun.run.advance() }
        return begun
    }

    /// F* by full gradients.
    private static func optimum(_ text: String) throws -> Double {
        let (problem, method, seed) = try admit(text, "aid-cg")
        let limits = RunLimits(iterations: 2000, hypergradientTolerance: 1e-11)
        let found = try run(problem, method, limits, seed).run
        return found.sign * found.state.best.value
    }

    /// F and ‖∇F‖ at the best point of one method, the lower level solved anew.
    private static func outcome(
        _ text: String, _ name: String, samples: Int
    ) throws -> (counts: OracleCounts, value: Double, norm: Double) {
        let (problem, method, seed) = try admit(text, name)
        // No reports: looks alone, which steps take anyway.
        let limits = RunLimits(
            iterations: .max, oracleKinds: [.samples: samples], hypergradientTolerance: 0, progressEvery: .max)
        let found = try run(problem, method, limits, seed).run
        var levels = found.problem.levels
        levels[0].start = found.state.best.x
        levels[1].start = found.state.best.y
        let again = MultilevelProblem(
            graph: found.problem.graph, levels: levels, data: found.problem.data, axes: found.problem.axes,
            precision: found.problem.precision)
        let start = try run(again, try admit(text, "aid-cg").1, RunLimits(iterations: 0), seed).start
        return (found.state.counts, start.upperObjective, start.hypergradientNorm)
    }
}
