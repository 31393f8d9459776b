// Conjugate gradients against exact solutions, at their limits, and on systems they cannot solve.

import Solvers
import Testing

@Suite struct ConjugateGradientsTests {
    @Test(arguments: [
        ([2.0], [4.0], [2.0]), ([1, 1], [3, 4], [3, 4]), ([1, 2, 3], [1, 1, 1], [1, 0.5, 1.0 / 3]),
    ])
    func returnsTheConvergedIterate(_ diagonal: [Double], _ rhs: [Double], _ answer: [Double]) throws {
        let solution = try ConjugateGradients().solve(diagonalOperator(diagonal), rhs: rhs)
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, answer) < 1e-14)
    }

    @Test func takesAsManyStepsAsDistinctEigenvalues() throws {
        let solution = try ConjugateGradients().solve(ConditioningProblem.matrix, rhs: ConditioningProblem.rhs)
        #expect(solution.status == .converged)
        #expect(solution.statistics.iterations == 5)
        #expect(solution.statistics.relativeResidual <= 1e-10)
        #expect(relativeError(solution.point, ConditioningProblem.answer) < 1e-10)
    }

    @Test(arguments: [(5, SolveStatus.converged), (4, .iterationLimit), (0, .iterationLimit)])
    func stopsAtTheLimit(_ limit: Int, _ status: SolveStatus) throws {
        let solution = try ConjugateGradients(maxIterations: limit)
            .solve(ConditioningProblem.matrix, rhs: ConditioningProblem.rhs)
        #expect(solution.status == status)
        #expect(solution.statistics.iterations == limit)
    }

    @Test func reportsTheTrueResidual() throws {
        let solution = try ConjugateGradients(maxIterations: 3)
            .solve(ConditioningProblem.matrix, rhs: ConditioningProblem.rhs)
        var image = solution.point
        ConditioningProblem.matrix.apply(solution.point, &image)
        let residual = zip(image, ConditioningProblem.rhs).reduce(0) { $0 + ($1.1 - $1.0) * ($1.1 - $1.0) }
        #expect(abs(solution.statistics.residualNorm / residual.squareRoot() - 1) < 1e-10)
    }

    @Test func answersZeroWithZeroInNoIterations() throws {
        let solution = try ConjugateGradients().solve(diagonalOperator([1, 2]), rhs: [0, 0], start: [5, 5])
        #expect(solution.point == [0, 0])
        #expect(solution.status == .converged)
        #expect(solution.statistics.iterations == 0)
        #expect(solution.statistics.relativeResidual == 0)
    }

    @Test func anExactStartNeedsNoIteration() throws {
        let solution = try ConjugateGradients().solve(diagonalOperator([2]), rhs: [4], start: [2])
        #expect(solution.status == .converged)
        #expect(solution.statistics.iterations == 0)
    }

    @Test func startsFromAnyPoint() throws {
        let solution = try ConjugateGradients().solve(diagonalOperator([1, 2, 3]), rhs: [1, 1, 1], start: [9, -9, 3])
        #expect(relativeError(solution.point, [1, 0.5, 1.0 / 3]) < 1e-10)
    }

    @Test func detectsNegativeCurvature() throws {
        let solution = try ConjugateGradients().solve(diagonalOperator([-2]), rhs: [1])
        #expect(solution.status == .indefinite(curvature: -2))
        #expect(solution.point == [0])
    }

    @Test func keepsTheProgressMadeBeforeTheIndefiniteDirection() throws {
        let solution = try ConjugateGradients().solve(diagonalOperator([1, 0]), rhs: [1, 1])
        #expect(solution.status == .indefinite(curvature: 0))
        #expect(solution.point == [2, 2])
    }

    @Test func zeroToleranceEndsAtRoundingLevel() throws {
        var numbers = TestNumbers(seed: 1)
        let diagonal = (0..<60).map { _ in 1 + 1e4 * numbers.next() }
        let solution = try ConjugateGradients(tolerance: Tolerance(), maxIterations: 10_000)
            .solve(diagonalOperator(diagonal), rhs: numbers.vector(60))
        #expect(solution.status == .stagnated || solution.status == .converged)
        #expect(solution.statistics.relativeResidual < 1e-13)
    }

    @Test func solvesIllConditionedSystems() throws {
        let diagonal = (0..<30).map { i in 1 + 1e8 * Double(i) / 29 }
        let rhs = [Double](repeating: 1, count: 30)
        let solution = try ConjugateGradients(tolerance: Tolerance(relative: 1e-12))
            .solve(diagonalOperator(diagonal), rhs: rhs)
        #expect(solution.status == .converged)
        #expect(solution.statistics.relativeResidual <= 1e-12)
    }

    @Test(arguments: [Double.nan, .infinity]) func reportsARightHandSideThatIsNotFinite(_ value: Double) throws {
        let solution = try ConjugateGradients().solve(diagonalOperator([1, 1]), rhs: [value, 1])
        #expect(solution.status == .diverged(quantity: .rightHandSide, iteration: 0))
        #expect(solution.point == [0, 0])
    }

    @Test func keepsTheLastFinitePointOfABrokenOperator() throws {
        let solution = try ConjugateGradients().solve(diagonalOperator([1, .nan]), rhs: [1, 1])
        #expect(solution.status == .diverged(quantity: .residual, iteration: 0))
        #expect(solution.point == [0, 0])
    }

    @Test func stopsWhenInterrupted() throws {
        var remaining = 2
        let solution = try ConjugateGradients().solve(
            ConditioningProblem.matrix, rhs: ConditioningProblem.rhs, start: nil
        ) {
            remaining -= 1
            return remaining < 0
        }
        #expect(solution.status == .interrupted)
        #expect(solution.statistics.iterations == 2)
    }

    @Test func refusesShapesThatDoNotFit() {
        #expect(throws: SolverError.dimensionMismatch(of: "rhs", expected: 2, found: 1)) {
            try ConjugateGradients().solve(diagonalOperator([1, 1]), rhs: [1])
        }
        #expect(throws: SolverError.dimensionMismatch(of: "start", expected: 2, found: 3)) {
            try ConjugateGradients().solve(diagonalOperator([1, 1]), rhs: [1, 1], start: [0, 0, 0])
        }
    }
}
