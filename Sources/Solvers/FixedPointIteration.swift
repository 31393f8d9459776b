// Fixed-point (Picard) iteration v ← Φ(v) and, for linear systems, Richardson's v ← v − η(Hv − b).

import Tensors

/// Iterates `v ← Φ(v)`.
package struct FixedPointIteration: Sendable, Equatable {
    /// The test on ‖Φ(v) − v‖₂, relative to ‖v‖₂. Nil: exactly ``maxIterations`` updates, each with one evaluation
    /// of Φ and no evaluation after the last, so that the reported residual is that of the iterate before the last.
    package var tolerance: Tolerance?

    /// The largest number of updates. With a tolerance, the result of the last is tested too: one more evaluation.
    package var maxIterations: Int

    /// The method with these settings.
    package init(tolerance: Tolerance?, maxIterations: Int) {
        self.tolerance = tolerance
        self.maxIterations = maxIterations
    }

    /// - Parameters:
    ///   - map: overwrites its second argument with Φ of the first.
    ///   - start: the first iterate, [n].
    ///   - shouldStop: asked once per iteration.
    /// - Returns: the last iterate; the start where the iteration diverged.
    package func solve(
        from start: [Double], shouldStop: InterruptionCheck = { false },
        map: (_ v: [Double], _ image: inout [Double]) -> Void
    ) -> Solution {
        let loop = PicardLoop(limit: maxIterations, initialScale: VectorMath.norm(start))
        let threshold: ((Double) -> Double)? = tolerance.map { tolerance in { tolerance.threshold(scale: $0) } }
        return loop.run(from: start, threshold: threshold, shouldStop: shouldStop) { v, displacement in
            map(v, &displacement)
            VectorMath.add(-1, v, to: &displacement)
        }
    }

    /// Solves `v = M v + b`, shape [n]; the same limits, tests and result as for a general map.
    ///
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    package func solve(
        _ matrix: LinearOperator, offset: [Double], start: [Double]? = nil, shouldStop: InterruptionCheck = { false }
    ) throws(SolverError) -> Solution {
        try SolverError.check("offset", offset, hasCount: matrix.dimension)
        if let start { try SolverError.check("start", start, hasCount: matrix.dimension) }
        let first = start ?? [Double](repeating: 0, count: offset.count)
        return solve(from: first, shouldStop: shouldStop) { v, image in
            matrix.apply(v, &image)
            VectorMath.add(1, offset, to: &image)
        }
    }
}

/// Solves `H v = b` by `v ← v − η(Hv − b)`, which converges for eigenvalues of ηH within the unit disc around 1.
///
/// Iterations are counted as updates from the start. On problem P6 (eigenvalues 1…100, η = 2/101, v₀ = 0) the
/// *residual* ‖b − Hv‖ ≤ 1e-10‖b‖ first holds after 1129 updates, the *error* ‖v − v*‖ ≤ 1e-10‖v*‖ after 1152: the
/// published count is the error's, which a solver cannot see.
package struct Richardson: LinearSolver, Equatable {
    /// η. The best is 2/(L + μ) for eigenvalues within [μ, L].
    package var step: Double

    /// The test on ‖b − Hv‖₂, relative to ‖b‖₂; nil as in ``FixedPointIteration/tolerance``.
    package var tolerance: Tolerance?

    /// The largest number of updates, as in ``FixedPointIteration/maxIterations``.
    package var maxIterations: Int

    /// The method with these settings.
    package init(step: Double, tolerance: Tolerance?, maxIterations: Int) {
        self.step = step
        self.tolerance = tolerance
        self.maxIterations = maxIterations
    }

    package func solve(
        _ matrix: LinearOperator, rhs: [Double], start: [Double]?, shouldStop: InterruptionCheck
    ) throws(SolverError) -> Solution {
        if let trivial = try trivialSolution(matrix, rhs: rhs, start: start) { return trivial }
        let scale = VectorMath.norm(rhs)
        let bound = tolerance.map { step.magnitude * $0.threshold(scale: scale) }
        let threshold: ((Double) -> Double)? = bound.map { bound in { _ in bound } }
        let loop = PicardLoop(limit: maxIterations, initialScale: step.magnitude * scale)
        var solution = loop.run(
            from: start ?? [Double](repeating: 0, count: rhs.count), threshold: threshold, shouldStop: shouldStop
        ) { v, displacement in
            matrix.residual(rhs, at: v, into: &displacement)
            for i in displacement.indices { displacement[i] *= step }
        }
        solution.statistics = SolveStatistics(
            iterations: solution.statistics.iterations,
            residualNorm: solution.statistics.residualNorm / step.magnitude, scale: scale)
        return solution
    }
}

/// The iteration behind both: `v ← v + d(v)` until ‖d‖ is small.
private struct PicardLoop {
    let limit: Int
    /// Growth of ‖d‖ is measured against this or the first ‖d‖, whichever is larger.
    let initialScale: Double

    /// - Parameters:
    ///   - threshold: the bound on ‖d‖ as a function of ‖v‖; nil for a fixed number of updates.
    ///   - displacement: overwrites its second argument with d(v).
    func run(
        from start: [Double], threshold: ((Double) -> Double)?, shouldStop: InterruptionCheck,
        displacement: (_ v: [Double], _ d: inout [Double]) -> Void
    ) -> Solution {
        var v = start
        var d = [Double](repeating: 0, count: start.count)
        var (norm, first, best) = (0.0, 0.0, Double.infinity)
        var updates = 0
        let evaluations = threshold == nil ? limit : limit + 1
        let status = IterationLoop.run(limit: evaluations, shouldStop: shouldStop) { iteration in
            displacement(v, &d)
            norm = VectorMath.norm(d)
            if iteration == 0 { first = norm }
            if Divergence.isDivergent(norm, from: max(first, initialScale)) {
                return .diverged(quantity: .residual, iteration: iteration)
            }
            if let threshold {
                let size = VectorMath.norm(v)
                if norm <= threshold(size) { return .converged }
                if norm >= best, norm <= roundingLevel * size { return .stagnated }
                if iteration == limit { return .iterationLimit }
            }
            best = min(best, norm)
            VectorMath.add(1, d, to: &v)
            updates += 1
            return nil
        }
        if case .diverged = status { v = start }
        return Solution(
            point: v, status: status,
            statistics: SolveStatistics(iterations: updates, residualNorm: norm, scale: first))
    }

    /// A displacement below this part of the iterate that no longer shrinks is made of rounding errors.
    private let roundingLevel = 64 * Double.ulpOfOne
}
