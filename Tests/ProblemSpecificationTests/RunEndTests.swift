// How runs end, and what they say, where the level below is hard or impossible to solve: closed forms tell what is right.

import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

@Suite struct RunEndTests {
    private func document(_ upper: String, _ lower: String, x: String, y: String, _ rest: String = "") -> String {
        """
        {"problem": {"levels": [{"name": "u", "variables": {"x": {"start": \(x)}}, "minimize": "\(upper)"},
         {"name": "l", "variables": {"y": {"start": \(y)}}, \(lower)}]}\(rest)}
        """
    }

    /// y = x, so that F = (x − 1)² + x²; a tolerance on ‖g_y‖ as it stands is met long before.
    @Test(
        arguments: ["1e-12*(y-x)^2", "1e-200*(y-x)^2", "1e-13*(y-x)^2+1e-15*(y-x)^4", "1e12*(y-x)^2"],
        [
            "\"auto\"", "\"aid-cg\"", "\"implicit\"",
            #"{"name": "aid-cg", "lower_solver": {"name": "newton-cg"}}"#,
        ])
    func theScaleOfTheLowerObjectiveIsNone(_ lower: String, _ method: String) throws {
        let (_, result) = try run(
            document("(y-1)^2+x^2", "\"minimize\": \"\(lower)\"", x: "5", y: "3"), ["method=\(method)"])
        #expect(result.termination == .converged && result.remarks.isEmpty, "\(result.termination) \(result.remarks)")
        #expect(abs(result.x[0] - 0.5) <= 1e-9 && abs(result.y[0] - 0.5) <= 1e-9, "\(result.x) \(result.y)")
    }

    /// The same over a set: y = max(x, ½), so that F = ¼ + x² where x ≤ ½.
    @Test(arguments: ["(y-x)^2", "1e-12*(y-x)^2", "1e-100*(y-x)^2"])
    func theScaleOfALowerObjectiveOverASetIsNone(_ lower: String) throws {
        let text = """
            {"problem": {"levels": [{"name": "u", "variables": {"x": {"start": 5}}, "minimize": "(y-1)^2+x^2"},
             {"name": "l", "variables": {"y": {"start": 3, "constraint": {"box": [0.5, 10]}}}, "minimize": "\(lower)"}]}}
            """
        let (_, result) = try run(text)
        #expect(result.termination == .converged && result.remarks.isEmpty, "\(result.termination) \(result.remarks)")
        #expect(abs(result.x[0]) <= 1e-9 && abs(result.y[0] - 0.5) <= 1e-9, "\(result.x) \(result.y)")
    }

    /// x = ½ s and F = ½ c in units of s and c.
    @Test(arguments: [(1.0, "1e100"), (1, "1e-8"), (1e8, "1"), (1e-8, "1"), (1, "1e-4")])
    func theScalesOfTheOutermostLevelAreNone(_ unit: Double, _ factor: String) throws {
        let x = "\(1 / unit)*x"
        let text = document(
            "\(factor)*((y-1)^2+(\(x))^2)", "\"minimize\": \"(y-\(x))^2\"", x: "\(5 * unit)", y: "3")
        let (_, result) = try run(text)
        let found = result.x[0] / unit
        #expect(result.termination == .converged && abs(found - 0.5) <= 1e-6, "\(result.termination) \(found)")
    }

    /// A norm of 1e-99 is within every tolerance, and 5 away from the minimum; exp(−x) has none.
    @Test(arguments: ["1e-100*((y-1)^2+x^2)", "exp(-x)+0*y"])
    func aFlatOuterObjectiveDoesNotPassForConverged(_ upper: String) throws {
        let text = document(upper, "\"minimize\": \"(y-x)^2\"", x: "5", y: "3")
        let (_, result) = try run(text)
        #expect(result.termination == .stalled)
        #expect(result.remarks.contains { $0.hasPrefix("not converged: the hypergradient's norm is within") })
        let (_, asked) = try run(text, ["tolerances.hypergradient=1e-9"])
        #expect(asked.termination == .converged, "a tolerance that was given is what counts")
    }

    /// The weight ½ of the outermost objective in the first lower steps leaves y off x.
    @Test func aBiasedMethodThatHasConvergedSaysWhatItLeft() throws {
        let text = document("(y-1)^2+x^2", "\"minimize\": \"(y-x)^2\"", x: "5", y: "3")
        let (_, result) = try run(text, ["method=\"gda\""])
        #expect(result.termination == .converged && result.certificate.hypergradientNorm > 1e-3)
        #expect(result.remarks.contains { $0.hasPrefix("converged by the method's own direction: ") })
    }

    /// F = (x − 1)² + x², whatever y a method holds.
    @Test(arguments: ["iga", "meha", "pgdo", "bvfim", "darts"], [("5", "3"), ("1", "2"), ("0.5", "0.5")])
    func theBestPointIsNoWorseThanTheLast(_ method: String, _ start: (x: String, y: String)) throws {
        let text = document("(y-1)^2+x^2", "\"minimize\": \"(y-x)^2\"", x: start.x, y: start.y)
        func objective(_ x: Double) -> Double { (x - 1) * (x - 1) + x * x }
        let (last, result) = try runToTheEnd(text, ["method=\"\(method)\"", "limits.iterations=300"])
        #expect(objective(result.x[0]) <= objective(last.x[0]) + 1e-12, "\(result.x) \(last.x) \(result.bestIteration)")
    }

    /// Tolerances that fall are loose at first: what is not solved by the end is said to be.
    @Test(arguments: ["1e-12*(y-x)^2", "1e-200*(y-x)^2", "1e-13*(y-x)^2+1e-15*(y-x)^4"])
    func looseTolerancesDoNotPassForSolved(_ lower: String) throws {
        let text = document("(y-1)^2+x^2", "\"minimize\": \"\(lower)\"", x: "5", y: "3")
        let (_, result) = try run(text, ["method=\"hoag\""])
        let isThere = result.termination == .converged && abs(result.x[0] - 0.5) <= 1e-6
        let isSaid = result.termination == .stalled && result.remarks.contains { $0.hasPrefix("not converged: ") }
        #expect(isThere || isSaid, "\(result.termination) \(result.x) \(result.remarks)")
    }

    // MARK: - Unsolved levels

    /// y = x, on x > 0 only, so that F = (x − 1)² + x²: the first step leads to x = 0, where y − 0·log y has no minimum.
    @Test(arguments: [
        "\"auto\"", "\"aid-cg\"", "\"implicit\"", #"{"name": "aid-cg", "upper_step": {"name": "l-bfgs"}}"#,
    ])
    func stepsToWhereALevelHasNoSolutionAreShortened(_ method: String) throws {
        let text = document("(y-1)^2+x^2", "\"minimize\": \"y-x*log(y)\"", x: "1", y: "1")
        let (_, result) = try run(text, ["method=\(method)"])
        #expect(result.termination == .converged && result.remarks.isEmpty, "\(result.termination) \(result.remarks)")
        #expect(abs(result.x[0] - 0.5) <= 1e-9 && abs(result.objectives[0] - 0.5) <= 1e-9)
    }

    /// exp(−y) falls for ever.
    @Test(arguments: ["1", "30"], ["\"auto\"", "\"implicit\""])
    func anInfimumAtInfinityIsNoSolution(_ start: String, _ method: String) throws {
        let text = document("(y-1)^2+x^2", "\"minimize\": \"exp(-y)\"", x: "1", y: start)
        let (begun, result) = try run(text, ["method=\(method)"])
        #expect(result.termination == .diverged && begun.upperObjective.isNaN)
        #expect(result.remarks.count == 1 && result.remarks[0].contains("the solution of level l leaves all bounds"))
    }

    /// y = y² + 1 + x² and y = y + 1 + x² have no real solution.
    @Test(arguments: ["y^2+1+x^2", "y+1+x^2"]) func aMapWithoutAFixedPointIsInfeasible(_ map: String) throws {
        let text = document("y^2+x^2", "\"fixed_point\": {\"y\": \"\(map)\"}", x: "0.1", y: "1")
        let (begun, result) = try run(text)
        #expect(result.termination == .infeasible && !result.termination.isSuccess)
        #expect(result.remarks.count == 1 && result.remarks[0].contains("level l was not solved"), "\(result.remarks)")
        #expect(begun.hypergradientNorm.isNaN && result.x == [0.1])
    }

    /// y = y² + x has a solution up to x = ¼ only, ½ − √(¼ − x), and F falls towards x = 1.
    @Test func aRunToTheEdgeOfWhereALevelIsSolvableSaysSo() throws {
        let text = document("(x-1)^2+0*y", "\"fixed_point\": {\"y\": \"y^2+x\"}", x: "0", y: "0")
        let (_, result) = try run(text)
        #expect(result.termination != .converged)
        #expect(result.x[0] <= 0.25 + 1e-6, "\(result.x)")
        #expect(result.remarks.count { $0.contains("level l was not solved") } == 1, "\(result.remarks)")
    }

    /// A stationary point of the lower level that is a maximum, or a saddle, is no response.
    @Test(
        arguments: [
            (#"{"y": {}}"#, "(x-1)^2+y^2", "x^2-y^2"), (#"{"a": {}, "b": {}}"#, "(x-1)^2+a+b", "(a-x)^2-b^2"),
        ], ["\"auto\"", "\"aid-cg\"", "\"implicit\""])
    func aSaddleIsNoResponse(_ item: (variables: String, upper: String, lower: String), _ method: String) throws {
        let text = """
            {"problem": {"levels": [{"name": "u", "variables": {"x": {}}, "minimize": "\(item.upper)"},
             {"name": "l", "variables": \(item.variables), "minimize": "\(item.lower)"}]}, "method": \(method)}
            """
        let (_, result) = try run(text)
        #expect(result.termination == .infeasible && !result.termination.isSuccess)
        #expect(result.remarks.contains { $0.hasPrefix("level l has no minimum where its solver ended") })
    }

    // MARK: - Hypergradients that differences contradict

    /// y = x, so that F' = 2 (x − 1) + 2x, but H = 0 there: a run may find x = ½, or has to say that it did not.
    @Test(arguments: ["abs(y-x)", "(y-x)^4"], ["\"auto\"", "\"aid-cg\"", "\"implicit\""])
    func aSingularLowerHessianIsNamed(_ lower: String, _ method: String) throws {
        let text = document("(y-1)^2+x^2", "\"minimize\": \"\(lower)\"", x: "1", y: "2")
        let (_, result) = try run(text, ["method=\(method)"])
        let isThere = abs(result.x[0] - 0.5) <= 1e-4
        if result.termination == .converged && isThere { return }
        #expect(
            result.termination == .stalled
                && (isThere || result.remarks.contains { $0.hasPrefix("not converged: differences of ") }),
            "\(result.termination) \(result.x) \(result.remarks)")
        #expect(result.remarks.contains { $0.hasPrefix("the Hessian of level l is singular to rounding there") })
        #expect(result.certificate.normConfidence == .unknown)
    }

    /// F does not depend on the flat variable: what is converged stays so.
    @Test func aFlatVariableThatFDoesNotSeeIsNoFailure() throws {
        let text = """
            {"problem": {"levels": [{"name": "u", "variables": {"x": {"start": 3}}, "minimize": "(x-1)^2+a"},
             {"name": "l", "variables": {"a": {}, "b": {}}, "minimize": "(a-x)^2+0*b"}]}}
            """
        let (_, result) = try run(text)
        #expect(result.termination == .converged && abs(result.x[0] - 0.5) <= 1e-9, "\(result.termination) \(result.x)")
        #expect(result.remarks.contains { $0.hasPrefix("the Hessian of level l is singular") }, "\(result.remarks)")
    }

    /// Where ∇F is 0 from the start, differences of F are rounding, and contradict nothing.
    @Test(arguments: ["(y-1)^2+(x-1)^2", "1e6*(y-1)^2+exp(x-1)-x", "(y-1)^2*cos(x)+(x-1)^4"])
    func aStartAtTheSolutionIsConverged(_ upper: String) throws {
        let (_, result) = try run(document(upper, "\"minimize\": \"(y-x)^2\"", x: "1", y: "1"))
        #expect(result.termination == .converged && result.iterations == 0, "\(result.remarks)")
        #expect(result.certificate.normConfidence == .verified)
    }

    /// F = |x − 1| + 0.1 x² has its minimum at 1, with slopes −0.8 and 1.2 beside it.
    @Test(arguments: [("minimize", "abs(x-1)+0.1*y^2", "rises"), ("maximize", "-abs(x-1)-0.1*y^2", "falls")])
    func aKinkIsNamed(_ sense: String, _ upper: String, _ word: String) throws {
        let text = document(upper, "\"minimize\": \"0.5*(y-x)^2\"", x: "0", y: "0")
            .replacing("\"minimize\": \"\(upper)\"", with: "\"\(sense)\": \"\(upper)\"")
        let (_, result) = try run(text)
        #expect(result.termination == .stalled && abs(result.x[0] - 1) <= 1e-9)
        #expect(
            result.remarks.contains {
                $0.contains("level u has a kink where the run ended, and \(word) to both sides")
            },
            "\(result.remarks)")
    }

    // MARK: - Starts without numbers

    @Test(
        arguments: [
            (
                "y-x*log(y)", "1", "-1",
                "the objective of level l, or its gradient, is not finite where its solver begins"
            ),
            ("(y-x)^2", "0", "\"log(x-1)\"", "the start of level l is not finite, first in y"),
            ("(y-x)^2+y*log(x)", "-1", "0", "the objective of level l, or its gradient, is not finite"),
        ], ["\"auto\"", "\"aid-cg\"", "\"itd\"", "\"bome\"", "\"implicit\""])
    func theLevelThatHasNoNumbersIsNamed(
        _ item: (lower: String, x: String, y: String, words: String), _ method: String
    ) throws {
        let text = document("y^2+x^2", "\"minimize\": \"\(item.lower)\"", x: item.x, y: item.y)
        let (begun, result) = try run(text, ["method=\(method)"])
        #expect(result.termination == .diverged && result.iterations == 0)
        #expect(result.remarks.count == 1 && result.remarks[0].contains(item.words), "\(result.remarks)")
        #expect(begun.upperObjective.isNaN && begun.hypergradientNorm.isNaN)
        #expect(begun.hypergradient?.allSatisfy(\.isNaN) == true)
    }

    /// Steps of 2y + x and 1.1y + x lead away from the fixed points.
    @Test(arguments: ["2*y+x", "1.1*y+x"], ["\"itd\"", "\"itd-forward\""])
    func stepsOfAnExpandingMapAreNamed(_ map: String, _ method: String) throws {
        let text = document("y^2+x^2", "\"fixed_point\": {\"y\": \"\(map)\"}", x: "0.1", y: "1")
        let (_, result) = try run(text, ["method=\(method)"])
        #expect(result.termination == .diverged)
        #expect(
            result.remarks.contains { $0.contains("the steps of level l grow without bound") }, "\(result.remarks)")
    }
}
