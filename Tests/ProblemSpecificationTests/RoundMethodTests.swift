// SID, BSGM and NSID: the closed-form errors of P7 and P8, independent noise in every replica of one long vector; and the
// nonsmooth derivatives of P5.
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors
import Testing

@Suite struct RoundMethodTests {
    // MARK: - P7

    private static let replicas = 2000

    /// Φ̂ = ½w + ½λ + 0.1ζ; every row of noise is drawn once.
    private static func p7(_ level: String, rows: Int) -> String {
        """
        {"problem": {
          "data": {"z": {"random": {"normal": [\(rows), \(replicas)], "seed": 1}}},
          "samples": {"noise": {"arrays": ["z"], "batch": 1}},
          "levels": [{"variables": {"l": {"start": 1}}, "minimize": "0.5*sum((w - l)^2)"},
                     {"variables": {"w": {"shape": [\(replicas)]}}, \(level)}]},
         "method": "sid", "seed": 1}
        """
    }
    private static func map(rows: Int) -> String {
        p7("\"fixed_point\": {\"w\": \"mean(0.5*w + 0.5*l + 0.1*z, axis=0)\"}", rows: rows)
    }

    /// The mean square of w − 1 after t steps from 0.
    private static func meanSquare(_ document: String, step: String, steps: Int) throws -> Double {
        let method = """
            method={"name": "sid", "lower_solver": {"step": \(step), "steps": \(steps)}, "linear_solver": {"steps": 1},
                    "upper_step": {"step": 1e-12}}
            """
        let (run, problem, _) = try StochasticMethodTests.begin(
            document, [method], limits: RunLimits(iterations: 1, hypergradientTolerance: 0, progressEvery: 10))
        while run.state.termination == nil { _ = run.advance() }
        guard case .stochastic(let state) = run.state.method else { throw BatchesExpected() }
        let w = state.memory[problem.upper.dimension..<(problem.upper.dimension + replicas)]
        return w.reduce(0) { $0 + ($1 - 1) * ($1 - 1) } / Double(replicas)
    }
    private struct BatchesExpected: Error {}

    private static let falling = "{\"inverse\": {\"initial\": 1, \"offset\": 2.6666666666666665}}"

    /// E‖w_t − w*‖² = 7.80854e-3, 4.32676e-4, 4.26303e-5 at t = 10, 100, 1000: slope −1, below c/(γ + t).
    @Test func errorsFallAsOneOverT() throws {
        let expected = [(10, 7.80854e-3), (100, 4.32676e-4), (1000, 4.26303e-5)]
        let found = try expected.map { try Self.meanSquare(Self.map(rows: $0.0), step: Self.falling, steps: $0.0) }
        for ((steps, exact), error) in zip(expected, found) {
            #expect(abs(error - exact) <= 0.1 * exact, "t = \(steps): \(error)")
            #expect(error <= (8.0 / 3) / (8.0 / 3 + Double(steps)))
        }
        // 10^(−1 ± 0.1).
        #expect((0.0795...0.1258).contains(found[2] / found[1]), "\(found)")
    }

    /// The automatic schedule is that of the theory: γ = 2/(1 − q²) from the contraction that it measures.
    @Test func theScheduleIsFoundFromTheContraction() throws {
        let automatic = try Self.meanSquare(Self.map(rows: 100), step: "\"auto\"", steps: 100)
        #expect(abs(automatic - 4.32676e-4) <= 0.1 * 4.32676e-4, "\(automatic)")
    }

    /// ησ²/((1 − q)(2 − η(1 − q))); and the same for the gradient step of an objective.
    @Test(arguments: [(0.1, 1.02564e-3), (0.5, 5.714286e-3)]) func constantStepsEndAtTheirFloor(
        _ step: Double, _ floor: Double
    ) throws {
        let objective = Self.p7("\"minimize\": \"0.25*sum(mean((w - l - 0.2*z)^2, axis=0))\"", rows: 120)
        for document in [Self.map(rows: 120), objective] {
            let found = try Self.meanSquare(document, step: "\(step)", steps: 120)
            #expect(abs(found - floor) <= 0.1 * floor, "\(found)")
        }
    }

    // MARK: - P8

    /// Rounds hardly depend on those before: the later half of 64 stands for that of 256.
    private static let rounds = 64
    private static let p8 = """
        {"problem": {
          "data": {"z": {"random": {"normal": [1500, 200, 2], "seed": 2}}, "MT": {"value": [[1, 0], [0.5, 1]]},
                   "t": {"value": [3, 0.2]}},
          "samples": {"noise": {"arrays": ["z"], "batch": 1}},
          "levels": [
            {"variables": {"l": {"shape": [200, 2], "start": -1, "constraint": {"box": [-1, 1]}}},
             "minimize": "0.5*sum((w - t)^2)"},
            {"variables": {"w": {"shape": [200, 2]}},
             "fixed_point": {"w": "mean(0.5*w + 0.5*(l @ MT) + 0.5*z, axis=0)"}}]},
         "method": "bsgm", "seed": 1}
        """

    /// ‖P(λ − ∇F) − λ‖² of one replica, ∇F = Mᵀ(Mλ − (3, 0.2)).
    private static func projectedSquare(_ l: ArraySlice<Double>) -> Double {
        let (a, b) = (l[l.startIndex], l[l.startIndex + 1])
        let (r, s) = (a + 0.5 * b - 3, b - 0.2)
        func move(_ value: Double, _ slope: Double) -> Double {
            let moved = min(max(value - slope / 1.64039, -1), 1)
            return (moved - value) * 1.64039
        }
        let (u, v) = (move(a, r), move(b, 0.5 * r + s))
        return u * u + v * v
    }

    /// Over the later half of the rounds, 200 replicas, draws independent.
    private static func meanProjectedSquare(steps: Int, step: String) throws -> Double {
        let method = """
            method={"name": "bsgm", "lower_solver": {"step": \(step), "steps": \(steps), "growth": 0},
                    "upper_step": {"step": 0.6096111046763270}}
            """
        let admitted = try admit(p8, [method])
        let problem = try #require(admitted.built, "\(admitted.faults)").problem
        let settled = try #require(admitted.method, "\(admitted.faults)")
        var stream = RandomStream(seed: 3, stream: "independent draws")
        let draws = (0..<200_003).map { _ in Draw(start: stream.below(1500), count: 1, weight: 1500, slot: 0) }
        let limits = RunLimits(iterations: rounds, hypergradientTolerance: 0, progressEvery: 1)
        let (run, _) = try #require(
            SolverRun.begin(
                problem, settled, limits: limits, seed: 1,
                draws: SOBADraws(lower: ["noise": .sequence(draws)], upper: [:]), stop: { nil }))
        var total = 0.0
        while run.state.termination == nil {
            guard case .progress(let point) = run.advance(), point.iteration > rounds / 2 else { continue }
            for replica in 0..<200 { total += projectedSquare(point.x[(2 * replica)..<(2 * replica + 2)]) / 200 }
        }
        return total / Double(rounds / 2)
    }

    @Test(arguments: [
        (256, falling, 0.0...0.003), (5, falling, 0.02...0.03), (20, "1", 0.1...0.2),
    ]) func projectedGradientsOfRounds(_ steps: Int, _ step: String, _ bounds: ClosedRange<Double>) throws {
        let found = try Self.meanProjectedSquare(steps: steps, step: step)
        #expect(bounds.contains(found), "\(found)")
    }
}
