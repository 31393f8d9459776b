// L-BFGS down to rounding level, on ill-conditioned and undefined objectives.

import Solvers
import Testing

@Suite struct LBFGSTests {
    private func minimize(
        _ objective: SmoothObjective, from start: [Double], tolerance: Double = 1e-12, limit: Int = 1_000
    ) -> Solution {
        LBFGS(tolerance: Tolerance(absolute: tolerance), maxIterations: limit)
            .minimize(objective, from: start, shouldStop: { false })
    }

    @Test(arguments: [2, 10, 100]) func solvesRosenbrock(_ count: Int) {
        let start = (0..<count).map { $0 % 2 == 0 ? -1.2 : 1 }
        let solution = minimize(rosenbrock, from: start)
        #expect(solution.status == .converged)
        #expect(solution.statistics.residualNorm <= 1e-12)
        #expect(solution.statistics.iterations < 100)
        #expect(relativeError(solution.point, [Double](repeating: 1, count: count)) < 1e-11)
    }

    @Test func solvesTheConditioningProblem() {
        let objective = separableQuadratic(ConditioningProblem.spectrum, center: ConditioningProblem.answer)
        let solution = minimize(objective, from: [Double](repeating: 0, count: 20))
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, ConditioningProblem.answer) < 1e-11)
    }

    /// With the shift the values' differences are lost in rounding long before the gradient is.
    @Test(arguments: [0.0, 1e6]) func reachesTinyGradientsWhereValuesDrown(_ shift: Double) {
        let inner = makeLogisticRegression()
        let objective = SmoothObjective { inner.valueAndGradient($0, &$1) + shift }
        let solution = minimize(objective, from: [0, 0, 0, 0, 0], tolerance: 1e-14)
        #expect(solution.status == .converged)
        #expect(solution.statistics.residualNorm <= 1e-14)
    }

    @Test(arguments: [1e4, 1e6, 1e8]) func solvesIllConditionedQuadratics(_ condition: Double) {
        var numbers = TestNumbers(seed: 3)
        let curvatures = (0..<30).map { 1 + (condition - 1) * Double($0 * $0) / (29 * 29) }
        let center = numbers.vector(30)
        let solution = minimize(
            separableQuadratic(curvatures, center: center), from: [Double](repeating: 0, count: 30),
            tolerance: 1e-9, limit: 5_000)
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, center) < 1e-8)
    }

    @Test(arguments: [0, 1, 3]) func worksWithLittleMemory(_ memory: Int) {
        let objective = separableQuadratic([1, 3, 10], center: [1, 2, 3])
        let solution = LBFGS(memory: memory, tolerance: Tolerance(absolute: 1e-12))
            .minimize(objective, from: [0, 0, 0], shouldStop: { false })
        #expect(solution.status == .converged)
    }

    /// x⁴/4 − x²/2 curves down around 0 and has its minima at ±1.
    @Test(arguments: [0, 1, 10]) func leavesNegativeCurvature(_ memory: Int) {
        let wells = SmoothObjective { x, gradient in
            gradient[0] = x[0] * x[0] * x[0] - x[0]
            return x[0] * x[0] * (x[0] * x[0] / 4 - 0.5)
        }
        let solution = LBFGS(memory: memory, tolerance: Tolerance(absolute: 1e-12))
            .minimize(wells, from: [1e-8], shouldStop: { false })
        #expect(solution.status == .converged)
        #expect(abs(solution.point[0] - 1) < 1e-11)
    }

    @Test func staysInTheDomain() {
        let solution = minimize(barrier, from: [1e-3])
        #expect(solution.status == .converged)
        #expect(abs(solution.point[0] - 1) < 1e-11)
    }

    @Test func anUnreachableToleranceStagnatesAtTheBestPoint() {
        let solution = minimize(makeLogisticRegression(), from: [0, 0, 0, 0, 0], tolerance: 0)
        #expect(solution.status == .stagnated || solution.status == .converged)
        #expect(solution.statistics.residualNorm < 1e-15)
    }

    @Test(arguments: [1.0, -3]) func reportsAnObjectiveWithoutMinimum(_ slope: Double) {
        let line = SmoothObjective { x, gradient in
            gradient[0] = slope
            return slope * x[0]
        }
        #expect(minimize(line, from: [0]).status == .diverged(quantity: .value, iteration: 0))
    }

    @Test func reportsAStartOutsideTheDomain() {
        let solution = minimize(undefinedObjective, from: [1, 2])
        #expect(solution.status == .diverged(quantity: .value, iteration: 0))
        #expect(solution.point == [1, 2])
    }

    @Test func aStationaryStartNeedsNoUpdate() {
        let solution = minimize(separableQuadratic([1], center: [4]), from: [4], tolerance: 0)
        #expect(solution.status == .converged)
        #expect(solution.statistics.iterations == 0)
    }

    @Test func theEmptyVectorIsStationary() {
        #expect(minimize(separableQuadratic([], center: []), from: []).status == .converged)
    }

    @Test func stopsAtTheLimitWithTheBestPoint() {
        let solution = minimize(rosenbrock, from: [-1.2, 1], limit: 3)
        #expect(solution.status == .iterationLimit)
        #expect(solution.statistics.iterations == 3)
        #expect((solution.statistics.value ?? .infinity) < 24.2)
    }

    @Test func stopsWhenInterrupted() {
        var checks = 0
        let solution = LBFGS().minimize(rosenbrock, from: [-1.2, 1]) {
            checks += 1
            return checks > 4
        }
        #expect(solution.status == .interrupted)
        #expect(solution.statistics.iterations == 4)
    }
}
