// Minimal residuals for symmetric systems that need not be definite. Paige & Saunders 1975; recurrences as in
// Greenbaum, Iterative Methods, 1997, Alg. 4. The residual is recomputed before it is believed.
import Tensors

/// Solves `H x = b` for symmetric `H`, definite or not. One application of `H` per iteration.
package struct MINRES: LinearSolver, Equatable {
    /// The test on ‖b − H x‖₂, relative to ‖b‖₂.
    package var tolerance: Tolerance
    /// The largest number of updates of x.
    package var maxIterations: Int

    /// The method with these settings.
    package init(tolerance: Tolerance = Tolerance(relative: 1e-10), maxIterations: Int = 1_000) {
        self.tolerance = tolerance
        self.maxIterations = maxIterations
    }

    package func solve(
        _ matrix: LinearOperator, rhs: [Double], start: [Double]?, shouldStop: InterruptionCheck
    ) throws(SolverError) -> Solution {
        if let trivial = try trivialSolution(matrix, rhs: rhs, start: start) { return trivial }
        var run = MinimalResidualRun(matrix: matrix, rhs: rhs, start: start, tolerance: tolerance)
        let status =
            run.statusBeforeFirstStep
            ?? IterationLoop.run(limit: maxIterations, shouldStop: shouldStop) { run.step($0) }
        if status != .converged { run.measure() }
        return Solution(
            point: run.x, status: status,
            statistics: SolveStatistics(iterations: run.iterations, residualNorm: run.residualNorm, scale: run.scale))
    }
}

/// The vectors of one run: the Lanczos basis' last two, the directions' last two.
private struct MinimalResidualRun {
    let matrix: LinearOperator
    let rhs: [Double]
    let scale: Double
    let threshold: Double
    var x: [Double]
    var residualNorm: Double
    var iterations = 0
    private var basis: [Double]
    private var previousBasis: [Double]
    private var image: [Double]
    private var direction: [Double]
    private var previousDirection: [Double]
    /// The off-diagonal entry, the last two rotations, and the residual's signed norm.
    private var beta = 0.0
    private var rotation = (cosine: 1.0, sine: 0.0)
    private var previousRotation = (cosine: 1.0, sine: 0.0)
    private var eta = 0.0
    /// The norm found at the last recomputation of the residual.
    private var trueNorm = Double.infinity
    /// The largest entry of the tridiagonal matrix so far.
    private var largest = 0.0

    init(matrix: LinearOperator, rhs: [Double], start: [Double]?, tolerance: Tolerance) {
        self.matrix = matrix
        self.rhs = rhs
        scale = VectorMath.norm(rhs)
        threshold = tolerance.threshold(scale: scale)
        x = start ?? [Double](repeating: 0, count: rhs.count)
        basis = rhs
        if start != nil { matrix.residual(rhs, at: x, into: &basis) }
        previousBasis = rhs
        image = rhs
        direction = rhs
        previousDirection = rhs
        residualNorm = VectorMath.norm(basis)
        restart()
    }

    var statusBeforeFirstStep: SolveStatus? {
        if !residualNorm.isFinite { return .diverged(quantity: .residual, iteration: 0) }
        return residualNorm <= threshold ? .converged : nil
    }

    /// Begins a Krylov space at the residual, which `basis` holds, of norm `residualNorm`.
    private mutating func restart() {
        if residualNorm > 0 { VectorMath.scale(1 / residualNorm, &basis) }
        for i in basis.indices {
            previousBasis[i] = 0
            direction[i] = 0
            previousDirection[i] = 0
        }
        beta = 0
        rotation = (1, 0)
        previousRotation = (1, 0)
        eta = residualNorm
    }

    mutating func step(_ iteration: Int) -> SolveStatus? {
        matrix.apply(basis, &image)
        let alpha = VectorMath.dot(basis, image)
        VectorMath.add(-alpha, basis, to: &image)
        VectorMath.add(-beta, previousBasis, to: &image)
        let next = VectorMath.norm(image)
        guard alpha.isFinite, next.isFinite else { return .diverged(quantity: .residual, iteration: iteration) }
        largest = max(largest, alpha.magnitude, next)
        let delta = rotation.cosine * alpha - previousRotation.cosine * rotation.sine * beta
        let radius = (delta * delta + next * next).squareRoot()
        // The space is exhausted and the matrix singular on it.
        guard radius > 64 * Double.ulpOfOne * largest else { return .stagnated }
        let second = rotation.sine * alpha + previousRotation.cosine * rotation.cosine * beta
        let third = previousRotation.sine * beta
        previousRotation = rotation
        rotation = (delta / radius, next / radius)
        for i in x.indices {
            let fresh = (basis[i] - second * direction[i] - third * previousDirection[i]) / radius
            previousDirection[i] = direction[i]
            direction[i] = fresh
            x[i] += rotation.cosine * eta * fresh
        }
        eta *= -rotation.sine
        residualNorm = eta.magnitude
        iterations += 1
        if residualNorm <= max(threshold, Double.ulpOfOne * scale) || next <= 64 * Double.ulpOfOne * largest {
            let before = trueNorm
            if verify() { return .converged }
            if !(residualNorm < before / 2) { return .stagnated }
            restart()
            return nil
        }
        swap(&previousBasis, &basis)
        swap(&basis, &image)
        VectorMath.scale(1 / next, &basis)
        beta = next
        return nil
    }

    /// Recomputes the residual into `basis`; whether it is small enough.
    private mutating func verify() -> Bool {
        measure()
        trueNorm = residualNorm
        return residualNorm <= threshold
    }

    mutating func measure() {
        matrix.residual(rhs, at: x, into: &basis)
        residualNorm = VectorMath.norm(basis)
    }
}
