// Hypergradients without second derivatives: rank-one Gauss-Newton (IGA, Liu et al. 2021) and differences of the lower
// result (PZOBO, Sow et al. 2022).
import Solvers
import Tensors

extension HypergradientEvaluator {
    private func openAfterSolving(
        _ x: [Double], from start: [Double]
    ) -> (evaluation: Evaluation, gradientY: [Double], lowerGradient: [Double])? {
        guard let lower = solveLower(from: start) else { return nil }
        oracle.setLower(lower.point)
        var gradient = zeros(lower.point.count)
        oracle.lowerGradient(into: &gradient)
        var gradientY = gradient
        var gradientX = zeros(x.count)
        let value = oracle.upperGradients(y: &gradientY, x: &gradientX)
        let evaluation = Evaluation(
            x: x, y: lower.point, v: [], value: value, hypergradient: gradientX,
            lowerResidual: VectorMath.norm(gradient), linearResidual: nil, lowerStatus: lower.status,
            linearStatus: nil)
        return (evaluation, gradientY, gradient)
    }

    /// f_x − (⟨f_y, g_y⟩/⟨g_y, g_y⟩) g_x after the lower solver's steps; at g_y = 0 the quotient is taken as 0.
    func evaluateRankOne(_ x: [Double], from start: [Double]) -> Evaluation? {
        guard let opened = openAfterSolving(x, from: start) else { return nil }
        var evaluation = opened.evaluation
        let (gradientY, lowerGradient) = (opened.gradientY, opened.lowerGradient)
        let square = VectorMath.dot(lowerGradient, lowerGradient)
        guard square > 0 else { return evaluation }
        var lowerGradientX = zeros(x.count)
        oracle.lowerGradientX(into: &lowerGradientX)
        VectorMath.add(
            -VectorMath.dot(gradientY, lowerGradient) / square, lowerGradientX, to: &evaluation.hypergradient)
        return evaluation
    }

    /// f_x + mean_k u_k ⟨(y(x + μu_k) − y(x))/μ, f_y⟩ with Gaussian u_k; every solve begins at `start`.
    func evaluateZerothOrder(_ x: [Double], from start: [Double], _ directions: Int, radius: Double) -> Evaluation? {
        guard let opened = openAfterSolving(x, from: start) else { return nil }
        var evaluation = opened.evaluation
        let gradientY = opened.gradientY
        var stream = RandomStream(seed: seed, stream: "directions of iteration \(iteration)")
        for _ in 0..<directions {
            let direction = x.map { _ in stream.normal() }
            var moved = x
            VectorMath.add(radius, direction, to: &moved)
            oracle.setUpper(moved)
            guard let shifted = solveLower(from: start) else { return nil }
            let slope = VectorMath.dot(VectorMath.subtract(shifted.point, evaluation.y), gradientY) / radius
            VectorMath.add(slope / Double(directions), direction, to: &evaluation.hypergradient)
        }
        oracle.setUpper(x)
        return evaluation
    }
}
