// First-order rules: their derivatives against differences and transposition, their minima, and where they end.
import Solvers
import Testing

@Suite struct UpdateRuleTests {
    static let rules: [UpdateRule] = [
        .gradient, .heavyBall(momentum: 0.7), .nesterov(momentum: 0.6), .nesterov(momentum: nil),
        .adam(AdamCoefficients(first: 0.8, second: 0.9, epsilon: 1e-3)),
    ]
    private static let steps = 7

    /// The gradient of Σ log cosh(yᵢ) + ½(Σy)² − ⟨c, y⟩, its product with the Hessian, and its change with c.
    private static func gradient(_ y: [Double], _ c: [Double]) -> [Double] {
        let sum = y.reduce(0, +)
        return y.indices.map { tanhOf(y[$0]) + sum - c[$0] }
    }

    private static func tanhOf(_ x: Double) -> Double {
        let e = (0..<40).reversed().reduce(1.0) { 1 + 2 * x / Double($1 + 1) * $0 }
        return (e - 1) / (e + 1)
    }

    private static func hessian(_ y: [Double], _ v: [Double]) -> [Double] {
        let sum = v.reduce(0, +)
        return y.indices.map { (1 - tanhOf(y[$0]) * tanhOf(y[$0])) * v[$0] + sum }
    }

    private static func run(_ rule: UpdateRule, _ start: [Double], _ c: [Double]) -> [RuleState] {
        var states = [rule.begin(at: start)]
        var query = start
        for t in 0..<steps {
            var state = states[t]
            rule.query(state, step: t, into: &query)
            rule.advance(&state, gradient: gradient(query, c), alpha: 0.2 / Double(t + 1), step: t)
            states.append(state)
        }
        return states
    }

    /// The tangent of the last point along changes of the start and of c.
    private static func push(_ rule: UpdateRule, _ start: [Double], _ c: [Double], _ u: [Double], _ w: [Double])
        -> [Double]
    {
        let states = run(rule, start, c)
        var tangent = rule.startTangent(u)
        var (query, direction) = (start, start)
        for t in 0..<steps {
            rule.query(states[t], step: t, into: &query)
            rule.pushQuery(tangent, step: t, into: &direction)
            let change = zip(hessian(query, direction), w).map { $0 - $1 }
            rule.push(
                &tangent, from: states[t], gradient: gradient(query, c), tangentGradient: change,
                alpha: 0.2 / Double(t + 1), step: t)
        }
        return tangent.point
    }

    /// The cotangents of the start and of c.
    private static func pull(
        _ rule: UpdateRule, _ start: [Double], _ c: [Double], _ a: [Double]
    ) -> (start: [Double], c: [Double]) {
        let states = run(rule, start, c)
        var cotangent = rule.lift(a)
        var (query, gradientCotangent) = (start, start)
        var ofC = start.map { _ in 0.0 }
        for t in (0..<steps).reversed() {
            rule.query(states[t], step: t, into: &query)
            rule.pullGradient(
                &cotangent, from: states[t], gradient: gradient(query, c), alpha: 0.2 / Double(t + 1), step: t,
                into: &gradientCotangent)
            for i in ofC.indices { ofC[i] -= gradientCotangent[i] }
            rule.pullQuery(&cotangent, query: hessian(query, gradientCotangent), step: t)
        }
        return (rule.startCotangent(cotangent), ofC)
    }

    private static func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    @Test(arguments: rules) func tangentsAreDifferences(_ rule: UpdateRule) {
        let (start, c) = ([0.3, -0.4, 0.9], [1.0, 0.2, -0.5])
        let (u, w) = ([1.0, 0.5, -0.3], [0.2, -1, 0.7])
        let tangent = Self.push(rule, start, c, u, w)
        let h = 1e-5
        func moved(_ sign: Double) -> [Double] {
            Self.run(
                rule, zip(start, u).map { $0 + sign * h * $1 }, zip(c, w).map { $0 + sign * h * $1 })[Self.steps].point
        }
        let difference = zip(moved(1), moved(-1)).map { ($0 - $1) / (2 * h) }
        #expect(relativeError(tangent, difference) < 1e-7)
    }

    @Test(arguments: rules) func cotangentsAreTransposedTangents(_ rule: UpdateRule) {
        let (start, c) = ([0.3, -0.4, 0.9], [1.0, 0.2, -0.5])
        let (u, w, a) = ([1.0, 0.5, -0.3], [0.2, -1, 0.7], [0.4, 0.8, -1.1])
        let forward = Self.dot(a, Self.push(rule, start, c, u, w))
        let back = Self.pull(rule, start, c, a)
        #expect(abs(forward - Self.dot(back.start, u) - Self.dot(back.c, w)) < 1e-13)
    }

    @Test func restWithoutGradientHasNoDerivativeOfSize() {
        let rule = UpdateRule.adam(AdamCoefficients())
        var cotangent = rule.lift([1])
        var result = [0.0]
        rule.pullGradient(&cotangent, from: rule.begin(at: [0]), gradient: [0], alpha: 1, step: 0, into: &result)
        #expect(result[0].isFinite)
    }

    @Test(arguments: [
        (UpdateRule.heavyBall(momentum: 0.8), 0.04), (.nesterov(momentum: nil), 0.02), (.nesterov(momentum: 0.8), 0.02),
    ]) func momentumMinimises(_ rule: UpdateRule, _ step: Double) {
        let objective = separableQuadratic([1, 10, 50], center: [1, -2, 3])
        let solution = RuleDescent(
            rule: rule, schedule: .constant(step), tolerance: Tolerance(absolute: 1e-10), maxIterations: 5_000
        ).minimize(objective, from: [0, 0, 0], shouldStop: { false })
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, [1, -2, 3]) < 1e-10)
        #expect(solution.statistics.residualNorm <= 1e-10)
    }

    @Test func adamMinimisesWithFallingSteps() {
        let objective = separableQuadratic([1, 10, 50], center: [1, -2, 3])
        let solution = RuleDescent(
            rule: .adam(AdamCoefficients()), schedule: .power(initial: 0.3, exponent: 0.5), tolerance: nil,
            maxIterations: 3_000
        ).minimize(objective, from: [0, 0, 0], shouldStop: { false })
        #expect(solution.status == .iterationLimit && solution.statistics.iterations == 3_000)
        #expect(relativeError(solution.point, [1, -2, 3]) < 1e-3)
    }

    @Test func divergenceAndInterruptionAreStatuses() {
        let objective = separableQuadratic([1, 10], center: [1, 1])
        let descent = RuleDescent(
            rule: .heavyBall(momentum: 0.9), schedule: .constant(10), tolerance: nil, maxIterations: 1_000)
        guard case .diverged = descent.minimize(objective, from: [0, 0], shouldStop: { false }).status else {
            Issue.record("steps of ten diverge")
            return
        }
        #expect(descent.minimize(objective, from: [0, 0], shouldStop: { true }).status == .interrupted)
    }
}
