// Methods whose directions are not the hypergradient end where their own directions vanish: points that a hand can compute
// on quadratics. Those that are exact in a limit come as near as their theory says.
import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Testing

@Suite struct BiasedMethodTests {
    private struct WrongAlgorithm: Error {}

    /// The last point of a run, not its best one: a biased method may pass better points on its way.
    static func last(_ problem: String, _ method: String, iterations: Int) throws -> Evaluation {
        let admitted = try admit("{\"problem\": \(problem), \"method\": \(method)}")
        let built = try #require(admitted.built, "\(admitted.faults)")
        let configuration = try #require(admitted.method, "\(method): \(admitted.faults)")
        let limits = RunLimits(iterations: iterations, hypergradientTolerance: 1e-12)
        let (run, _) = try #require(
            SolverRun.begin(built.problem, configuration, limits: limits, seed: 1, stop: { nil }))
        loop: while true {
            switch run.advance() {
            case .progress, .silent: continue
            case .ended, .suspended: break loop
            }
        }
        guard case .doubleLoop(_, let evaluation) = run.state.method else { throw WrongAlgorithm() }
        return evaluation
    }

    static let p1 = """
        {"levels": [{"variables": {"x": {"start": 0}}, "minimize": "0.5*(y-6)^2 + 0.5*x^2"},
                    {"variables": {"y": {}}, "minimize": "(y-3*x)^2"}]}
        """
    private static let p2 = """
        {"data": {"a": {"value": [1, 2]}, "b": {"value": [1, 2]}},
         "levels": [{"variables": {"l": {"start": 0}}, "minimize": "0.5*sum((y-0.5)^2)"},
                    {"variables": {"y": {"shape": [2]}}, "minimize": "0.5*sum((a*y-b)^2) + 0.5*exp(l)*sum(y^2)"}]}
        """

    /// P1 from y = 1: at y = 0, x = 0 the level is solved, and a gradient of 0 has no direction.
    private static let away = p1.replacing("\"y\": {}", with: "\"y\": {\"start\": 1}")

    private static func power(_ base: Double, _ count: Int) -> Double { (0..<count).reduce(1) { p, _ in p * base } }

    /// A sign change of `f` between two points.
    private static func root(_ low: Double, _ high: Double, _ f: (Double) -> Double) -> Double {
        var (low, high) = (low, high)
        for _ in 0..<200 {
            let middle = 0.5 * (low + high)
            if (f(low) < 0) == (f(middle) < 0) { low = middle } else { high = middle }
        }
        return low
    }

    // MARK: - One step, rank one, Adam

    /// On P1 the direction is x + 6α(y − 6), and y follows 3x: it vanishes at x = 36α/(1 + 18α).
    @Test(arguments: [0.05, 0.25, 0.5]) func oneStepEndsAtItsOwnZero(_ alpha: Double) throws {
        let method =
            #"{"name": "darts", "lower_solver": {"step": \#(alpha)}, "upper_step": {"name": "projected-gradient", "step": 0.05}}"#
        let found = try Self.last(Self.p1, method, iterations: 1500)
        #expect(abs(found.x[0] - 36 * alpha / (1 + 18 * alpha)) <= 1e-9)
    }

    /// On P2 it is −αeᵡ Σ yᵢ(yᵢ − ½) with yᵢ = aᵢbᵢ/(aᵢ² + eᵡ), whose zero does not depend on α; that of ∇F is log 2.
    @Test func oneStepWeighsDirectionsEqually() throws {
        let method =
            #"{"name": "darts", "lower_solver": {"step": 0.1, "steps": 40}, "upper_step": {"name": "projected-gradient", "step": 10}}"#
        let zero = Self.root(0, 3) { l in
            let y = [1 / (1 + exp(l)), 4 / (4 + exp(l))]
            return y.reduce(0) { $0 + $1 * ($1 - 0.5) }
        }
        let found = try Self.last(Self.p2, method, iterations: 400)
        #expect(abs(found.x[0] - zero) <= 1e-7 && zero > 0.9)
    }

    private func exp(_ value: Double) -> Double { Self.exp(value) }
    private static func exp(_ value: Double) -> Double {
        // (1 + v/2ᵏ)^(2ᵏ) is not exact enough; a series is, for arguments as small as these.
        var (term, sum) = (1.0, 1.0)
        for k in 1...60 {
            term *= value / Double(k)
            sum += term
        }
        return sum
    }

    /// With y_T = (1 − q)·3x, q = (1 − 2α)^T, the rank-one inverse is exact in one variable: x + 3(y_T − 6) = 0.
    @Test(arguments: [(0.1, 5), (0.25, 10)]) func rankOneEndsWhereItsStepsLead(_ alpha: Double, _ steps: Int) throws {
        let method =
            #"{"name": "iga", "lower_solver": {"step": \#(alpha), "steps": \#(steps)}, "upper_step": {"name": "projected-gradient", "step": 0.05}}"#
        let q = Self.power(1 - 2 * alpha, steps)
        let found = try Self.last(Self.away, method, iterations: 600)
        // y_T = (1 − q)·3x + q from 1.
        #expect(abs(found.x[0] - (18 - 3 * q) / (1 + 9 * (1 - q))) <= 1e-9)
    }

    /// Without a step of its own the level must not be solved so well that its gradient is rounding.
    @Test func rankOneByItself() throws {
        let found = try Self.last(Self.away, "\"iga\"", iterations: 1500)
        #expect(abs(found.x[0] - 1.8) <= 5e-3, "\(found.x)")
    }

    /// On P2 from 0: yᵢ = (1 − qᵢ)yᵢ*, gᵢ = −hᵢqᵢyᵢ*, hᵢ = aᵢ² + 1 at λ = 0.
    @Test func rankOneOfTwoVariables() throws {
        let method = #"{"name": "iga", "lower_solver": {"step": 0.1, "steps": 5}}"#
        let (h, optimum) = ([2.0, 5.0], [0.5, 0.8])
        let q = h.map { Self.power(1 - 0.1 * $0, 5) }
        let y = zip(q, optimum).map { (1 - $0) * $1 }
        let g = [0, 1].map { -h[$0] * q[$0] * optimum[$0] }
        let quotient = zip(y, g).reduce(0) { $0 + ($1.0 - 0.5) * $1.1 } / g.reduce(0) { $0 + $1 * $1 }
        let expected = -quotient * 0.5 * y.reduce(0) { $0 + $1 * $1 }
        #expect(abs(try Self.last(Self.p2, method, iterations: 0).hypergradient[0] - expected) <= 1e-12)
    }

    /// SAMA on P1 step by step beside a scalar simulation of its update rule.
    @Test func adamPreconditionedStepsByHand() throws {
        let method =
            #"{"name": "sama", "lower_solver": {"step": 0.02, "steps": 10}, "hypergradient": {"radius": 0.001}, "upper_step": {"name": "projected-gradient", "step": 0.05}}"#
        for iterations in [0, 1, 7, 15] {
            var (x, y) = (0.0, 0.0)
            for t in 0...iterations {
                var (m, s, slope) = (0.0, 0.0, 0.0)
                for k in 1...10 {
                    let g = 2 * (y - 3 * x)
                    m = 0.9 * m + 0.1 * g
                    s = 0.999 * s + 0.001 * g * g
                    let (c1, c2) = (1 - Self.power(0.9, k), 1 - Self.power(0.999, k))
                    let size = (s / c2).squareRoot() + 1e-8
                    slope = 0.1 / (c1 * size)
                    // Before any gradient a plain step.
                    if s == 0 { slope = 1 }
                    if s > 0 { slope -= (m / c1) * 0.001 * g / (c2 * (s / c2).squareRoot() * size * size) }
                    y -= 0.02 * (m / c1) / size
                }
                // The step's derivative in x: −α slope · (−6).
                let direction = x + 0.12 * slope * (y - 6)
                if t == iterations {
                    let found = try Self.last(Self.p1, method, iterations: iterations)
                    #expect(abs(found.x[0] - x) <= 1e-7 && abs(found.y[0] - y) <= 1e-7)
                    #expect(abs(found.hypergradient[0] - direction) <= 1e-6 * max(1, abs(direction)))
                }
                x -= 0.05 * direction
            }
        }
    }

    /// Where f does not name x, every preconditioner with one variable has the right zero, x = 2, as near as Adam's steps
    /// of 0.01 solve the level.
    @Test func adamPreconditionedStepsComeNear() throws {
        let problem = Self.p1.replacing(" + 0.5*x^2", with: " + 0*x")
        let found = try Self.last(problem, "\"sama\"", iterations: 600)
        #expect(abs(found.x[0] - 2) <= 0.02, "\(found.x)")
    }

    // MARK: - Learned starts

    /// Tasks of different curvature c: w = s l + (1 − s) a, s = (1 − αc)^T, f_y = w − b.
    private static let meta = """
        {"data": {"a": {"value": [0, 4]}, "b": {"value": [1, 2]}, "c": {"value": [1, 3]}},
         "levels": [{"variables": {"l": {"start": 0}}, "minimize": "sum(0.5*(w-b)^2)"},
                    {"variables": {"w": {"shape": [2], "start": "l + 0*a"}}, "minimize": "sum(0.5*c*(w-a)^2)"}]}
        """

    @Test func startsAreLearnedToTheirOwnZeros() throws {
        let rest =
            #""lower_solver": {"step": 0.1, "steps": 3}, "upper_step": {"name": "projected-gradient", "step": 0.2}"#
        let (a, b) = ([0.0, 4.0], [1.0, 2.0])
        let s = [0.9, 0.7].map { Self.power($0, 3) }
        func sum(_ term: (Int) -> Double) -> Double { term(0) + term(1) }
        // Σ wᵢ(sl + (1 − s)a − b) = 0 with weights s, 1; of Reptile Σ (1 − s)(l − a) = 0.
        let expected = [
            ("maml", sum { s[$0] * (b[$0] - (1 - s[$0]) * a[$0]) } / sum { s[$0] * s[$0] }),
            ("fomaml", sum { b[$0] - (1 - s[$0]) * a[$0] } / sum { s[$0] }),
            ("reptile", sum { (1 - s[$0]) * a[$0] } / sum { 1 - s[$0] }),
        ]
        for (name, zero) in expected {
            let found = try Self.last(Self.meta, "{\"name\": \"\(name)\", \(rest)}", iterations: 400)
            #expect(abs(found.x[0] - zero) <= 1e-9, "\(name)")
        }
    }

    // MARK: - Differences of solutions

    /// y(x) is linear on P1: the estimate is −18 times the mean of u², whose deviation is √(2/K).
    @Test func differencesOfSolutionsAreUnbiased() throws {
        let method = #"{"name": "pzobo", "lower_solver": {"step": 0.5}, "hypergradient": {"directions": 20000}}"#
        let found = try Self.last(Self.p1, method, iterations: 0)
        #expect(abs(found.hypergradient[0] + 18) <= 18 * 3 * 0.01)
    }

    @Test func differencesOfSolutionsComeNear() throws {
        let method =
            #"{"name": "pzobo", "hypergradient": {"directions": 100}, "upper_step": {"name": "projected-gradient", "step": {"inverse": {"initial": 0.05, "offset": 20}}}}"#
        let found = try Self.last(Self.p1, method, iterations: 1000)
        #expect(abs(found.x[0] - 1.8) <= 3e-3, "\(found.x)")
    }
}
