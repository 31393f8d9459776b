// Linear systems by factors: the matrix formed from n applications, factored, and the solution refined once.
// Golub & Van Loan, Matrix Computations, 4th ed., §3.5.3, §4.2.
import Tensors

/// Solves `A x = b` for small systems: n applications of `A` and O(n³).
package struct DirectSolver: LinearSolver, Equatable {
    package enum Factors: Sendable, Equatable {
        /// Of the symmetric part; for positive definite matrices.
        case cholesky
        case lu
    }
    package var factors: Factors
    /// Unknowns up to which a matrix is formed: 128 MiB of it.
    package static let limit = 4_096

    /// The method with these factors.
    package init(_ factors: Factors) { self.factors = factors }

    /// - Precondition: at most ``limit`` unknowns.
    package func solve(
        _ matrix: LinearOperator, rhs: [Double], start: [Double]?, shouldStop: InterruptionCheck
    ) throws(SolverError) -> Solution {
        if let trivial = try trivialSolution(matrix, rhs: rhs, start: start) { return trivial }
        let n = matrix.dimension
        precondition(n <= Self.limit, "\(n) unknowns, at most \(Self.limit) are factored")
        let scale = VectorMath.norm(rhs)
        let zero = [Double](repeating: 0, count: n)
        func outcome(_ x: [Double], _ status: SolveStatus, _ norm: Double) -> Solution {
            Solution(
                point: x, status: status,
                statistics: SolveStatistics(iterations: n, residualNorm: norm, scale: scale))
        }
        guard let entries = form(matrix, shouldStop) else { return outcome(zero, .interrupted, scale) }
        guard VectorMath.isFinite(entries) else {
            return outcome(zero, .diverged(quantity: .residual, iteration: 0), scale)
        }
        guard let solve = factor(entries, n) else {
            return outcome(zero, .indefinite(curvature: smallestCurvature(matrix)), scale)
        }
        var x = solve(rhs)
        var residual = rhs
        matrix.residual(rhs, at: x, into: &residual)
        var refined = x
        VectorMath.add(1, solve(residual), to: &refined)
        var norm = VectorMath.norm(residual)
        matrix.residual(rhs, at: refined, into: &residual)
        let refinedNorm = VectorMath.norm(residual)
        if refinedNorm <= norm {
            x = refined
            norm = refinedNorm
        }
        return outcome(x, norm <= Self.trusted * scale ? .converged : .stagnated, norm)
    }

    /// The relative residual above which a factored solution means nothing.
    private static let trusted = 1e-8

    /// The matrix, row-major; nil when interrupted.
    private func form(_ matrix: LinearOperator, _ shouldStop: InterruptionCheck) -> [Double]? {
        let n = matrix.dimension
        var entries = [Double](repeating: 0, count: n * n)
        var unit = [Double](repeating: 0, count: n)
        var column = unit
        for index in 0..<n {
            if shouldStop() { return nil }
            unit[index] = 1
            matrix.apply(unit, &column)
            unit[index] = 0
            for row in 0..<n { entries[row * n + index] = column[row] }
        }
        guard factors == .cholesky else { return entries }
        // Rounding makes the halves differ, and factors read one of them.
        for row in 0..<n {
            for other in 0..<row {
                let mean = 0.5 * (entries[row * n + other] + entries[other * n + row])
                entries[row * n + other] = mean
                entries[other * n + row] = mean
            }
        }
        return entries
    }

    private func factor(_ entries: [Double], _ n: Int) -> (([Double]) -> [Double])? {
        switch factors {
        case .cholesky: Cholesky(entries, dimension: n).map { factor in { factor.solve($0) } }
        case .lu: LU(entries, dimension: n).map { factor in { factor.solve($0) } }
        }
    }

    /// What a matrix without factors is reported with: 0 for singular ones.
    private func smallestCurvature(_ matrix: LinearOperator) -> Double {
        guard factors == .cholesky else { return 0 }
        let start = (0..<matrix.dimension).map { 1 + Double($0 % 7) / 7 }
        let ritz = try? Lanczos(steps: min(30, matrix.dimension)).ritzValues(of: matrix, start: start)
        return min(ritz?.smallest ?? 0, 0)
    }
}
