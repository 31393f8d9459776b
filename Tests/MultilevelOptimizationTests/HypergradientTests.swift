// Every way to the hypergradient agrees with differences of F, with the other ways, and with published error rates.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors
import Testing

@Suite struct HypergradientTests {
    @Test(arguments: RandomProblem.all) func implicitEqualsDifferences(_ random: RandomProblem) throws {
        let problem = try random.build()
        let evaluation = try evaluateStart(problem, .aid())
        #expect(evaluation.lowerStatus == .converged && evaluation.linearStatus == .converged)
        #expect(relativeError(evaluation.hypergradient, try differenceGradient(problem)) <= 1e-6)
    }

    @Test(arguments: RandomProblem.all) func unrolledTendsToImplicit(_ random: RandomProblem) throws {
        let problem = try random.build()
        let exact = try evaluateStart(problem, .aid()).hypergradient
        let unrolled = try evaluateStart(problem, .itd(step: .automatic, steps: 400)).hypergradient
        #expect(relativeError(unrolled, exact) <= 1e-9)
        let backtracked = try evaluateStart(
            problem, .aid(lower: .gradientDescent(step: .lineSearch, steps: 5000, tolerance: 1e-11)))
        #expect(relativeError(backtracked.hypergradient, exact) <= 1e-8)
    }

    @Test(arguments: RandomProblem.all, [1, 2, 7]) func fixedPointIsTruncatedReverse(
        _ random: RandomProblem, _ steps: Int
    ) throws {
        let problem = try random.build()
        let settled = problem.starting(lower: try evaluateStart(problem, .aid()).y)
        let implicit = try evaluateStart(settled, .fixedPoint(step: 0.1, lower: 1, linear: steps)).hypergradient
        let reverse = try evaluateStart(
            settled, .itd(step: .schedule(.constant(0.1)), steps: steps + 3, truncation: steps)
        ).hypergradient
        #expect(relativeError(implicit, reverse) <= 1e-10)
    }

    /// The lower level whose gradient step of length 1 is w ← λw + 1, with the upper objective w.
    private static func contraction() -> MultilevelProblem {
        bilevel(
            upper: 1, lower: 1, start: [0.5],
            f: { g, w, _ in g.sum(w) },
            g: { g, w, x in
                let rest = g.offset(1, g.negate(x))
                let square = g.scale(0.5, g.multiply(rest, g.unary(.square, w)))
                return g.sum(g.subtract(square, w))
            })
    }

    @Test(arguments: [(5, 3.25), (10, 3.957_031_25), (20, 3.999_919_891_357_422)])
    func unrolledRate(_ steps: Int, _ expected: Double) throws {
        let found = try evaluateStart(
            Self.contraction(), .itd(step: .schedule(.constant(1)), steps: steps)
        ).hypergradient[0]
        #expect(abs(found - expected) <= 1e-14)
        let t = Double(steps)
        let error = power(0.5, steps - 1) * (t * 0.5 + 0.5) / 0.25
        #expect(abs((4 - found) - error) <= 1e-14)
    }

    @Test(arguments: [(5, 3.753_906_25), (10, 3.992_191_314_697_265_6), (20, 3.999_992_370_609_106_7)])
    func fixedPointRate(_ steps: Int, _ expected: Double) throws {
        let found = try evaluateStart(
            Self.contraction(), .fixedPoint(step: 1, lower: steps, linear: steps)
        ).hypergradient[0]
        #expect(abs(found - expected) <= 1e-14)
        let error = (2 * power(0.5, steps) - power(0.5, 2 * steps)) / 0.25
        #expect(abs((4 - found) - error) <= 1e-14)
    }

    private func power(_ base: Double, _ exponent: Int) -> Double { (0..<exponent).reduce(1) { p, _ in p * base } }
}
