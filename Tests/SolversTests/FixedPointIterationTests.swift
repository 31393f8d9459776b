// Fixed points and Richardson's iteration against closed forms; the published count of problem P6.

import Glibc
import Solvers
import Testing

@Suite struct FixedPointIterationTests {
    @Test func solvesAnAffineMap() throws {
        let iteration = FixedPointIteration(tolerance: Tolerance(relative: 1e-13), maxIterations: 100)
        let solution = try iteration.solve(diagonalOperator([0.5, -0.25]), offset: [1, 5])
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, [2, 4]) < 1e-12)
    }

    @Test func findsTheEquilibriumOfATanhLayer() {
        let shift = atanh(0.5) - 0.25
        let solution = FixedPointIteration(tolerance: Tolerance(absolute: 1e-14), maxIterations: 100)
            .solve(from: [0]) { v, image in image[0] = tanh(0.5 * v[0] + shift) }
        #expect(solution.status == .converged)
        #expect(abs(solution.point[0] - 0.5) < 1e-13)
    }

    /// Φ = λw + 1 with λ = ½: after t steps from 0 the iterate is 2(1 − 2⁻ᵗ).
    @Test(arguments: [0, 1, 5, 20]) func withoutToleranceTakesExactlyTheSteps(_ steps: Int) {
        var evaluations = 0
        let solution = FixedPointIteration(tolerance: nil, maxIterations: steps).solve(from: [0]) { v, image in
            evaluations += 1
            image[0] = 0.5 * v[0] + 1
        }
        #expect(solution.status == .iterationLimit)
        #expect(solution.point == [2 * (1 - pow(0.5, Double(steps)))])
        #expect(evaluations == steps)
        #expect(solution.statistics.iterations == steps)
    }

    @Test func aFixedPointAtTheStartNeedsNoUpdate() {
        let solution = FixedPointIteration(tolerance: Tolerance(), maxIterations: 5).solve(from: [3]) { v, image in
            image = v
        }
        #expect(solution.status == .converged)
        #expect(solution.statistics.iterations == 0)
    }

    @Test func zeroToleranceEndsAtRoundingLevel() throws {
        let rows = [[0.3, 0.2, 0.1], [0.2, -0.4, 0.1], [0.1, 0.1, 0.6]]
        let solution = try FixedPointIteration(tolerance: Tolerance(), maxIterations: 10_000)
            .solve(denseOperator(rows), offset: [1, 0.7, 0.3])
        #expect(solution.status == .stagnated || solution.status == .converged)
        #expect(solution.statistics.iterations < 1_000)
        #expect(solution.statistics.residualNorm < 1e-14)
    }

    /// v ← 2v + 1 from 1: the displacement 2·2ᵏ has grown by exactly 1/ε = 2⁵² at k = 52, by more at 53.
    @Test(arguments: [(53, SolveStatus.iterationLimit), (54, .diverged(quantity: .residual, iteration: 53))])
    func reportsGrowthAndKeepsTheStart(_ steps: Int, _ status: SolveStatus) throws {
        let solution = try FixedPointIteration(tolerance: nil, maxIterations: steps)
            .solve(diagonalOperator([2]), offset: [1], start: [1])
        #expect(solution.status == status)
        #expect((solution.point == [1]) == (steps == 54))
    }

    @Test func reportsNaN() {
        let solution = FixedPointIteration(tolerance: nil, maxIterations: 10).solve(from: [1]) { _, image in
            image[0] = .nan
        }
        #expect(solution.status == .diverged(quantity: .residual, iteration: 0))
        #expect(solution.point == [1])
    }

    @Test func stopsWhenInterrupted() {
        let solution = FixedPointIteration(tolerance: nil, maxIterations: 10)
            .solve(from: [1], shouldStop: { true }, map: { v, image in image = v })
        #expect(solution.status == .interrupted)
        #expect(solution.statistics.iterations == 0)
    }

    @Test func refusesShapesThatDoNotFit() {
        #expect(throws: SolverError.dimensionMismatch(of: "offset", expected: 2, found: 1)) {
            try FixedPointIteration(tolerance: nil, maxIterations: 1).solve(diagonalOperator([1, 1]), offset: [1])
        }
    }
}

@Suite struct RichardsonTests {
    private func run(_ limit: Int, tolerance: Tolerance? = nil) throws -> Solution {
        try Richardson(step: 2.0 / 101, tolerance: tolerance, maxIterations: limit)
            .solve(ConditioningProblem.matrix, rhs: ConditioningProblem.rhs)
    }

    /// The published count of P6, 1152, is that of the relative error.
    @Test func theErrorOfTheConditioningProblemTakes1152Updates() throws {
        #expect(relativeError(try run(1_151).point, ConditioningProblem.answer) > 1e-10)
        #expect(relativeError(try run(1_152).point, ConditioningProblem.answer) <= 1e-10)
    }

    @Test(arguments: [(1_128, SolveStatus.iterationLimit), (1_129, .converged), (5_000, .converged)])
    func theResidualTakes1129(_ limit: Int, _ status: SolveStatus) throws {
        let solution = try run(limit, tolerance: Tolerance(relative: 1e-10))
        #expect(solution.status == status)
        #expect(solution.statistics.iterations == min(limit, 1_129))
        #expect((solution.statistics.relativeResidual <= 1e-10) == (status == .converged))
    }

    @Test func aStepBeyondTwoOverTheLargestEigenvalueDiverges() throws {
        let solution = try Richardson(step: 0.05, tolerance: nil, maxIterations: 10_000)
            .solve(ConditioningProblem.matrix, rhs: ConditioningProblem.rhs)
        guard case .diverged(.residual, let iteration) = solution.status else {
            Issue.record("status is \(solution.status)")
            return
        }
        #expect(iteration < 100)
        #expect(solution.point == [Double](repeating: 0, count: 20))
    }

    @Test func answersZeroWithZero() throws {
        let solution = try Richardson(step: 1, tolerance: nil, maxIterations: 10)
            .solve(diagonalOperator([1]), rhs: [0], start: [3])
        #expect(solution.point == [0])
        #expect(solution.status == .converged)
    }
}
