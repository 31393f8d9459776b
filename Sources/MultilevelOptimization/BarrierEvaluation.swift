// The direction of BVFIM: the lower level's value as a constraint, kept by a barrier. Liu, Liu, Yuan, Zeng & Zhang, ICML 2021.
import Solvers
import Tensors

import func Glibc.log

extension HypergradientEvaluator {
    /// With σ = σ_t falling: z nearly minimises g(·, x) + ½σ‖·‖², whose value plus σ is g*; y nearly minimises
    /// f + ½σ‖y‖² − σ log(g* − g(y, x)), from where it last was if that is inside and else from z; and
    /// h = f_x + σ (g_x(y) − g_x(z))/(g* − g(y)). The evaluation's point is y, and its `v` z.
    func evaluateBarrier(
        _ x: [Double], after previous: Evaluation?, start: [Double], _ ramp: PenaltyRamp
    ) -> Evaluation? {
        let sigma = ramp.value(at: iteration)
        let steps = configuration.lower.steps
        guard let z = minimise(valueObjective(sigma), steps, from: previous?.v ?? start) else { return nil }
        oracle.setLower(z)
        let bound = valueObjective(sigma).value(z) + sigma
        let barrier = barrierObjective(sigma, bound, x.count)
        let inside = previous.map(\.y).flatMap { barrier.value($0).isFinite ? $0 : nil } ?? z
        guard let y = minimise(barrier, steps, from: inside) else { return nil }
        var (gradientX, gradientY) = (zeros(x.count), zeros(y.count))
        oracle.setLower(z)
        var envelope = zeros(x.count)
        oracle.lowerGradientX(into: &envelope)
        oracle.setLower(y)
        let value = oracle.upperGradients(y: &gradientY, x: &gradientX)
        var reached = zeros(x.count)
        oracle.lowerGradientX(into: &reached)
        let factor = sigma / (bound - oracle.lowerValue())
        VectorMath.add(factor, reached, to: &gradientX)
        VectorMath.add(-factor, envelope, to: &gradientX)
        oracle.lowerGradient(into: &gradientY)
        return Evaluation(
            x: x, y: y, v: z, value: value, hypergradient: gradientX, lowerResidual: VectorMath.norm(gradientY),
            linearResidual: nil, lowerStatus: .iterationLimit, linearStatus: nil)
    }

    /// Gradient steps with backtracking; `nil` when stopped.
    private func minimise(_ objective: SmoothObjective, _ steps: Int, from start: [Double]) -> [Double]? {
        let method = GradientDescent(
            step: .armijo(largest: estimatedStep ?? 1), tolerance: nil, maxIterations: steps)
        // The start has the level's own dimension.
        guard let solution = try? method.minimize(objective, from: start, shouldStop: { stop() != nil }),
            solution.status != .interrupted
        else { return nil }
        return solution.point
    }

    /// g + ½σ‖·‖².
    private func valueObjective(_ sigma: Double) -> SmoothObjective {
        SmoothObjective(epsilon: oracle.precision.epsilon) { point, gradient in
            oracle.setLower(point)
            let value = oracle.lowerValueAndGradient(into: &gradient)
            VectorMath.add(sigma, point, to: &gradient)
            return value + 0.5 * sigma * VectorMath.dot(point, point)
        }
    }

    /// f + ½σ‖·‖² − σ log(bound − g); infinite outside.
    private func barrierObjective(_ sigma: Double, _ bound: Double, _ dimension: Int) -> SmoothObjective {
        SmoothObjective(epsilon: oracle.precision.epsilon) { point, gradient in
            oracle.setLower(point)
            var (slope, unused) = (gradient, [Double](repeating: 0, count: dimension))
            let slack = bound - oracle.lowerValueAndGradient(into: &slope)
            guard slack > 0 else { return .infinity }
            let value = oracle.upperGradients(y: &gradient, x: &unused)
            VectorMath.add(sigma, point, to: &gradient)
            VectorMath.add(sigma / slack, slope, to: &gradient)
            return value + 0.5 * sigma * VectorMath.dot(point, point) - sigma * log(slack)
        }
    }
}
