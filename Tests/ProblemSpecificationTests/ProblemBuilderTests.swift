// From documents to problems: names, axes, variables with one entry per sample, starts, labels, sampling, each fault.

import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors
import Testing

@Suite struct ProblemBuilderTests {
    /// A two-level document from its parts.
    private static func document(
        data: String = "{}", samples: String = "{}", definitions: String = "{}", x: String = "{\"shape\": []}",
        w: String = "{\"shape\": []}", upper: String = "(w - 1)^2", lower: String = "(w - x)^2",
        method: String = "auto"
    ) -> String {
        """
        {"problem": {"data": \(data), "samples": \(samples), "definitions": \(definitions), "levels": [
          {"variables": {"x": \(x)}, "minimize": "\(upper)"},
          {"variables": {"w": \(w)}, "minimize": "\(lower)"}]}, "method": "\(method)", "seed": 11}
        """
    }

    // MARK: - Variables with one entry per sample

    private static let twoTasks = document(
        data: "{\"a\": {\"value\": [0, 4]}, \"b\": {\"value\": [1, 2]}}",
        samples: "{\"tasks\": {\"arrays\": [\"a\", \"b\"]}}", w: "{\"shape\": [], \"per\": \"tasks\"}",
        upper: "mean(0.5 * (w - b)^2)", lower: "sum(0.5 * (w - a)^2 + 0.5 * (w - x)^2)")

    @Test(arguments: ["aid-cg", "aid-fixed-point", "itd"]) func twoTasks(_ method: String) throws {
        let (start, result) = try run(Self.twoTasks, ["method=\(method)", "tolerances.hypergradient=1e-11"])
        #expect(abs(try #require(start.hypergradient)[0] + 0.25) <= 1e-9)
        #expect(result.termination == .converged)
        #expect(abs(result.x[0] - 1) <= 1e-9)
        #expect(abs(result.objectives[0] - 0.125) <= 1e-9)
        #expect(abs(result.y[0] - 0.5) <= 1e-9 && abs(result.y[1] - 2.5) <= 1e-9)
    }

    @Test func variablesPerSampleNeedFullBatches() throws {
        let admitted = try admit(Self.twoTasks, ["method=soba"])
        #expect(admitted.places == ["unsupported /problem/levels/1/variables/w/per"])
        let unknown = try admit(Self.twoTasks.replacing("\"per\": \"tasks\"", with: "\"per\": \"task\""))
        #expect(unknown.places.first == "unknown-name /problem/levels/1/variables/w/per")
        #expect(unknown.faults.first?.hint == "did you mean \"tasks\"?")
    }

    @Test func rowsOfAVariablePerSample() throws {
        let text = Self.document(
            data: "{\"a\": {\"value\": [[1, 2], [3, 4], [5, 6]]}}", samples: "{\"rows\": {\"arrays\": [\"a\"]}}",
            w: "{\"shape\": [2], \"per\": \"rows\", \"start\": [7, 8]}", upper: "mean(sum((w - a)^2, axis=1)) + x^2",
            lower: "sum((w - x)^2)")
        let built = try #require(try admit(text).built)
        #expect(built.problem.lower.start == [7, 8, 7, 8, 7, 8])
        #expect(built.problem.lower.variables[0].shape == [3, 2])
        #expect(built.shapes.map(\.shape) == ["[rows, 2]", "a number", "[rows, 2]"])
    }

    // MARK: - Expressions that are asked about

    private static let asking = document(
        data: "{\"X\": {\"value\": [[1, 2, 3], [4, 5, 6]]}}", samples: "{\"train\": {\"arrays\": [\"X\"]}}",
        definitions: "{\"r\": \"X @ w\"}", w: "{\"shape\": [3]}", upper: "sum(w^2)", lower: "mean(r^2) + x * sum(w^2)")

    @Test func shapesOfExpressionsAreTold() throws {
        let built = try #require(
            try admit(Self.asking, [#"expressions=["X @ w", "r * x", "w / 2", "sum(w)"]"#]).built)
        #expect(built.expressions.map(\.formula) == ["X @ w", "r * x", "w / 2", "sum(w)"])
        #expect(built.expressions.map(\.shape) == ["[train]", "[train]", "[3]", "a number"])
        #expect(try admit(Self.asking).built?.expressions.isEmpty == true)
    }

    @Test func faultsOfExpressionsHaveTheirPlaces() throws {
        let admitted = try admit(Self.asking, [#"expressions=["w +", "X @ x", "z"]"#])
        #expect(admitted.built == nil)
        #expect(
            admitted.faults.map(\.pointer) == ["/expressions/0", "/expressions/1", "/expressions/2"],
            "\(admitted.places)")
        let many = #"expressions=[\#(Array(repeating: #""w""#, count: 101).joined(separator: ","))]"#
        #expect(try admit(Self.asking, [many]).places == ["limit-exceeded /expressions"])
        #expect(try admit(Self.asking, ["expressions=3"]).places == ["wrong-type /expressions"])
    }

    // MARK: - Names and axes

    @Test func shapesInDocumentOrder() throws {
        let text = Self.document(
            data: "{\"X\": {\"value\": [[1, 2, 3], [4, 5, 6]]}, \"t\": {\"value\": [1, 2]}, \"c\": {\"value\": 3}}",
            samples: "{\"train\": {\"arrays\": [\"X\", \"t\"], \"batch\": 64}}",
            definitions: "{\"r\": \"X @ w - t\"}", w: "{\"shape\": [3]}", upper: "sum(w^2) + c",
            lower: "mean(r^2) + exp(x) * sum(w^2)")
        let built = try #require(try admit(text).built)
        #expect(built.shapes.map(\.name) == ["X", "t", "c", "x", "w", "r"])
        #expect(built.shapes.map(\.shape) == ["[train, 3]", "[train]", "a number", "a number", "[3]", "[train]"])
        #expect(built.problem.axes.map(\.rows) == [2])
        // A batch is never larger than its axis.
        #expect(built.problem.axes.map(\.batch) == [2])
        #expect(built.problem.sampleCount(ofLevel: 0) == 0 && built.problem.sampleCount(ofLevel: 1) == 2)
        #expect(built.samplingFaults.count == 2 && built.samplingFaults.allSatisfy { $0 == nil })
    }

    @Test(arguments: [
        ("{\"s\": {\"arrays\": [\"a\", \"c\"]}}", "shape-mismatch /problem/samples/s"),
        ("{\"s\": {\"arrays\": [\"a\"]}, \"t\": {\"arrays\": [\"a\"]}}", "sampling-error /problem/samples/t/arrays/0"),
        ("{\"s\": {\"arrays\": [\"aa\"]}}", "unknown-name /problem/samples/s/arrays/0"),
        ("{\"s\": {\"arrays\": [\"k\"]}}", "shape-mismatch /problem/samples/s"),
    ])
    func faultsOfSamples(_ samples: String, _ place: String) throws {
        let text = Self.document(
            data: "{\"a\": {\"value\": [1, 2]}, \"c\": {\"value\": [1, 2, 3]}, \"k\": {\"value\": 1}}",
            samples: samples)
        let places = try admit(text).places
        #expect(places == [place], "\(places)")
    }

    @Test(arguments: [
        ("(w - 1)^2", "(w - xx)^2", "unknown-name /problem/levels/1/minimize 1:6"),
        ("(w - 1)^2", "(x - 1)^2", "level-error /problem/levels/1/minimize"),
        ("3", "(w - x)^2", "level-error /problem/levels/0/minimize"),
        ("(w - 1)^2", "(w - x", "syntax-error /problem/levels/1/minimize"),
    ])
    func faultsOfObjectives(_ upper: String, _ lower: String, _ place: String) throws {
        let places = try admit(Self.document(upper: upper, lower: lower)).places
        #expect(places.count == 1 && places[0].hasPrefix(place), "\(places)")
    }

    @Test func everyFaultIsReportedAtOnce() throws {
        let text = Self.document(
            data: "{\"a\": {\"dataset\": \"nowhere\"}, \"k\": {\"value\": 1}}",
            samples: "{\"s\": {\"arrays\": [\"k\"]}}",
            x: "{\"shape\": [2]}", upper: "w + q",
            lower: "(w - x[0])^2 + v")
        let places = try admit(text).places
        #expect(
            places == [
                "data-error /problem/data/a", "shape-mismatch /problem/samples/s",
                "unknown-name /problem/levels/0/minimize 1:5", "unknown-name /problem/levels/1/minimize 1:16",
            ])
    }

    // MARK: - Starts and constraints

    @Test(arguments: [
        ("{\"shape\": [2, 2]}", [0.0, 0, 0, 0]), ("{\"shape\": [2, 2], \"start\": 1.5}", [1.5, 1.5, 1.5, 1.5]),
        ("{\"shape\": [2, 2], \"start\": [[1, 2], [3, 4]]}", [1, 2, 3, 4]),
        ("{\"shape\": [], \"start\": -3}", [-3]),
    ])
    func starts(_ variable: String, _ expected: [Double]) throws {
        let text = Self.document(x: variable, upper: "w^2 + sum(x)", lower: "(w - sum(x))^2")
        #expect(try admit(text).built?.problem.upper.start == expected)
    }

    @Test func randomStartsComeFromTheSeed() throws {
        func start(_ kind: String, seed: Int, name: String = "x") throws -> [Double] {
            let text = Self.document(
                x: "{\"shape\": [400], \"start\": \(kind)}", upper: "w^2 + sum(x)", lower: "(w - sum(x))^2"
            ).replacing("\"seed\": 11", with: "\"seed\": \(seed)")
            return try #require(try admit(text).built).problem.upper.start
        }
        let normal = try start("{\"normal\": {\"scale\": 0.1}}", seed: 1)
        #expect(try normal == start("{\"normal\": {\"scale\": 0.1}}", seed: 1))
        #expect(try normal != start("{\"normal\": {\"scale\": 0.1}}", seed: 2))
        // Of 400 draws with standard deviation 0.1.
        #expect(abs(VectorMath.norm(normal) / 20 - 0.1) < 0.02)
        let uniform = try start("{\"uniform\": [2, 3]}", seed: 1)
        #expect(uniform.allSatisfy { $0 >= 2 && $0 < 3 })
        #expect(abs(uniform.reduce(0, +) / 400 - 2.5) < 0.1)
    }

    @Test(arguments: [
        ("{\"shape\": [2], \"start\": [1, 2, 3]}", "shape-mismatch /problem/levels/0/variables/x/start"),
        ("{\"shape\": [2], \"start\": [[1, 2], [3, 4]]}", "shape-mismatch /problem/levels/0/variables/x/start"),
        (
            "{\"shape\": [2], \"constraint\": {\"box\": [[0, 0, 0], null]}}",
            "shape-mismatch /problem/levels/0/variables/x/constraint"
        ),
    ])
    func faultsOfVariables(_ variable: String, _ place: String) throws {
        let text = Self.document(x: variable, upper: "w^2 + sum(x)", lower: "(w - sum(x))^2")
        let places = try admit(text).places
        #expect(places.count == 1 && places[0].hasPrefix(place), "\(places)")
    }

    @Test func boundsFollowTheVariables() throws {
        let text = """
            {"problem": {"levels": [{"variables": {
              "a": {"shape": [2], "constraint": {"box": [[0, -1], null]}}, "b": {"shape": []},
              "c": {"shape": [2], "constraint": {"box": [null, 3]}}}, "minimize": "sum((a + c - 9)^2) + b^2"}]}}
            """
        let set = try #require(try admit(text).built).problem.upper.constraint
        #expect(
            try set
                == .box(
                    lower: [0, -1, -.infinity, -.infinity, -.infinity],
                    upper: [.infinity, .infinity, .infinity, 3, 3]))
        let (_, result) = try run(text)
        #expect(result.x[3] == 3 && result.x[4] == 3 && abs(result.x[0] - 6) <= 1e-7)
    }

    @Test func lowerLevelsHaveSets() throws {
        let text = Self.document(w: "{\"shape\": [], \"constraint\": {\"box\": [0, 1]}}")
        #expect(try admit(text).built?.problem.lower.isSmooth == false)
    }

    // MARK: - Labels

    @Test(arguments: [
        ("logistic_loss(a * w, y)", "[1, -1, 1]", nil), ("logistic_loss(a * w, y)", "[1, 0, 1]", "entry 1 is 0"),
        ("binary_cross_entropy(a * w, y)", "[1, 0, 1]", nil),
        ("binary_cross_entropy(a * w, y)", "[1, 0, -1]", "entry 2 is -1"),
    ])
    func labelsOutsideTheirSet(_ loss: String, _ labels: String, _ words: String?) throws {
        let text = Self.document(
            data: "{\"a\": {\"value\": [1, 2, 3]}, \"y\": {\"value\": \(labels)}}",
            samples: "{\"s\": {\"arrays\": [\"a\", \"y\"]}}", upper: "w^2 + x^2", lower: "mean(\(loss)) + (w - x)^2")
        let admitted = try admit(text)
        #expect((admitted.built == nil) == (words != nil))
        if let words {
            #expect(admitted.faults.map(\.code) == [.labelOutsideSet])
            #expect(admitted.faults.first?.pointer == "/problem/levels/1/minimize")
            #expect(admitted.faults.first?.message.hasSuffix(words) == true)
        }
    }

    // MARK: - Sampling

    @Test(arguments: [
        ("log(mean((w - a)^2))", "1:1"), ("1 + log(mean((w - a)^2))", "1:5"), ("mean((w - a)^2)^2", "1:16"),
        ("norm(w - a)", "1:1"), ("max(a * w) + w^2", "1:1"), ("mean(a * w) * mean((w - a)^2)", "1:13"),
        ("log(mean(a)) + mean((w - a)^2)", nil), ("3 * mean((w - a)^2) - sum(a * w) / 7", nil), ("x * sum(a - w)", nil),
    ])
    func samplingFaultsHaveTheirPlace(_ formula: String, _ place: String?) throws {
        let text = Self.document(
            data: "{\"a\": {\"value\": [1, 2, 3, 4]}}", samples: "{\"s\": {\"arrays\": [\"a\"], \"batch\": 2}}",
            upper: formula, lower: "mean((w - a - x)^2)")
        let built = try #require(try admit(text).built)
        let fault = built.samplingFaults[0]
        #expect(fault.map { "\($0.line ?? 0):\($0.column ?? 0)" } == place, "\(fault?.message ?? "none")")
        #expect(built.samplingFaults[1] == nil)
        #expect((try admit(text, ["method=soba"]).method == nil) == (place != nil))
    }

    // MARK: - Levels

    @Test func threeLevelsAndFixedPoints() throws {
        let three = """
            {"problem": {"levels": [
              {"variables": {"x": {"shape": []}}, "minimize": "x^2 + y"},
              {"variables": {"y": {"shape": []}}, "minimize": "(y - x)^2 + z"},
              {"variables": {"z": {"shape": []}}, "minimize": "(z - y)^2"}]}}
            """
        #expect(try admit(three).method?.name == "implicit")
        #expect(try admit(three, ["method=aid-cg"]).places == ["wrong-argument /method"])
        let outermost = try admit(three, [#"problem.levels.0={"variables":{"x":{}},"fixed_point":{"x":"y"}}"#])
        #expect(outermost.places == ["level-error /problem/levels/0/fixed_point"])
        let map = """
            {"problem": {"levels": [
              {"variables": {"x": {"shape": []}}, "minimize": "(y - 1)^2"},
              {"variables": {"y": {"shape": []}}, "fixed_point": {"y": "0.5 * y + x"}}]}}
            """
        #expect(try admit(map).method?.name == "implicit")
        let wide = try admit(map, [#"problem.levels.1.fixed_point.y="[1, 2] * y""#])
        #expect(wide.places.count == 1)
    }

    @Test func maximizationIsReportedInTheUsersSign() throws {
        let text = """
            {"problem": {"levels": [
              {"variables": {"x": {"shape": []}}, "maximize": "3 - 0.5 * (y - 6)^2 - 0.5 * x^2"},
              {"variables": {"y": {"shape": []}}, "maximize": "1 - (y - 3 * x)^2"}]},
             "tolerances": {"hypergradient": 1e-11}}
            """
        let (start, result) = try run(text)
        #expect(start.upperObjective == -15)
        #expect(abs(try #require(start.hypergradient)[0] - 18) <= 1e-8)
        #expect(abs(result.objectives[0] - 1.2) <= 1e-9 && abs(result.objectives[1] - 1) <= 1e-9)
    }
}
