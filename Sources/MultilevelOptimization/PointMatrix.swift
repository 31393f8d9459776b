// The matrix of a linear system at one point: formed and factored where it is small, applied where it is not.
import ExpressionGraph
import Solvers
import Tensors

/// What came out of a linear solve: the point, its residual relative to the right-hand side, and what is wrong with it.
struct LinearAnswer {
    let point: [Double]
    let residual: Double
    let fault: SolveFault?
}

/// A matrix at a point.
enum PointMatrix {
    case dense(DenseMatrix)
    case krylov(KrylovMatrix)

    /// The solution of A x = rhs or Aᵀ x = rhs; zeros where there is none.
    func solve(_ rhs: [Double], transposed: Bool) -> LinearAnswer {
        switch self {
        case .dense(let matrix): matrix.solve(rhs, transposed: transposed)
        case .krylov(let matrix): matrix.solve(rhs, transposed: transposed)
        }
    }
}

extension PointMatrix {
    /// Whether systems with the matrix can be solved, as far as that is known without a right-hand side.
    var hasInverse: Bool {
        switch self {
        case .dense(let matrix): matrix.determinantSign != 0
        case .krylov: true
        }
    }

    /// Extreme Ritz values of a symmetric matrix; eigenvalues of one that is formed. `nil` where they are not finite.
    func curvature(seed: UInt64) -> Curvature? {
        switch self {
        case .dense(let matrix):
            let d = matrix.dimension
            let product = LinearOperator(dimension: d) { direction, image in
                for row in 0..<d {
                    image[row] = VectorMath.dot(Array(matrix.entries[(row * d)..<((row + 1) * d)]), direction)
                }
            }
            return Curvature(of: product, seed: seed, steps: d)
        case .krylov(let matrix): return Curvature(of: matrix.product(transposed: false), seed: seed)
        }
    }
}

/// A matrix formed from d products, with its factors.
struct DenseMatrix {
    let dimension: Int
    /// Row-major [d, d].
    let entries: [Double]
    /// Factors of symmetric positive definite matrices.
    let cholesky: Cholesky?
    /// Factors of A + τI with a tiny τ where A is symmetric, positive semidefinite to rounding and not definite.
    let semidefinite: Cholesky?
    private let lu: LU?

    /// Forms and factors. O(d) products and O(d³).
    init(_ system: LinearSystem, _ point: PointKey, _ runtime: FunctionRuntime) {
        let d = system.dimension
        let product = runtime.program(for: system.product)
        var entries = [Double](repeating: 0, count: d * d)
        var direction = [Double](repeating: 0, count: d)
        for column in 0..<d {
            direction[column] = 1
            point.withArguments(adding: [direction]) { arguments in
                for (row, value) in product.evaluate(arguments, runtime).enumerated() {
                    entries[row * d + column] = value
                }
            }
            direction[column] = 0
        }
        if system.isSymmetric { Self.symmetrise(&entries, d) }
        dimension = d
        self.entries = entries
        cholesky = system.isSymmetric ? Cholesky(entries, dimension: d) : nil
        semidefinite = system.isSymmetric && cholesky == nil ? Self.semidefinite(entries, d) : nil
        lu = cholesky == nil && semidefinite == nil ? LU(entries, dimension: d) : nil
    }

    private static func semidefinite(_ entries: [Double], _ d: Int) -> Cholesky? {
        let shift = 1e-10 * max(VectorMath.maxNorm(entries), .leastNormalMagnitude / 1e-10)
        var trial = entries
        for index in 0..<d { trial[index * (d + 1)] += shift }
        return Cholesky(trial, dimension: d)
    }

    /// Rounding makes the two halves differ; factors read one of them.
    private static func symmetrise(_ entries: inout [Double], _ d: Int) {
        for row in 0..<d {
            for column in 0..<row {
                let mean = 0.5 * (entries[row * d + column] + entries[column * d + row])
                entries[row * d + column] = mean
                entries[column * d + row] = mean
            }
        }
    }

    func solve(_ rhs: [Double], transposed: Bool) -> LinearAnswer {
        var solution: [Double]
        if let semidefinite {
            return solve(rhs, by: semidefinite)
        } else if let cholesky {
            solution = cholesky.solve(rhs)
        } else if let lu {
            solution = lu.solve(rhs, transposed: transposed)
        } else {
            return LinearAnswer(point: [Double](repeating: 0, count: dimension), residual: 1, fault: .singular)
        }
        // One step of refinement, with the residual as the measure of what came out.
        var residual = residual(rhs, solution, transposed)
        VectorMath.add(1, cholesky?.solve(residual) ?? lu?.solve(residual, transposed: transposed) ?? [], to: &solution)
        residual = self.residual(rhs, solution, transposed)
        let scale = VectorMath.norm(rhs)
        let relative = scale > 0 ? VectorMath.norm(residual) / scale : 0
        return LinearAnswer(
            point: solution, residual: relative, fault: relative <= Self.trusted ? nil : .residual(relative))
    }

    /// A solution where A has no inverse but the right-hand side is in its range, by refinement with factors close to A's.
    private func solve(_ rhs: [Double], by factors: Cholesky) -> LinearAnswer {
        var solution = factors.solve(rhs)
        for _ in 0..<2 { VectorMath.add(1, factors.solve(residual(rhs, solution, false)), to: &solution) }
        let scale = VectorMath.norm(rhs)
        let relative = scale > 0 ? VectorMath.norm(residual(rhs, solution, false)) / scale : 0
        if relative <= Self.trusted { return LinearAnswer(point: solution, residual: relative, fault: nil) }
        return LinearAnswer(point: [Double](repeating: 0, count: dimension), residual: 1, fault: .singular)
    }

    /// The relative residual above which a factored solution means nothing.
    private static let trusted = 1e-8

    private func residual(_ rhs: [Double], _ x: [Double], _ transposed: Bool) -> [Double] {
        var result = rhs
        for row in 0..<dimension {
            for column in 0..<dimension {
                let entry = entries[transposed ? column * dimension + row : row * dimension + column]
                result[row] -= entry * x[column]
            }
        }
        return result
    }

    /// Factors of A + τI with the smallest τ of a geometric sequence that makes it positive definite.
    var shifted: Cholesky? {
        let largest = VectorMath.maxNorm(entries)
        guard largest.isFinite else { return nil }
        let diagonal = (0..<dimension).map { entries[$0 * (dimension + 1)] }
        var shift = max(1e-3 * max(largest, 1e-8), -2 * (diagonal.min() ?? 0))
        for _ in 0..<60 {
            var trial = entries
            for index in 0..<dimension { trial[index * (dimension + 1)] += shift }
            if let factors = Cholesky(trial, dimension: dimension) { return factors }
            shift *= 4
        }
        return nil
    }

    /// The sign of det A, 0 where a pivot vanishes. Gaussian elimination with row exchanges, O(d³).
    var determinantSign: Int {
        var rows = entries
        var sign = 1
        return rows.withUnsafeMutableBufferPointer { a in
            for column in 0..<dimension {
                var pivot = column
                for row in column..<dimension
                where a[row * dimension + column].magnitude > a[pivot * dimension + column].magnitude { pivot = row }
                let value = a[pivot * dimension + column]
                if value == 0 { return 0 }
                if value < 0 { sign = -sign }
                if pivot != column {
                    sign = -sign
                    for index in column..<dimension { a.swapAt(pivot * dimension + index, column * dimension + index) }
                }
                for row in (column + 1)..<max(dimension, column + 1) {
                    let factor = a[row * dimension + column] / value
                    if factor == 0 { continue }
                    for index in column..<dimension {
                        a[row * dimension + index] -= factor * a[column * dimension + index]
                    }
                }
            }
            return sign
        }
    }

    /// Whether A is positive semidefinite to rounding: a tiny multiple of the identity makes it definite.
    var isSemidefinite: Bool { cholesky != nil || semidefinite != nil }
}

/// A matrix that is only applied: conjugate gradients where it is symmetric, GMRES elsewhere.
struct KrylovMatrix {
    let system: LinearSystem
    let point: PointKey
    let runtime: FunctionRuntime
    let shouldStop: () -> Bool
    /// Called for every product.
    let counts: () -> Void

    private static let tolerance = Tolerance(relative: 1e-12)
    /// The relative residual above which a solution is not trusted.
    private static let trusted = 1e-9

    func solve(_ rhs: [Double], transposed: Bool) -> LinearAnswer {
        let solution = run(rhs, transposed: transposed)
        let relative = solution.statistics.relativeResidual
        let fault: SolveFault?
        switch solution.status {
        case .interrupted: fault = .interrupted
        case .indefinite: fault = .indefinite
        case .converged: fault = nil
        case .iterationLimit, .stagnated, .diverged: fault = relative <= Self.trusted ? nil : .residual(relative)
        }
        return LinearAnswer(point: solution.point, residual: relative, fault: fault)
    }

    /// The last iterate, whatever its status.
    func run(_ rhs: [Double], transposed: Bool) -> Solution {
        let matrix = product(transposed: transposed)
        let steps = max(1_000, 10 * system.dimension)
        let solver: any LinearSolver =
            system.isSymmetric
            ? ConjugateGradients(tolerance: Self.tolerance, maxIterations: steps)
            : GMRES(tolerance: Self.tolerance, maxIterations: steps)
        do {
            return try solver.solve(matrix, rhs: rhs, start: nil, shouldStop: shouldStop)
        } catch {
            preconditionFailure("a right-hand side of the system's own dimension: \(error)")
        }
    }

    /// The matrix or its transpose, applied.
    func product(transposed: Bool) -> LinearOperator {
        let product = runtime.program(for: system.product(transposed: transposed))
        return LinearOperator(dimension: system.dimension) { direction, image in
            counts()
            point.withArguments(adding: [direction]) { arguments in
                for (row, value) in product.evaluate(arguments, runtime).enumerated() { image[row] = value }
            }
        }
    }
}
