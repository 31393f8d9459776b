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
        try run(
            MinimalResidualRun.self, matrix, rhs: rhs, start: start, tolerance: tolerance, limit: maxIterations,
            shouldStop: shouldStop)
    }
}

/// The vectors of one run: the Lanczos basis' last two, the directions' last two.
private struct MinimalResidualRun: KrylovRun {
    var iterate: KrylovIterate
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
    /// The largest entry of the tridiagonal matrix so far.
    private var largest = 0.0

    init(_ iterate: KrylovIterate) {
        self.iterate = iterate
        basis = iterate.residual
        previousBasis = basis
        image = basis
        direction = basis
        previousDirection = basis
        restart()
    }

    /// Begins a Krylov space at the residual.
    private mutating func restart() {
        let norm = iterate.residualNorm
        for i in basis.indices {
            basis[i] = iterate.residual[i]
            previousBasis[i] = 0
            direction[i] = 0
            previousDirection[i] = 0
        }
        if norm > 0 { VectorMath.scale(1 / norm, &basis) }
        beta = 0
        rotation = (1, 0)
        previousRotation = (1, 0)
        eta = norm
    }

    mutating func step(_ iteration: Int) -> SolveStatus? {
        iterate.matrix.apply(basis, &image)
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
        for i in basis.indices {
            let fresh = (basis[i] - second * direction[i] - third * previousDirection[i]) / radius
            previousDirection[i] = direction[i]
            direction[i] = fresh
            iterate.x[i] += rotation.cosine * eta * fresh
        }
        eta *= -rotation.sine
        iterate.residualNorm = eta.magnitude
        iterate.iterations += 1
        if iterate.wantsVerification(eta.magnitude) || next <= 64 * Double.ulpOfOne * largest {
            if let status = iterate.verify() { return status }
            restart()
            return nil
        }
        swap(&previousBasis, &basis)
        swap(&basis, &image)
        VectorMath.scale(1 / next, &basis)
        beta = next
        return nil
    }

    /// The norm of the recurrence is believed no more than the residual was.
    mutating func settle(_ status: SolveStatus) -> SolveStatus {
        if status != .converged { iterate.measure() }
        return status
    }
}
