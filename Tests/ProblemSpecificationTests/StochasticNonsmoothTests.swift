// Methods on batches where the lower level has a norm or a set, or is the fixed point of a map: the optimum of methods with
// full gradients, the same bytes after interruptions, budgets to the call, and refusals.
import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors
import Testing

@Suite struct StochasticNonsmoothTests {
    private static func document(_ upper: String, _ lower: String) -> String {
        """
        {"problem": {
          "data": {
            "X": {"random": {"normal": [60, 5], "seed": 41}}, "e": {"random": {"normal": [60], "seed": 42}},
            "V": {"random": {"normal": [40, 5], "seed": 43}}, "u": {"random": {"normal": [40], "seed": 44}},
            "t": {"value": [2, -1, 0, 0, 0.5]},
            "R": {"value": [[0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [1, 0, 0, 0, 0]]}},
          "samples": {"train": {"arrays": ["X", "e"], "batch": 10}, "validation": {"arrays": ["V", "u"], "batch": 10}},
          "levels": [\(upper), \(lower)]},
         "method": "auto", "seed": 1}
        """
    }

    private static let validation = "0.5*mean((V @ (w - t) - u)^2)"
    private static let training = "0.5*mean((X @ (w - t) - 2*e)^2)"
    private static let problems = [
        "elastic net": document(
            """
            {"variables": {"a": {"start": -1, "constraint": {"box": [-4, 1]}}, "b": {"start": -1, "constraint": {"box": [-4, 1]}}},
             "minimize": "\(validation)"}
            """,
            """
            {"variables": {"w": {"shape": [5]}}, "minimize": "\(training)",
             "nonsmooth": {"w": {"elastic_net": {"l1": "exp(a)", "l2": "exp(b)"}}}}
            """),
        "box": document(
            """
            {"variables": {"x": {"shape": [5]}}, "minimize": "\(validation) + 0.05*sum(x^2)"}
            """,
            """
            {"variables": {"w": {"shape": [5], "constraint": {"box": [-0.5, 1]}}},
             "minimize": "0.5*mean((X @ (w - t - x) - 2*e)^2) + 0.05*sum(w^2)"}
            """),
        "ball": document(
            """
            {"variables": {"x": {"shape": [5]}}, "minimize": "\(validation) + 0.05*sum(x^2)"}
            """,
            """
            {"variables": {"w": {"shape": [5], "constraint": {"l2_ball": 1}}},
             "minimize": "0.5*mean((X @ (w - t - x) - 2*e)^2) + 0.05*sum(w^2)"}
            """),
        "map": document(
            """
            {"variables": {"x": {"shape": [5]}}, "minimize": "\(validation) + 0.05*sum(x^2)"}
            """,
            """
            {"variables": {"w": {"shape": [5]}},
             "fixed_point": {"w": "w - 0.2/60*(X.T @ (X @ (w - t - x) - 2*e)) - 0.05*w + 0.05*(R @ w)"}}
            """),
    ]

    private static let names = StochasticMethodTests.names
    /// Every method beside norms, which take every part of the code; beside sets and maps one of each kind.
    private static let pairs =
        names.map { ("elastic net", $0) }
        + ["box", "ball", "map"].flatMap { problem in ["soba", "saba", "stocbio", "nsid"].map { (problem, $0) } }

    /// To what theory promises for a strongly convex finite sum: linear convergence with tables and differences, a
    /// neighbourhood that shrinks with the steps of the others.
    @Test(arguments: pairs) func reachesTheOptimum(_ problem: String, _ method: String) throws {
        let text = try #require(Self.problems[problem])
        let full = problem == "map" ? "implicit" : "aid-cg"
        let optimum = try run(text, ["method=\(full)", "tolerances.hypergradient=1e-10"]).result.objectives[0]
        // What the report of the start and the steps' curvatures take is the same for every method.
        let nothing = RunLimits(iterations: 0, hypergradientTolerance: 0)
        let (before, _, _) = try StochasticMethodTests.begin(text, ["method=\(method)"], limits: nothing)
        let spent = before.state.counts.samples
        let limits = RunLimits(
            iterations: .max,
            oracleKinds: [.samples: spent + (method == "saba" || method == "srba" ? 300_000 : 80_000)],
            hypergradientTolerance: 0)
        let (begun, _, _) = try StochasticMethodTests.begin(text, ["method=\(method)"], limits: limits)
        while begun.state.termination == nil { _ = begun.advance() }
        #expect(begun.state.termination == .oracleLimit, "\(begun.state.remarks)")
        // F at the best point, the lower level solved anew.
        let best = begun.state.best.x
        let names = best.count == 2 ? [("a", "\(best[0])"), ("b", "\(best[1])")] : [("x", "\(best)")]
        let starts = names.map { "problem.levels.0.variables.\($0.0).start=\($0.1)" }
        let exact = try run(text, ["method=\(full)", "limits.iterations=0"] + starts).start.upperObjective
        let gap = (exact - optimum) / optimum
        // The map is on its way: its slowest direction contracts by 0.95 a step.
        let isExact = problem != "map" && (method == "saba" || method == "srba")
        let promised = isExact ? 1e-8 : problem == "map" ? 1e-1 : 1e-2
        #expect(gap <= promised && gap >= -1e-9, "\(gap), \(spent) samples at the start")
    }

    @Test(arguments: pairs) func interruptionsLeaveNoTrace(_ problem: String, _ method: String) throws {
        let limits = RunLimits(iterations: 11, hypergradientTolerance: 0, progressEvery: 4)
        let text = try #require(Self.problems[problem])
        let (whole, built, configuration) = try StochasticMethodTests.begin(text, ["method=\(method)"], limits: limits)
        var archive = whole.state.archive(identity: method)
        while whole.state.termination == nil { _ = whole.advance() }
        while true {
            let state = try SolverState(archive: archive, identity: method)
            if state.termination != nil { break }
            let run = SolverRun.resume(state, built, configuration, limits: limits, seed: 1, stop: { nil })
            _ = run.advance(upTo: state.iteration + 1)
            archive = run.state.archive(identity: method)
        }
        #expect(archive == whole.state.archive(identity: method))
    }

    @Test(arguments: pairs) func budgetsOfCallsAreExact(_ problem: String, _ method: String) throws {
        let text = try #require(Self.problems[problem])
        // The first stage of rounds is short, and the calls of the look at its end are not known beforehand.
        let areRounds = ["sid", "bsgm", "nsid"].contains(method)
        let steps = areRounds ? ["method.lower_solver.step=0.1", "method.upper_step.step=0.01"] : []
        func state(_ iterations: Int, _ calls: Int?) throws -> SolverState {
            let limits = RunLimits(
                iterations: iterations, oracleCalls: calls, hypergradientTolerance: 0, progressEvery: 1)
            let name = "method={\"name\": \"\(method)\"}"
            let (run, _, _) = try StochasticMethodTests.begin(text, [name] + steps, limits: limits)
            while run.state.termination == nil { _ = run.advance() }
            return run.state
        }
        let three = try state(3, nil)
        let enough = try state(100, three.counts.calls)
        #expect(enough.termination == .oracleLimit && enough.method == three.method && enough.counts == three.counts)
        #expect(try state(100, three.counts.calls - 1).iteration == 2)
    }

    /// P5, one batch of all rows: after enough steps the direction is the exact one, −2/9 and −8/27; and 0 where y* = 0.
    @Test(arguments: [("[2, 4]", -2.0 / 9, -8.0 / 27), ("[0.2, 0.8]", 0, 0)])
    func scalarElasticNet(_ data: String, _ first: Double, _ second: Double) throws {
        let document = """
            {"problem": {"data": {"a": {"value": \(data)}}, "samples": {"s": {"arrays": ["a"], "batch": 2}},
              "levels": [{"variables": {"p": {"start": 1}, "q": {"start": 0.5}}, "minimize": "0.5*(y-1)^2"},
                         {"variables": {"y": {}}, "minimize": "0.5*mean((y-a)^2)",
                          "nonsmooth": {"y": {"elastic_net": {"l1": "p", "l2": "q"}}}}]},
             "method": "nsid"}
            """
        // x moves by 1e-3 of the direction.
        let steps = "\"lower_solver\": {\"step\": 0.4, \"steps\": 120}, \"upper_step\": {\"step\": 0.001}"
        for name in ["nsid", "sid", "bsgm"] {
            let (run, _, _) = try StochasticMethodTests.begin(
                document, ["method={\"name\": \"\(name)\", \(steps)}"],
                limits: RunLimits(iterations: 1, hypergradientTolerance: 0))
            while run.state.termination == nil { _ = run.advance() }
            guard case .stochastic(let state) = run.state.method else { return }
            #expect(abs((1 - state.memory[0]) * 1000 - first) <= 1e-9, "\(name)")
            #expect(abs((0.5 - state.memory[1]) * 1000 - second) <= 1e-9, "\(name)")
        }
    }

    @Test func penaltiesRefuseMaps() throws {
        let text = try #require(Self.problems["map"])
        let admitted = try admit(text, ["method=f2sa"])
        #expect(admitted.places.first == "wrong-argument /method")
        #expect(admitted.faults.first?.hint?.contains("use soba or sid") == true)
    }

    /// A map whose batches would be biased says where.
    @Test func mapsThatBatchesBiasAreRefused() throws {
        let text = try #require(Self.problems["map"]).replacing("2*e)) -", with: "2*e)*tanh(sum(X @ w))) -")
        let admitted = try admit(text, ["method=soba"])
        #expect(admitted.method == nil)
        #expect(admitted.faults.contains { $0.pointer == "/problem/levels/1/fixed_point/w" }, "\(admitted.faults)")
    }
}
