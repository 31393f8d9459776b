// Where iterates on batches stand, measured on all data: the directions at a point, without solving anything.
import Solvers
import Tensors

/// Evaluates the iterates of methods on batches on all data.
enum IterateEvaluator {
    /// Oracle calls of one evaluation: f, its gradient, one product of each kind, ∇_y g.
    static let calls = 5

    /// f(y, x), the direction f_x + Jv, and the residuals of the lower level and of Hv + f_y = 0.
    ///
    /// - Returns: with it F(x) to first order in the residuals: f(y, x) + ⟨v, g_y⟩, since v approximates −H⁻¹ f_y.
    static func evaluate(
        x: [Double], y: [Double], v: [Double], _ oracle: BilevelOracle
    ) -> (evaluation: Evaluation, estimate: Double) {
        oracle.setUpper(x)
        oracle.setLower(y)
        var gradientY = y
        var direction = x
        var mixed = x
        var product = y
        let value = oracle.upperGradients(y: &gradientY, x: &direction)
        oracle.mixedProduct(v, into: &mixed)
        VectorMath.add(1, mixed, to: &direction)
        oracle.hessianProduct(v, into: &product)
        VectorMath.add(1, gradientY, to: &product)
        var lower = y
        oracle.lowerGradient(into: &lower)
        let evaluation = Evaluation(
            x: x, y: y, v: v.map { -$0 }, value: value, hypergradient: direction,
            lowerResidual: VectorMath.norm(lower), linearResidual: VectorMath.norm(product),
            lowerStatus: .iterationLimit, linearStatus: .iterationLimit)
        return (evaluation, value + VectorMath.dot(v, lower))
    }
}
