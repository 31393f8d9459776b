// Square linear maps known only by their action, and the solvers of linear systems.

import Tensors

/// A linear map [n] → [n] given by its action.
package struct LinearOperator {
    /// n.
    package let dimension: Int

    private let action: (_ x: [Double], _ y: inout [Double]) -> Void
    private let transposedAction: ((_ x: [Double], _ y: inout [Double]) -> Void)?

    /// - Parameters:
    ///   - dimension: n.
    ///   - transposed: the same for Aᵀ; nil where A is symmetric.
    ///   - action: overwrites `y`, [n], with the image of `x`, [n]. What `y` holds before is undefined.
    package init(
        dimension: Int, transposed: ((_ x: [Double], _ y: inout [Double]) -> Void)? = nil,
        action: @escaping (_ x: [Double], _ y: inout [Double]) -> Void
    ) {
        self.dimension = dimension
        self.action = action
        transposedAction = transposed
    }

    /// `y ← A x`. Both have ``dimension`` entries.
    package func apply(_ x: [Double], _ y: inout [Double]) { action(x, &y) }

    /// `y ← Aᵀ x`.
    package func applyTransposed(_ x: [Double], _ y: inout [Double]) { (transposedAction ?? action)(x, &y) }

    /// `r ← b − A x`.
    func residual(_ rhs: [Double], at x: [Double], into r: inout [Double]) {
        apply(x, &r)
        for i in r.indices { r[i] = rhs[i] - r[i] }
    }
}

/// Solves `A x = b` by applications of `A`.
package protocol LinearSolver: Sendable {
    /// - Parameters:
    ///   - matrix: `A`, a map [n] → [n].
    ///   - rhs: `b`, [n].
    ///   - start: the first iterate, [n]; nil is 0, which costs no application.
    ///   - shouldStop: asked once per iteration.
    /// - Returns: the solution with ‖b − A x‖₂ as its residual norm, relative to ‖b‖₂.
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    func solve(
        _ matrix: LinearOperator, rhs: [Double], start: [Double]?, shouldStop: InterruptionCheck
    ) throws(SolverError) -> Solution
}

extension LinearSolver {
    /// `solve` from a start, 0 unless given, without interruption.
    package func solve(
        _ matrix: LinearOperator, rhs: [Double], start: [Double]? = nil
    ) throws(SolverError) -> Solution {
        try solve(matrix, rhs: rhs, start: start, shouldStop: { false })
    }

    /// Checks the shapes and answers the systems that need no iteration: b = 0, and b not finite.
    func trivialSolution(
        _ matrix: LinearOperator, rhs: [Double], start: [Double]?
    ) throws(SolverError) -> Solution? {
        try SolverError.check("rhs", rhs, hasCount: matrix.dimension)
        if let start { try SolverError.check("start", start, hasCount: matrix.dimension) }
        let scale = VectorMath.norm(rhs)
        let zero = [Double](repeating: 0, count: rhs.count)
        let statistics = SolveStatistics(iterations: 0, residualNorm: scale, scale: scale)
        if scale == 0 { return Solution(point: zero, status: .converged, statistics: statistics) }
        if scale.isFinite { return nil }
        return Solution(
            point: start ?? zero, status: .diverged(quantity: .rightHandSide, iteration: 0), statistics: statistics)
    }
}
