// What methods on batches do beside automatic steps: series for v begin at the v that the last look has found, and the two
// points of a penalty step on the same batches.
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors
import Testing

@Suite struct AutomaticDirectionTests {
    private static func document(
        batch: Int, upper: String = "sum((y - t)^2) / 2", lower: String
    ) -> String {
        """
        {"problem": {
          "data": {
            "A": {"random": {"normal": [40, 4], "seed": 1}}, "b": {"random": {"normal": [40, 4], "seed": 2}},
            "s": {"value": [1, 0.3, 0.1, 0.03]}, "t": {"value": [1, -1, 2, 0.5]}},
          "samples": {"train": {"arrays": ["A", "b"], "batch": \(batch)}},
          "levels": [
            {"variables": {"x": {"shape": [4], "start": 0.5}}, "minimize": "\(upper) + 0.1 * sum(x^2)"},
            {"variables": {"y": {"shape": [4]}}, "minimize": "\(lower)"}]},
         "method": "stocbio", "seed": 1}
        """
    }

    private static func advanced(_ text: String, _ method: String, iterations: Int, seed: UInt64 = 1) throws -> (
        state: StochasticState, start: ProgressPoint
    ) {
        let admitted = try admit(text, ["method=\(method)"])
        let problem = try #require(admitted.built).problem
        let configuration = try #require(admitted.method, "\(admitted.faults)")
        let (run, start) = try #require(
            SolverRun.begin(
                problem, configuration,
                limits: RunLimits(iterations: iterations, hypergradientTolerance: 0, progressEvery: 1000), seed: seed,
                stop: { nil }))
        while run.state.termination == nil { _ = run.advance() }
        guard case .stochastic(let state) = run.state.method else { throw BatchesExpected() }
        return (state, start)
    }
    private struct BatchesExpected: Error {}

    /// With batches of all rows the first step is along ∇F, by one term of the series where hundreds would be missing.
    @Test(arguments: ["stocbio", "bsa", "ttsa", "mrbo", "sustain", "vrbo"])
    func shortSeriesHaveNoBiasWhereTheyBegin(_ method: String) throws {
        let text = Self.document(batch: 40, lower: "mean((A @ (s * (y - x)))^2) / 2 + mean(b @ (y - x))")
        let short = "{\"name\": \"\(method)\", \"linear_solver\": {\"steps\": 1}}"
        let (state, start) = try Self.advanced(text, short, iterations: 1)
        let gamma = state.upperStep.value(at: 0)
        let gradient = try #require(start.hypergradient)
        for i in 0..<4 {
            let moved = (0.5 - state.memory[i]) / gamma
            #expect(abs(moved - gradient[i]) <= 1e-8 * (1 + abs(gradient[i])))
        }
    }

    /// Where batches differ in g_y and not in H, y − z is the same whatever is drawn: with f linear in y.
    @Test func penaltiesHaveNoNoiseThatTheirPointsShare() throws {
        let text = Self.document(
            batch: 4, upper: "sum(t * y)", lower: "mean(sum((s * (y - x) - b)^2, axis=1)) / 2")
        func v(_ seed: UInt64) throws -> [Double] {
            Array(
                try Self.advanced(
                    text, "{\"name\": \"f2sa\", \"upper_step\": {\"step\": 1e-9}}", iterations: 3, seed: seed
                )
                .state.memory[8..<12])
        }
        let (one, other) = (try v(1), try v(2))
        for (a, b) in zip(one, other) { #expect(abs(a - b) <= 1e-6 * (1 + abs(a)), "\(a), \(b)") }
    }

    /// λ begins where its bias is a hundredth of v.
    @Test func penaltiesBeginAtTheWeightOfTheirCurvatures() throws {
        let text = Self.document(batch: 4, lower: "mean(sum((y - x - b)^2, axis=1)) / 2")
        // L_f = 1 and μ = 1.
        let (state, _) = try Self.advanced(
            text, "{\"name\": \"f2sa\", \"hypergradient\": {\"growth\": 0}}", iterations: 1)
        #expect(abs(state.penalty - 100) <= 1e-4, "\(state.penalty)")
    }
}
