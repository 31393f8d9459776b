// Where SOBA stands, measured on all data: the directions at its present iterates, without solving anything.
import Solvers
import Tensors

/// Evaluates SOBA's iterates on all data.
enum SOBAEvaluator {
    /// Oracle calls of one evaluation: f, its gradient, one product of each kind, ∇_y g.
    static let calls = 5

    /// f(y, x), the direction f_x + Jv, and the residuals of the lower level and of Hv + f_y = 0.
    static func evaluate(_ iterates: SOBAState, _ oracle: BilevelOracle) -> Evaluation {
        oracle.setUpper(iterates.x)
        oracle.setLower(iterates.y)
        var gradientY = iterates.y
        var direction = iterates.x
        var mixed = iterates.x
        var product = iterates.y
        let value = oracle.upperGradients(y: &gradientY, x: &direction)
        oracle.mixedProduct(iterates.v, into: &mixed)
        VectorMath.add(1, mixed, to: &direction)
        oracle.hessianProduct(iterates.v, into: &product)
        VectorMath.add(1, gradientY, to: &product)
        var lower = iterates.y
        oracle.lowerGradient(into: &lower)
        return Evaluation(
            x: iterates.x, y: iterates.y, v: iterates.v.map { -$0 }, value: value, hypergradient: direction,
            lowerResidual: VectorMath.norm(lower), linearResidual: VectorMath.norm(product),
            lowerStatus: .iterationLimit, linearStatus: .iterationLimit)
    }
}
