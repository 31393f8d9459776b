// Starts that are formulas, sets in documents, and what is refused of both.

import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors
import Testing

@Suite struct StartTests {
    /// One gradient step of length ½ from y₀ = x² on ½(y − 3x)²: y = (x² + 3x)/2.
    private static let adapted = """
        {"problem": {"levels": [
          {"variables": {"x": {"shape": [2], "start": [1, 2]}}, "minimize": "0.5 * sum((y - 5)^2)"},
          {"variables": {"y": {"shape": [2], "start": "x^2"}}, "minimize": "0.5 * sum((y - 3 * x)^2)"}]},
         "method": {"name": "itd", "lower_solver": {"step": 0.5, "steps": 1}}, "limits": {"iterations": 1}}
        """

    private func evaluate(_ text: String, _ assignments: [String] = []) throws -> Evaluation {
        let admitted = try admit(text, assignments)
        let built = try #require(admitted.built, "\(admitted.faults)")
        let method = try #require(admitted.method)
        return try #require(
            SolverRun.begin(built.problem, method, limits: RunLimits(iterations: 1), seed: 1, stop: { nil })
        ).run.state.best
    }

    @Test func unrolledDerivativesPassThroughTheStart() throws {
        let found = try evaluate(Self.adapted)
        #expect(VectorMath.maxNorm(VectorMath.subtract(found.y, [2, 5])) <= 1e-14)
        // (y − 5) · (x + 3/2).
        #expect(VectorMath.maxNorm(VectorMath.subtract(found.hypergradient, [-7.5, 0])) <= 1e-14)
    }

    @Test func truncatedDerivativesDoNot() throws {
        let found = try evaluate(
            Self.adapted, ["method.lower_solver.steps=2", "method.hypergradient={\"truncate\": 1}"])
        // Two steps: y = x²/4 + 9x/4; the last alone is differentiated: dy/dx = 3/2.
        #expect(VectorMath.maxNorm(VectorMath.subtract(found.y, [2.5, 5.5])) <= 1e-14)
        #expect(VectorMath.maxNorm(VectorMath.subtract(found.hypergradient, [-3.75, 0.75])) <= 1e-14)
    }

    /// The lower level has two minima; the start decides which one is the response, at every upper point.
    @Test(arguments: [("x", 1.0), ("-x", -1.0)]) func coldStartsFollowTheUpperLevel(_ start: String, _ sign: Double)
        throws
    {
        let text = """
            {"problem": {"levels": [
              {"variables": {"x": {"start": 1.2}}, "minimize": "(y - 2)^2 + (x - 1)^2"},
              {"variables": {"y": {"start": "\(start)"}}, "minimize": "0.25 * (y^2 - x^2)^2"}]},
             "method": {"name": "aid-cg", "lower_solver": {"warm_start": false}}, "limits": {"iterations": 50}}
            """
        let (_, result) = try run(text)
        // y = ±x: the best x are 3/2 and −1/2, where the start has y negative and positive.
        #expect(abs(result.x[0] - (sign > 0 ? 1.5 : -0.5)) <= 1e-6)
        #expect(abs(result.y[0] - sign * result.x[0]) <= 1e-6)
    }

    @Test func formulasOfDataAlone() throws {
        let text = """
            {"problem": {"data": {"c": {"value": [1, 2, 3]}}, "levels": [
              {"variables": {"x": {"shape": [2, 3], "start": "c / sum(c)"}}, "minimize": "sum(x^2)"}]}}
            """
        let problem = try #require(try admit(text).built).problem
        let row = [1.0 / 6, 2.0 / 6, 0.5]
        #expect(problem.upper.start == row + row)
    }

    @Test(arguments: [
        ("problem.levels.0.variables.x.start=\"y\"", "level-error /problem/levels/0/variables/x/start 1:1"),
        ("problem.levels.1.variables.y.start=\"2 * y\"", "level-error /problem/levels/1/variables/y/start 1:5"),
        ("problem.levels.1.variables.y.start=\"sum(x\"", "syntax-error /problem/levels/1/variables/y/start 1:4"),
        (
            "problem.levels.1.variables.y.start=\"stack([1, 2, 3])\"",
            "shape-mismatch /problem/levels/1/variables/y/start 1:1"
        ),
        (
            "problem.levels.1.variables.y.start={\"job\": \"job_7\"}",
            "unsupported /problem/levels/1/variables/y/start/job"
        ),
        ("problem.levels.1.variables.y.start={}", "wrong-type /problem/levels/1/variables/y/start"),
    ])
    func refuses(_ assignment: String, _ place: String) throws {
        #expect(try admit(Self.adapted, [assignment]).places == [place])
    }

    // MARK: - Sets

    /// The point of a set nearest to (2, 1, 0.5, −1): every method of the outermost level must find it.
    private static func nearest(_ constraint: String, shape: String = "[4]") -> String {
        """
        {"problem": {
          "data": {"t": {"value": [2, 1, 0.5, -1]}, "u": {"value": [1, 2, 3]}},
          "samples": {"rows": {"arrays": ["u"], "batch": 2}},
          "levels": [
            {"variables": {"x": {"shape": \(shape), "constraint": \(constraint)}},
             "minimize": "0.5 * sum((y - reshape(t, \(shape)))^2) + 0 * mean(u)"},
            {"variables": {"y": {"shape": \(shape)}}, "minimize": "0.5 * sum((y - x)^2) * mean(u) / 2"}]},
         "limits": {"iterations": 200}}
        """
    }

    static let sets: [(constraint: String, shape: String, point: [Double])] = [
        (#""simplex""#, "[4]", [1, 0, 0, 0]), (#"{"simplex": 2}"#, "[4]", [1.5, 0.5, 0, 0]),
        (#"{"simplex": {"radius": 1, "rows": true}}"#, "[2, 2]", [1, 0, 1, 0]),
        (#"{"l1_ball": 2}"#, "[4]", [4.0 / 3, 1.0 / 3, 0, -1.0 / 3]),
        (#"{"l2_ball": 1.25}"#, "[4]", [1, 0.5, 0.25, -0.5]),
        (#"{"linf_ball": 0.75}"#, "[4]", [0.75, 0.75, 0.5, -0.75]),
        (#"{"l1_ball": 1, "rows": true}"#, "[2, 2]", [1, 0, 0.25, -0.75]),
        (#"{"affine": {"A": [1, 1, 1, 1], "b": [0.5]}}"#, "[4]", [1.5, 0.5, 0, -1.5]),
        (#"{"halfspace": {"a": [1, 1, 1, 1], "b": 0.5}}"#, "[4]", [1.5, 0.5, 0, -1.5]),
        (#"{"spectral_ball": 100}"#, "[2, 2]", [2, 1, 0.5, -1]),
        (#"["nonnegative", {"halfspace": {"a": [1, 1, 1, 1], "b": 2}}]"#, "[4]", [1.5, 0.5, 0, 0]),
        (#"[{"box": [null, 1]}, {"box": [-0.5, null]}]"#, "[4]", [1, 1, 0.5, -0.5]),
    ]

    @Test(arguments: sets.indices, [#"{"name": "aid-cg"}"#, #"{"name": "aid-cg", "upper_step": 0.5}"#])
    func everySetHoldsOnTheOutermostLevel(_ index: Int, _ method: String) throws {
        let (constraint, shape, point) = Self.sets[index]
        let text = Self.nearest(constraint, shape: shape)
        let upperStep = method.contains("0.5") ? ["method.upper_step={\"step\": 0.5}"] : []
        let (_, result) = try run(text, ["method.name=aid-cg"] + upperStep)
        // The sum of squares outside takes (2, 1, 0.5, −1) to its nearest point.
        #expect(VectorMath.maxNorm(VectorMath.subtract(result.x, point)) <= 1e-7, "\(constraint)")
    }

    @Test(arguments: sets.indices) func sampledStepsStayInTheSet(_ index: Int) throws {
        let (constraint, shape, point) = Self.sets[index]
        let (_, result) = try run(
            Self.nearest(constraint, shape: shape),
            [
                "method.name=soba", "method.lower_solver={\"step\": 0.3}", "method.upper_step={\"step\": 0.1}",
                "limits.iterations=600", "progress.every=600",
            ])
        #expect(VectorMath.maxNorm(VectorMath.subtract(result.x, point)) <= 1e-6, "\(constraint)")
    }

    @Test(arguments: [
        (#""l2_ball""#, "missing-field /problem/levels/0/variables/x/constraint"),
        (#"{"l2_ball": -1}"#, "out-of-range /problem/levels/0/variables/x/constraint/l2_ball"),
        (#"{"l2_ball": 1, "l1_ball": 1}"#, "wrong-type /problem/levels/0/variables/x/constraint"),
        (#"{"l3_ball": 1}"#, "unknown-field /problem/levels/0/variables/x/constraint/l3_ball"),
        (#""simplx""#, "unknown-name /problem/levels/0/variables/x/constraint"),
        (#"{"rows": true}"#, "missing-field /problem/levels/0/variables/x/constraint"),
        (#"{"box": [0, 1], "rows": true}"#, "unknown-field /problem/levels/0/variables/x/constraint/rows"),
        (#"{"l1_ball": 1, "rows": true}"#, "shape-mismatch /problem/levels/0/variables/x/constraint"),
        (#"{"spectral_ball": 1}"#, "shape-mismatch /problem/levels/0/variables/x/constraint/spectral_ball"),
        (
            #"{"spectral_ball": {"radius": 1, "rows": true}}"#,
            "wrong-argument /problem/levels/0/variables/x/constraint/spectral_ball/rows"
        ),
        (#"{"l2_ball": {"rows": true}}"#, "missing-field /problem/levels/0/variables/x/constraint/l2_ball"),
        (#"{"affine": {"A": [[1, 1]], "b": [1]}}"#, "shape-mismatch /problem/levels/0/variables/x/constraint/affine/A"),
        (
            #"{"affine": {"A": [[1, 1, 1, 1]], "b": [1, 2]}}"#,
            "shape-mismatch /problem/levels/0/variables/x/constraint/affine/b"
        ),
        (#"{"affine": {"A": [[1, 1, 1, 1]]}}"#, "missing-field /problem/levels/0/variables/x/constraint/affine"),
        (
            #"{"affine": {"A": [[1, 1, 1, 1], [2, 2, 2, 2]], "b": [1, 3]}}"#,
            "out-of-range /problem/levels/0/variables/x/constraint/affine"
        ),
        (
            #"{"halfspace": {"a": [0, 0, 0, 0], "b": -1}}"#,
            "out-of-range /problem/levels/0/variables/x/constraint/halfspace"
        ),
        (
            #"{"halfspace": {"a": [1, 1], "b": 1}}"#,
            "shape-mismatch /problem/levels/0/variables/x/constraint/halfspace/a"
        ),
        (
            #"["nonnegative", {"halfspace": {"a": [1, 1, 1, 1], "b": -1}}]"#,
            "out-of-range /problem/levels/0/variables/x/constraint"
        ),
        ("[]", "out-of-range /problem/levels/0/variables/x/constraint"),
        ("7", "wrong-type /problem/levels/0/variables/x/constraint"),
    ])
    func refusesSets(_ constraint: String, _ place: String) throws {
        let places = try admit(Self.nearest(constraint)).places
        #expect(places.contains(place), "\(places)")
    }

    @Test(arguments: [#"{"spectral_ball": 1}"#, #"["nonnegative", "simplex"]"#])
    func lowerLevelsHaveSetsWithFaces(_ constraint: String) throws {
        let text = """
            {"problem": {"levels": [
              {"variables": {"x": {"shape": [2, 2]}}, "minimize": "sum((x + y)^2)"},
              {"variables": {"y": {"shape": [2, 2], "constraint": \(constraint)}}, "minimize": "sum((y - x)^2)"}]}}
            """
        let refused = try admit(text)
        #expect(refused.places == ["unsupported /problem/levels/1/variables/y/constraint"])
    }
}
