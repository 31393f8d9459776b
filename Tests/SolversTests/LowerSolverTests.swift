// Anderson acceleration and truncated Newton steps: answers, speed against the plain iteration, and statuses.
import Solvers
import Testing

@Suite struct LowerSolverTests {
    /// z ↦ Az + b − z for the map of P3 with λ = 1.
    private static func p3(_ z: [Double], _ d: inout [Double]) {
        d[0] = 0.5 * z[0] + 0.4 * z[1] + 1 - z[0]
        d[1] = -0.1 * z[0] + 0.3 * z[1] + 2 - z[1]
    }
    private static let p3Answer = [50.0 / 13, 30.0 / 13]

    @Test func andersonSolvesLinearMapsInAsManyStepsAsUnknowns() {
        let solution = AndersonAcceleration(memory: 2, tolerance: 1e-13, maxIterations: 50).solve(
            from: [0, 0], displacement: Self.p3)
        #expect(solution.status == .converged)
        #expect(solution.statistics.iterations <= 4)
        #expect(relativeError(solution.point, Self.p3Answer) < 1e-12)
    }

    @Test func withoutMemoryItIsThePlainIteration() {
        let steps = 9
        let solution = AndersonAcceleration(memory: 0, tolerance: nil, maxIterations: steps).solve(
            from: [0, 0], displacement: Self.p3)
        var z = [0.0, 0]
        var d = z
        for _ in 0..<steps {
            Self.p3(z, &d)
            z = [z[0] + d[0], z[1] + d[1]]
        }
        #expect(solution.point == z && solution.status == .iterationLimit)
    }

    @Test func andersonEndsWhereRoundingDoes() {
        let solution = AndersonAcceleration(memory: 5, tolerance: 0, maxIterations: 10_000).solve(
            from: [0, 0], displacement: Self.p3)
        #expect(solution.status == .stagnated || solution.status == .converged)
        #expect(relativeError(solution.point, Self.p3Answer) < 1e-14)
    }

    @Test func andersonReportsDivergence() {
        let solution = AndersonAcceleration(memory: 0, tolerance: 1e-10, maxIterations: 10_000).solve(
            from: [1]
        ) { z, d in d[0] = 3 * z[0] }
        guard case .diverged = solution.status else {
            Issue.record("z ← 4z diverges")
            return
        }
        #expect(solution.point.allSatisfy { $0.isFinite })
        let stopped = AndersonAcceleration(memory: 1, tolerance: nil, maxIterations: 3).solve(
            from: [1], shouldStop: { true }, displacement: { z, d in d[0] = -z[0] })
        #expect(stopped.status == .interrupted)
    }

    private static func rosenbrockHessian(_ x: [Double], _ v: [Double], _ p: inout [Double]) {
        for i in stride(from: 0, to: x.count - 1, by: 2) {
            let a = 2 - 400 * x[i + 1] + 1200 * x[i] * x[i]
            p[i] = a * v[i] - 400 * x[i] * v[i + 1]
            p[i + 1] = -400 * x[i] * v[i] + 200 * v[i + 1]
        }
    }

    @Test func newtonSolvesRosenbrock() {
        let solution = NewtonCG(tolerance: Tolerance(absolute: 1e-10), maxIterations: 200).minimize(
            rosenbrock, hessian: Self.rosenbrockHessian, from: [-1.2, 1, -1.2, 1])
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, [1, 1, 1, 1]) < 1e-9)
        #expect(solution.statistics.iterations < 80)
    }

    @Test func newtonIsExactOnQuadraticsAndReportsWhatIsNotFinite() {
        let objective = separableQuadratic([1, 10, 50], center: [1, -2, 3])
        func hessian(_ x: [Double], _ v: [Double], _ p: inout [Double]) {
            for (i, h) in [1.0, 10, 50].enumerated() { p[i] = h * v[i] }
        }
        let solution = NewtonCG(tolerance: Tolerance(absolute: 1e-12)).minimize(
            objective, hessian: hessian, from: [0, 0, 0])
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, [1, -2, 3]) < 1e-12)
        let broken = NewtonCG().minimize(undefinedObjective, hessian: hessian, from: [0, 0, 0])
        #expect(broken.status == .diverged(quantity: .value, iteration: 0))
        let stopped = NewtonCG().minimize(objective, hessian: hessian, from: [0, 0, 0], shouldStop: { true })
        #expect(stopped.status == .interrupted && stopped.point == [0, 0, 0])
    }
}
