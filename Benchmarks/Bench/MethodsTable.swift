// `make methods-table`: what every method on batches reaches on a finite sum within a number of samples, its steps
// automatic, as the table of `Documentation/methods.md`.
import ExpressionLanguage
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors

enum MethodsTable {
    /// The shared problem: strongly convex F, 1,000 samples of each level, 20 variables.
    private static let sharedProblem = """
        {"problem": {
          "data": {
            "A": {"random": {"normal": [1000, 20], "seed": 1}}, "b": {"random": {"normal": [1000], "seed": 2}},
            "V": {"random": {"normal": [1000, 20], "seed": 3}}, "c": {"random": {"normal": [1000], "seed": 4}}},
          "samples": {
            "train": {"arrays": ["A", "b"], "batch": 32}, "validation": {"arrays": ["V", "c"], "batch": 32}},
          "levels": [
            {"variables": {"x": {"shape": [20]}}, "minimize": "mean((V @ (y - 1) - c)^2) / 2 + 0.05 * sum(x^2)"},
            {"variables": {"y": {"shape": [20]}},
             "minimize": "mean((A @ (y - x) - b)^2) / 2 + 0.05 * sum(y^2)"}]},
         "method": "saba", "seed": 1}
        """

    /// - Parameter document: the path of another document; `nil` for the shared problem.
    static func print(document: String?, samples: Int) {
        do {
            let text = try document.map { try String(contentsOfFile: $0, encoding: .utf8) } ?? sharedProblem
            let optimum = try Self.optimum(text)
            say("| method | oracle calls | samples | (F − F*)/\\|F*\\| | ‖∇F‖ |")
            say("|---|---|---|---|---|")
            for name in ["soba"] + StochasticPreset.allCases.map(\.rawValue) {
                let row = try outcome(text, name, samples: samples)
                let gap = (row.value - optimum) / max(optimum.magnitude, .leastNormalMagnitude)
                say(
                    "| `\(name)` | \(row.counts.calls) | \(row.counts.samples) | "
                        + String(format: "%.1e | %.1e |", gap, row.norm))
            }
        } catch { say("error: \(error)") }
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
