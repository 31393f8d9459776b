// Restarted GMRES for linear systems that are not symmetric. Saad & Schultz 1986; Saad, Iterative Methods, 2nd ed.,
// Alg. 6.9 with Givens rotations (§6.5.3).
import Tensors

/// Solves `A x = b` for regular `A` by minimal residuals over Krylov spaces.
///
/// One application of `A` per iteration, and one for the residual that each restart begins with.
package struct GMRES: LinearSolver, Equatable {
    /// The test on ‖b − A x‖₂, relative to ‖b‖₂.
    package var tolerance: Tolerance
    /// Vectors kept before a restart.
    package var restart: Int
    /// The largest number of applications of `A`, restarts not counted.
    package var maxIterations: Int

    /// The method with these settings.
    package init(tolerance: Tolerance = Tolerance(relative: 1e-10), restart: Int = 50, maxIterations: Int = 1_000) {
        precondition(restart > 0, "at least one vector is kept")
        self.tolerance = tolerance
        self.restart = restart
        self.maxIterations = maxIterations
    }

    package func solve(
        _ matrix: LinearOperator, rhs: [Double], start: [Double]?, shouldStop: InterruptionCheck
    ) throws(SolverError) -> Solution {
        if let trivial = try trivialSolution(matrix, rhs: rhs, start: start) { return trivial }
        var iterate = KrylovIterate(matrix: matrix, rhs: rhs, start: start, tolerance: tolerance)
        let status = improve(&iterate, shouldStop)
        return iterate.solution(iterate.isSolved ? .converged : status)
    }

    /// Cycles until one no longer helps.
    private func improve(_ iterate: inout KrylovIterate, _ shouldStop: InterruptionCheck) -> SolveStatus {
        while iterate.iterations < maxIterations && !iterate.isSolved {
            if shouldStop() { return .interrupted }
            if Divergence.isDivergent(iterate.residualNorm, from: iterate.scale) {
                return .diverged(quantity: .residual, iteration: iterate.iterations)
            }
            var cycle = ArnoldiCycle(residual: iterate.residual, norm: iterate.residualNorm)
            cycle.run(
                iterate.matrix, steps: min(restart, maxIterations - iterate.iterations), threshold: iterate.threshold)
            iterate.iterations += cycle.steps
            let (point, norm) = (iterate.x, iterate.residualNorm)
            cycle.addCorrection(to: &iterate.x)
            iterate.measure()
            // A cycle that gains nothing gains nothing the next time either.
            guard iterate.residualNorm < norm else {
                (iterate.x, iterate.residualNorm) = (point, norm)
                return .stagnated
            }
            let gained = iterate.residualNorm < (1 - 1e-6) * norm
            if !gained && !iterate.isSolved { return .stagnated }
        }
        return .iterationLimit
    }
}

/// The vectors between two restarts: V orthonormal, H its Hessenberg matrix, turned triangular by rotations.
private struct ArnoldiCycle {
    private var basis: [[Double]]
    /// Column j holds j + 1 entries of the triangle.
    private var columns: [[Double]] = []
    private var rotations: [(cosine: Double, sine: Double)] = []
    private var rhs: [Double]

    var steps: Int { columns.count }

    init(residual: [Double], norm: Double) {
        var first = residual
        VectorMath.scale(1 / norm, &first)
        basis = [first]
        rhs = [norm]
    }

    mutating func run(_ matrix: LinearOperator, steps: Int, threshold: Double) {
        var image = basis[0]
        while columns.count < steps {
            matrix.apply(basis[columns.count], &image)
            var (column, next) = orthogonalise(image)
            let length = VectorMath.norm(next)
            for (i, rotation) in rotations.enumerated() {
                (column[i], column[i + 1]) = (
                    rotation.cosine * column[i] + rotation.sine * column[i + 1],
                    rotation.cosine * column[i + 1] - rotation.sine * column[i]
                )
            }
            let last = column.count - 1
            let radius = (column[last] * column[last] + length * length).squareRoot()
            guard radius > 0, radius.isFinite else { return }
            let (cosine, sine) = (column[last] / radius, length / radius)
            column[last] = radius
            columns.append(column)
            rotations.append((cosine, sine))
            rhs.append(-sine * rhs[last])
            rhs[last] *= cosine
            if rhs[last + 1].magnitude <= threshold || length == 0 { return }
            VectorMath.scale(1 / length, &next)
            basis.append(next)
        }
    }

    /// Two passes of modified Gram–Schmidt: one loses orthogonality with the condition of the matrix.
    private func orthogonalise(_ image: [Double]) -> (column: [Double], rest: [Double]) {
        var rest = image
        var column = [Double](repeating: 0, count: basis.count)
        for _ in 0..<2 {
            for (i, vector) in basis.enumerated() {
                let part = VectorMath.dot(vector, rest)
                column[i] += part
                VectorMath.add(-part, vector, to: &rest)
            }
        }
        return (column, rest)
    }

    /// x += V R⁻¹ rhs.
    func addCorrection(to x: inout [Double]) {
        var weights = [Double](repeating: 0, count: columns.count)
        for i in columns.indices.reversed() {
            var sum = rhs[i]
            for j in (i + 1)..<max(columns.count, i + 1) { sum -= columns[j][i] * weights[j] }
            weights[i] = sum / columns[i][i]
        }
        for (i, weight) in weights.enumerated() { VectorMath.add(weight, basis[i], to: &x) }
    }
}
