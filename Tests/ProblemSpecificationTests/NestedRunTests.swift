// Problems of many levels and fixed points, solved from document to result by the method `implicit`.
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

@Suite struct NestedRunTests {
    private static let trilevel = """
        {"problem": {"levels": [
          {"name": "x", "variables": {"x": {}}, "minimize": "0.5*(x-1)^2 + z^2 + y"},
          {"name": "y", "variables": {"y": {}}, "minimize": "0.5*(y-1)^2 + 0.5*z^2"},
          {"name": "z", "variables": {"z": {}}, "maximize": "3 - 0.5*(z-x*y)^2"}]}}
        """

    @Test func findsTheOptimumOfThreeLevels() throws {
        let (start, result) = try run(Self.trilevel)
        // At x = 0: y = 1, z = 0, F = 3/2.
        #expect(abs(start.upperObjective - 1.5) <= 1e-12)
        #expect(result.termination == .converged)
        #expect(abs(result.objectives[0] - 0.641333060494439) <= 1e-9)
        #expect(abs(result.x[0] - 1.41792546907519) <= 1e-8)
        #expect(abs(result.y[0] - 0.332169341556993) <= 1e-8)
        #expect(abs(result.objectives[2] - 3) <= 1e-12)
        #expect(result.remarks == [])
        let certificate = result.certificate
        #expect(certificate.hypergradientNorm <= 1e-9 && certificate.errorConfidence == .estimated)
        #expect(try #require(certificate.differenceError) <= 1e-6)
    }

    @Test func findsAnEquilibriumInABox() throws {
        let text = """
            {"problem": {"levels": [
              {"variables": {"a": {"start": 0.1, "constraint": {"box": [0, 0.5]}}}, "minimize": "(w - 0.9)^2"},
              {"variables": {"w": {}}, "fixed_point": {"w": "tanh(a*w + 0.299306144334055)"}}]}}
            """
        let (_, result) = try run(text)
        // The largest a is best, and there w = 1/2 (P13).
        #expect(result.termination == .converged)
        #expect(result.x == [0.5] && abs(result.y[0] - 0.5) <= 1e-9)
        #expect(abs(result.objectives[0] - 0.16) <= 1e-9)
    }

    /// Two levels by either way: the same optimum.
    @Test func agreesWithTheMethodForTwoLevels() throws {
        let text = """
            {"problem": {"data": {"A": {"value": [[1, 0], [0, 2]]}, "b": {"value": [1, 2]}},
              "levels": [
                {"variables": {"lambda": {}}, "minimize": "0.5*sum((y - 0.5)^2)"},
                {"variables": {"y": {"shape": [2]}}, "minimize": "0.5*sum((A@y - b)^2) + 0.5*exp(lambda)*sum(y^2)"}]},
             "method": "implicit"}
            """
        let (start, result) = try run(text)
        #expect(abs(start.upperObjective - 0.045) <= 1e-12)
        #expect(abs(result.objectives[0] - 1.0 / 36) <= 1e-9)
    }

    private func begin(_ text: String) throws -> (
        problem: MultilevelProblem, method: MethodConfiguration, run: SolverRun
    ) {
        let admitted = try admit(text)
        let problem = try #require(admitted.built).problem
        let method = try #require(admitted.method)
        let started = SolverRun.begin(problem, method, limits: RunLimits(iterations: 100), seed: 1, stop: { nil })
        return (problem, method, try #require(started).run)
    }

    private func finish(_ run: SolverRun) -> [UInt8] {
        while true { if case .ended = run.advance() { return run.state.archive(identity: "") } }
    }

    /// A run that forgets everything but its state after every iteration ends in the same bytes.
    @Test func resumesWithTheSameBytes() throws {
        let (problem, method, whole) = try begin(Self.trilevel)
        let expected = finish(whole)
        var (_, _, run) = try begin(Self.trilevel)
        while true {
            let event = run.advance()
            if case .ended = event { break }
            let state = try SolverState(archive: run.state.archive(identity: ""), identity: "")
            run = SolverRun.resume(
                state, problem, method, limits: RunLimits(iterations: 100), seed: 1, stop: { nil })
        }
        #expect(run.state.archive(identity: "") == expected)
        #expect(run.state.iteration > 3)
    }

    @Test func memoryIsPricedBeforehand() throws {
        let (problem, method, whole) = try begin(Self.trilevel)
        _ = finish(whole)
        let evaluator = NestedEvaluator(problem)
        _ = evaluator.evaluate(at: [0.4])
        _ = evaluator.evaluateValue(at: [0.5])
        let price = MemoryPrice(problem, method)
        #expect(evaluator.memoryBytes <= price.programBytes)
        #expect(price.programBytes <= 4 * evaluator.memoryBytes)
    }

    @Test(arguments: [
        // Nothing bounds y below; its curvature vanishes; a maximum.
        ("-y + 0*x", "the solution of level y leaves all bounds"),
        ("y^4 + x*0", "the Hessian of level y is singular to rounding there: its minimiser is not unique"),
        ("x*0 - 0.5*y^2", "level y has no minimum"),
    ]) func whatHasNoResponseIsNamed(_ formula: String, _ words: String) throws {
        let text = """
            {"problem": {"levels": [
              {"name": "x", "variables": {"x": {"start": 1}}, "minimize": "x^2 + sin(y)"},
              {"name": "y", "variables": {"y": {}}, "minimize": "\(formula) + 0*z"},
              {"name": "z", "variables": {"z": {}}, "minimize": "(z-x)^2"}]}}
            """
        let problem = try #require(try admit(text).built).problem
        let found = NestedEvaluator(problem).evaluate(at: [1])
        #expect(found.faults.contains { $0.sentence.hasPrefix(words) }, "\(found.faults)")
    }

    /// z = y and y = x, on y > 0 only: Newton's first step on y leads to −3, where z − y·log z has no minimum.
    @Test(arguments: [#"{"box": [-5, 10]}"#, #"{"l2_ball": 9}"#])
    func trialsWhereADeeperLevelHasNoSolutionAreTakenBack(_ set: String) throws {
        let text = """
            {"problem": {"levels": [
              {"name": "x", "variables": {"x": {"start": 1}}, "minimize": "(z - 2)^2 + (x - 1)^2"},
              {"name": "y", "variables": {"y": {"start": 3, "constraint": \(set)}}, "minimize": "z - x*log(z)"},
              {"name": "z", "variables": {"z": {"start": 1}}, "minimize": "z - y*log(z)"}]}, "method": "implicit"}
            """
        let (_, result) = try run(text)
        #expect(result.termination == .converged && result.remarks.isEmpty, "\(result.termination) \(result.remarks)")
        #expect(abs(result.x[0] - 1.5) <= 1e-9 && result.y.allSatisfy { abs($0 - 1.5) <= 1e-9 }, "\(result.y)")
    }

    /// z = z² + 1 + y² has no real solution: no level above searches for one of its own meanwhile.
    @Test func aMapWithoutAFixedPointBelowEndsEvaluations() throws {
        let text = """
            {"problem": {"levels": [
              {"name": "x", "variables": {"x": {"start": 1}}, "minimize": "(x - 1)^2 + z^2"},
              {"name": "y", "variables": {"y": {}}, "minimize": "(y - x)^2 + 0.1*z^2"},
              {"name": "z", "variables": {"z": {}}, "fixed_point": {"z": "z^2 + 1 + y^2"}}]}}
            """
        let evaluator = NestedEvaluator(try #require(try admit(text).built).problem)
        let found = evaluator.evaluate(at: [1])
        #expect(found.faults.contains { $0.sentence.hasPrefix("level z was not solved") }, "\(found.faults)")
        #expect(found.faults.allSatisfy { $0.level == "z" }, "\(found.faults)")
        #expect(evaluator.solver.counts.residuals < 50_000)
    }

    /// A stop check may hold the run that holds the evaluator.
    @Test func keepsNothingOfItsCaller() throws {
        final class Caller {}
        let evaluator = NestedEvaluator(try #require(try admit(Self.trilevel).built).problem)
        weak var gone: Caller?
        do {
            let caller = Caller()
            gone = caller
            _ = evaluator.evaluate(at: [0.4], stop: { withExtendedLifetime(caller) { nil } })
            _ = evaluator.evaluateValue(at: [0.4], stop: { withExtendedLifetime(caller) { nil } })
        }
        #expect(gone == nil)
    }

    @Test func stopsWhenAsked() throws {
        let admitted = try admit(Self.trilevel)
        let problem = try #require(admitted.built).problem
        let method = try #require(admitted.method)
        let started = SolverRun.begin(
            problem, method, limits: RunLimits(iterations: 10), seed: 1, stop: { .timeLimit })
        #expect(started == nil)
    }

    @Test func axesThatMakeNoSenseAreRefused() throws {
        for axis in [
            #"{"name": "implicit", "lower_solver": "l-bfgs"}"#, #"{"name": "implicit", "linear_solver": "cg"}"#,
            #"{"name": "implicit", "estimator": "sgd"}"#, #"{"name": "implicit", "hypergradient": "unrolled-reverse"}"#,
            #""soba""#, #""itd""#,
        ] {
            #expect(try admit(Self.trilevel, ["method=\(axis)"]).method == nil, "\(axis)")
        }
    }
}
