// Closed-form problems, met by every method with full gradients that applies, from document to result.
import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Testing

@Suite struct DeterministicMethodTests {
    private static func document(_ problem: String, _ method: String, iterations: Int, tolerance: Double) -> String {
        """
        {"problem": \(problem), "method": \(method), "limits": {"iterations": \(iterations)},
         "tolerances": {"hypergradient": \(tolerance)}}
        """
    }

    private static func solve(
        _ problem: String, _ method: String, iterations: Int = 1_000, tolerance: Double = 1e-11
    ) throws -> (start: ProgressPoint, result: RunResult) {
        try run(document(problem, method, iterations: iterations, tolerance: tolerance))
    }

    /// The method's own hypergradient at the start.
    private static func hypergradient(_ problem: String, _ method: String) throws -> Evaluation {
        let admitted = try admit(document(problem, method, iterations: 0, tolerance: 1e-12))
        let built = try #require(admitted.built, "\(admitted.faults)")
        let configuration = try #require(admitted.method, "\(method): \(admitted.faults)")
        let (run, _) = try #require(
            SolverRun.begin(
                built.problem, configuration, limits: RunLimits(iterations: 0), seed: 1, stop: { nil }))
        guard case .doubleLoop(_, let evaluation) = run.state.method else {
            throw WrongAlgorithm()
        }
        return evaluation
    }

    private struct WrongAlgorithm: Error {}

    private static let p1 = """
        {"levels": [{"variables": {"x": {"start": 0}}, "minimize": "0.5*(y-6)^2 + 0.5*x^2"},
                    {"variables": {"y": {}}, "minimize": "(y-3*x)^2"}]}
        """
    private static let p2 = """
        {"data": {"a": {"value": [1, 2]}, "b": {"value": [1, 2]}},
         "levels": [{"variables": {"l": {"start": 0}}, "minimize": "0.5*sum((y-0.5)^2)"},
                    {"variables": {"y": {"shape": [2]}}, "minimize": "0.5*sum((a*y-b)^2) + 0.5*exp(l)*sum(y^2)"}]}
        """

    // MARK: - P1, P2

    private static let exact = [
        "\"aid\"", "\"aid-cg\"", "\"aid-fixed-point\"", "\"aid-normal-equations\"", "\"aid-gmres\"", "\"aid-minres\"",
        "\"aid-bicgstab\"", "\"aid-direct\"", "\"hoag\"", "\"itd\"", "\"itd-checkpoints\"", "\"itd-forward\"",
        #"{"name": "itd-truncated", "hypergradient": {"truncate": 60}}"#,
        #"{"name": "aid", "linear_solver": "cholesky"}"#, #"{"name": "aid", "linear_solver": "lu"}"#,
        #"{"name": "aid-neumann", "linear_solver": {"steps": 200}}"#,
        #"{"name": "aid", "lower_solver": "newton-cg"}"#, #"{"name": "aid", "lower_solver": "closed-form"}"#,
        #"{"name": "aid", "lower_solver": "heavy-ball"}"#, #"{"name": "aid", "lower_solver": "nesterov"}"#,
        #"{"name": "aid", "lower_solver": "anderson"}"#,
        #"{"name": "itd", "lower_solver": {"name": "heavy-ball", "momentum": 0.2}}"#,
        #"{"name": "itd", "lower_solver": {"name": "nesterov", "steps": 400}}"#,
        #"{"name": "itd-forward", "lower_solver": {"name": "nesterov", "momentum": 0.3}}"#,
        #"{"name": "aid-cg", "upper_step": "l-bfgs"}"#,
    ]

    @Test(arguments: exact) func bilevelQuadratic(_ method: String) throws {
        let (start, result) = try Self.solve(Self.p1, method)
        #expect(abs((start.hypergradient?.first ?? .nan) + 18) <= 18e-9)
        #expect(result.termination == .converged, "\(result.remarks)")
        #expect(abs(result.x[0] - 1.8) <= 2e-9 && abs(result.y[0] - 5.4) <= 6e-9)
        #expect(abs(result.objectives[0] - 1.8) <= 2e-9)
        #expect(abs(try Self.hypergradient(Self.p1, method).hypergradient[0] + 18) <= 18e-9)
    }

    @Test(arguments: exact) func logRidge(_ method: String) throws {
        let (_, result) = try Self.solve(Self.p2, method)
        #expect(abs(result.x[0] - 0.693147180559945) <= 1e-9, "\(result.termination) \(result.remarks)")
        #expect(abs(result.objectives[0] - 1.0 / 36) <= 1e-9)
        // HOAG begins with loose tolerances.
        let tolerance = method.contains("hoag") ? 1e-2 : 1e-9
        #expect(abs(try Self.hypergradient(Self.p2, method).hypergradient[0] + 0.048) <= tolerance)
    }

    /// Methods whose directions only approximate the hypergradient come near the optimum of P1, where they are exact up
    /// to a factor.
    @Test(arguments: [
        (#"{"name": "darts", "lower_solver": {"step": 0.5}}"#, 1e-4), ("\"pzobo\"", 1e-2), ("\"bome\"", 1e-4),
        (#"{"name": "itd", "upper_step": {"name": "adam"}}"#, 1e-6),
        (#"{"name": "aid-cg", "upper_step": {"step": {"polyak": {"target": 1.8}}}}"#, 1e-4),
        (#"{"name": "aid-cg", "upper_step": {"step": {"cosine": {"initial": 0.2, "period": 200}}}}"#, 1e-8),
        (#"{"name": "aid-cg", "upper_step": {"step": {"inverse": {"initial": 0.1, "offset": 50}}}}"#, 1e-8),
        (#"{"name": "aid-cg", "upper_step": {"name": "momentum", "step": 0.02, "momentum": 0.5}}"#, 1e-8),
    ]) func approximateMethodsComeNear(_ method: String, _ tolerance: Double) throws {
        let (_, result) = try Self.solve(Self.p1, method, iterations: 2_000)
        #expect(abs(result.x[0] - 1.8) <= tolerance, "\(result.x) \(result.termination) \(result.remarks)")
    }

    // MARK: - P3, P4, P13: fixed points

    private static let p3 = """
        {"data": {"A": {"value": [[0.5, 0.4], [-0.1, 0.3]]}, "b": {"value": [1, 2]}},
         "levels": [{"variables": {"l": {"start": 1}}, "minimize": "w[0] + w[1]"},
                    {"variables": {"w": {"shape": [2]}}, "fixed_point": {"w": "A @ w + l*b"}}]}
        """
    private static let fixedPointMethods = [
        "\"aid\"", "\"aid-fixed-point\"", "\"aid-normal-equations\"", "\"aid-gmres\"", "\"aid-bicgstab\"",
        "\"aid-direct\"", #"{"name": "aid", "linear_solver": "lu", "lower_solver": "closed-form"}"#,
        #"{"name": "aid", "lower_solver": "fixed-point"}"#, #"{"name": "aid", "lower_solver": "anderson"}"#,
        #"{"name": "itd", "lower_solver": {"steps": 200}}"#,
        #"{"name": "itd-checkpoints", "lower_solver": {"steps": 200}}"#,
        #"{"name": "itd-forward", "lower_solver": {"name": "fixed-point", "steps": 200}}"#,
        #"{"name": "aid-neumann", "linear_solver": {"steps": 200}}"#,
    ]

    @Test(arguments: fixedPointMethods) func nonSymmetricMap(_ method: String) throws {
        let found = try Self.hypergradient(Self.p3, method)
        #expect(abs(found.hypergradient[0] - 80.0 / 13) <= 1e-9)
        #expect(abs(found.y[0] - 50.0 / 13) <= 1e-9 && abs(found.y[1] - 30.0 / 13) <= 1e-9)
    }

    @Test(arguments: ["\"aid-cg\"", "\"aid-minres\"", #"{"name": "aid", "linear_solver": "cholesky"}"#])
    func symmetricSolversAreRefusedForMaps(_ method: String) throws {
        let admitted = try admit(Self.document(Self.p3, method, iterations: 1, tolerance: 1))
        #expect(admitted.method == nil)
        #expect(admitted.faults.first?.message.contains("needs a symmetric matrix") == true)
        #expect(admitted.faults.first?.hint?.contains("gmres") == true)
    }

    @Test func automaticSolvesTheMapExactly() throws {
        let (start, _) = try Self.solve(Self.p3, "\"auto\"", iterations: 1)
        #expect(abs((start.hypergradient?.first ?? .nan) - 80.0 / 13) <= 1e-9)
    }

    private static let p4 = """
        {"levels": [{"variables": {"l": {"start": 0.5}}, "minimize": "w"},
                    {"variables": {"w": {"start": 0}}, "fixed_point": {"w": "l*w + 1"}}]}
        """

    private static func power(_ base: Double, _ exponent: Int) -> Double {
        (0..<exponent).reduce(1) { p, _ in p * base }
    }

    @Test(arguments: [5, 10, 20], ["itd", "itd-forward", "itd-checkpoints"])
    func ratesOfUnrolling(_ steps: Int, _ name: String) throws {
        let method = #"{"name": "\#(name)", "lower_solver": {"name": "fixed-point", "steps": \#(steps)}}"#
        let t = Double(steps)
        let error = Self.power(0.5, steps - 1) * (t * 0.5 + 0.5) / 0.25
        #expect(abs(try Self.hypergradient(Self.p4, method).hypergradient[0] - (4 - error)) <= 1e-12)
    }

    @Test(arguments: [5, 10, 20]) func ratesOfTheFixedPoint(_ steps: Int) throws {
        let method = """
            {"name": "aid-fixed-point", "lower_solver": {"name": "fixed-point", "steps": \(steps)},
             "linear_solver": {"steps": \(steps)}}
            """
        let error = (2 * Self.power(0.5, steps) - Self.power(0.5, 2 * steps)) / 0.25
        #expect(abs(try Self.hypergradient(Self.p4, method).hypergradient[0] - (4 - error)) <= 1e-12)
        // A Neumann series of K terms after the first is K + 1 fixed-point steps from 0.
        let neumann = method.replacing("aid-fixed-point", with: "aid-neumann")
            .replacing("\"linear_solver\": {\"steps\": \(steps)}", with: "\"linear_solver\": {\"steps\": \(steps - 1)}")
        #expect(abs(try Self.hypergradient(Self.p4, neumann).hypergradient[0] - (4 - error)) <= 1e-12)
    }

    private static let p13 = """
        {"levels": [{"variables": {"a": {"start": 0.5}, "b": {"start": 0.29930614433405484}}, "minimize": "w"},
                    {"variables": {"w": {}}, "fixed_point": {"w": "tanh(a*w + b)"}}]}
        """

    @Test(arguments: fixedPointMethods.filter { !$0.contains("closed-form") })
    func equilibrium(_ method: String) throws {
        let found = try Self.hypergradient(Self.p13, method)
        #expect(abs(found.y[0] - 0.5) <= 1e-9)
        #expect(abs(found.hypergradient[0] - 0.6) <= 1e-9 && abs(found.hypergradient[1] - 1.2) <= 1e-9)
    }

    // MARK: - P14, starts that are formulas

    private static let p14 = """
        {"data": {"a": {"value": [0, 4]}, "b": {"value": [1, 2]}},
         "levels": [{"variables": {"l": {"start": 0}}, "minimize": "mean(0.5*(w-b)^2)"},
                    {"variables": {"w": {"shape": [2]}}, "minimize": "sum(0.5*(w-a)^2 + 0.5*(w-l)^2)"}]}
        """

    @Test(arguments: exact) func twoTasks(_ method: String) throws {
        let (start, result) = try Self.solve(Self.p14, method)
        #expect(abs((start.hypergradient?.first ?? .nan) + 0.25) <= 1e-9)
        #expect(abs(result.x[0] - 1) <= 1e-9 && abs(result.objectives[0] - 0.125) <= 1e-9)
        #expect(abs(result.y[0] - 0.5) <= 1e-9 && abs(result.y[1] - 2.5) <= 1e-9)
    }

    /// One gradient step of length α from w = l on each task: w = l − α(l − a).
    private static let meta = """
        {"data": {"a": {"value": [0, 4]}, "b": {"value": [1, 2]}},
         "levels": [{"variables": {"l": {"start": 0}}, "minimize": "sum(0.5*(w-b)^2)"},
                    {"variables": {"w": {"shape": [2], "start": "l + 0*a"}}, "minimize": "sum(0.5*(w-a)^2)"}]}
        """

    @Test func learnedStarts() throws {
        let steps = #""lower_solver": {"step": 0.25, "steps": 2}"#
        // w = s l + (1 − s) a with s = 9/16; f_y = w − b; at l = 0: w = (0, 7/4), f_y = (−1, −1/4).
        let s = 9.0 / 16
        let full = try Self.hypergradient(Self.meta, "{\"name\": \"maml\", \(steps)}").hypergradient[0]
        #expect(abs(full + s * 1.25) <= 1e-12)
        let first = try Self.hypergradient(Self.meta, "{\"name\": \"fomaml\", \(steps)}").hypergradient[0]
        #expect(abs(first + 1.25) <= 1e-12)
        let reptile = try Self.hypergradient(Self.meta, "{\"name\": \"reptile\", \(steps)}").hypergradient[0]
        #expect(abs(reptile + 1.75) <= 1e-12)
        let forward = try Self.hypergradient(Self.meta, "{\"name\": \"itd-forward\", \(steps)}").hypergradient[0]
        #expect(abs(forward + s * 1.25) <= 1e-12)
        let heavy = #"{"name": "itd", "lower_solver": {"name": "heavy-ball", "step": 0.25, "steps": 5}}"#
        let forwardHeavy = heavy.replacing("\"itd\"", with: "\"itd-forward\"")
        #expect(
            abs(
                try Self.hypergradient(Self.meta, heavy).hypergradient[0]
                    - Self.hypergradient(Self.meta, forwardHeavy).hypergradient[0]) <= 1e-13)
    }

    // MARK: - Modes against each other

    private static let curved = """
        {"data": {"X": {"random": {"normal": [12, 3], "seed": 4}}, "t": {"random": {"normal": [12], "seed": 5}}},
         "levels": [{"variables": {"l": {"shape": [3], "start": [0.1, -0.2, 0.3]}},
                     "minimize": "mean((X @ w - 0.5*t)^2) + 0.1*sum(l^2)"},
                    {"variables": {"w": {"shape": [3], "start": 0.2}},
                     "minimize": "mean(softplus(X @ w) - t*(X @ w)*0.3) + 0.5*sum(exp(l)*w^2)"}]}
        """

    @Test(arguments: ["gradient-descent", "heavy-ball", "nesterov", "adam"])
    func forwardEqualsReverseEqualsCheckpoints(_ solver: String) throws {
        func method(_ name: String) -> String {
            #"{"name": "\#(name)", "lower_solver": {"name": "\#(solver)", "step": 0.1, "steps": 13}}"#
        }
        let reverse = try Self.hypergradient(Self.curved, method("itd")).hypergradient
        let forward = try Self.hypergradient(Self.curved, method("itd-forward")).hypergradient
        let again = try Self.hypergradient(Self.curved, method("itd-checkpoints")).hypergradient
        #expect(again == reverse)
        for (a, b) in zip(forward, reverse) { #expect(abs(a - b) <= 1e-13) }
    }

    /// DARTS and SAMA are the last step's derivative, up to the square of their radius.
    @Test(arguments: ["gradient-descent", "adam"]) func lastStepByDifferences(_ solver: String) throws {
        let lower = #""lower_solver": {"name": "\#(solver)", "step": 0.1, "steps": 6}"#
        let truncated = try Self.hypergradient(
            Self.curved, "{\"name\": \"itd\", \(lower), \"hypergradient\": {\"truncate\": 1}}")
        let name = solver == "adam" ? "sama" : "darts"
        let found = try Self.hypergradient(
            Self.curved, "{\"name\": \"\(name)\", \(lower), \"hypergradient\": {\"radius\": 1e-4}}")
        for (a, b) in zip(found.hypergradient, truncated.hypergradient) { #expect(abs(a - b) <= 1e-9) }
    }

    /// H = 2 on P1: the rank-one inverse is exact for one lower variable, wherever the level is not solved.
    @Test func rankOneOnOneVariable() throws {
        let found = try Self.hypergradient(
            Self.p1.replacing("\"start\": 0", with: "\"start\": 1"),
            #"{"name": "iga", "lower_solver": {"step": 0.25, "steps": 1}}"#)
        // y = 3/2: f_y = −9/2, g_y = −3, g_x = 9; h = 1 − (27/2)/9 · 9.
        #expect(abs(found.hypergradient[0] - (1 - 13.5)) <= 1e-12)
    }

    /// On P1 at x = 1, y = 0, one step of length ¼: ỹ = 3/2, ∇q = (−6, 18 − 9), φ = ½·117, ∇f = (−6, 1).
    @Test func valueGapByHand() throws {
        let problem = Self.p1.replacing("\"start\": 0", with: "\"start\": 1")
        let method = #"{"name": "bome", "lower_solver": {"step": 0.25, "steps": 1}, "upper_step": {"step": 0.25}}"#
        let found = try Self.hypergradient(problem, method)
        let multiplier = max(0.5 * 117 - (36 + 9), 0) / 117
        #expect(abs(found.hypergradient[0] - (1 + multiplier * 9)) <= 1e-12)
        #expect(abs(found.v[0] - (0 - 0.25 * (-6 + multiplier * -6))) <= 1e-12)
    }

    // MARK: - Searches

    @Test(arguments: ["random-search", "tpe"]) func searchesFindTheNeighbourhood(_ name: String) throws {
        let bounded = Self.p1.replacing("\"start\": 0", with: "\"start\": 0, \"constraint\": {\"box\": [-5, 5]}")
        let (_, result) = try Self.solve(bounded, "\"\(name)\"", iterations: 100)
        #expect(abs(result.x[0] - 1.8) < 0.2)
        #expect(result.bestIteration <= result.iterations)
        #expect(try admit(Self.document(Self.p1, "\"\(name)\"", iterations: 1, tolerance: 1)).method == nil)
    }

    // MARK: - Resumption

    private static let resumed =
        exact + [
            "\"darts\"", "\"sama\"", "\"iga\"", "\"bome\"", "\"pzobo\"", "\"pgdo\"", "\"meha\"", "\"bvfim\"", "\"gda\"",
            "\"di\"",
            #"{"name": "aid", "upper_step": "adam"}"#,
            #"{"name": "aid", "upper_step": {"step": {"polyak": {"target": 0}}}}"#,
        ]

    /// Written out after every iteration and read back: the same bytes as without.
    @Test(arguments: resumed) func interruptionsLeaveNoTrace(_ method: String) throws {
        try Self.checkResumption(Self.curved, method)
    }

    @Test(arguments: ["random-search", "tpe"]) func searchesResume(_ name: String) throws {
        let bounded = Self.p2.replacing("\"start\": 0", with: "\"start\": 0, \"constraint\": {\"box\": [-5, 5]}")
        try Self.checkResumption(bounded, "\"\(name)\"")
    }

    private static func checkResumption(_ problem: String, _ method: String) throws {
        let text = method == #"{"name": "aid", "lower_solver": "closed-form"}"# ? p14 : problem
        let admitted = try admit(document(text, method, iterations: 5, tolerance: 1e-14))
        let built = try #require(admitted.built, "\(admitted.faults)").problem
        let configuration = try #require(admitted.method, "\(admitted.faults)")
        let limits = RunLimits(iterations: 5, hypergradientTolerance: 1e-14)
        let (whole, _) = try #require(
            SolverRun.begin(built, configuration, limits: limits, seed: 3, stop: { nil }))
        var (cut, _) = try #require(
            SolverRun.begin(built, configuration, limits: limits, seed: 3, stop: { nil }))
        for _ in 0..<6 {
            _ = whole.advance()
            _ = cut.advance()
            let bytes = cut.state.archive(identity: "it")
            #expect(bytes == whole.state.archive(identity: "it"))
            let state = try SolverState(archive: bytes, identity: "it")
            #expect(state == cut.state)
            cut = SolverRun.resume(state, built, configuration, limits: limits, seed: 3, stop: { nil })
        }
    }

    // MARK: - Budgets and steps

    @Test(arguments: ["lower_gradient", "hvp", "mixed", "upper_gradient", "lower_value"])
    func budgetsByKindAreKept(_ kind: String) throws {
        let text = Self.document(Self.curved, "\"aid-cg\"", iterations: 100, tolerance: 1e-14)
        let (start, result) = try run(text, ["limits.oracle_calls={\"\(kind)\": 400}"])
        let free = try run(text).result
        #expect(
            free.counts.named.first { $0.name == kind }.map { $0.count > 400 } == true || free.counts == result.counts)
        #expect(result.termination == .oracleLimit || result.termination == free.termination)
        #expect(start.counts.calls > 0)
    }

    @Test func budgetsOfUnknownKindsAreRefused() throws {
        let text = Self.document(Self.p1, "\"auto\"", iterations: 1, tolerance: 1)
        #expect(
            try admit(text, ["limits.oracle_calls={\"hvps\": 4}"]).places == ["unknown-field /limits/oracle_calls/hvps"]
        )
    }

    /// The curvature is exp(x): a step from the start's is too long once x has grown by more than log 2.
    @Test func automaticStepsBackOff() throws {
        let problem = """
            {"levels": [{"variables": {"x": {"start": 0}}, "minimize": "0.5*(x-4)^2 + 0*y"},
                        {"variables": {"y": {}}, "minimize": "0.5*exp(x)*(y-x)^2"}]}
            """
        let method = """
            {"name": "aid-cg", "lower_solver": {"name": "gradient-descent", "tolerance": 1e-10},
             "upper_step": {"step": 0.5}}
            """
        let (_, result) = try Self.solve(problem, method)
        #expect(result.termination == .converged)
        #expect(abs(result.x[0] - 4) <= 1e-9 && abs(result.y[0] - 4) <= 1e-9)
        #expect(result.remarks.contains { $0.contains("the automatic step was halved") })
        let given = method.replacing("\"tolerance\"", with: "\"step\": 1, \"tolerance\"")
        #expect(try Self.solve(problem, given).result.termination == .diverged)
    }

    // MARK: - Refusals

    @Test(arguments: [
        (#"{"name": "aid", "lower_solver": "fixed-point"}"#, "/method/lower_solver", "use gradient-descent"),
        (#"{"name": "aid", "lower_solver": "projected-gradient"}"#, "/method/lower_solver", "use gradient-descent"),
        (#"{"name": "aid", "lower_solver": "ista"}"#, "/method/lower_solver", "use gradient-descent"),
        (#"{"name": "aid", "lower_solver": "closed-form"}"#, "/method/lower_solver", "use newton-cg"),
        (#"{"name": "itd", "lower_solver": "anderson"}"#, "/method/lower_solver", "use gradient-descent"),
        (#"{"name": "aid", "lower_solver": {"name": "adam", "momentum": 0.5}}"#, "/method/lower_solver/momentum", ""),
        (#"{"name": "aid", "lower_solver": {"name": "nesterov", "beta1": 0.5}}"#, "/method/lower_solver", ""),
        (#"{"name": "aid", "lower_solver": {"name": "adam", "step": "line_search"}}"#, "/method/lower_solver/step", ""),
        (#"{"name": "aid-gmres", "linear_solver": "cg"}"#, "/method/linear_solver", "use aid-cg"),
        (#"{"name": "aid-gmres", "linear_solver": {"step": 1}}"#, "/method/linear_solver/step", ""),
        (#"{"name": "aid", "linear_solver": {"name": "lu", "steps": 3}}"#, "/method/linear_solver/steps", ""),
        (
            #"{"name": "aid", "linear_solver": {"name": "cholesky", "tolerance": 1}}"#,
            "/method/linear_solver/tolerance", ""
        ),
        (#"{"name": "aid", "linear_solver": {"name": "minres", "restart": 3}}"#, "/method/linear_solver/restart", ""),
        (#"{"name": "aid", "linear_solver": "rank-one"}"#, "/method/linear_solver", "use iga"),
        ("\"maml\"", "/method", "start"), ("\"reptile\"", "/method", "start"), ("\"tpe\"", "/method", "box"),
        (#"{"name": "darts", "upper_step": {"step": "line_search"}}"#, "/method/upper_step/step", "use adam"),
        (#"{"name": "bome", "upper_step": "l-bfgs"}"#, "/method/upper_step", "use adam"),
        (#"{"name": "itd-forward", "hypergradient": {"truncate": 3}}"#, "/method/hypergradient/truncate", ""),
        (#"{"name": "aid", "hypergradient": {"directions": 3}}"#, "/method/hypergradient/directions", ""),
        (#"{"name": "aid", "hypergradient": {"weight": 3}}"#, "/method/hypergradient/weight", ""),
    ]) func settingsThatMakeNoSense(_ method: String, _ pointer: String, _ hint: String) throws {
        let admitted = try admit(Self.document(Self.curved, method, iterations: 1, tolerance: 1))
        #expect(admitted.method == nil)
        let place = admitted.faults.first?.pointer ?? ""
        #expect(place == pointer || place == pointer + "/name", "\(admitted.faults)")
        if !hint.isEmpty { #expect(admitted.faults.first?.hint?.contains(hint) == true, "\(admitted.faults)") }
    }

    @Test(arguments: ["\"iga\"", "\"bome\"", "\"darts\"", #"{"name": "aid", "lower_solver": "l-bfgs"}"#, "\"soba\""])
    func fixedPointsRefuseObjectives(_ method: String) throws {
        #expect(try admit(Self.document(Self.p3, method, iterations: 1, tolerance: 1)).method == nil)
    }
}
