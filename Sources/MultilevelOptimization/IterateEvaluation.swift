// Where iterates on batches stand, measured on all data: F and ∇F at the upper point, without their full price.
import ExpressionGraph
import Solvers
import Tensors

/// What one look at the iterates (x, y, v) finds.
struct IterateLook {
    /// At x, with y and v a few steps of conjugate gradients nearer to y*(x) and −H⁻¹ f_y than the iterates are: what
    /// noise batches leave in them is of second order in f and h here. The residuals are those of the iterates.
    var evaluation: Evaluation
    /// f + |⟨v, g_y⟩| there: F(x) to second order, and never below what is known of it.
    var estimate: Double
    /// g_y after those steps.
    var gradient: [Double]

    var isFinite: Bool {
        evaluation.isFinite && estimate.isFinite && evaluation.lowerResidual.isFinite
            && evaluation.linearResidual?.isFinite == true && VectorMath.isFinite(evaluation.y)
    }
}

/// Evaluates the iterates of methods on batches on all data.
struct IterateEvaluator {
    /// Steps of conjugate gradients on either system: enough for noise, which is in no direction alone.
    static let corrections = 4
    /// Oracle calls of one look: f with its gradient, g_y twice, the corrections and one product more, Jv.
    static let calls = 6 + 2 * corrections

    /// Rows that one look reads.
    static func samples(_ problem: MultilevelProblem) -> Int {
        (4 + 2 * corrections).times(problem.sampleCount(ofLevel: 1)).adding(problem.sampleCount(ofLevel: 0))
    }

    let oracle: BilevelOracle

    func look(x: [Double], y: [Double], v: [Double]) -> IterateLook {
        oracle.setUpper(x)
        let (lower, gradient, lowerResidual) = corrected(y)
        var (fromUpper, residual) = (y, y)
        var (direction, mixed) = (x, x)
        let value = oracle.upperGradients(y: &fromUpper, x: &direction)
        oracle.hessianProduct(v, into: &residual)
        VectorMath.add(1, fromUpper, to: &residual)
        let linearResidual = VectorMath.norm(residual)
        var adjoint = v
        descend(&adjoint, &residual)
        oracle.mixedProduct(adjoint, into: &mixed)
        VectorMath.add(1, mixed, to: &direction)
        let evaluation = Evaluation(
            x: x, y: lower, v: adjoint.map { -$0 }, value: value, hypergradient: direction,
            lowerResidual: lowerResidual, linearResidual: linearResidual, lowerStatus: .iterationLimit,
            linearStatus: .iterationLimit)
        return IterateLook(
            evaluation: evaluation, estimate: value + VectorMath.dot(adjoint, gradient).magnitude, gradient: gradient)
    }

    /// y nearer to y*(x), or y itself where the level is too far from a quadratic; g_y there, and ‖g_y‖ before.
    private func corrected(_ y: [Double]) -> (y: [Double], gradient: [Double], before: Double) {
        var (gradient, residual, point) = (y, y, y)
        oracle.setLower(y)
        oracle.lowerGradient(into: &residual)
        let first = residual
        let before = VectorMath.norm(first)
        descend(&point, &residual)
        // The iterates' own precision, which results have.
        if oracle.problem.precision == .float32 { point = point.map { Double(Float($0)) } }
        oracle.setLower(point)
        oracle.lowerGradient(into: &gradient)
        if VectorMath.norm(gradient) <= before { return (point, gradient, before) }
        oracle.setLower(y)
        return (y, first, before)
    }

    /// point ← point − e and residual ← residual − H e with H e ≈ residual. Always the same number of products, so that
    /// budgets can be kept exactly.
    private func descend(_ point: inout [Double], _ residual: inout [Double]) {
        var (direction, product) = (residual, residual)
        var square = VectorMath.dot(residual, residual)
        for _ in 0..<Self.corrections {
            oracle.hessianProduct(direction, into: &product)
            let curvature = VectorMath.dot(direction, product)
            // Also where nothing is left to correct, or where the level is not convex.
            guard curvature > 0, square > 0 else { continue }
            let step = square / curvature
            VectorMath.add(-step, direction, to: &point)
            VectorMath.add(-step, product, to: &residual)
            let next = VectorMath.dot(residual, residual)
            VectorMath.scale(next / square, &direction)
            VectorMath.add(1, residual, to: &direction)
            square = next
        }
    }
}
