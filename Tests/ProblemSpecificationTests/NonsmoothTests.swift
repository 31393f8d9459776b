// Lower levels with nonsmooth terms and with sets: closed forms, differences of F, and every method against the others.

import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors
import Testing

@Suite struct NonsmoothTests {
    /// A run at its start, and what it reports there.
    private func begin(_ text: String, _ assignments: [String] = []) throws -> (run: SolverRun, start: ProgressPoint) {
        let admitted = try admit(text, assignments)
        let built = try #require(admitted.built, "\(admitted.faults)")
        let method = try #require(admitted.method, "\(admitted.faults)")
        return try #require(
            SolverRun.begin(built.problem, method, limits: RunLimits(iterations: 1), seed: 1, stop: { nil }))
    }

    /// P5: ½(y − 3)² + λ₁|y| + ½λ₂y², upper ½(y − 1)².
    private static func scalarElasticNet(datum: Double) -> String {
        """
        {"problem": {"levels": [
          {"variables": {"a": {"start": 1}, "b": {"start": 0.5}}, "minimize": "0.5 * (y - 1)^2"},
          {"variables": {"y": {}}, "minimize": "0.5 * (y - \(datum))^2",
           "nonsmooth": {"y": {"elastic_net": {"l1": "a", "l2": "b"}}}}]}}
        """
    }

    @Test(arguments: ["aid-cg", "aid-fixed-point", "itd"])
    func elasticNetOfOneVariable(_ method: String) throws {
        let text = Self.scalarElasticNet(datum: 3)
        let (start, result) = try run(text, ["method=\(method)", "limits.iterations=0"])
        let slope = try #require(start.hypergradient)
        #expect(abs(slope[0] + 2.0 / 9) <= 1e-9 && abs(slope[1] + 8.0 / 27) <= 1e-9)
        #expect(abs(result.y[0] - 4.0 / 3) <= 1e-8)
        #expect(abs(result.objectives[1] - (0.5 * 25 / 9 + 4.0 / 3 + 0.25 * 16 / 9)) <= 1e-9)
    }

    @Test func insideTheKinkNothingMoves() throws {
        let (start, result) = try run(Self.scalarElasticNet(datum: 0.5), ["limits.iterations=5"])
        #expect(start.hypergradient == [0, 0])
        #expect(result.y == [0])
        #expect(result.termination == .converged)
    }

    /// A random least-squares problem whose lower level has the given term or constraint.
    private static func regression(_ lower: String, _ constraint: String = "null") -> String {
        """
        {"problem": {
          "data": {"X": {"random": {"normal": [12, 4], "seed": 1}}, "t": {"random": {"normal": [12], "seed": 2}},
                   "V": {"random": {"normal": [9, 4], "seed": 3}}, "s": {"random": {"normal": [9], "seed": 4}}},
          "levels": [
            {"variables": {"x": {"shape": [4], "start": [0.3, -0.4, 0.2, 0.1]}},
             "minimize": "mean((V @ y - s)^2) + 0.1 * sum(x * y)"},
            {"variables": {"y": {"shape": [4]\(constraint == "null" ? "" : ", \"constraint\": \(constraint)")}},
             "minimize": "mean((X @ y - t - 0.5)^2) + sum(x * y) + 0.1 * sum(y^2)"\(lower)}]},
         "limits": {"iterations": 0}}
        """
    }

    struct Case: Sendable, CustomStringConvertible {
        let description: String
        let text: String

        init(_ term: String) {
            description = term
            text = regression(", \"nonsmooth\": {\"y\": \(term)}")
        }

        init(constraint: String) {
            description = constraint
            text = regression("", constraint)
        }

        init(_ term: String, constraint: String) {
            description = "\(term) in \(constraint)"
            text = regression(", \"nonsmooth\": {\"y\": \(term)}", constraint)
        }
    }

    static let cases = [
        Case(#"{"l1": "0.3 * exp(x[0])"}"#), Case(#"{"l1": "0.2 * exp(x)"}"#),
        Case(#"{"elastic_net": {"l1": "0.3 * exp(x[1])", "l2": "exp(x[2])"}}"#),
        Case(#"{"group_l2": "exp(x[0] - 1)"}"#),
        Case(#"{"nonnegative_l1": "0.1 * exp(x)"}"#), Case(constraint: #"{"box": [-0.1, 0.1]}"#),
        Case(constraint: #""simplex""#), Case(constraint: #"{"l1_ball": 0.3}"#), Case(constraint: #"{"l2_ball": 0.2}"#),
        Case(constraint: #"{"l2_ball": 100}"#), Case(constraint: #"{"linf_ball": 0.1}"#),
        Case(constraint: #"{"affine": {"A": [[1, 1, 0, 0], [0, 1, 2, 1]], "b": [0.5, 0.1]}}"#),
        Case(constraint: #"{"halfspace": {"a": [1, 1, 1, 1], "b": -0.5}}"#),
        Case(#"{"l1": "0.2 * exp(x)"}"#, constraint: #"{"box": [-0.1, 0.1]}"#),
        Case(#"{"elastic_net": {"l1": "0.3 * exp(x[1])", "l2": "exp(x[2])"}}"#, constraint: #"{"box": [0.05, null]}"#),
        Case(#"{"l1": "0.1 * exp(x)"}"#, constraint: #"{"l2_ball": 0.1}"#),
        Case(#"{"l1": "0.1 * exp(x)"}"#, constraint: #"{"l1_ball": 0.15}"#),
        Case(#"{"elastic_net": {"l1": "0.2 * exp(x)", "l2": "exp(x[0])"}}"#, constraint: #""simplex""#),
        Case(#"{"group_l2": "0.1 * exp(x[0])"}"#, constraint: #"{"l2_ball": 0.1}"#),
        Case(#"{"nonnegative_l1": "0.1 * exp(x)"}"#, constraint: #"{"box": [-1, 0.1]}"#),
    ]

    @Test(arguments: cases) func hypergradientEqualsDifferences(_ example: Case) throws {
        let x = [0.3, -0.4, 0.2, 0.1]
        let slope = try #require(begin(example.text).start.hypergradient)
        for direction in [[0.5, -0.5, 0.1, 0.7], [0.3, 0.6, -0.4, 0.2]] {
            func value(_ step: Double) throws -> Double {
                let point = zip(x, direction).map { $0 + step * $1 }
                return try begin(example.text, ["problem.levels.0.variables.x.start=\(point)"]).start.upperObjective
            }
            let difference = try (value(1e-5) - value(-1e-5)) / 2e-5
            let found = VectorMath.dot(slope, direction)
            #expect(abs(difference - found) <= 1e-6 * max(1, abs(difference)), "\(example)")
        }
    }

    @Test(arguments: cases, ["itd", "aid-fixed-point", "aid-cg"])
    func allWaysTendToTheReference(_ example: Case, _ name: String) throws {
        let (run, start) = try begin(
            example.text,
            [
                "method.name=\(name)", "method.lower_solver.name=gradient-descent", "method.lower_solver.step=0.2",
                "method.lower_solver.steps=400",
            ])
        let exact = try #require(start.hypergradient)
        let error = VectorMath.norm(VectorMath.subtract(run.state.best.hypergradient, exact))
        #expect(error <= 1e-8 * max(1, VectorMath.norm(exact)))
    }

    @Test func upperLevelLearnsWhatThePenaltyShouldBe() throws {
        let text = """
            {"problem": {"levels": [
              {"variables": {"a": {"start": 0.1}}, "minimize": "sum((w - [1, 0])^2)"},
              {"variables": {"w": {"shape": [2]}}, "minimize": "0.5 * sum((w - [2, 0.5])^2)",
               "nonsmooth": {"w": {"l1": "exp(a)"}}}]},
             "limits": {"iterations": 100}}
            """
        let bracketed = text.replacing("[1, 0]", with: "concatenate([stack([1]), stack([0])])")
            .replacing("[2, 0.5]", with: "concatenate([stack([2]), stack([0.5])])")
        let (_, result) = try run(bracketed)
        // w = (2 − e^a, 0): the upper level wants e^a = 1.
        #expect(abs(result.x[0]) <= 1e-8)
        #expect(result.y[1] == 0)
        #expect(result.termination == .converged)
        #expect((result.certificate.differenceError ?? 1) <= 1e-6)
    }

    @Test func methodsThatCannot() throws {
        let l1 = Self.cases[0].text
        let lbfgs = try admit(l1, ["method.lower_solver=l-bfgs"])
        #expect(lbfgs.places == ["wrong-argument /method/lower_solver"])
        #expect(lbfgs.faults[0].hint == "use fista, or gradient-descent")
        #expect(
            try admit(l1, ["method.name=itd", "method.lower_solver=fista"]).places == [
                "wrong-argument /method/lower_solver"
            ])
        let sampled = try admit(
            l1, [#"problem.samples={"train": {"arrays": ["X", "t"]}}"#, "method=soba"])
        // Batches go through proximal steps.
        #expect(sampled.places == [] && sampled.method != nil)
    }
}
