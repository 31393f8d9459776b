// Penalty methods, and those for lower levels with several minimisers: their fixed points in closed form, the optimum
// where their theory promises it, and a problem that differentiation of steps from a given start cannot solve.
import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Testing

@Suite struct PenaltyMethodTests {
    private static func last(_ problem: String, _ method: String, iterations: Int) throws -> Evaluation {
        try BiasedMethodTests.last(problem, method, iterations: iterations)
    }

    private static let p1 = BiasedMethodTests.p1

    private static let p14 = """
        {"data": {"a": {"value": [0, 4]}, "b": {"value": [1, 2]}},
         "levels": [{"variables": {"l": {"start": 0}}, "minimize": "mean(0.5*(w-b)^2)"},
                    {"variables": {"w": {"shape": [2]}}, "minimize": "sum(0.5*(w-a)^2 + 0.5*(w-l)^2)"}]}
        """

    // MARK: - Fixed points

    /// With r = y − 3x and ỹ − 3x = q r: x = 6c(1 − q)r, y = 6 − 2cr.
    @Test(arguments: [0.3, 2]) func valueGapWithAGivenWeight(_ weight: Double) throws {
        let method =
            #"{"name": "pgdo", "lower_solver": {"step": 0.1, "steps": 4}, "hypergradient": {"weight": \#(weight), "growth": 0}}"#
        let q = 0.8 * 0.8 * 0.8 * 0.8
        let r = 6 / (1 + 2 * weight + 18 * weight * (1 - q))
        let found = try Self.last(Self.p1, method, iterations: 2500)
        #expect(abs(found.x[0] - 6 * weight * (1 - q) * r) <= 1e-7, "\(found.x)")
        #expect(abs(found.v[0] - (6 - 2 * weight * r)) <= 1e-7)
    }

    /// The envelope divides the lower curvature by 1 + 2γ: x = 6κs, y = 6 − 2κs with κ = 2cγ/(1 + 2γ), s = 6/(1 + 20κ).
    @Test(arguments: [(1.0, 1.0), (2, 0.5)]) func moreauEnvelopeWithAGivenWeight(
        _ weight: Double, _ radius: Double
    ) throws {
        let method = #"{"name": "meha", "hypergradient": {"weight": \#(weight), "growth": 0, "radius": \#(radius)}}"#
        let kappa = 2 * weight * radius / (1 + 2 * radius)
        let s = 6 / (1 + 20 * kappa)
        let found = try Self.last(Self.p1, method, iterations: 3000)
        #expect(abs(found.x[0] - 6 * kappa * s) <= 1e-7, "\(found.x)")
        #expect(abs(found.y[0] - (6 - 2 * kappa * s)) <= 1e-7)
    }

    /// y_T = Ax + B by the aggregated steps; F(x) = ½(Ax + B − 6)² + ½x².
    @Test(arguments: [(0.5, 20), (0.9, 60)]) func aggregatedStepsAreDifferentiatedExactly(
        _ weight: Double, _ steps: Int
    ) throws {
        let method =
            #"{"name": "gda", "lower_solver": {"step": 0.2, "steps": \#(steps)}, "hypergradient": {"weight": \#(weight)}}"#
        var (a, b) = (0.0, 0.0)
        for t in 0..<steps {
            let share = weight / Double(t + 1)
            a -= 0.2 * ((1 - share) * 2 * (a - 3) + share * a)
            b -= 0.2 * ((1 - share) * 2 * b + share * (b - 6))
        }
        let found = try Self.last(Self.p1, method, iterations: 100)
        #expect(abs(found.x[0] + a * (b - 6) / (1 + a * a)) <= 1e-9)
    }

    // MARK: - Optima

    @Test(arguments: [
        ("\"bome\"", 1000, 1e-6), ("\"di\"", 600, 1e-3), ("\"pgdo\"", 3000, 2e-2), ("\"meha\"", 3000, 3e-2),
        ("\"bvfim\"", 1000, 5e-2), ("\"gda\"", 200, 5e-2),
    ]) func closedForms(_ method: String, _ iterations: Int, _ tolerance: Double) throws {
        let quadratic = try Self.last(Self.p1, method, iterations: iterations)
        #expect(abs(quadratic.x[0] - 1.8) <= tolerance, "P1 \(quadratic.x) \(quadratic.y)")
        let tasks = try Self.last(Self.p14, method, iterations: iterations)
        // With several lower variables BOME's steps of one length end in a neighbourhood (its Theorem 3).
        #expect(abs(tasks.x[0] - 1) <= max(tolerance, 1e-2), "P14 \(tasks.x) \(tasks.y)")
    }

    // MARK: - Several minimisers

    /// b is free below: the optimum is x = 4/3, a = 4/3, b = 5/3, F = 1/6. From b = 0, which no step below moves, the steps'
    /// derivatives see ½x² + ½(x − 1)² + 2 and end at ½.
    private static let flat = """
        {"levels": [{"variables": {"x": {"start": 0}}, "minimize": "0.5*(x-b)^2 + 0.5*(a-1)^2 + 0.5*(b-2)^2"},
                    {"variables": {"a": {}, "b": {}}, "minimize": "0.5*(a-x)^2 + 0*b"}]}
        """

    @Test func unrolledStepsMissTheOptimum() throws {
        let found = try Self.last(Self.flat, "\"itd\"", iterations: 200)
        #expect(abs(found.x[0] - 0.5) <= 1e-9)
    }

    @Test(arguments: [
        ("\"bome\"", 1000, 1e-5), ("\"di\"", 1000, 1e-3), ("\"pgdo\"", 3000, 2e-2), ("\"meha\"", 3000, 3e-2),
        ("\"bvfim\"", 1000, 5e-2),
        (#"{"name": "gda", "lower_solver": {"steps": 1000}, "hypergradient": {"weight": 0.9}}"#, 100, 5e-2),
    ]) func severalMinimisers(_ method: String, _ iterations: Int, _ tolerance: Double) throws {
        let found = try Self.last(Self.flat, method, iterations: iterations)
        #expect(abs(found.x[0] - 4.0 / 3) <= tolerance, "\(found.x) \(found.y)")
        #expect(abs(found.value - 1.0 / 6) <= tolerance)
    }

    /// The certificate does not pretend to know ∇F where the best response is not unique.
    @Test func certificatesOfSeveralMinimisersAreUnknown() throws {
        let (_, result) = try run("{\"problem\": \(Self.flat), \"method\": \"bome\", \"limits\": {\"iterations\": 50}}")
        #expect(result.certificate.normConfidence == .unknown && result.certificate.errorConfidence == .unknown)
        #expect(result.certificate.hypergradientError == nil)
    }
}
