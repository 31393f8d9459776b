// Closed-form bilevel problems, met by every deterministic method.
import MultilevelOptimization
import Solvers
import Testing

@Suite struct ClosedFormTests {
    static let methods: [MethodConfiguration] = [
        .aid(),
        .aid(lower: .gradientDescent(step: .automatic, steps: 10_000, tolerance: 1e-13)),
        .aid(linear: .fixedPoint(step: nil, steps: 10_000, tolerance: 1e-13)),
        .itd(step: .automatic, steps: 200),
    ]

    @Test(arguments: methods) func bilevelQuadratic(_ method: MethodConfiguration) throws {
        let (start, result) = try #require(solve(Fixtures.quadratic(start: 0), method))
        #expect(abs((start.hypergradient?.first ?? .nan) + 18) <= 18e-9)
        #expect(result.termination == .converged)
        #expect(abs(result.x[0] - 1.8) <= 2e-9)
        #expect(abs(result.y[0] - 5.4) <= 6e-9)
        #expect(abs(result.objectives[0] - 1.8) <= 2e-9)
        let one = try #require(solve(Fixtures.quadratic(start: 1), method, iterations: 0))
        #expect(abs((one.start.hypergradient?.first ?? .nan) + 8) <= 8e-9)
    }

    @Test(arguments: methods) func logRidge(_ method: MethodConfiguration) throws {
        let (start, result) = try #require(solve(Fixtures.logRidge(start: 0), method, tolerance: 1e-12))
        #expect(abs(start.upperObjective - 9.0 / 200) <= 1e-9)
        #expect(abs((start.hypergradient?.first ?? .nan) - -6.0 / 125) <= 1e-9)
        #expect(abs(result.x[0] - 0.693147180559945) <= 1e-9)
        #expect(abs(result.objectives[0] - 1.0 / 36) <= 1e-9)
    }
}
