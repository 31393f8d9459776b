// What a document asks of its method, and the settled configuration or the exact refusal that comes of it.

import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Testing

@Suite struct MethodResolverTests {
    private static let sampled = """
        {"data": {"a": {"value": [1, 2, 3]}, "b": {"value": [1, 0]}},
         "samples": {"train": {"arrays": ["a"], "batch": 2}, "test": {"arrays": ["b"]}},
         "levels": [
           {"variables": {"x": {"shape": []}}, "minimize": "mean((w - b)^2)"},
           {"variables": {"w": {"shape": []}}, "minimize": "mean((w - a)^2) + exp(x) * w^2"}]}
        """
    private static let unsampled = """
        {"levels": [
           {"variables": {"x": {"shape": []}}, "minimize": "(w - 1)^2"},
           {"variables": {"w": {"shape": []}}, "minimize": "(w - 2)^2 + exp(x) * w^2"}]}
        """
    private static let oneLevel = """
        {"levels": [{"variables": {"x": {"shape": []}}, "minimize": "(x - 1)^2"}]}
        """

    private static func settle(
        _ method: String, _ problem: String = sampled, tolerances: String = "{}"
    ) throws -> Admitted {
        try admit("{\"problem\": \(problem), \"method\": \(method), \"tolerances\": \(tolerances)}")
    }

    private static func axes(_ method: MethodConfiguration?) -> DoubleLoopConfiguration? {
        if case .doubleLoop(let axes) = method?.algorithm { axes } else { nil }
    }

    // MARK: - Presets

    @Test(arguments: [
        ("\"auto\"", "aid-direct"), ("\"aid-cg\"", "aid-cg"), ("{\"name\": \"aid-fixed-point\"}", "aid-fixed-point"),
        ("\"itd\"", "itd"), ("\"soba\"", "soba"), ("{\"hypergradient\": \"unrolled-reverse\"}", "itd"),
        ("{\"linear_solver\": \"fixed-point\"}", "aid-fixed-point"),
    ])
    func namesOfMethods(_ method: String, _ name: String) throws {
        let admitted = try Self.settle(method)
        #expect(admitted.places == [])
        #expect(admitted.method?.name == name)
        #expect(admitted.method?.reason.isEmpty == false)
    }

    @Test func oneLevelIsProjectedGradient() throws {
        for method in ["\"auto\"", "\"aid-cg\""] {
            let admitted = try Self.settle(method, Self.oneLevel)
            #expect(admitted.method?.name == "projected-gradient")
            #expect(Self.axes(admitted.method)?.upper == .lineSearch)
        }
    }

    /// 10,000 samples times 5,001 variables are more than full gradients should touch.
    private static let large = """
        {"data": {"a": {"random": {"normal": [10000], "seed": 1}}},
         "samples": {"train": {"arrays": ["a"]}},
         "levels": [
           {"variables": {"x": {"shape": []}}, "minimize": "(w[0] - 1)^2"},
           {"variables": {"w": {"shape": [5001]}}, "minimize": "mean((w[0] - a)^2) + exp(x) * sum(w^2)"}]}
        """

    @Test(arguments: [
        ("\"auto\"", "saba"), ("{\"lower_solver\": {\"step\": 0.1}}", "saba"),
        ("{\"hypergradient\": \"penalty\"}", "f2sa"),
        ("{\"linear_solver\": \"cg\"}", "aid-cg"),
        ("{\"lower_solver\": \"l-bfgs\"}", "aid-cg"), ("{\"hypergradient\": \"implicit\"}", "aid-cg"),
        ("{\"upper_step\": {\"step\": 1, \"momentum\": 0.5}}", "aid-cg"), ("{\"estimator\": \"full\"}", "aid-cg"),
        ("{\"estimator\": \"sgd\"}", "soba"),
    ])
    func autoRespectsWhatIsAskedFor(_ method: String, _ name: String) throws {
        let admitted = try Self.settle(method, Self.large)
        #expect(admitted.places == [])
        #expect(admitted.method?.name == name)
    }

    // MARK: - Axes

    @Test func defaultsOfImplicitMethods() throws {
        let axes = try #require(Self.axes(try Self.settle("\"aid-cg\"").method))
        #expect(axes.lower == .lbfgs(memory: 10, steps: 2000, tolerance: 0.1 * 1e-10))
        #expect(axes.hypergradient == .implicit(.conjugateGradients(steps: 1000, tolerance: 1e-13)))
        #expect(axes.upper == .lineSearch)
        #expect(axes.warmStartsLower && axes.warmStartsLinear)
        let fixed = try #require(Self.axes(try Self.settle("\"aid-fixed-point\"").method))
        #expect(fixed.hypergradient == .implicit(.fixedPoint(step: nil, steps: 100_000, tolerance: 1e-12)))
    }

    @Test func innerSolvesAreTenTimesTighter() throws {
        for (outer, inner) in [("1e-4", 1e-9), ("1e-9", 1e-10), ("1e-12", 1e-13)] {
            let admitted = try Self.settle("\"aid-cg\"", tolerances: "{\"hypergradient\": \(outer)}")
            guard case .lbfgs(_, _, let tolerance) = Self.axes(admitted.method)?.lower else {
                Issue.record("l-bfgs is the default")
                continue
            }
            #expect(abs(tolerance - inner) <= 1e-6 * inner)
        }
        let given = try Self.settle("\"aid-cg\"", tolerances: "{\"lower\": 1e-3, \"linear\": 1e-2}")
        #expect(Self.axes(given.method)?.lower == .lbfgs(memory: 10, steps: 2000, tolerance: 1e-3))
        #expect(
            Self.axes(given.method)?.hypergradient == .implicit(.conjugateGradients(steps: 1000, tolerance: 1e-2)))
    }

    @Test(arguments: [
        (
            "{\"name\": \"aid-fixed-point\", \"lower_solver\": {\"step\": 0.1, \"steps\": 7}, "
                + "\"linear_solver\": {\"steps\": 3}}",
            LowerSolver.gradientDescent(step: .schedule(.constant(0.1)), steps: 7, tolerance: nil),
            HypergradientMode.implicit(.fixedPoint(step: 0.1, steps: 3, tolerance: nil))
        ),
        (
            "{\"name\": \"aid-cg\", \"lower_solver\": {\"name\": \"gradient-descent\", \"step\": \"line_search\"}, "
                + "\"linear_solver\": {\"steps\": 3}}",
            .gradientDescent(step: .lineSearch, steps: 100_000, tolerance: 0.1 * 1e-10),
            .implicit(.conjugateGradients(steps: 3, tolerance: 0))
        ),
        (
            "{\"name\": \"itd\", \"lower_solver\": {\"step\": {\"power\": {\"initial\": 1, \"exponent\": 0.5}}}, "
                + "\"hypergradient\": {\"truncate\": 4}}",
            .gradientDescent(step: .schedule(.power(initial: 1, exponent: 0.5)), steps: 100, tolerance: nil),
            .unrolledReverse(truncation: 4)
        ),
        (
            "{\"lower_solver\": {\"name\": \"l-bfgs\", \"memory\": 3, \"steps\": 9, \"tolerance\": 1e-5}}",
            .lbfgs(memory: 3, steps: 9, tolerance: 1e-5),
            .implicit(.conjugateGradients(steps: 1000, tolerance: 1e-13))
        ),
    ])
    func overrides(_ method: String, _ lower: LowerSolver, _ mode: HypergradientMode) throws {
        let admitted = try Self.settle(method)
        #expect(admitted.places == [])
        let axes = try #require(Self.axes(admitted.method))
        #expect(axes.lower == lower && axes.hypergradient == mode)
        #expect(axes.warmStartsLower == (admitted.method?.name != "itd"))
    }

    @Test func upperStepsAndWarmStarts() throws {
        let admitted = try Self.settle(
            "{\"name\": \"itd\", \"lower_solver\": {\"warm_start\": true}, "
                + "\"upper_step\": {\"step\": 1, \"momentum\": 0.9}}")
        let axes = try #require(Self.axes(admitted.method))
        #expect(axes.upper == .projectedGradient(schedule: .constant(1), momentum: 0.9))
        #expect(axes.warmStartsLower)
    }

    @Test func stepsOfSOBA() throws {
        #expect(
            try Self.settle("\"soba\"").method?.algorithm
                == .soba(SOBAConfiguration(lowerStep: nil, upperStep: nil)))
        let given = "{\"name\": \"soba\", \"lower_solver\": {\"step\": 0.1}, \"upper_step\": {\"step\": \"auto\"}}"
        #expect(
            try Self.settle(given).method?.algorithm
                == .soba(SOBAConfiguration(lowerStep: .constant(0.1), upperStep: nil)))
    }

    // MARK: - Refusals

    /// A method, and each refusal as pointer and a part of its reason.
    struct Refusal: CustomTestStringConvertible, Sendable {
        let method: String
        let places: [String]
        let words: String
        var testDescription: String { method }

        init(_ method: String, _ pointers: String..., because words: String) {
            self.method = method
            places = pointers.map { "wrong-argument /method\($0)" }
            self.words = words
        }
    }

    static let refusals = [
        Refusal(
            "{\"name\": \"itd\", \"hypergradient\": \"implicit\"}", "/hypergradient",
            because: "itd differentiates through the lower solver's steps"),
        Refusal(
            "{\"name\": \"aid-cg\", \"hypergradient\": \"unrolled-reverse\"}", "/hypergradient",
            because: "aid-cg differentiates implicitly"),
        Refusal(
            "{\"name\": \"aid-cg\", \"hypergradient\": {\"truncate\": 2}}", "/hypergradient/truncate",
            because: "only itd has steps to truncate"),
        Refusal(
            "{\"name\": \"itd\", \"lower_solver\": \"l-bfgs\"}", "/lower_solver", because: "cannot be unrolled"),
        Refusal(
            "{\"name\": \"aid-cg\", \"lower_solver\": {\"name\": \"l-bfgs\", \"step\": 1}}", "/lower_solver/step",
            because: "l-bfgs finds its steps by a line search"),
        Refusal(
            "{\"name\": \"itd\", \"lower_solver\": {\"memory\": 3, \"tolerance\": 1}}", "/lower_solver/memory",
            "/lower_solver/tolerance", because: "only l-bfgs has a memory"),
        Refusal(
            "{\"name\": \"itd\", \"lower_solver\": {\"step\": \"line_search\"}}", "/lower_solver/step",
            because: "itd cannot differentiate through a line search"),
        Refusal(
            "{\"name\": \"itd\", \"linear_solver\": {\"steps\": 2}}", "/linear_solver",
            because: "itd solves no linear system"),
        Refusal(
            "{\"name\": \"aid-cg\", \"linear_solver\": \"fixed-point\"}", "/linear_solver",
            because: "aid-cg solves by cg"),
        Refusal(
            "{\"name\": \"aid-cg\", \"linear_solver\": {\"step\": 1}}", "/linear_solver/step",
            because: "cg has no step size"),
        Refusal(
            "{\"name\": \"aid-fixed-point\", \"linear_solver\": \"cg\"}", "/linear_solver",
            because: "aid-fixed-point solves by fixed-point iteration"),
        Refusal(
            "{\"upper_step\": {\"momentum\": 0.5}}", "/upper_step/momentum",
            because: "momentum needs steps given in advance"),
        Refusal(
            "{\"name\": \"aid-cg\", \"estimator\": \"sgd\"}", "/estimator", because: "aid-cg takes full gradients"),
        Refusal("{\"name\": \"soba\", \"estimator\": \"full\"}", "/estimator", because: "soba draws batches"),
        Refusal(
            "{\"name\": \"soba\", \"lower_solver\": {\"name\": \"l-bfgs\", \"steps\": 3, \"tolerance\": 1, "
                + "\"memory\": 2, \"warm_start\": true}, \"linear_solver\": \"cg\", \"hypergradient\": \"implicit\", "
                + "\"upper_step\": {\"step\": 1, \"momentum\": 0.5}}",
            "/lower_solver", "/lower_solver/steps", "/lower_solver/tolerance", "/lower_solver/memory",
            "/lower_solver/warm_start", "/linear_solver", "/hypergradient", "/upper_step/momentum",
            because: "soba moves all variables together"),
        Refusal(
            "{\"name\": \"soba\", \"lower_solver\": {\"step\": \"line_search\"}}", "/lower_solver/step",
            because: "this method only sees batches"),
        Refusal(
            "{\"name\": \"saba\", \"estimator\": \"full\"}", "/estimator", because: "this method draws batches"),
        Refusal(
            "{\"name\": \"saba\", \"lower_solver\": {\"steps\": 3}}", "/lower_solver/steps",
            because: "saba takes one step on every variable at a time"),
        Refusal(
            "{\"name\": \"saba\", \"linear_solver\": {\"steps\": 3, \"step\": 1}}", "/linear_solver/steps",
            "/linear_solver/step", because: "saba moves v with y"),
        Refusal(
            "{\"name\": \"saba\", \"estimator\": {\"period\": 3, \"momentum\": 0.5}}", "/estimator/period",
            "/estimator/momentum", because: "only sarah has a period"),
        Refusal(
            "{\"name\": \"amigo\", \"lower_solver\": {\"name\": \"l-bfgs\", \"tolerance\": 1, \"memory\": 2, "
                + "\"warm_start\": false}, \"upper_step\": {\"momentum\": 0.5}}", "/lower_solver",
            "/lower_solver/tolerance", "/lower_solver/memory", "/lower_solver/warm_start", "/upper_step/momentum",
            because: "amigo takes given numbers of plain steps"),
        Refusal(
            "{\"name\": \"amigo\", \"linear_solver\": \"neumann\"}", "/linear_solver",
            because: "amigo solves its linear system by sgd"),
        Refusal("{\"name\": \"amigo\", \"estimator\": \"saga\"}", "/estimator", because: "fresh"),
        Refusal(
            "{\"name\": \"bsa\", \"estimator\": \"sarah\"}", "/estimator", because: "this method finds v anew"),
        Refusal(
            "{\"name\": \"stocbio\", \"linear_solver\": {\"warm_start\": true}}", "/linear_solver/warm_start",
            because: "a Neumann series begins at f_y"),
        Refusal(
            "{\"name\": \"stocbio\", \"hypergradient\": {\"name\": \"penalty\", \"weight\": 2}}", "/hypergradient",
            "/hypergradient/weight", because: "stocbio differentiates implicitly"),
        Refusal(
            "{\"name\": \"f2sa\", \"linear_solver\": \"neumann\"}", "/linear_solver",
            because: "f2sa solves no linear system"),
        Refusal("{\"name\": \"f2sa\", \"estimator\": \"storm\"}", "/estimator", because: "a penalty takes"),
        Refusal(
            "{\"name\": \"soba\", \"estimator\": \"saga\"}", "/estimator", because: "soba takes the batches' own"),
        Refusal(
            "{\"name\": \"aid-cg\", \"lower_solver\": \"sgd\"}", "/lower_solver", because: "sgd draws batches"),
        Refusal(
            "{\"name\": \"aid-cg\", \"hypergradient\": {\"growth\": 1}}", "/hypergradient/growth",
            because: "only the penalties of pgdo"),
    ]

    @Test(arguments: refusals) func combinationsThatMakeNoSense(_ refusal: Refusal) throws {
        let admitted = try Self.settle(refusal.method)
        #expect(admitted.method == nil)
        #expect(admitted.places == refusal.places)
        #expect(admitted.faults.first?.message.contains(refusal.words) == true, "\(admitted.faults.map(\.message))")
    }

    /// Every preset on batches settles, with each parameter that the table of methods lists at its default.
    @Test(arguments: StochasticPreset.allCases) func presetsOnBatches(_ preset: StochasticPreset) throws {
        let admitted = try Self.settle("\"\(preset.rawValue)\"")
        #expect(admitted.places == [] && admitted.method?.name == preset.rawValue)
        let row = try #require(MethodTable.presets.first { $0.name == preset.rawValue })
        var assignments = ["method={\"name\": \"\(preset.rawValue)\"}"]
        for parameter in row.parameters {
            switch parameter.value {
            case .number(let value): assignments.append("method.\(parameter.path)=\(value)")
            case .whole(let value): assignments.append("method.\(parameter.path)=\(value)")
            case .flag(let value): assignments.append("method.\(parameter.path)=\(value)")
            case .rule(let word): if word == "full" { assignments.append("method.\(parameter.path)=\(word)") }
            }
        }
        let spelled = try admit("{\"problem\": \(Self.sampled), \"method\": \"auto\"}", assignments)
        #expect(spelled.places == [] && spelled.method?.algorithm == admitted.method?.algorithm)
        #expect(try Self.settle("\"\(preset.rawValue)\"", Self.unsampled).places == ["wrong-argument /method"])
        #expect(try Self.settle("\"\(preset.rawValue)\"", Self.oneLevel).places == ["wrong-argument /method"])
    }

    @Test(arguments: [("saga", "saba"), ("sarah", "srba"), ("storm", "mrbo"), ("average", "ma-soba")])
    func estimatorsChooseMethods(_ estimator: String, _ name: String) throws {
        #expect(try Self.settle("{\"estimator\": \"\(estimator)\"}").method?.name == name)
    }

    @Test(arguments: [
        ("{\"name\": \"saba\", \"lower_solver\": {\"step\": -1}}", "/lower_solver/step"),
        ("{\"name\": \"saba\", \"upper_step\": {\"step\": 0}}", "/upper_step/step"),
        ("{\"name\": \"amigo\", \"lower_solver\": {\"steps\": 0}}", "/lower_solver/steps"),
        ("{\"name\": \"mrbo\", \"estimator\": {\"momentum\": 0}}", "/estimator/momentum"),
        ("{\"name\": \"mrbo\", \"estimator\": {\"momentum\": 1.5}}", "/estimator/momentum"),
        ("{\"name\": \"srba\", \"estimator\": {\"period\": 0}}", "/estimator/period"),
        ("{\"name\": \"f2sa\", \"hypergradient\": {\"weight\": 0}}", "/hypergradient/weight"),
        (
            "{\"name\": \"saba\", \"lower_solver\": {\"step\": {\"cosine\": {\"initial\": 1, \"period\": 0}}}}",
            "/lower_solver/step/cosine/period"
        ),
    ])
    func numbersOutsideTheirRange(_ method: String, _ pointer: String) throws {
        let admitted = try Self.settle(method)
        #expect(admitted.faults.map(\.pointer) == ["/method\(pointer)"])
        #expect(admitted.faults.first?.message.contains("wanted") == true, "\(admitted.faults)")
    }

    @Test func tablesNeedOneAxisALevel() throws {
        let two = """
            {"data": {"a": {"value": [1, 2, 3]}, "b": {"value": [1, 0]}},
             "samples": {"train": {"arrays": ["a"], "batch": 2}, "test": {"arrays": ["b"]}},
             "levels": [
               {"variables": {"x": {"shape": []}}, "minimize": "mean((w - b)^2)"},
               {"variables": {"w": {"shape": []}}, "minimize": "mean((w - a)^2) + mean((w - b)^2) + exp(x) * w^2"}]}
            """
        let refused = try Self.settle("\"saba\"", two)
        #expect(refused.places == ["wrong-argument /method"])
        #expect(refused.faults.first?.hint == "use srba, which keeps none")
        #expect(try Self.settle("\"srba\"", two).places == [])
    }

    @Test func sobaNeedsSamples() throws {
        #expect(try Self.settle("\"soba\"", Self.unsampled).places == ["wrong-argument /method"])
        #expect(try Self.settle("{\"name\": \"soba\"}", Self.unsampled).places == ["wrong-argument /method/name"])
    }

    @Test(arguments: [
        ("\"itd\"", "/method"), ("{\"name\": \"soba\"}", "/method/name"),
        ("{\"lower_solver\": {\"steps\": 3}}", "/method/lower_solver"),
        ("{\"name\": \"aid-cg\", \"linear_solver\": {\"steps\": 3}}", "/method/linear_solver"),
        ("{\"hypergradient\": \"implicit\"}", "/method/hypergradient"),
    ])
    func oneLevelHasNoLowerLevel(_ method: String, _ pointer: String) throws {
        let admitted = try Self.settle(method, Self.oneLevel)
        #expect(admitted.method == nil)
        #expect(admitted.places == ["wrong-argument \(pointer)"])
        #expect(admitted.faults.first?.message.contains("one level") == true)
    }

    /// Both levels' sampling faults, each with the place in its formula.
    @Test func sobaRefusesBiasedEstimates() throws {
        let problem = Self.sampled
            .replacing("mean((w - b)^2)", with: "log(mean((w - b)^2))")
            .replacing("mean((w - a)^2) + exp", with: "2 + 3 * sqrt(mean((w - a)^2)) + exp")
        let admitted = try Self.settle("\"soba\"", problem)
        #expect(admitted.method == nil)
        #expect(
            admitted.places == [
                "not-affine-in-expectations /problem/levels/0/minimize 1:1",
                "not-affine-in-expectations /problem/levels/1/minimize 1:9",
            ])
        #expect(try Self.settle("\"auto\"", problem).method?.name == "aid-cg")
        #expect(try Self.settle("\"aid-cg\"", problem).places == [])
    }
}
