// Documents as written by hand decode with every default; malformed ones report exactly their faults.

import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

@Suite struct DocumentDecoderTests {
    private func decode(_ value: JSONValue) -> (document: ProblemDocument?, faults: [String]) {
        var diagnostics = Diagnostics()
        let document = DocumentDecoder.decode(value, into: &diagnostics)
        #expect((document == nil) == diagnostics.hasErrors)
        return (document, diagnostics.kept.map { "\($0.code.rawValue) \($0.pointer)" })
    }

    private func changed(_ assignments: [String]) throws -> JSONValue {
        var value = try JSONParser.parse(Self.example)
        for text in assignments { value = try value.applying(JSONAssignment(text)) }
        return value
    }

    /// The document that the problem language explains itself with.
    private static let example = """
        {
          "problem": {
            "name": "one L2 penalty per feature",
            "data": {
              "X":  {"dataset": "diabetes", "columns": ["age", "sex", "bmi"], "rows": "0:300"},
              "y":  {"dataset": "diabetes", "columns": "target", "rows": "0:300"},
              "Xv": {"dataset": "diabetes", "columns": ["age", "sex", "bmi"], "rows": "300:442"},
              "yv": {"dataset": "diabetes", "columns": "target", "rows": "300:442"},
              "c":  {"value": [0.1, 0.2, 0.3]}
            },
            "samples": {
              "train":      {"arrays": ["X", "y"],   "batch": 64},
              "validation": {"arrays": ["Xv", "yv"], "batch": 64}
            },
            "definitions": {"margin": "X @ w"},
            "levels": [
              {"name": "penalties",
               "variables": {"lambda": {"shape": [3], "start": 0, "constraint": {"box": [-10, 10]}}},
               "minimize": "mean((Xv @ w - yv)^2)"},
              {"name": "weights",
               "variables": {"w": {"shape": [3], "start": 0}},
               "minimize": "mean((margin - y)^2) + 0.5 * sum(exp(lambda) * w^2)"}
            ]
          },
          "method": {"name": "auto"},
          "limits": {"time_seconds": 600, "iterations": 1000},
          "tolerances": {"hypergradient": 1e-6},
          "seed": 7
        }
        """

    @Test func decodesTheExample() throws {
        let (document, faults) = decode(try JSONParser.parse(Self.example))
        #expect(faults.isEmpty)
        let decoded = try #require(document)
        #expect(decoded.problem.data.map(\.name) == ["X", "y", "Xv", "yv", "c"])
        #expect(
            decoded.problem.data[0].source
                == .dataset(
                    DatasetSelection(
                        dataset: "diabetes", columns: .names(["age", "sex", "bmi"]), rows: RowRange(start: 0, end: 300))
                ))
        #expect(
            decoded.problem.data[4].source == .value(try Tensor(shape: [3], values: [0.1, 0.2, 0.3])))
        #expect(decoded.problem.samples.map(\.arrays) == [["X", "y"], ["Xv", "yv"]])
        #expect(decoded.problem.samples.map(\.batch) == [64, 64])
        #expect(
            decoded.problem.definitions
                == [Definition(name: "margin", pointer: "/problem/definitions/margin", formula: "X @ w")])
        let level = decoded.problem.levels[0]
        #expect(level.variables[0].constraint == .box(lower: Tensor(-10), upper: Tensor(10)))
        #expect(level.variables[0].start == .number(0) && level.variables[0].shape == [3])
        #expect(
            level.objective == .minimize(formula: "mean((Xv @ w - yv)^2)", pointer: "/problem/levels/0/minimize"))
        #expect(decoded.limits.timeSeconds == 600 && decoded.limits.iterations == 1000)
        #expect(decoded.tolerances == Tolerances(hypergradient: 1e-6) && decoded.seed == 7)
        #expect(decoded.method == MethodRequest(pointer: "/method/name"))
    }

    @Test func fillsInDefaults() throws {
        let text = "{\"problem\":{\"levels\":[{\"variables\":{\"x\":{}},\"minimize\":0}]}}"
        let document = try #require(decode(try JSONParser.parse(text)).document)
        #expect(document.limits == Limits() && document.progress == ProgressRequest() && document.seed == 0)
        #expect(document.checkpoint.everySeconds == 10 && document.method == MethodRequest() && document.labels.isEmpty)
        let level = document.problem.levels[0]
        #expect(level.name == "level_1")
        #expect(level.objective == .minimize(formula: "0", pointer: "/problem/levels/0/minimize"))
        #expect(level.variables[0].shape == [] && level.variables[0].start == .number(0))
    }

    @Test func decodesEveryPart() throws {
        let document = try #require(
            decode(
                try changed([
                    "problem.data.r={\"random\":{\"normal\":[50,22],\"seed\":3,\"scale\":2}}",
                    "problem.data.u={\"random\":{\"uniform\":4,\"low\":-1}}",
                    "problem.data.k={\"value\":[[1,2],[3,4]]}",
                    "problem.levels.0.variables.lambda.constraint=nonnegative",
                    "problem.levels.1.variables.w.constraint={\"box\":[null,[1,2,3]]}",
                    "problem.levels.1.variables.w.start={\"normal\":{\"scale\":0.1}}",
                    "problem.levels.1.variables.v={\"per\":\"train\",\"shape\":[2],\"start\":\"lambda\"}",
                    "problem.levels.1.fixed_point={\"w\":\"w\",\"v\":2}", "method=soba", "priority=9",
                    "labels={\"k\":\"v\"}",
                    "ttl_seconds=5", "retry={\"max_attempts\":2}",
                    "webhook={\"url\":\"https://a\",\"events\":[\"end\"]}",
                    "limits.queue_seconds=3", "progress={\"every\":5,\"min_interval_ms\":0,\"iterates\":\"none\"}",
                    "checkpoint.every_seconds=1", "problem.precision=float32",
                ]).removing("problem", "levels", "1", "minimize")
            ).document)
        #expect(
            document.problem.data[5].source
                == .generated(RandomArray(distribution: .normal, shape: [50, 22], scale: 2, seed: 3)))
        #expect(
            document.problem.data[6].source
                == .generated(RandomArray(distribution: .uniform(low: -1, high: 1), shape: [4], scale: 1, seed: 0)))
        #expect(
            document.problem.data[7].source
                == .value(try Tensor(shape: [2, 2], values: [1, 2, 3, 4], elementType: .integer)))
        let variables = document.problem.levels[1].variables
        #expect(document.problem.levels[0].variables[0].constraint == .box(lower: Tensor(0), upper: nil))
        #expect(variables[0].constraint == .box(lower: nil, upper: try Tensor(shape: [3], values: [1, 2, 3])))
        #expect(variables[0].start == .normal(scale: 0.1))
        #expect(variables[1].per == "train" && variables[1].start == .formula("lambda"))
        let pointer = "/problem/levels/1/fixed_point/"
        #expect(
            document.problem.levels[1].objective
                == .fixedPoint([
                    FixedPointMap(variable: "w", formula: "w", pointer: pointer + "w"),
                    FixedPointMap(variable: "v", formula: "2", pointer: pointer + "v"),
                ]))
        #expect(document.method == MethodRequest(name: .preset(.soba), pointer: "/method"))
        #expect(document.priority == 9 && document.labels == [Label(name: "k", value: "v")])
        #expect(document.progress == ProgressRequest(every: 5, minIntervalMilliseconds: 0, iterates: .none))
        #expect(document.queueing == Queueing(queueSeconds: 3, keptSeconds: 5, maxAttempts: 2))
    }

    @Test func limitsAreReadAlone() throws {
        var faults = Diagnostics()
        let text = Array("{\"iterations\":7,\"queue_seconds\":2.5}".utf8)
        let decoded = try #require(DocumentDecoder.decodeLimits(try JSONParser.parse(text), into: &faults))
        #expect(decoded.limits == Limits(iterations: 7) && decoded.queueSeconds == 2.5)
        let broken = try JSONParser.parse(Array("{\"iterations\":-7,\"time\":1}".utf8))
        #expect(DocumentDecoder.decodeLimits(broken, into: &faults) == nil)
        #expect(faults.kept.map(\.pointer).sorted() == ["/limits/iterations", "/limits/time"])
    }

    @Test(arguments: [
        ("a", "", true), ("", "v", false), (String(repeating: "ä", count: 128), "v", true),
        (String(repeating: "ä", count: 129), "v", false), ("a", String(repeating: "x", count: 1_024), true),
        ("a", String(repeating: "x", count: 1_025), false), ("a\\u0000b", "v", false), ("a", "\\u007f", false),
        ("a", "\\n", false), ("a", "\\u0085", false), ("a b:c", "🎈 \\u00a0", true),
    ])
    func labelsAreShortAndCanBeSeen(_ name: String, _ value: String, _ isGood: Bool) throws {
        let faults = decode(try changed(["labels={\"\(name)\":\"\(value)\"}"])).faults
        #expect(faults.isEmpty == isGood && faults.allSatisfy { "\($0)".contains("/labels/") }, "\(faults)")
    }

    @Test(arguments: [64, 65]) func labelsAreBoundedInNumber(_ count: Int) throws {
        let labels = (0..<count).map { "\"l\($0)\":\"v\"" }.joined(separator: ",")
        let faults = decode(try changed(["labels={\(labels)}"])).faults
        #expect(faults.isEmpty == (count == 64))
    }

    @Test func decodesTheMethod() throws {
        let method = """
            method={"name": "itd", "lower_solver": {"name": "l-bfgs", "step": "line_search", "steps": 100,
            "tolerance": 1e-10, "memory": 10, "warm_start": true}, "hypergradient": {"name": "unrolled-reverse",
            "truncate": 10}, "linear_solver": {"name": "fixed-point", "steps": 50, "tolerance": 0, "step": 0.1,
            "warm_start": false}, "upper_step": {"name": "projected-gradient", "step": {"power": {"initial": 1,
            "exponent": 0.5}}, "momentum": 0.9}, "estimator": "sgd"}
            """
        let request = try #require(decode(try changed([method])).document).method
        #expect(
            request
                == MethodRequest(
                    name: .preset(.itd), pointer: "/method/name",
                    lowerSolver: LowerSolverRequest(
                        name: .lbfgs, step: .lineSearch, steps: 100, tolerance: 1e-10, memory: 10, warmStart: true),
                    hypergradient: HypergradientRequest(name: .unrolledReverse, truncate: 10),
                    linearSolver: LinearSolverRequest(
                        name: .fixedPoint, steps: 50, tolerance: 0, step: 0.1, warmStart: false),
                    upperStep: UpperStepRequest(
                        name: .projectedGradient, step: .power(initial: 1, exponent: 0.5), momentum: 0.9),
                    estimator: .sgd))
        let bare =
            "method={\"lower_solver\":\"auto\",\"linear_solver\":\"cg\",\"upper_step\":{\"step\":{\"constant\":2}}}"
        let second = try #require(decode(try changed([bare])).document).method
        #expect(second.lowerSolver == LowerSolverRequest() && second.linearSolver.name == .cg)
        #expect(second.upperStep.step == .constant(2) && second.pointer == "/method")
    }

    private static let x = "problem.levels.0.variables.lambda"
    private static let xp = "/problem/levels/0/variables/lambda"

    @Test(
        arguments: [
            (["problem=1"], ["wrong-type /problem"]), (["problem={}"], ["missing-field /problem"]),
            (["problem.levels=[]"], ["out-of-range /problem/levels"]),
            (["problem.levels={}"], ["wrong-type /problem/levels"]),
            (["problem.level=[]"], ["unknown-field /problem/level"]), (["metod=itd"], ["unknown-field /metod"]),
            (["warm_start={\"job\":\"job_1\"}"], ["unsupported /warm_start"]), (["seed=-1"], ["out-of-range /seed"]),
            (["seed=1.5"], ["wrong-type /seed"]), (["seed=18446744073709551616"], ["out-of-range /seed"]),
            (["seed=\"7\""], ["wrong-type /seed"]), (["limits.iterations=-1"], ["out-of-range /limits/iterations"]),
            (["limits.time_seconds=0"], ["out-of-range /limits/time_seconds"]), (["limits=[]"], ["wrong-type /limits"]),
            (["limits.time_seconds=null"], ["wrong-type /limits/time_seconds"]),
            (["limits.iteration=5"], ["unknown-field /limits/iteration"]),
            (["limits.oracle_calls=true"], ["wrong-type /limits/oracle_calls"]),
            (["tolerances.lower=-1"], ["out-of-range /tolerances/lower"]),
            (["tolerances.linear=NaN"], ["wrong-type /tolerances/linear"]),
            (["progress.every=0"], ["out-of-range /progress/every"]),
            (["progress.iterates=all"], ["unknown-name /progress/iterates"]),
            (["checkpoint.every_seconds=0"], ["out-of-range /checkpoint/every_seconds"]),
            (["priority=10"], ["out-of-range /priority"]),
            (["labels={\"a\":1}"], ["wrong-type /labels/a"]), (["webhook={}"], ["missing-field /webhook"]),
            (["retry.max_attempts=0"], ["out-of-range /retry/max_attempts"]),
            (["ttl_seconds=x"], ["wrong-type /ttl_seconds"]),
            (["method=gaffo"], ["unsupported /method"]), (["method=sobaa"], ["unknown-name /method"]),
            (["method=3"], ["wrong-type /method"]),
            (["method.name=gaffo", "method.stepp=1"], ["unknown-field /method/stepp", "unsupported /method/name"]),
            (["method.loop=single"], ["unsupported /method/loop"]),
            (["method.lower_solver=sdg"], ["unknown-name /method/lower_solver"]),
            (["method.lower_solver.step=0"], ["out-of-range /method/lower_solver/step"]),
            (["method.lower_solver.step=fast"], ["unknown-name /method/lower_solver/step"]),
            (["method.lower_solver.step={\"cosine\":1}"], ["wrong-type /method/lower_solver/step/cosine"]),
            (
                ["method.lower_solver.step={\"power\":{\"initial\":1}}"],
                ["missing-field /method/lower_solver/step/power"]
            ),
            (["method.lower_solver.step={}"], ["missing-field /method/lower_solver/step"]),
            (["method.lower_solver.warm_start=1"], ["wrong-type /method/lower_solver/warm_start"]),
            (["method.linear_solver.name=randomized"], ["unknown-name /method/linear_solver/name"]),
            (["method.upper_step.momentum=1"], ["out-of-range /method/upper_step/momentum"]),
            (["method.hypergradient.truncate=0"], ["out-of-range /method/hypergradient/truncate"]),
            (["method.estimator=sage"], ["unknown-name /method/estimator"]),
            (["problem.precision=half"], ["unknown-name /problem/precision"]),
        ] as [([String], [String])])
    func reportsFaultsOutsideTheLevels(_ assignments: [String], _ faults: [String]) throws {
        #expect(decode(try changed(assignments)).faults == faults)
    }

    @Test(
        arguments: [
            (["problem.data.a b={\"value\":1}"], ["invalid-name /problem/data/a b"]),
            (["problem.data.T={\"value\":1}"], ["invalid-name /problem/data/T"]),
            (["problem.data.exp={\"value\":1}"], ["invalid-name /problem/data/exp"]),
            (["problem.data.2x={\"value\":1}"], ["invalid-name /problem/data/2x"]),
            (["problem.data.w={\"value\":1}"], ["duplicate-name /problem/levels/1/variables/w"]),
            (["problem.definitions.X=1"], ["duplicate-name /problem/definitions/X"]),
            (["problem.data.α_2={\"value\":1}"], []), (["problem.data.c={}"], ["missing-field /problem/data/c"]),
            (
                ["problem.data.c={\"valeu\":1}"],
                ["unknown-field /problem/data/c/valeu", "missing-field /problem/data/c"]
            ),
            (["problem.data.c={\"value\":1,\"dataset\":\"d\"}"], ["data-error /problem/data/c"]),
            (["problem.data.c={\"value\":1,\"rows\":\"0:1\"}"], ["unknown-field /problem/data/c/rows"]),
            (["problem.data.c.value=[[1,2],[3]]"], ["shape-mismatch /problem/data/c/value/1"]),
            (["problem.data.c.value=[1,[2]]"], ["shape-mismatch /problem/data/c/value/1"]),
            (["problem.data.c.value=[1,\"abc\"]"], ["wrong-type /problem/data/c/value/1"]),
            (["problem.data.c.value=[1,null]"], ["wrong-type /problem/data/c/value/1"]),
            (["problem.data.c.value=[]"], ["out-of-range /problem/data/c/value"]),
            (["problem.data.c.value=NaN"], ["wrong-type /problem/data/c/value"]),
            (["problem.data.X.rows=0:10:2"], ["wrong-type /problem/data/X/rows"]),
            (["problem.data.X.rows=5"], ["wrong-type /problem/data/X/rows"]),
            (["problem.data.X.columns=[]"], ["out-of-range /problem/data/X/columns"]),
            (["problem.data.X.columns=[1]"], ["wrong-type /problem/data/X/columns/0"]),
            (["problem.data.X.dataset=\"\""], ["invalid-name /problem/data/X/dataset"]),
            (["problem.data.c={\"random\":{\"seed\":1}}"], ["missing-field /problem/data/c/random"]),
            (["problem.data.c={\"random\":{\"normal\":[0]}}"], ["out-of-range /problem/data/c/random/normal/0"]),
            (
                ["problem.data.c={\"random\":{\"normal\":[65536,65536]}}"],
                ["shape-overflow /problem/data/c/random/normal"]
            ),
            (["problem.data.c={\"random\":{\"uniform\":[2],\"low\":2}}"], ["out-of-range /problem/data/c/random"]),
            (["problem.samples.train.batch=0"], ["out-of-range /problem/samples/train/batch"]),
            (["problem.samples.train.arrays=[\"X\",\"yy\"]"], ["unknown-name /problem/samples/train/arrays/1"]),
            (["problem.samples.train.arrays=[]"], ["out-of-range /problem/samples/train/arrays"]),
            (["problem.samples.validation.arrays=[\"X\"]"], ["sampling-error /problem/samples/validation/arrays/0"]),
            (["problem.samples.other={}"], ["missing-field /problem/samples/other"]),
            (["problem.definitions.margin=[]"], ["wrong-type /problem/definitions/margin"]),
        ] as [([String], [String])])
    func reportsFaultsOfDataAndSamples(_ assignments: [String], _ faults: [String]) throws {
        #expect(decode(try changed(assignments)).faults == faults)
    }

    @Test(
        arguments: [
            (["problem.levels.1.name=penalties"], ["duplicate-name /problem/levels/1/name"]),
            (["problem.levels.0.maximize=1"], ["level-error /problem/levels/0/maximize"]),
            (["problem.levels.0.minimise=1"], ["unknown-field /problem/levels/0/minimise"]),
            (["problem.levels.0.minimize=null"], ["wrong-type /problem/levels/0/minimize"]),
            (["problem.levels.1.subject_to=[]"], []),
            (["problem.levels.1.subject_to=y"], ["wrong-type /problem/levels/1/subject_to"]),
            (["problem.levels.1.subject_to=[[1]]"], ["wrong-type /problem/levels/1/subject_to/0"]),
            (["problem.levels.1.nonsmooth={}"], []),
            (["problem.levels.0.nonsmooth={}"], ["unsupported /problem/levels/0/nonsmooth"]),
            (["problem.levels.1.nonsmooth={\"w\":{\"l1\":1}}"], []),
            (["problem.levels.1.nonsmooth={\"v\":{\"l1\":1}}"], ["unknown-name /problem/levels/1/nonsmooth/v"]),
            (["problem.levels.1.nonsmooth={\"w\":{}}"], ["missing-field /problem/levels/1/nonsmooth/w"]),
            (
                ["problem.levels.1.nonsmooth={\"w\":{\"l2\":1}}"],
                ["unknown-field /problem/levels/1/nonsmooth/w/l2", "missing-field /problem/levels/1/nonsmooth/w"]
            ),
            (
                ["problem.levels.1.nonsmooth={\"w\":{\"l1\":1,\"group_l2\":1}}"],
                ["wrong-type /problem/levels/1/nonsmooth/w"]
            ),
            (
                ["problem.levels.1.nonsmooth={\"w\":{\"elastic_net\":{\"l1\":1}}}"],
                ["missing-field /problem/levels/1/nonsmooth/w/elastic_net"]
            ),
            (["problem.levels.1.nonsmooth={\"w\":{\"l1\":null}}"], ["wrong-type /problem/levels/1/nonsmooth/w/l1"]),
            (
                ["problem.levels.0={\"variables\":{}}"],
                ["out-of-range /problem/levels/0/variables", "missing-field /problem/levels/0"]
            ),
            (["problem.levels.0={\"fixed_point\":{}}"], ["missing-field /problem/levels/0"]),
            (
                ["problem.levels.0={\"variables\":{\"z\":{}},\"fixed_point\":{\"q\":1}}"],
                ["unknown-name /problem/levels/0/fixed_point/q", "missing-field /problem/levels/0/fixed_point"]
            ),
            (["\(x).shape=[3,-1]"], ["out-of-range \(xp)/shape/1"]), (["\(x).shape=abc"], ["wrong-type \(xp)/shape"]),
            (["\(x).shape=[3,1.5]"], ["wrong-type \(xp)/shape/1"]),
            (["\(x).shape=[9223372036854775807,3]"], ["shape-overflow \(xp)/shape"]),
            (["\(x).shape=2147483648"], []), (["\(x).shape=2147483649"], ["shape-overflow \(xp)/shape"]),
            (["\(x).start=[1,2]"], ["shape-mismatch \(xp)/start"]), (["\(x).start=true"], ["wrong-type \(xp)/start"]),
            (["\(x).start={\"job\":\"job_1\"}"], ["unsupported \(xp)/start/job"]),
            (["\(x).start={}"], ["wrong-type \(xp)/start"]),
            (["\(x).start={\"uniform\":[1]}"], ["wrong-type \(xp)/start/uniform"]),
            (["\(x).start={\"uniform\":[2,1]}"], ["out-of-range \(xp)/start/uniform"]),
            (["\(x).start={\"normal\":{\"scale\":-1}}"], ["out-of-range \(xp)/start/normal/scale"]),
            (["\(x).per=trian"], ["unknown-name \(xp)/per"]),
            (["\(x).constraint={\"box\":[1,0]}"], ["out-of-range \(xp)/constraint/box"]),
            (["\(x).constraint={\"box\":[[0,0,2],1]}"], ["out-of-range \(xp)/constraint/box"]),
            (["\(x).constraint={\"box\":[[0,0],1]}"], ["shape-mismatch \(xp)/constraint/box/0"]),
            (["\(x).constraint={\"box\":[0]}"], ["wrong-type \(xp)/constraint/box"]),
            (
                ["\(x).constraint={\"box\":[\"a\",true]}"],
                ["wrong-type \(xp)/constraint/box/0", "wrong-type \(xp)/constraint/box/1"]
            ),
            (["\(x).constraint={\"simplex\":1}"], []),
            (["\(x).constraint=l2_ball"], ["missing-field \(xp)/constraint"]),
            (["\(x).constraint=positive"], ["unknown-name \(xp)/constraint"]),
            (["\(x).constraint=[{\"box\":[0,1]}]"], []),
            (["\(x).constraint={}"], ["missing-field \(xp)/constraint"]),
            (["\(x).constraint={\"boxx\":[0,1]}"], ["unknown-field \(xp)/constraint/boxx"]),
            (
                ["seed=x", "problem.data.exp={}", "problem.levels.1.minimize=[]"],
                [
                    "invalid-name /problem/data/exp", "missing-field /problem/data/exp",
                    "wrong-type /problem/levels/1/minimize", "wrong-type /seed",
                ]
            ),
        ] as [([String], [String])])
    func reportsFaultsOfLevels(_ assignments: [String], _ faults: [String]) throws {
        #expect(decode(try changed(assignments)).faults == faults)
    }

    @Test func saysWhatWasWantedAndSuggests() throws {
        var diagnostics = Diagnostics()
        let value = try changed(["limits.iteratons=5", "limits.iterations=\"abc\""])
        #expect(DocumentDecoder.decode(value, into: &diagnostics) == nil)
        #expect(diagnostics.kept[0].hint == "did you mean \"iterations\"?")
        #expect(
            diagnostics.kept[1].message
                == "wanted a whole number that is at least 0, came the string \"abc\"")
    }

    @Test func namesNumbersThatAreNotFinite() throws {
        let value = try JSONParser.parse(Self.example)
        guard case .object(var members) = value else { return }
        members[members.count - 1].value = .number(.nan)
        #expect(decode(.object(members)).faults == ["not-finite /seed"])
    }

    @Test func holdsItsLimits() throws {
        func levels(_ count: Int) throws -> JSONValue {
            let levels = (0..<count).map { "{\"variables\":{\"x\($0)\":{}},\"minimize\":0}" }.joined(separator: ",")
            return try JSONParser.parse("{\"problem\":{\"levels\":[\(levels)]}}")
        }
        #expect(decode(try levels(8)).faults == [])
        #expect(decode(try levels(9)).faults == ["limit-exceeded /problem/levels"])
        let formula = String(repeating: "x", count: 65_536)
        #expect(decode(try changed(["problem.definitions.margin=\(formula)"])).faults == [])
        #expect(
            decode(try changed(["problem.definitions.margin=\(formula)x"])).faults
                == ["limit-exceeded /problem/definitions/margin"])
        func entries(_ count: Int) throws -> [String] {
            let list = Array(repeating: "1", count: count).joined(separator: ",")
            return decode(try changed(["problem.data.c.value=[\(list)]"])).faults
        }
        #expect(try entries(ArrayLimits.inlineEntries) == [])
        #expect(try entries(ArrayLimits.inlineEntries + 1) == ["limit-exceeded /problem/data/c/value"])
    }

    @Test func survivesMutations() throws {
        var random = TestRandom(seed: 5)
        let seed = Array(Self.example.utf8)
        let alphabet = Array("[]{},:\"0123456789.-abexw".utf8)
        var decodedCount = 0
        for _ in 0..<3_000 {
            guard let value = try? JSONParser.parse(random.mutated(seed, alphabet: alphabet)) else { continue }
            decodedCount += 1
            let known = pointers(of: value, "")
            var diagnostics = Diagnostics()
            _ = DocumentDecoder.decode(value, into: &diagnostics)
            #expect(diagnostics.kept.allSatisfy { known.contains($0.pointer) })
        }
        #expect(decodedCount > 300)
    }

    private func pointers(of value: JSONValue, _ pointer: String) -> Set<String> {
        var known: Set<String> = [pointer]
        for member in value.members ?? [] {
            known.formUnion(pointers(of: member.value, JSONPointer.child(pointer, member.name)))
        }
        for (index, element) in (value.elements ?? []).enumerated() {
            known.formUnion(pointers(of: element, JSONPointer.child(pointer, index)))
        }
        return known
    }

    @Test(
        arguments: [
            ("0:3", 0..<3), (":2", 0..<2), ("3:", 3..<5), (":", 0..<5), ("-2:", 3..<5), (":-1", 0..<4), ("2:1", 2..<2),
            ("0:99", 0..<5), ("-99: 2", 0..<2), ("7:9", 5..<5),
            ("0:9223372036854775808", 0..<5), ("99999999999999999999:", 5..<5),
        ] as [(String, Range<Int>)])
    func rowRangesMeanWhatNumPyMeans(_ text: String, _ rows: Range<Int>) {
        #expect(RowRange(text)?.resolved(count: 5) == rows)
    }

    @Test(arguments: ["", "1", "a:b", "0:1:2", "1.5:2", "::", "+1:2", "-99999999999999999999:"])
    func refusesRowRanges(_ text: String) {
        #expect(RowRange(text) == nil)
    }
}

extension JSONValue {
    /// The document without the member at the end of `path`.
    fileprivate func removing(_ path: String...) -> JSONValue {
        removing(path[...])
    }

    private func removing(_ path: ArraySlice<String>) -> JSONValue {
        guard let step = path.first else { return self }
        if let elements {
            return .list(elements.enumerated().map { String($0) == step ? $1.removing(path.dropFirst()) : $1 })
        }
        let kept = (members ?? []).filter { path.count > 1 || $0.name != step }
        return .object(
            kept.map { member in
                guard member.name == step else { return member }
                return JSONMember(name: member.name, value: member.value.removing(path.dropFirst()))
            })
    }
}
