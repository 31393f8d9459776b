// Penalty methods, and those for lower levels with several minimisers: their fixed points in closed form, the optimum
// where their theory promises it, and a problem that differentiation of steps from a given start cannot solve.
import ExpressionLanguage
import Foundation
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

    // MARK: - Where growing weights have led

    private static let problems: [(String, PenaltyFixedPoint.Problem)] = [
        (p1, .quadratic), (p14, .tasks(scale: 1)), (flat, .flat),
    ]

    /// After T iterations x stands where the direction of the last weight vanishes, c_T = T^⅓: behind it by what the weight
    /// moves that point in the time of a step, of order 1/T, and by what is left of the start, e^(−rΣξ_t) with the steps
    /// ξ_t = ξ/(1 + 2c_t) or ξ/(1 + c_t(2 + ξ)), ξ = 1/1.1L, and r the slowest curvature of f where the lower level is solved.
    @Test(arguments: ["pgdo", "meha"]) func rampsLeadToTheLastWeightsPoint(_ name: String) throws {
        let iterations = 3000
        let ramp = pow(Double(iterations), 1.0 / 3)
        // L of g on P1 and P14, of f beside the flat level; r = ‖(3, 1)‖⁻² F'', ‖(½, ½, 1)‖⁻² F'', (3 − √3)/2.
        let curvatures = [(20.0, 1.0), (2 + 2.0.squareRoot(), 1.0 / 6), (2.618, 0.634)]
        for ((problem, closed), (largest, rate)) in zip(Self.problems, curvatures) {
            let expected =
                name == "pgdo"
                ? PenaltyFixedPoint.valueGap(closed, ramp) : PenaltyFixedPoint.moreauEnvelope(closed, ramp)
            let found = try Self.last(problem, "\"\(name)\"", iterations: iterations)
            let step = 1 / (1.1 * largest)
            let travelled = (0..<iterations).reduce(0.0) { sum, t in
                let weight = pow(Double(t) + 1, 1.0 / 3)
                return sum + step / (1 + weight * (name == "pgdo" ? 2 : 2 + step))
            }
            let left = closed.optimum * exp(-rate * travelled)
            #expect(abs(found.x[0] - expected) <= 6 / Double(iterations) + left, "\(found.x), \(expected)")
            // V-PBGD, Proposition 2; MEHA, Theorem 3.1: the bias is O(1/c).
            #expect(abs(expected - closed.optimum) <= 1 / ramp)
        }
    }

    /// x stands where the direction at σ_T = 1/(T + 1) vanishes, up to the last steps of Adam, of length 0.1/√T.
    @Test func barriersLeadToTheLastWeightsPoint() throws {
        let sigma = 1.0 / 1001
        for (problem, closed) in Self.problems {
            let expected = PenaltyFixedPoint.barrier(closed, sigma)
            let found = try Self.last(problem, "\"bvfim\"", iterations: 1000)
            #expect(abs(found.x[0] - expected) <= 0.1 * sigma.squareRoot(), "\(found.x), \(expected)")
        }
    }

    /// That point is O(√σ) from the optimum, since the slack falls as √σ where f_y does not vanish: a hundredth of σ
    /// makes a tenth of the distance.
    @Test func barriersHaveABiasOfRootSigma() {
        for (_, closed) in Self.problems {
            let distances = [1e-6, 1e-8].map { abs(PenaltyFixedPoint.barrier(closed, $0) - closed.optimum) }
            #expect(abs(distances[1] / distances[0] - 0.1) <= 0.01, "\(distances)")
        }
    }

    /// BDA's truncated problem is solved exactly, and its solution tends to the optimum as the share a_T = w/T of f does.
    @Test(arguments: [50, 400]) func aggregatedStepsLeadToTheirOwnOptimum(_ steps: Int) throws {
        let (weight, step) = (0.9, 0.4)
        let method =
            #"{"name": "gda", "lower_solver": {"step": \#(step), "steps": \#(steps)}, "hypergradient": {"weight": \#(weight)}}"#
        for (problem, closed) in Self.problems {
            let expected = PenaltyFixedPoint.aggregated(closed, step: step, steps: steps, weight: weight)
            let found = try Self.last(problem, method, iterations: 300)
            #expect(abs(found.x[0] - expected) <= 1e-9, "\(found.x), \(expected)")
            // Where g is flat, Π (1 − 2αw/t) of b's way is left: T^(−0.72).
            let rate = problem == Self.flat ? pow(Double(steps), -2 * step * weight) : weight / Double(steps)
            #expect(abs(expected - closed.optimum) <= 2 * rate, "\(expected)")
        }
    }

    // MARK: - Optima

    /// BOME drives q to 0 by itself. With one lower variable the direction of y cannot turn, and it ends at the optimum; with
    /// two the sum of its squared KKT residuals over T steps ξ is bounded, their mean by 1/ξT (Theorem 1), ξ = 1/1.1L
    /// divided by 1 + 2 · ½.
    @Test func dynamicBarrier() throws {
        #expect(abs(try Self.last(Self.p1, "\"bome\"", iterations: 1000).x[0] - 1.8) <= 1e-6)
        let step = 1 / (2 * 1.1 * (2 + 2.0.squareRoot()))
        #expect(abs(try Self.last(Self.p14, "\"bome\"", iterations: 1000).x[0] - 1) <= 1 / (step * 1000))
    }

    /// IAPTT solves what its last steps see; Adam's steps are 0.1/√T at the end.
    @Test func learnedStartsSolveTheProblem() throws {
        #expect(abs(try Self.last(Self.p1, "\"di\"", iterations: 600).x[0] - 1.8) <= 1e-3)
        #expect(abs(try Self.last(Self.p14, "\"di\"", iterations: 600).x[0] - 1) <= 1e-3)
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

    @Test(arguments: [("bome", 1e-5), ("di", 1e-3)])
    func severalMinimisers(_ method: String, _ tolerance: Double) throws {
        let found = try Self.last(Self.flat, "\"\(method)\"", iterations: 1000)
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
