// Methods on batches, on a finite sum of 1,000 samples and 20 variables: what they reach within a million samples, and
// that they can be interrupted anywhere.
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors
import Testing

@Suite struct StochasticMethodTests {
    /// A strongly convex F. The same as in `Benchmarks/Bench/MethodsTable.swift`.
    static let finiteSum = """
        {"problem": {
          "data": {
            "A": {"random": {"normal": [1000, 20], "seed": 1}}, "b": {"random": {"normal": [1000], "seed": 2}},
            "V": {"random": {"normal": [1000, 20], "seed": 3}}, "c": {"random": {"normal": [1000], "seed": 4}}},
          "samples": {
            "train": {"arrays": ["A", "b"], "batch": 32}, "validation": {"arrays": ["V", "c"], "batch": 32}},
          "levels": [
            {"variables": {"x": {"shape": [20]}}, "minimize": "mean((V @ (y - 1) - c)^2) / 2 + 0.05 * sum(x^2)"},
            {"variables": {"y": {"shape": [20]}},
             "minimize": "mean((A @ (y - x) - b)^2) / 2 + 0.05 * sum(y^2)"}]},
         "method": "saba", "seed": 1}
        """
    /// F* by aid-cg, whose certificate bounds ‖∇F‖ by 2e-11.
    static let optimum = 1.6063093500368433

    static let names = ["soba"] + StochasticPreset.allCases.map(\.rawValue)

    static func begin(
        _ text: String, _ assignments: [String], limits: RunLimits
    ) throws -> (run: SolverRun, problem: MultilevelProblem, method: MethodConfiguration) {
        let admitted = try admit(text, assignments)
        let built = try #require(admitted.built, "\(admitted.faults)")
        let method = try #require(admitted.method, "\(admitted.faults)")
        let (run, _) = try #require(
            SolverRun.begin(built.problem, method, limits: limits, seed: 1, stop: { nil }))
        return (run, built.problem, method)
    }

    /// Ridge regression with one penalty: an F of one variable, flat towards −∞.
    private static let ridge = """
        {"problem": {
          "data": {
            "A": {"random": {"normal": [1000, 20], "seed": 20}}, "e": {"random": {"normal": [1000], "seed": 21}},
            "V": {"random": {"normal": [1000, 20], "seed": 22}}, "u": {"random": {"normal": [1000], "seed": 23}},
            "t": {"random": {"normal": [20], "seed": 24}}},
          "samples": {
            "train": {"arrays": ["A", "e"], "batch": 32}, "validation": {"arrays": ["V", "u"], "batch": 32}},
          "levels": [
            {"variables": {"x": {"shape": []}}, "minimize": "mean((V @ (y - 0.2 * t) - u)^2) / 2"},
            {"variables": {"y": {"shape": [20]}},
             "minimize": "mean((A @ (y - 0.2 * t) - 3 * e)^2) / 2 + 0.5 * exp(x) * sum(y^2)"}]},
         "method": "saba", "seed": 1}
        """

    /// Lower levels of condition 100 and more: features of different scales.
    private static func badlyConditioned(_ lower: String, scale: String) -> String {
        """
        {"problem": {
          "data": {
            "A": {"random": {"normal": [1000, 20], "seed": 60}}, "b": {"random": {"normal": [1000], "seed": 61}},
            "V": {"random": {"normal": [1000, 20], "seed": 62}}, "c": {"random": {"normal": [1000], "seed": 63}},
            "k": {"value": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]}},
          "samples": {
            "train": {"arrays": ["A", "b"], "batch": 32}, "validation": {"arrays": ["V", "c"], "batch": 32}},
          "levels": [
            {"variables": {"x": {"shape": [20]}}, "minimize": "mean((V @ (y - 1) - c)^2) / 2 + 0.05 * sum(x^2)"},
            {"variables": {"y": {"shape": [20]}}, "minimize": "\(lower.replacing("U", with: "(exp(\(scale)*k) * (y - x))"))"}]},
         "method": "saba", "seed": 1}
        """
    }
    private static let conditioned = [
        "condition 100": badlyConditioned("mean((A @ U - b)^2) / 2", scale: "-0.1212"),
        "condition 1,000": badlyConditioned("mean((A @ U - b)^2) / 2", scale: "-0.1818"),
    ]

    /// Regression by a loss of the prediction z and the target t, near the upper variables; F is strongly convex near its
    /// optimum.
    private static func regression(_ loss: (_ z: String, _ t: String) -> String) -> String {
        """
        {"problem": {
          "data": {
            "A": {"random": {"normal": [1000, 20], "seed": 70}}, "e": {"random": {"normal": [1000], "seed": 71}},
            "V": {"random": {"normal": [1000, 20], "seed": 72}}, "u": {"random": {"normal": [1000], "seed": 73}},
            "t": {"random": {"normal": [20], "seed": 74}}},
          "samples": {
            "train": {"arrays": ["A", "e"], "batch": 32}, "validation": {"arrays": ["V", "u"], "batch": 32}},
          "levels": [
            {"variables": {"x": {"shape": [20]}},
             "minimize": "mean(\(loss("V @ y", "(V @ t + 4 * u)"))) + 0.05 * sum(x^2)"},
            {"variables": {"y": {"shape": [20]}},
             "minimize": "mean(\(loss("A @ y", "(A @ t + 4 * e)"))) + 0.05 * sum((y - x)^2)"}]},
         "method": "saba", "seed": 1}
        """
    }
    private static let logistic = regression { "softplus(-sign(\($1)) * (\($0)))" }
    private static let smooth = [
        "logistic": logistic,
        "robust": regression { "sqrt(1 + (\($0) - \($1))^2)" },
        "Poisson": regression { "exp(0.2 * (\($0))) - exp(0.1 * \($1)) * (0.2 * (\($0)))" },
    ]

    /// Newton's steps take over from the minimiser: down to rounding, in a small part of what iterations may read.
    @Test func startIsSolvedInAFewPasses() throws {
        for start in ["0", "-4"] {
            let limits = RunLimits(iterations: 0)
            let (run, _, _) = try Self.begin(
                Self.logistic, ["problem.levels.0.variables.x.start=\(start)"], limits: limits)
            let counts = run.state.counts
            #expect(counts.samples <= 120_000 && counts.lowerGradient <= 30, "\(counts)")
            #expect(run.state.best.lowerResidual <= 1e-13 && (run.state.best.linearResidual ?? 1) <= 1e-13)
        }
    }

    /// (F(best x) − F*)/F* once a method has read about `samples` rows, start and looks included.
    private static func gap(_ method: String, on text: String, optimum: Double, samples: Int) throws -> Double {
        let limits = RunLimits(iterations: .max, oracleKinds: [.samples: samples], hypergradientTolerance: 0)
        let (run, _, _) = try begin(text, ["method=\(method)"], limits: limits)
        while run.state.termination == nil { _ = run.advance() }
        #expect(run.state.termination == .oracleLimit)
        let best = run.state.best.x
        let start = best.count == 1 ? "\(best[0])" : "\(best)"
        let exact = try ProblemSpecificationTests.run(
            text, ["method=aid-cg", "limits.iterations=1", "problem.levels.0.variables.x.start=\(start)"]
        ).start
        return (exact.upperObjective - optimum) / optimum
    }

    /// Within fewer samples, on another problem than that of the table.
    @Test(arguments: names) func comesNearTheOptimumElsewhere(_ method: String) throws {
        let exact = try run(Self.ridge, ["method=aid-cg"]).result
        let gap = try Self.gap(method, on: Self.ridge, optimum: exact.objectives[0], samples: 600_000)
        #expect(gap <= 1e-2 && gap >= -1e-9, "\(method)")
    }

    /// However slowly y follows x, looks and centred series keep the directions right.
    @Test(arguments: conditioned.keys.sorted(), names) func reachesTheOptimumOfBadlyConditionedLevels(
        _ problem: String, _ method: String
    ) throws {
        let text = try #require(Self.conditioned[problem])
        let exact = try run(text, ["method=aid-cg", "tolerances.hypergradient=1e-10"]).result
        let gap = try Self.gap(method, on: text, optimum: exact.objectives[0], samples: 1_000_000)
        let isExact = method == "saba" || method == "srba"
        #expect(gap <= (isExact ? 1e-8 : 1e-2) && gap >= -1e-9, "\(gap)")
    }

    /// Lower levels that are not quadratic, from where F is far from its optimum; relative to F(x0) − F*.
    @Test(arguments: smooth.keys.sorted(), names) func reachesTheOptimumOfLevelsThatAreNotQuadratic(
        _ problem: String, _ method: String
    ) throws {
        let text = try #require(Self.smooth[problem])
        let exact = try run(text, ["method=aid-cg", "tolerances.hypergradient=1e-10"])
        let (start, optimum) = (exact.start.upperObjective, exact.result.objectives[0])
        let gap = try Self.gap(method, on: text, optimum: optimum, samples: 600_000) * optimum / (start - optimum)
        let isExact = method == "saba" || method == "srba"
        #expect(gap <= (isExact ? 1e-8 : 1e-2) && gap >= -1e-9, "\(gap)")
    }

    @Test(arguments: names) func reachesTheOptimum(_ method: String) throws {
        let isExact = method == "saba" || method == "srba"
        let gap = try Self.gap(method, on: Self.finiteSum, optimum: Self.optimum, samples: 1_000_000)
        #expect(gap <= (isExact ? 1e-8 : 1e-2), "\(method)")
        #expect(gap >= -1e-12)
    }

    /// With a constant step SAGA and SARAH converge linearly where plain batches stall.
    @Test(arguments: [("saga", true), ("sarah", true), ("sgd", false)])
    func constantStepsConvergeLinearly(_ estimator: String, _ isLinear: Bool) throws {
        let limits = RunLimits(iterations: 6000, hypergradientTolerance: 0, progressEvery: 1000)
        let (run, _, _) = try Self.begin(
            Self.finiteSum,
            [
                "method={\"name\": \"saba\", \"estimator\": \"\(estimator)\"}", "method.lower_solver.step=0.1",
                "method.upper_step.step=0.03",
            ], limits: limits)
        var norms: [Double] = []
        while run.state.termination == nil {
            if case .progress(let point) = run.advance() { norms.append(point.hypergradientNorm) }
        }
        #expect(norms.count == 6)
        if isLinear {
            // At least a factor of 10 in every 1,000 iterations, until rounding.
            for (before, after) in zip(norms, norms.dropFirst()) { #expect(after <= max(before / 10, 1e-12)) }
        } else {
            #expect(norms.dropFirst().allSatisfy { $0 > 1e-3 })
        }
    }

    /// Interrupted after every iteration, written out and read back by a new run each time.
    @Test(arguments: names) func interruptionsLeaveNoTrace(_ method: String) throws {
        let limits = RunLimits(iterations: 37, hypergradientTolerance: 0, progressEvery: 10)
        let (whole, problem, configuration) = try Self.begin(Self.finiteSum, ["method=\(method)"], limits: limits)
        let start = whole.state.archive(identity: method)
        while whole.state.termination == nil { _ = whole.advance() }
        var archive = start
        while true {
            let state = try SolverState(archive: archive, identity: method)
            if state.termination != nil { break }
            let run = SolverRun.resume(state, problem, configuration, limits: limits, seed: 1, stop: { nil })
            _ = run.advance(upTo: state.iteration + 1)
            archive = run.state.archive(identity: method)
        }
        #expect(archive == whole.state.archive(identity: method))
        #expect(whole.state.iteration == 37)
    }

    /// A look at the end of a stage makes as many calls as it needs: budgets leave room for the most.
    @Test(arguments: names) func budgetsHoldThroughStages(_ method: String) throws {
        for budget in stride(from: 300, through: 2_500, by: 317) {
            let limits = RunLimits(iterations: .max, oracleCalls: budget, hypergradientTolerance: 0)
            let (run, _, _) = try Self.begin(Self.finiteSum, ["method=\(method)"], limits: limits)
            while run.state.termination == nil { _ = run.advance() }
            #expect(run.state.termination == .oracleLimit && run.state.counts.calls <= budget, "\(budget)")
        }
    }

    /// Calls are counted beforehand as they are made; the first stage of rounds is short, so that theirs have given steps.
    @Test(arguments: StochasticPreset.allCases) func budgetsOfCallsAreExact(_ method: StochasticPreset) throws {
        let areRounds = [StochasticPreset.sid, .bsgm, .nsid].contains(method)
        let steps = areRounds ? ["method.lower_solver.step=0.3", "method.upper_step.step=0.1"] : []
        func run(_ iterations: Int, _ calls: Int?) throws -> SolverState {
            let limits = RunLimits(
                iterations: iterations, oracleCalls: calls, hypergradientTolerance: 0, progressEvery: 1)
            let name = "method={\"name\": \"\(method.rawValue)\"}"
            let (run, _, _) = try Self.begin(Self.finiteSum, [name] + steps, limits: limits)
            while run.state.termination == nil { _ = run.advance() }
            return run.state
        }
        let five = try run(5, nil)
        let enough = try run(100, five.counts.calls)
        #expect(enough.termination == .oracleLimit && enough.method == five.method && enough.counts == five.counts)
        let short = try run(100, five.counts.calls - 1)
        #expect(short.iteration == 4)
    }

    /// Automatic steps that are too long beside a given one are halved, on the record.
    @Test func automaticStepsAreHalved() throws {
        let limits = RunLimits(iterations: 500, hypergradientTolerance: 0, progressEvery: 50)
        let (run, _, _) = try Self.begin(
            Self.finiteSum, ["method={\"name\": \"saba\", \"upper_step\": {\"step\": 30}}"], limits: limits)
        while run.state.termination == nil { _ = run.advance() }
        #expect(run.state.remarks.contains { $0.contains("begun anew at the start with automatic steps halved") })
        #expect(run.state.best.isFinite && run.state.best.value <= run.state.startValue)
    }

    /// Given steps are the user's: the run ends, and says which of them was too long.
    @Test(arguments: [
        ("lower_solver.step", "lower variables"), ("linear_solver.step", "linear system"),
        ("upper_step.step", "upper variables"),
    ])
    func divergenceNamesTheStep(_ field: String, _ culprit: String) throws {
        let limits = RunLimits(iterations: 3000, hypergradientTolerance: 0, progressEvery: 500)
        let steps = ["lower_solver.step", "linear_solver.step", "upper_step.step"].map {
            "method.\($0)=\($0 == field ? 1e4 : 1e-2)"
        }
        let (run, _, _) = try Self.begin(Self.finiteSum, ["method={\"name\": \"amigo\"}"] + steps, limits: limits)
        while run.state.termination == nil { _ = run.advance() }
        #expect(run.state.termination == .diverged && run.state.best.isFinite)
        let remark = run.state.remarks.last ?? ""
        #expect(remark.contains(culprit) && remark.contains("use a smaller \(field)"), "\(remark)")
    }

    @Test func tablesArePricedBeforeTheyAreMade() throws {
        func price(_ method: String) throws -> MemoryPrice {
            let admitted = try admit(Self.finiteSum, ["method=\(method)"])
            return MemoryPrice(
                try #require(admitted.built).problem, try #require(admitted.method, "\(admitted.faults)"))
        }
        // 32 batches of each level: g_y, Hv and Jv; f_y and f_x, which is not 0 here.
        let tables = 8 * (32 * 60 + 32 * 40 + 5 * 20)
        let difference = try price("saba").vectorBytes - price("ma-soba").vectorBytes
        // Both have working memory and iterates; a moving average has an estimate of 20 numbers more, and sums of x, y, v.
        #expect(difference == tables - 8 * (20 + 60))
    }
}
