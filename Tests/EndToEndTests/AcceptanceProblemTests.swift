// Problems with exact answers, as documents through the whole program, by every method that applies.
import Testing

/// A document whose answers are known exactly.
struct KnownProblem: Sendable, CustomTestStringConvertible {
    let name: String
    let document: String
    /// The value and the derivative of the upper level at its start.
    let startValue: Double
    let startSlope: [Double]
    let objective: Double
    let variables: [String: [Double]]
    /// Steps of plain gradient descent on the lower level that leave less than 1e-11 of its error.
    let descent: String

    var testDescription: String { name }

    /// One penalty for both features of a ridge regression.
    static let logRidge = KnownProblem(
        name: "P2",
        document: """
            {"problem": {
              "data": {"A": {"value": [[1, 0], [0, 2]]}, "b": {"value": [1, 2]}},
              "levels": [
                {"variables": {"lambda": {}}, "minimize": "0.5 * sum((y - 0.5)^2)"},
                {"variables": {"y": {"shape": [2]}},
                 "minimize": "0.5 * sum((A @ y - b)^2) + 0.5 * exp(lambda) * sum(y^2)"}]},
             "tolerances": {"hypergradient": 1e-11}}
            """,
        startValue: 9 / 200, startSlope: [-6 / 125], objective: 1 / 36,
        variables: ["lambda": [0.6931471805599453], "y": [1 / 3, 2 / 3]], descent: #"{"steps": 200}"#)

    /// Curvatures from 1 to 100; the adjoint system has ones on its right-hand side.
    static let conditioning: KnownProblem = {
        let curvatures: [Double] = [1, 25, 50, 75, 100].flatMap { [$0, $0, $0, $0] }
        let inverse = curvatures.map { 1 / $0 }
        let squares = inverse.reduce(0) { $0 + $1 * $1 }
        return KnownProblem(
            name: "P6",
            document: """
                {"problem": {
                  "data": {"h": {"value": \(curvatures)}},
                  "levels": [
                    {"variables": {"x": {"shape": [20]}}, "minimize": "sum(y) + 0.5 * sum(x^2)"},
                    {"variables": {"y": {"shape": [20]}}, "minimize": "0.5 * sum(h * y^2) - sum(x * y)"}]},
                 "tolerances": {"hypergradient": 1e-11}}
                """,
            startValue: 0, startSlope: inverse, objective: -squares / 2,
            variables: ["x": inverse.map { -$0 }, "y": inverse.map { -$0 * $0 }],
            descent: #"{"steps": 2000, "step": 0.019801980198019802}"#)
    }()

    /// Two tasks around one shared parameter, one lower variable for each.
    static let twoTasks = KnownProblem(
        name: "P14",
        document: """
            {"problem": {
              "data": {"a": {"value": [0, 4]}, "b": {"value": [1, 2]}},
              "samples": {"tasks": {"arrays": ["a", "b"]}},
              "levels": [
                {"variables": {"lambda": {}}, "minimize": "mean(0.5 * (w - b)^2)"},
                {"variables": {"w": {"per": "tasks"}},
                 "minimize": "sum(0.5 * (w - a)^2 + 0.5 * (w - lambda)^2)"}]},
             "tolerances": {"hypergradient": 1e-11}}
            """,
        startValue: 1 / 4, startSlope: [-1 / 4], objective: 1 / 8, variables: ["lambda": [1], "w": [1 / 2, 5 / 2]],
        descent: #"{"steps": 200}"#)

    static let all = [logRidge, conditioning, twoTasks]
}

@Suite struct AcceptanceProblemTests {
    private static let methods = ["auto", "aid-cg", "aid-fixed-point", "itd"]

    @Test(arguments: KnownProblem.all, methods)
    func everyMethodMeetsTheClosedForm(_ problem: KnownProblem, _ method: String) throws {
        let lower = method == "itd" ? ["--set", "method.lower_solver=\(problem.descent)"] : []
        let solved = try run(problem, ["--set", "method.name=\(method)"] + lower)
        #expect(solved.finished.ending == .status(0))
        #expect(solved.result?["method"]?["name"]?.text == (method == "auto" ? "aid-direct" : method))
        #expect(agrees(solved.objective, problem.objective), "F* = \(solved.objective)")
        for (name, expected) in problem.variables {
            #expect(agrees(solved.variable(name), expected), "\(name) = \(solved.variable(name))")
        }
        let first = try #require(solved.point(0))
        #expect(agrees(first["upper_objective"]?.number ?? .nan, problem.startValue))
        let upper = first["hypergradient"]?[problem.name == "P6" ? "x" : "lambda"]?.numbers ?? []
        #expect(agrees(upper, problem.startSlope))
    }

    /// The same in float32, to what its gradients are worth on the flattest of the problems: 1e-6 / (2 / 27).
    @Test(arguments: KnownProblem.all, ["aid-cg", "itd"])
    func float32MeetsTheClosedFormAsFarAsItCan(_ problem: KnownProblem, _ method: String) throws {
        let lower = method == "itd" ? ["--set", "method.lower_solver=\(problem.descent)"] : []
        let single = ["--set", "problem.precision=float32", "--set", "tolerances.hypergradient=1e-6"]
        let solved = try run(problem, ["--set", "method.name=\(method)"] + single + lower)
        #expect(solved.finished.ending == .status(0))
        #expect(solved.result?["provenance"]?["precision"]?.text == "float32")
        #expect(abs(solved.objective - problem.objective) <= 5e-5)
        for (name, expected) in problem.variables {
            let found = solved.variable(name)
            #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 5e-5 }, "\(name) = \(found)")
        }
        // The start is measured in float64.
        let first = try #require(solved.point(0))
        #expect(agrees(first["upper_objective"]?.number ?? .nan, problem.startValue))
        let error = try #require(solved.result?["certificate"]?["hypergradient_error"]?["value"]?.number)
        #expect(error <= 5e-5)
    }

    @Test func fiveStepsOfConjugateGradientsSolveFiveCurvatures() throws {
        let method = #"method={"name": "aid-cg", "linear_solver": {"steps": 5}}"#
        let solved = try run(.conditioning, ["--set", method])
        #expect(solved.result?["termination"]?.text == "converged")
        #expect(agrees(solved.objective, KnownProblem.conditioning.objective))
    }

    @Test func richardsonNeedsElevenHundredAndFiftyTwoStepsForTenDigits() throws {
        func error(steps: Int) throws -> Double {
            let linear = #"{"steps": \#(steps), "step": 0.019801980198019802, "warm_start": false}"#
            let method = #"method={"name": "aid-fixed-point", "linear_solver": \#(linear)}"#
            let solved = try run(.conditioning, ["--set", method, "--set", "limits.iterations=0"])
            return try #require(solved.result?["certificate"]?["hypergradient_error"]?["value"]?.number)
        }
        // ‖v − v*‖₂ against ‖v*‖₂, where the four entries of curvature 1 dominate both.
        let size = KnownProblem.conditioning.startSlope.reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(try error(steps: 1152) <= 1e-10 * size)
        #expect(try error(steps: 1150) > 1e-10 * size)
    }

    private func run(_ problem: KnownProblem, _ options: [String]) throws -> Solved {
        let scratch = try Scratch()
        let path = try scratch.write(problem.document, as: "problem.json")
        return try Solved(Executable.run(["solve", path, "--progress", "ndjson"] + options))
    }
}
