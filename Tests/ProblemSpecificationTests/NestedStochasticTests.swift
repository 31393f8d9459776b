// Steps on batches at every level: one step on all rows against the exact hypergradient, convergence to the solution by
// exact implicit differentiation, the same bytes again and after interruption, and refusals.
import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

@Suite struct NestedStochasticTests {
    /// `implicit` stays the choice, because every report solves all levels, and the reason names what takes batches.
    @Test(arguments: [(0, false), (1, true)]) func largeLevelsAreToldOfBatches(_ more: Int, _ isTold: Bool) throws {
        let rows = 1_000
        let entries = AutomaticMethod.fullBatchLimit / rows + more
        let admitted = try admit(
            """
            {"problem": {
              "data": {"a": {"random": {"normal": [\(rows)], "seed": 1}}},
              "samples": {"all": {"arrays": ["a"], "batch": 10}},
              "levels": [
                {"name": "top", "variables": {"x": {}}, "minimize": "(x - 1)^2 + y^2"},
                {"name": "middle", "variables": {"y": {}}, "minimize": "(y - x)^2 + mean(z^2)"},
                {"name": "bottom", "variables": {"z": {"shape": [\(entries)]}},
                 "minimize": "mean((sum(z) - a)^2) + sum((z - y)^2)"}]}}
            """)
        let method = try #require(admitted.method, "\(admitted.faults)")
        #expect(method.name == "implicit" && method.reason.contains("tsg takes batches") == isTold, "\(method.reason)")
    }

    /// Twelve rows of noise about 0 in the linear terms of all three levels, 12 = 2·5 + 2 batches.
    private static func finiteSum(_ method: String, batch: Int = 5, iterations: Int = 300) -> String {
        var stream = RandomStream(seed: 4, stream: "finite sum")
        func rows() -> String {
            let rows = (0..<12).map { _ in "[\(0.5 * stream.normal()), \(0.5 * stream.normal())]" }
            return "[\(rows.joined(separator: ", "))]"
        }
        return """
            {"problem": {
              "data": {"A": {"value": \(rows())}, "B": {"value": \(rows())}, "C": {"value": \(rows())}},
              "samples": {"all": {"arrays": ["A", "B", "C"], "batch": \(batch)}},
              "levels": [
                {"name": "top", "variables": {"x": {"shape": [2]}},
                 "minimize": "0.5*mean(sum((x - 1 - C)^2, axis=1)) + 0.5*sum((z - 2)^2)"},
                {"name": "middle", "variables": {"y": {"shape": [2]}},
                 "minimize": "0.5*mean(sum((y - 2*x - B)^2, axis=1)) + 0.5*sum(z^2)"},
                {"name": "bottom", "variables": {"z": {"shape": [2]}},
                 "minimize": "0.5*mean(sum((z - x - y - A)^2, axis=1)) + 0.02*sum(z^4)"}]},
             "method": \(method), "limits": {"iterations": \(iterations)}, "seed": 3}
            """
    }

    private static let solved = "\"implicit\""

    private func begin(_ text: String) throws -> (run: SolverRun, start: ProgressPoint) {
        let admitted = try admit(text)
        let document = try #require(admitted.document, "\(admitted.faults)")
        let built = try #require(admitted.built, "\(admitted.faults)")
        let method = try #require(admitted.method, "\(admitted.faults)")
        let limits = RunLimits(
            iterations: document.limits.iterations, hypergradientTolerance: document.tolerances.hypergradient)
        return try #require(
            SolverRun.begin(built.problem, method, limits: limits, seed: document.seed, stop: { nil }))
    }

    // MARK: - Against exact derivatives

    /// Levels of all kinds, without samples, so that a batch is everything.
    static let deterministic = [
        // P10a, where third derivatives matter.
        #"""
        [{"variables": {"x": {"start": 2}}, "minimize": "0.5*(x-1)^2 + z^2 + y"},
         {"variables": {"y": {}}, "minimize": "0.5*(y-1)^2 + 0.5*z^2"},
         {"variables": {"z": {}}, "minimize": "0.5*(z-x*y)^2"}]
        """#,
        // P11, four levels.
        #"""
        [{"variables": {"x": {"start": 0.3}}, "minimize": "0.5*(x-1)^2 + 0.5*(w-1)^2"},
         {"variables": {"y": {}}, "minimize": "0.5*(y-x)^2 + 0.5*w^2"},
         {"variables": {"z": {}}, "minimize": "0.5*(z-y)^2 + 0.5*w^2"},
         {"variables": {"w": {}}, "minimize": "0.5*(w-x-y-z)^2"}]
        """#,
        // A box with an active bound, a norm, an adversary, a map.
        #"""
        [{"variables": {"x": {"shape": [2], "start": 0.4}}, "minimize": "sum((x-1)^2) + sum(y^2) + sum(z) + sum(w^2)"},
         {"variables": {"y": {"shape": [2], "constraint": {"box": [0, 0.5]}}},
          "maximize": "-sum((y - 2*x*[1, 0.2])^2) - 0.1*sum(z^2)"},
         {"variables": {"z": {"shape": [2]}}, "minimize": "sum((z - x*y - 0.3)^2)", "nonsmooth": {"z": {"l1": "0.1*exp(x[0])"}}},
         {"variables": {"w": {"shape": [2]}}, "fixed_point": {"w": "0.4*tanh(w + z) + 0.1*x"}}]
        """#,
    ]

    /// Begun at the best responses, the first outer step goes along the exact hypergradient.
    @Test(
        arguments: deterministic.indices, ["", #", "linear_solver": {"name": "neumann", "steps": 80, "step": 0.3}"#])
    func theFirstStepIsExact(_ index: Int, _ solver: String) throws {
        let text = """
            {"problem": {"levels": \(Self.deterministic[index])},
             "method": {"name": "tsg", "upper_step": {"step": 0.01}, "lower_solver": {"step": 0.1}\(solver)},
             "limits": {"iterations": 1}}
            """
        let (run, start) = try begin(text)
        guard case .progress(let point) = run.advance() else { throw CancellationError() }
        let gradient = try #require(start.hypergradient)
        for (entry, moved) in point.x.enumerated() {
            let expected = start.x[entry] - 0.01 * gradient[entry]
            #expect(abs(moved - expected) <= 1e-9, "\(moved) and \(expected)")
        }
    }

    /// On all rows nothing is estimated: the method ends where exact implicit differentiation does.
    @Test(arguments: ["\"auto\"", "\"line_search\""]) func allRowsReachTheSolution(_ step: String) throws {
        let method = #"{"name": "tsg", "upper_step": {"step": \#(step)}}"#
        let text = Self.finiteSum(method, batch: 12, iterations: 2_000).replacing(
            "\"seed\"", with: "\"tolerances\": {\"hypergradient\": 1e-6}, \"seed\"")
        let (_, found) = try run(text)
        let (_, exact) = try run(Self.finiteSum(Self.solved))
        #expect(found.termination == .converged && exact.termination == .converged)
        #expect(zip(found.x, exact.x).allSatisfy { abs($0 - $1) <= 1e-6 }, "\(found.x) and \(exact.x)")
    }

    /// On batches the distance falls with the iterations, and what is left of it with the square root of the rows.
    @Test func batchesApproachTheSolution() throws {
        let (_, exact) = try run(Self.finiteSum(Self.solved))
        func distance(_ iterations: Int) throws -> Double {
            let (run, _) = try begin(Self.finiteSum("\"tsg\"", iterations: iterations))
            var last: [Double] = []
            while true {
                let event = run.advance()
                if case .progress(let point) = event { last = point.x }
                if case .ended = event { break }
            }
            return VectorMath.norm(VectorMath.subtract(last, exact.x))
        }
        let (early, late) = (try distance(6), try distance(400))
        #expect(late <= 0.03 && late <= 0.3 * early, "\(early), then \(late)")
    }

    /// An outermost variable with an entry for each row: a batch moves the rows it shows alone.
    @Test func rowsOfAVariableAreDrawn() throws {
        let text = """
            {"problem": {
              "data": {"A": {"value": [1, 2, -1, 0.5, 3, -2, 0.2]}},
              "samples": {"train": {"arrays": ["A"], "batch": BATCH}},
              "levels": [
                {"variables": {"s": {"per": "train", "start": 0.5}}, "minimize": "mean((s - 0.1*A)^2) + (z - 1)^2"},
                {"variables": {"y": {}}, "minimize": "mean(s*(y - A)^2) + 0.1*y^2 + 0.1*z^2"},
                {"variables": {"z": {}}, "minimize": "(z - y)^2 + 0.1*mean(s*z^2)"}]},
             "method": {"name": "tsg", "upper_step": {"step": 0.1}, "lower_solver": {"step": 0.1}},
             "limits": {"iterations": 1}}
            """
        let (run, start) = try begin(text.replacing("BATCH", with: "7"))
        guard case .progress(let point) = run.advance() else { throw CancellationError() }
        let gradient = try #require(start.hypergradient)
        for (entry, moved) in point.x.enumerated() {
            #expect(abs(moved - (start.x[entry] - 0.1 * gradient[entry])) <= 1e-9)
        }
        let (batched, _) = try begin(
            text.replacing("BATCH", with: "3").replacing("\"iterations\": 1}", with: "\"iterations\": 9}"))
        while true { if case .ended = batched.advance() { break } }
        let result = batched.finish()
        #expect(result.termination == .iterationLimit && result.x.allSatisfy(\.isFinite))
        #expect(result.objectives[0] < start.upperObjective)
    }

    // MARK: - Runs

    /// Levels that stall are followed more closely.
    @Test func accuracyIncreases() throws {
        let (run, _) = try begin(Self.finiteSum("\"tsg\"", iterations: 60))
        while true { if case .ended = run.advance() { break } }
        guard case .nestedStochastic(let state) = run.state.method else { throw CancellationError() }
        #expect(state.steps.allSatisfy { $0 > 1 && $0 <= NestedStochasticConfiguration.stepLimit })
        // Every level draws, deeper ones more often.
        #expect(state.draws[0] == 60 && state.draws[1] > 60 && state.draws[2] > state.draws[1])
        let counts = run.state.levelCounts
        #expect(counts[0].residuals >= 60 && counts[1].residuals > 60 && counts[2].residuals > counts[1].residuals)
    }

    @Test(arguments: ["\"tsg\"", #"{"name": "tsg", "upper_step": {"step": "line_search"}}"#])
    func interruptionChangesNothing(_ method: String) throws {
        let text = Self.finiteSum(method, iterations: 14)
        let (whole, _) = try begin(text)
        while true { if case .ended = whole.advance() { break } }
        var (run, _) = try begin(text)
        let admitted = try admit(text)
        let (problem, configuration) = (try #require(admitted.built).problem, try #require(admitted.method))
        while true {
            if case .ended = run.advance(upTo: run.state.iteration + 1) { break }
            let state = try SolverState(archive: run.state.archive(identity: "i"), identity: "i")
            #expect(state == run.state)
            run = .resume(
                state, problem, configuration, limits: RunLimits(iterations: 14), seed: 3, stop: { nil })
        }
        #expect(run.state.archive(identity: "") == whole.state.archive(identity: ""))
        let (again, _) = try begin(text)
        while true { if case .ended = again.advance() { break } }
        #expect(again.state.archive(identity: "") == whole.state.archive(identity: ""))
    }

    /// Steps that are too long end in a sentence with the level's name; automatic ones are halved.
    @Test func divergenceNamesTheLevel() throws {
        let (_, result) = try run(
            Self.finiteSum(
                #"{"name": "tsg", "levels": [{"solver": {"step": 0.1}}, {"solver": {"step": 9}}], "upper_step": {"step": 0.1}}"#
            ))
        #expect(result.termination == .diverged)
        #expect(result.remarks.contains { $0.contains("level bottom diverged") && $0.contains("use a smaller") })
        let isFinite = (result.x + result.y).allSatisfy(\.isFinite)
        #expect(isFinite)
    }

    @Test func budgetsAreKept() throws {
        let limits = #""limits": {"iterations": 100000, "oracle_calls": 30000}"#
        let text = Self.finiteSum("\"tsg\"").replacing(#""limits": {"iterations": 300}"#, with: limits)
        let (_, result) = try run(text)
        #expect(result.termination == .oracleLimit && result.iterations > 0)
    }

    // MARK: - Refusals

    @Test(arguments: [
        (#"{"name": "tsg", "hypergradient": "unrolled-reverse"}"#, "differentiates implicitly"),
        (#"{"name": "tsg", "linear_solver": "lu"}"#, "conjugate gradients"),
        (#"{"name": "tsg", "linear_solver": {"step": 0.1}}"#, "only a Neumann series"),
        (#"{"name": "tsg", "lower_solver": {"tolerance": 1e-8}}"#, "plain steps on batches"),
        (#"{"name": "tsg", "lower_solver": {"steps": 0}}"#, "1"),
        (#"{"name": "tsg", "lower_solver": {"step": -1}}"#, "positive"),
        (#"{"name": "tsg", "lower_solver": {"step": "line_search"}}"#, "line search"),
        (#"{"name": "tsg", "upper_step": {"name": "adam"}}"#, "plain steps on batches"),
        (#"{"name": "tsg", "estimator": "saga"}"#, "batches' own gradients"),
        (#"{"name": "tsg", "levels": [{}]}"#, "2 levels respond"),
        (#"{"name": "tsg", "levels": [{"solver": "newton"}, {}]}"#, "takes steps at level middle"),
        (#"{"name": "tsg", "levels": [{}, {"solver": "fixed-point"}]}"#, "an objective, no map"),
    ]) func choicesAreRefused(_ method: String, _ words: String) throws {
        let faults = try admit(Self.finiteSum(method)).faults
        #expect(faults.contains { $0.message.contains(words) && $0.pointer.hasPrefix("/method") }, "\(faults)")
    }

    /// A logarithm of a mean is not a mean of logarithms.
    @Test func biasedObjectivesAreRefused() throws {
        let text = Self.finiteSum("\"tsg\"").replacing(
            "+ 0.02*sum(z^4)", with: "+ log(1 + mean(sum(A^2, axis=1)*z[0]^2))")
        let faults = try admit(text).faults
        #expect(faults.contains { $0.pointer == "/problem/levels/2/minimize" }, "\(faults)")
    }

    @Test func twoLevelsAreRefused() throws {
        let text = """
            {"problem": {"levels": [{"variables": {"x": {}}, "minimize": "(x-y)^2"},
             {"variables": {"y": {}}, "minimize": "(y-x)^2"}]}, "method": "tsg"}
            """
        let faults = try admit(text).faults
        #expect(faults.contains { $0.message.contains("three or more") }, "\(faults)")
    }
}
