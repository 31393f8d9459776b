// What theory asks of draws: directions on batches average to those on all data, over all draws that can happen, and draws
// that are multiplied are independent. Short last batches throughout.
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors
import Testing

@Suite struct StochasticTheoryTests {
    /// Three batches of the lower level, the last of one row; two of the upper, the last of one row.
    private static let document = """
        {"problem": {
          "data": {
            "A": {"random": {"normal": [5, 3], "seed": 1}}, "b": {"random": {"normal": [5], "seed": 2}},
            "V": {"random": {"normal": [3, 3], "seed": 3}}, "c": {"random": {"normal": [3], "seed": 4}}},
          "samples": {"train": {"arrays": ["A", "b"], "batch": 2}, "validation": {"arrays": ["V", "c"], "batch": 2}},
          "levels": [
            {"variables": {"x": {"shape": [3], "start": [0.5, -0.2, 0.1]}},
             "minimize": "mean(softplus(V @ (y - x) - c)) + 0.05 * sum(x^2)"},
            {"variables": {"y": {"shape": [3], "start": [0.3, 0.4, -0.1]}},
             "minimize": "mean(softplus(A @ (y - x) - b)) + 0.05 * sum(y^2)"}]},
         "method": "saba", "seed": 1}
        """
    private static let rho = 0.25
    private static let eta = 0.5

    private static func lower(_ slot: Int) -> Draw {
        Draw(start: 2 * slot, count: min(2, 5 - 2 * slot), weight: 3, slot: slot)
    }
    private static func upper(_ slot: Int) -> Draw {
        Draw(start: 2 * slot, count: min(2, 3 - 2 * slot), weight: 2, slot: slot)
    }

    /// The problem, and the axes of a method with all steps given: ρ, η and 1.
    private static func admitted(_ method: String, _ settings: [String] = []) throws -> (
        problem: MultilevelProblem, axes: StochasticConfiguration
    ) {
        let steps =
            "method={\"name\": \"\(method)\", \"lower_solver\": {\"step\": \(rho)}, \"upper_step\": {\"step\": 1}}"
        let admitted = try admit(document, [steps] + settings)
        let method = try #require(admitted.method, "\(admitted.faults)")
        guard case .stochastic(let axes) = method.algorithm else { throw BatchesExpected() }
        return (try #require(admitted.built).problem, axes)
    }
    private struct BatchesExpected: Error {}

    /// x, y and v after some iterations on given batches.
    private static func iterates(
        _ problem: MultilevelProblem, _ axes: StochasticConfiguration, lower: [Int], upper: [Int], iterations: Int
    ) -> [[Double]] {
        let given = SOBADraws(
            lower: ["train": .sequence(lower.map(Self.lower))], upper: ["validation": .sequence(upper.map(Self.upper))])
        let stepper = StochasticStepper(problem, axes, seed: 1, given: given, full: BilevelOracle(problem))
        var state = stepper.start(x: problem.upper.start, y: problem.lower.start)
        stepper.advance(&state, by: iterations)
        return (0..<3).map { Array(state.memory[(3 * $0)..<(3 * $0 + 3)]) }
    }

    /// Derivatives on all data at one point.
    private struct Full {
        let oracle: BilevelOracle
        private(set) var gradient = [0.0, 0, 0]
        private(set) var upperY = [0.0, 0, 0]
        private(set) var upperX = [0.0, 0, 0]

        init(_ problem: MultilevelProblem, _ x: [Double], _ y: [Double]) {
            oracle = BilevelOracle(problem)
            oracle.setUpper(x)
            oracle.setLower(y)
            oracle.lowerGradient(into: &gradient)
            _ = oracle.upperGradients(y: &upperY, x: &upperX)
        }
        func hessian(_ v: [Double]) -> [Double] {
            var product = v
            oracle.hessianProduct(v, into: &product)
            return product
        }
        /// f_x + Jv.
        func direction(_ v: [Double]) -> [Double] {
            var product = v
            oracle.mixedProduct(v, into: &product)
            VectorMath.add(1, upperX, to: &product)
            return product
        }
    }

    private static func mean(_ vectors: [[Double]]) -> [Double] {
        var mean = [0.0, 0, 0]
        for vector in vectors { VectorMath.add(1 / Double(vectors.count), vector, to: &mean) }
        return mean
    }

    private static func expectEqual(_ found: [Double], _ expected: [Double], _ what: String) {
        let error = VectorMath.norm(VectorMath.subtract(found, expected))
        #expect(error <= 1e-13 * (1 + VectorMath.norm(expected)), "\(what)")
    }

    /// Over every (H, H, J, f) of batches: f_x + J v with the whole series for v. The step on y is on one batch.
    @Test(arguments: ["stocbio", "amigo"]) func hypergradientsAreUnbiased(_ method: String) throws {
        let (problem, axes) = try Self.admitted(
            method, ["method.lower_solver.steps=1", "method.linear_solver={\"steps\": 2, \"step\": \(Self.eta)}"])
        var directions: [[Double]] = []
        var y: [Double] = []
        for h1 in 0..<3 {
            for h2 in 0..<3 {
                for j in 0..<3 {
                    for f in 0..<2 {
                        let end = Self.iterates(problem, axes, lower: [2, h1, h2, j], upper: [f], iterations: 1)
                        directions.append(VectorMath.subtract(problem.upper.start, end[0]))
                        y = end[1]
                    }
                }
            }
        }
        let full = Full(problem, problem.upper.start, y)
        // η Σ_{j ≤ 2} (I − ηH)^j for the series; from 0, two steps are its terms up to 1.
        var v = [0.0, 0, 0]
        for _ in 0..<(method == "stocbio" ? 3 : 2) {
            var residual = full.hessian(v)
            VectorMath.add(1, full.upperY, to: &residual)
            VectorMath.add(-Self.eta, residual, to: &v)
        }
        Self.expectEqual(Self.mean(directions), full.direction(v), method)
    }

    /// Tables, and differences after a full pass, leave the mean over all draws where it is: at the full directions.
    @Test(arguments: ["saba", "srba", "ma-soba"]) func varianceReductionIsUnbiased(_ method: String) throws {
        let settings = [
            "saba": ["method.estimator={\"start\": \"zero\"}"], "srba": ["method.estimator={\"period\": 4}"],
            "ma-soba": ["method.estimator={\"momentum\": 1}"],
        ]
        let (problem, axes) = try Self.admitted(method, settings[method] ?? [])
        // SARAH is unbiased given the past only where the past is: one iteration after its full pass.
        let before = method == "srba" ? 1 : 5
        let (lower, upper) = ([0, 2, 1, 2, 0], [1, 0, 1, 1, 0])
        func end(_ iterations: Int, _ l: Int, _ u: Int) -> [[Double]] {
            Self.iterates(
                problem, axes, lower: lower.prefix(before) + [l], upper: upper.prefix(before) + [u],
                iterations: iterations)
        }
        // SARAH's full pass draws nothing.
        let drawn = method == "srba" ? 0 : before
        let start = end(before, 0, 0)
        var moves: [[[Double]]] = []
        for l in 0..<3 {
            for u in 0..<2 {
                let after = Self.iterates(
                    problem, axes, lower: lower.prefix(drawn) + [l], upper: upper.prefix(drawn) + [u],
                    iterations: before + 1)
                moves.append(zip(start, after).map { VectorMath.subtract($0, $1) })
            }
        }
        let full = Full(problem, start[0], start[1])
        var linear = full.hessian(start[2])
        VectorMath.add(1, full.upperY, to: &linear)
        Self.expectEqual(Self.mean(moves.map { $0[0] }), full.direction(start[2]), "x")
        for (index, direction) in [(1, full.gradient), (2, linear)] {
            Self.expectEqual(Self.mean(moves.map { $0[index] }), direction.map { Self.rho * $0 }, "y and v")
        }
    }

    /// The first draws of two uses, over seeds: every pair as often as every other (4 standard deviations).
    @Test(arguments: [("lower", "hessian"), ("hessian", "mixed"), ("lower", "upper"), ("second", "penalty")])
    func streamsAreIndependent(_ first: String, _ second: String) {
        var counts = [Int](repeating: 0, count: 9)
        let seeds = 3600
        for seed in 0..<UInt64(seeds) {
            var samplers = [first, second].map {
                BatchSampler(seed: seed, axis: "train", stream: $0, rows: 5, batch: 2)
            }
            counts[3 * samplers[0].draw(at: 1).slot + samplers[1].draw(at: 1).slot] += 1
        }
        let expected = Double(seeds) / 9
        let deviation = (expected * 8 / 9).squareRoot()
        for count in counts { #expect((Double(count) - expected).magnitude <= 4 * deviation, "\(counts)") }
    }

    /// The optimum lies on the sets: iterates never leave them, and tables lead to the constrained optimum.
    @Test(arguments: [
        (#"{"box": [-0.1, 0.2]}"#, "box"), (#"{"simplex": 1}"#, "simplex"), (#"{"l2_ball": 0.3}"#, "ball"),
    ]) func projectionsHoldInEveryMethod(_ constraint: String, _ name: String) throws {
        let set = "problem.levels.0.variables.x.constraint=\(constraint)"
        let exact = try run(Self.document, ["method=aid-cg", "tolerances.hypergradient=1e-10", set]).result.x
        for method in ["soba"] + StochasticPreset.allCases.map(\.rawValue) {
            let limits = RunLimits(
                iterations: method == "saba" ? 6000 : 40, hypergradientTolerance: 0,
                progressEvery: method == "saba" ? 6000 : 5)
            let (begun, problem, _) = try StochasticMethodTests.begin(
                Self.document, ["method=\(method)", set], limits: limits)
            while begun.state.termination == nil {
                guard case .progress(let point) = begun.advance() else { continue }
                var projected = point.x
                problem.upper.constraint.project(&projected)
                let distance = VectorMath.norm(VectorMath.subtract(projected, point.x))
                #expect(distance <= 1e-12, "\(method) on the \(name)")
            }
            guard method == "saba" else { continue }
            let error = VectorMath.norm(VectorMath.subtract(begun.state.best.x, exact))
            #expect(error <= 1e-6, "\(name)")
        }
    }
}
