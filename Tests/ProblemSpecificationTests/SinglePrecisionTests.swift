// Documents in float32: what they can reach, and that float64 measures it.

import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

@Suite struct SinglePrecisionTests {
    /// Gradients in float32 are known to some 1e-7 of their terms, so that a norm of 1e-6 can be asked for; the flattest
    /// problem here, of curvature 2/27, leaves 27/2 of that in its answer.
    private static let tolerance = 5e-5

    private static let ridge = """
        {"problem": {
          "precision": "float32",
          "data": {"A": {"value": [[1, 0], [0, 2]]}, "b": {"value": [1, 2]}},
          "levels": [
            {"variables": {"lambda": {}}, "minimize": "0.5 * sum((y - 0.5)^2)"},
            {"variables": {"y": {"shape": [2]}},
             "minimize": "0.5 * sum((A @ y - b)^2) + 0.5 * exp(lambda) * sum(y^2)"}]}}
        """

    private static let quadratic = """
        {"problem": {
          "precision": "float32",
          "levels": [
            {"variables": {"x": {"start": 1}}, "minimize": "0.5 * (y - 1)^2 + 0.5 * x^2"},
            {"variables": {"y": {}}, "minimize": "0.5 * (y - x)^2"}]}}
        """

    private static let twoTasks = """
        {"problem": {
          "precision": "float32",
          "data": {"a": {"value": [0, 4]}, "b": {"value": [1, 2]}},
          "samples": {"tasks": {"arrays": ["a", "b"]}},
          "levels": [
            {"variables": {"lambda": {}}, "minimize": "mean(0.5 * (w - b)^2)"},
            {"variables": {"w": {"per": "tasks"}},
             "minimize": "sum(0.5 * (w - a)^2 + 0.5 * (w - lambda)^2)"}]}}
        """

    private func expect(_ found: [Double], _ exact: [Double], _ name: String) {
        let isClose = zip(found, exact).allSatisfy { abs($0 - $1) <= Self.tolerance }
        #expect(found.count == exact.count && isClose, "\(name): \(found)")
    }

    /// Curvatures from 1 to 100.
    private static let curvatures: [Double] = [1, 25, 50, 75, 100].flatMap { [$0, $0, $0, $0] }
    private static let conditioning = """
        {"problem": {
          "precision": "float32",
          "data": {"h": {"value": \(curvatures)}},
          "levels": [
            {"variables": {"x": {"shape": [20]}}, "minimize": "sum(y) + 0.5 * sum(x^2)"},
            {"variables": {"y": {"shape": [20]}}, "minimize": "0.5 * sum(h * y^2) - sum(x * y)"}]}}
        """

    private struct Answer {
        let document: String
        let objective: Double
        let x: [Double]
        let y: [Double]
    }

    private static let answers = [
        Answer(document: quadratic, objective: 0.25, x: [0.5], y: [0.5]),
        Answer(document: ridge, objective: 1 / 36, x: [0.6931472], y: [1 / 3, 2 / 3]),
        Answer(document: twoTasks, objective: 1 / 8, x: [1], y: [0.5, 2.5]),
        Answer(
            document: conditioning, objective: curvatures.reduce(0) { $0 - 0.5 / ($1 * $1) },
            x: curvatures.map { -1 / $0 }, y: curvatures.map { -1 / ($0 * $0) }),
    ]

    @Test(arguments: ["auto", "aid-cg", "aid-fixed-point", "itd"])
    func reachesTheClosedForms(_ method: String) throws {
        for answer in Self.answers {
            let (_, result) = try run(
                answer.document,
                ["method.name=\(method)", "tolerances.hypergradient=1e-6"]
                    + (method == "itd" ? ["method.lower_solver.steps=2000"] : []))
            #expect(result.termination.isSuccess)
            expect([result.objectives[0]], [answer.objective], "objective by \(method)")
            expect(result.x, answer.x, "x by \(method)")
            expect(result.y, answer.y, "y by \(method)")
        }
    }

    /// The certificate's own errors are those of float64; the method's are those of float32.
    @Test func certificatesAreMadeInFloat64() throws {
        let (start, result) = try run(Self.ridge, ["tolerances.hypergradient=1e-6", "method=aid-cg"])
        #expect(abs(start.upperObjective - 9.0 / 200) <= 1e-14)
        #expect(abs((start.hypergradient ?? [])[0] + 6.0 / 125) <= 1e-12)
        let certificate = result.certificate
        #expect(try #require(certificate.linearResidual) <= 1e-14)
        #expect(try #require(certificate.differenceError) <= 1e-6)
        let error = try #require(certificate.hypergradientError)
        #expect(error > 1e-12 && error <= Self.tolerance)
        #expect(abs(result.objectives[0] - 1.0 / 36) <= Self.tolerance * Self.tolerance)
    }

    @Test func derivativeChecksAreMadeInFloat64() throws {
        let built = try #require(try admit(Self.ridge).built)
        #expect(built.problem.precision == .float32)
        let report = StartReport(built.problem, seed: 0, stop: { nil })
        #expect(report.derivativeChecks.count == 6)
        for check in report.derivativeChecks {
            guard case .value(let error) = check.relativeError else {
                Issue.record("\(check.name) was skipped")
                continue
            }
            #expect(error <= 1e-7, "\(check.name)")
        }
    }

    private static let sampled = """
        {"problem": {
          "precision": "float32",
          "data": {
            "X": {"random": {"normal": [200, 3], "seed": 1}}, "y": {"random": {"normal": [200], "seed": 2}},
            "V": {"random": {"normal": [100, 3], "seed": 3}}, "z": {"random": {"normal": [100], "seed": 4}}},
          "samples": {"train": {"arrays": ["X", "y"], "batch": 32}, "validation": {"arrays": ["V", "z"], "batch": 32}},
          "levels": [
            {"variables": {"lambda": {"shape": [3]}}, "minimize": "mean((V @ w - z)^2)"},
            {"variables": {"w": {"shape": [3]}}, "minimize": "mean((X @ w - y)^2) + 0.5 * sum(exp(lambda) * w^2)"}]},
         "limits": {"iterations": 40}, "progress": {"every": 10}}
        """

    /// The iterates of SOBA are floats; they follow those of float64.
    @Test func sampledIterationsComputeInFloat32() throws {
        let single = try run(Self.sampled, ["method.name=soba"]).result
        let double = try run(Self.sampled, ["method.name=soba", "problem.precision=float64"]).result
        #expect((single.x + single.y).allSatisfy { Double(Float($0)) == $0 })
        #expect((double.x + double.y).contains { Double(Float($0)) != $0 })
        for (a, b) in zip(single.x + single.y, double.x + double.y) { #expect(abs(a - b) <= 1e-5) }
    }

    @Test(arguments: ["soba", "aid-cg", "itd"]) func resumesWithTheSameBytes(_ method: String) throws {
        let admitted = try admit(Self.sampled, ["method.name=\(method)"])
        let problem = try #require(admitted.built).problem
        let configuration = try #require(admitted.method)
        let limits = RunLimits(iterations: 40, progressEvery: 10)
        func finish(_ run: SolverRun) -> RunResult {
            while true { if case .ended = run.advance() { return run.finish() } }
        }
        let (whole, _) = try #require(
            SolverRun.begin(problem, configuration, limits: limits, seed: 0, stop: { nil }))
        let expected = finish(whole)
        let (first, _) = try #require(
            SolverRun.begin(problem, configuration, limits: limits, seed: 0, stop: { nil }))
        for _ in 0..<2 { _ = first.advance() }
        let state = try SolverState(archive: first.state.archive(identity: "job"), identity: "job")
        let rest = SolverRun.resume(state, problem, configuration, limits: limits, seed: 0, stop: { nil })
        #expect(finish(rest) == expected)
    }

    @Test func pricesTheDataInBothPrecisions() throws {
        let admitted = try admit(Self.sampled, ["method.name=aid-cg"])
        let problem = try #require(admitted.built).problem
        let price = MemoryPrice(problem, try #require(admitted.method))
        #expect(price.dataBytes == (200 * 4 + 100 * 4) * 12)
        let sampled = try #require(try admit(Self.sampled, ["method.name=soba"]).method)
        #expect(MemoryPrice(problem, sampled).dataBytes == (200 * 4 + 100 * 4) * 20)
    }

    @Test func refusesNumbersThatFloatsCannotHold() throws {
        let text = """
            {"problem": {
              "precision": "float32",
              "data": {"a": {"value": [1, 1e39]}, "b": {"value": [3e38, 1e-50]}},
              "levels": [{"variables": {"x": {"shape": [2]}}, "minimize": "sum((x - a)^2 * b)"}]}}
            """
        let admitted = try admit(text)
        #expect(admitted.places == ["out-of-range /problem/data/a"])
        #expect(admitted.faults.first?.message == "a holds 1e+39, which float32 cannot hold")
        #expect(try admit(text, ["problem.precision=float64"]).built != nil)
    }

    @Test func roundsDataOnce() throws {
        let built = try #require(
            try admit(Self.ridge, ["problem.data.b.value=[0.1, 16777217]"]).built)
        let values = built.problem.data.first { $0.name == "b" }?.numbers
        #expect(values == [Double(Float(0.1)), 16_777_216])
    }
}
