// Lower levels of three with sets, norms, starts by formula and sparse data, solved and unrolled: hypergradients against
// differences of the same problem, truncated where it is, and the methods against each other.
import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

@Suite struct NestedLevelTests {
    /// F and ∇F at a point by the document's method, held against differences.
    @discardableResult
    private func evaluate(
        _ text: String, at x: [Double], _ location: SourceLocation = #_sourceLocation
    ) throws -> NestedEvaluation {
        let admitted = try admit(text)
        let problem = try #require(admitted.built, "\(admitted.faults)", sourceLocation: location).problem
        let method = try #require(admitted.method, "\(admitted.faults)", sourceLocation: location)
        guard case .nested(let axes) = method.algorithm else { throw CancellationError() }
        let evaluator = NestedEvaluator(problem, axes.responses)
        let found = evaluator.evaluate(at: x)
        #expect(found.faults == [], sourceLocation: location)
        let step = 1e-4
        let scale = max(1, VectorMath.norm(found.hypergradient))
        for index in x.indices {
            func value(_ factor: Double) -> Double {
                var moved = x
                moved[index] += factor * step
                return evaluator.evaluateValue(at: moved).value
            }
            let difference = (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * step)
            #expect(abs(found.hypergradient[index] - difference) <= 1e-6 * scale, sourceLocation: location)
        }
        return found
    }

    // MARK: - Sets

    static let sets = [
        #"{"box": [-0.4, 0.5]}"#, #"{"simplex": 1}"#, #"{"l1_ball": 0.7}"#, #"{"l2_ball": 0.8}"#,
        #"{"linf_ball": 0.3}"#, #"{"affine": {"A": [[1, 1, 1]], "b": [0.5]}}"#,
        #"{"halfspace": {"a": [1, 1, 1], "b": 0.2}}"#, #""nonnegative""#,
    ]
    static let methods = [#""implicit""#, #"{"name": "unrolled", "lower_solver": {"step": 0.1, "steps": 20}}"#]

    /// A box in the middle, one bound active, and a set below.
    private func confined(_ set: String, _ method: String) -> String {
        """
        {"problem": {"data": {"c": {"value": [2, -1, 0.3]}}, "levels": [
          {"name": "x", "variables": {"x": {"shape": [2]}}, "minimize": "sum((z - 0.3)^2) + sum(y^2)"},
          {"name": "y", "variables": {"y": {"shape": [2], "constraint": {"box": [0, 0.5]}}},
           "minimize": "sum((y - x)^2) + 0.1*sum(z^2)*sum(y)"},
          {"name": "z", "variables": {"z": {"shape": [3], "constraint": \(set)}},
           "minimize": "0.5*sum((z - x[0]*c - y[0])^2) + 0.1*sum(z^4)"}]}, "method": \(method)}
        """
    }

    @Test(arguments: sets, methods) func setsAreDifferentiatedOver(_ set: String, _ method: String) throws {
        let found = try evaluate(confined(set, method), at: [0.7, 0.2])
        #expect(found.responses[0][0] == 0.5, "the bound is met exactly")
    }

    @Test func rowsAreProjectedOneByOne() throws {
        let text = """
            {"problem": {"levels": [
              {"variables": {"x": {}}, "minimize": "sum((z - 0.3)^2)"},
              {"variables": {"y": {}}, "minimize": "(y - x)^2"},
              {"variables": {"z": {"shape": [2, 2], "constraint": {"l2_ball": 0.5, "rows": true}}},
               "minimize": "(z[0, 0] - y)^2 + (z[0, 1] - x)^2 + sum((z[1] - 0.1*y)^2)"}]}, "method": "implicit"}
            """
        let found = try evaluate(text, at: [1.2])
        let z = found.responses[1]
        #expect(abs(VectorMath.norm(Array(z[..<2])) - 0.5) <= 1e-12 && abs(z[2] - 0.12) <= 1e-12)
    }

    // MARK: - Norms

    @Test(arguments: [
        (#"{"l1": "exp(x[1])"}"#, "[6]"), (#"{"group_l2": "exp(x[1])"}"#, "[3, 2]"),
        (#"{"elastic_net": {"l1": "exp(x[1])", "l2": "0.1 + y^2"}}"#, "[6]"),
        (#"{"nonnegative_l1": "0.1*exp(x[1])"}"#, "[6]"),
    ]) func normsAreDifferentiatedThrough(_ norm: String, _ shape: String) throws {
        for method in [Self.methods[0], #"{"name": "unrolled", "lower_solver": {"step": 0.2, "steps": 15}}"#] {
            try evaluate(
                """
                {"problem": {"data": {"A": {"random": {"normal": [20, 6], "seed": 3}},
                                      "b": {"random": {"normal": [20], "seed": 4}}}, "levels": [
                  {"variables": {"x": {"shape": [2]}}, "minimize": "sum((w - 0.1)^2) + 0.1*sum(y^2)"},
                  {"variables": {"y": {}}, "minimize": "(y - x[0])^2 + 0.1*sum(w^2)"},
                  {"variables": {"w": {"shape": \(shape)}}, "nonsmooth": {"w": \(norm)},
                   "minimize": "mean((A@reshape(w, [6]) - b)^2) + 0.1*exp(y)*sum(w^2)"}]}, "method": \(method)}
                """, at: [0.3, -2.5])
        }
    }

    /// P5 of the acceptance problems, under a third level that changes nothing: y = 4/3, ∇F = (−2/9, −8/27).
    @Test func elasticNetInClosedForm() throws {
        let found = try evaluate(
            """
            {"problem": {"levels": [
              {"variables": {"l": {"shape": [2]}}, "minimize": "0.5*(y - 1)^2"},
              {"variables": {"u": {}}, "minimize": "u^2"},
              {"variables": {"y": {}}, "minimize": "0.5*(y - 3)^2 + 0.5*l[1]*y^2", "nonsmooth": {"y": {"l1": "l[0]"}}}]}}
            """, at: [1, 0.5])
        #expect(abs(found.responses[1][0] - 4.0 / 3) <= 1e-12)
        #expect(abs(found.hypergradient[0] + 2.0 / 9) <= 1e-9 && abs(found.hypergradient[1] + 8.0 / 27) <= 1e-9)
    }

    /// Two levels by faces and by projections: the same derivatives.
    @Test func agreesWithFacesOfTwoLevels() throws {
        let text = """
            {"problem": {"levels": [
              {"variables": {"x": {"shape": [2], "start": [0.8, 0.4]}}, "minimize": "sum((y - 0.2)^2) + 0.1*sum(x^2)"},
              {"variables": {"y": {"shape": [3], "constraint": {"simplex": 1}}},
               "minimize": "0.5*sum(y^2) - y[0]*x[0] - y[1]*x[1]"}]}}
            """
        let (start, result) = try run(text)
        let nested = try evaluate(text.replacing("}]}}", with: "}]}, \"method\": \"implicit\"}"), at: [0.8, 0.4])
        let known = try #require(start.hypergradient)
        #expect(zip(known, nested.hypergradient).allSatisfy { abs($0 - $1) <= 1e-9 })
        let (_, other) = try run(text.replacing("}]}}", with: "}]}, \"method\": \"implicit\"}"))
        #expect(abs(result.objectives[0] - other.objectives[0]) <= 1e-6)
    }

    // MARK: - Starts and data

    @Test func startsByFormulaAreDifferentiatedWhereStepsAreFollowed() throws {
        let text = """
            {"problem": {"levels": [
              {"variables": {"x": {"start": 0.4}}, "minimize": "(y-1)^2 + z^2"},
              {"variables": {"y": {"start": "2*x"}}, "minimize": "0.5*(y-x)^2 + 0.1*z^2"},
              {"variables": {"z": {"start": "x*y"}}, "minimize": "0.5*(z-x)^2"}]}, "method": METHOD}
            """
        let unrolled = #"{"name": "unrolled", "lower_solver": {"step": 0.2, "steps": 3}}"#
        try evaluate(text.replacing("METHOD", with: unrolled), at: [0.4])
        try evaluate(text.replacing("METHOD", with: "\"implicit\""), at: [0.4])
    }

    @Test(arguments: methods) func sparseDataStaySparse(_ method: String) throws {
        let sparse = """
            {"problem": {"data": {"S": DATA}, "levels": [
              {"variables": {"x": {"shape": [4]}}, "minimize": "sum((z - 1)^2) + sum((S@y)^2)"},
              {"variables": {"y": {"shape": [4]}}, "minimize": "0.5*sum((y-x)^2) + 0.1*sum(z^2)"},
              {"variables": {"z": {"shape": [3]}}, "minimize": "0.5*sum((z-S@(x*y))^2) + 0.1*sum((S.T@z)^2)"}]},
             "method": \(method)}
            """
        let rows =
            #"{"csr": {"shape": [3, 4], "indptr": [0, 2, 3, 4], "indices": [0, 2, 1, 3], "data": [1, 2, 3, -1]}}"#
        let found = try evaluate(sparse.replacing("DATA", with: rows), at: [0.4, 0.2, -0.3, 1])
        let dense = #"{"value": [[1, 0, 2, 0], [0, 3, 0, 0], [0, 0, 0, -1]]}"#
        let other = try evaluate(sparse.replacing("DATA", with: dense), at: [0.4, 0.2, -0.3, 1])
        #expect(zip(found.hypergradient, other.hypergradient).allSatisfy { abs($0 - $1) <= 1e-10 * max(1, abs($1)) })
    }

    /// float32 rounds the data; the vectors between the levels stay in float64.
    @Test func singlePrecisionDocumentsAreSolved() throws {
        let text = """
            {"problem": {"precision": "float32", "data": {"c": {"value": [0.1, 0.7]}}, "levels": [
              {"variables": {"x": {"shape": [2]}}, "minimize": "sum((z - 1)^2) + sum(y^2)"},
              {"variables": {"y": {"shape": [2]}}, "minimize": "sum((y - x*c)^2) + 0.1*sum(z^2)"},
              {"variables": {"z": {"shape": [2]}}, "minimize": "sum((z - x - y)^2)"}]}}
            """
        let (_, single) = try run(text)
        let (_, double) = try run(text.replacing("float32", with: "float64"))
        #expect(single.termination == .converged)
        #expect(abs(single.objectives[0] - double.objectives[0]) <= 1e-6)
        #expect(try #require(single.certificate.differenceError) <= 1e-6)
    }

    @Test(arguments: [
        (#"{"spectral_ball": 1}"#, "[2, 2]"), (#"[{"box": [0, 1]}, {"l2_ball": 1}]"#, "[2]"),
        (#"{"simplex": 1}"#, "[2000]"),
    ]) func setsWithoutAGraphAreRefused(_ set: String, _ shape: String) throws {
        let text = """
            {"problem": {"levels": [
              {"variables": {"x": {}}, "minimize": "x^2"}, {"variables": {"y": {}}, "minimize": "(y-x)^2"},
              {"variables": {"z": {"shape": \(shape), "constraint": \(set)}}, "minimize": "sum((z - y)^2)"}]}}
            """
        let admitted = try admit(text)
        #expect(admitted.method == nil && admitted.faults.contains { $0.code == .unsupported })
    }
}
