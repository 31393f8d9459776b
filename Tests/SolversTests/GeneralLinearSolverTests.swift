// Solvers for systems that are not symmetric positive definite, against exact solutions and on systems that have none.
import Solvers
import Testing

@Suite struct GeneralLinearSolverTests {
    private static func dense(_ rows: [[Double]]) -> LinearOperator {
        let n = rows.count
        return LinearOperator(
            dimension: n,
            transposed: { x, y in
                for i in 0..<n { y[i] = (0..<n).reduce(0) { $0 + rows[$1][i] * x[$1] } }
            },
            action: { x, y in
                for i in 0..<n { y[i] = zip(rows[i], x).reduce(0) { $0 + $1.0 * $1.1 } }
            })
    }

    /// I − Aᵀ of the acceptance problem P3, whose adjoint for ones has the sum 80/13 against b = (1, 2).
    private static var contraction: LinearOperator { dense([[0.5, 0.1], [-0.4, 0.7]]) }

    private static let general: [any LinearSolver] = [
        NormalEquations(tolerance: Tolerance(relative: 1e-13)), BiCGStab(tolerance: Tolerance(relative: 1e-13)),
        GMRES(tolerance: Tolerance(relative: 1e-13)), DirectSolver(.lu),
    ]
    private static let symmetric: [any LinearSolver] = general + [MINRES(tolerance: Tolerance(relative: 1e-13))]

    @Test(arguments: 0..<general.count) func solvesTheMapOfP3(_ index: Int) throws {
        let solution = try Self.general[index].solve(Self.contraction, rhs: [1, 1])
        #expect(solution.status == .converged)
        #expect(abs(solution.point[0] + 2 * solution.point[1] - 80.0 / 13) < 1e-12)
    }

    @Test func normalEquationsAreExactInTwoSteps() throws {
        let solution = try NormalEquations().solve(Self.contraction, rhs: [1, 1])
        #expect(solution.statistics.iterations == 2)
    }

    @Test(arguments: 0..<general.count) func solvesRandomSystems(_ index: Int) throws {
        for seed in 1...5 {
            var numbers = TestNumbers(seed: UInt64(seed))
            let n = 30
            var rows = (0..<n).map { _ in numbers.vector(n) }
            for i in 0..<n { rows[i][i] += 8 }
            let answer = numbers.vector(n)
            var rhs = answer
            let matrix = Self.dense(rows)
            matrix.apply(answer, &rhs)
            let solution = try Self.general[index].solve(matrix, rhs: rhs)
            #expect(solution.status == .converged)
            #expect(relativeError(solution.point, answer) < 1e-11)
            let nearby = answer.map { $0 + 0.01 }
            let warm = try Self.general[index].solve(matrix, rhs: rhs, start: nearby)
            #expect(relativeError(warm.point, answer) < 1e-11)
        }
    }

    @Test(arguments: 0..<symmetric.count) func solvesIndefiniteSystems(_ index: Int) throws {
        var numbers = TestNumbers(seed: 3)
        let diagonal = (0..<40).map { ($0.isMultiple(of: 3) ? -1.0 : 1.0) * (1 + 9 * numbers.next()) }
        let answer = numbers.vector(40)
        let rhs = zip(diagonal, answer).map(*)
        let solution = try Self.symmetric[index].solve(diagonalOperator(diagonal), rhs: rhs)
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, answer) < 1e-11)
    }

    @Test func minresTakesAsManyStepsAsDistinctEigenvalues() throws {
        let solution = try MINRES().solve(ConditioningProblem.matrix, rhs: ConditioningProblem.rhs)
        #expect(solution.status == .converged)
        #expect(solution.statistics.iterations == 5)
        #expect(relativeError(solution.point, ConditioningProblem.answer) < 1e-10)
        let identity = try MINRES().solve(diagonalOperator([1, 1]), rhs: [3, 4])
        #expect(relativeError(identity.point, [3, 4]) < 1e-15)
    }

    @Test func minresIsStationaryOnSingularSystems() throws {
        let consistent = try MINRES().solve(diagonalOperator([1, 2, 0]), rhs: [1, 1, 0])
        #expect(consistent.status == .converged)
        #expect(relativeError(consistent.point, [1, 0.5, 0]) < 1e-12)
        let not = try MINRES().solve(diagonalOperator([1, 2, 0]), rhs: [1, 1, 1])
        #expect(not.status == .stagnated)
        #expect(not.statistics.residualNorm >= 1 && not.point.allSatisfy(\.isFinite))
    }

    @Test func factorsThatDoNotExistAreAStatus() throws {
        guard
            case .indefinite(let curvature) = try DirectSolver(.cholesky).solve(
                diagonalOperator([1, -2]), rhs: [1, 1]
            ).status
        else {
            Issue.record("there are no factors")
            return
        }
        #expect(abs(curvature + 2) < 1e-12)
        let singular = try DirectSolver(.lu).solve(diagonalOperator([1, 0]), rhs: [1, 1])
        #expect(singular.status == .indefinite(curvature: 0))
        let exact = try DirectSolver(.cholesky).solve(diagonalOperator([4, 2]), rhs: [1, 1])
        #expect(exact.point == [0.25, 0.5])
    }

    @Test(arguments: 0..<symmetric.count) func brokenOperatorsAreAStatus(_ index: Int) throws {
        let solver = Self.symmetric[index]
        let broken = try solver.solve(diagonalOperator([1, .nan]), rhs: [1, 1])
        #expect(broken.status != .converged)
        let undefined = try solver.solve(diagonalOperator([1, 1]), rhs: [.nan, 1])
        #expect(undefined.status == .diverged(quantity: .rightHandSide, iteration: 0))
        let zero = try solver.solve(diagonalOperator([1, 1]), rhs: [0, 0])
        #expect(zero.status == .converged && zero.point == [0, 0])
        let stopped = try solver.solve(ConditioningProblem.matrix, rhs: ConditioningProblem.rhs, start: nil) { true }
        #expect(stopped.status == .interrupted)
    }

    /// The rotation by a right angle: ⟨r, Ar⟩ = 0 breaks BiCGStab down at once.
    @Test func breakdownIsAStatus() throws {
        let rotation = Self.dense([[0, 1], [-1, 0]])
        let solution = try BiCGStab().solve(rotation, rhs: [1, 0])
        #expect(solution.status == .stagnated)
        let normal = try NormalEquations().solve(rotation, rhs: [1, 0])
        let minimal = try GMRES().solve(rotation, rhs: [1, 0])
        #expect(normal.status == .converged && minimal.status == .converged)
    }
}
