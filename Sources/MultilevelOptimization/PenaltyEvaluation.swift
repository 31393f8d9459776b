// Directions of methods that move both levels along a penalised objective: BOME (Ye et al., NeurIPS 2022), V-PBGD (Shen &
// Chen, ICML 2023) and MEHA (Liu, Liu, Yao, Zeng & Zhang, ICML 2024).
import Solvers
import Tensors

import func Glibc.pow

/// c_t = initial · (t + 1)^exponent.
package struct PenaltyRamp: Sendable, Equatable {
    package var initial: Double
    package var exponent: Double

    package init(initial: Double, exponent: Double) {
        self.initial = initial
        self.exponent = exponent
    }

    /// c_t.
    package func value(at t: Int) -> Double { exponent == 0 ? initial : initial * pow(Double(t) + 1, exponent) }
}

/// What the gradient of a value gap q is multiplied by.
package enum GapMultiplier: Sendable, Equatable {
    /// λ = max(w‖∇q‖² − ⟨∇f, ∇q⟩, 0)/‖∇q‖², 0 at ∇q = 0: ‖∇q‖² falls at the rate w (BOME).
    case dynamic(weight: Double)
    /// c_t (V-PBGD).
    case ramp(PenaltyRamp)
}

extension DoubleLoopConfiguration {
    /// ξ_t of both levels' variables, stable on f + c_t q while the curvatures are those that `estimated` is 1 over.
    func jointStep(_ estimated: Double?, at t: Int) -> Double {
        let step = estimated ?? 1
        switch hypergradient {
        case .valueGap(.dynamic(let weight)): return step / (1 + 2 * weight)
        case .valueGap(.ramp(let ramp)): return step / (1 + 2 * ramp.value(at: t))
        case .moreauEnvelope(let ramp, let radius): return step / (1 + ramp.value(at: t) * (2 + step / radius))
        case .implicit, .unrolledReverse, .unrolledForward, .rankOne, .differenced, .zerothOrder, .initialisation,
            .barrier, .aggregated, .learnedStart:
            return step
        }
    }
}

extension HypergradientEvaluator {
    /// ξ_t of the lower variables: that of the upper ones where those are given in advance.
    private func jointStep(at t: Int) -> Double {
        if case .projectedGradient(let schedule, _) = configuration.upper { return schedule.value(at: t) }
        return configuration.jointStep(estimatedJointStep, at: t)
    }

    /// g_y and g_x at a lower point.
    private func lowerGradients(at y: [Double], _ dimension: Int) -> (y: [Double], x: [Double]) {
        var (partY, partX) = (zeros(y.count), zeros(dimension))
        oracle.setLower(y)
        oracle.lowerGradient(into: &partY)
        oracle.lowerGradientX(into: &partX)
        return (partY, partX)
    }

    /// With ỹ from y by the lower solver's steps and q = g(y, x) − g(ỹ, x), ỹ held constant: (y, x) moves along
    /// ∇f + λ∇q. The evaluation's point is ỹ, and its `v` the y that the next one begins at.
    func evaluateValueGap(_ x: [Double], from y: [Double], _ multiplier: GapMultiplier) -> Evaluation? {
        guard let lower = solveLower(from: y) else { return nil }
        let reached = lowerGradients(at: lower.point, x.count)
        let value = oracle.upperValue()
        var gap = lowerGradients(at: y, x.count)
        VectorMath.add(-1, reached.x, to: &gap.x)
        var (gradientX, gradientY) = (zeros(x.count), zeros(y.count))
        _ = oracle.upperGradients(y: &gradientY, x: &gradientX)
        let factor: Double
        switch multiplier {
        case .dynamic(let weight):
            let square = VectorMath.dot(gap.y, gap.y) + VectorMath.dot(gap.x, gap.x)
            let slope = VectorMath.dot(gradientY, gap.y) + VectorMath.dot(gradientX, gap.x)
            factor = square > 0 ? max(weight - slope / square, 0) : 0
        case .ramp(let ramp): factor = ramp.value(at: iteration)
        }
        VectorMath.add(factor, gap.x, to: &gradientX)
        VectorMath.add(factor, gap.y, to: &gradientY)
        var next = y
        VectorMath.add(-jointStep(at: iteration), gradientY, to: &next)
        return Evaluation(
            x: x, y: lower.point, v: next, value: value, hypergradient: gradientX,
            lowerResidual: VectorMath.norm(reached.y), linearResidual: nil, lowerStatus: lower.status,
            linearStatus: nil)
    }

    /// The gap is g(y, x) − min_θ g(θ, x) + ‖θ − y‖²/2γ. First y moves, then θ by one gradient step, then the direction
    /// of x is h = f_x + c_t (g_x(y) − g_x(θ)). The evaluation's point is y, and its `v` θ.
    func evaluateMoreauEnvelope(
        _ x: [Double], after previous: Evaluation?, start: [Double], _ ramp: PenaltyRamp, radius: Double
    ) -> Evaluation? {
        if stop() != nil { return nil }
        var y = previous?.y ?? start
        var theta = previous?.v ?? start
        var (gradientX, gradientY) = (zeros(x.count), zeros(y.count))
        if previous != nil {
            let t = iteration - 1
            oracle.setLower(y)
            _ = oracle.upperGradients(y: &gradientY, x: &gradientX)
            var lower = zeros(y.count)
            oracle.lowerGradient(into: &lower)
            for i in y.indices {
                gradientY[i] += ramp.value(at: t) * (lower[i] - (y[i] - theta[i]) / radius)
            }
            VectorMath.add(-jointStep(at: t), gradientY, to: &y)
        }
        // The envelope's problem is curved by at most 1/step + 1/γ.
        let inner = 1 / (1 / (estimatedStep ?? 1) + 1 / radius)
        var slope = zeros(y.count)
        oracle.setLower(theta)
        oracle.lowerGradient(into: &slope)
        for i in theta.indices { theta[i] -= inner * (slope[i] + (theta[i] - y[i]) / radius) }
        let envelope = lowerGradients(at: theta, x.count)
        let reached = lowerGradients(at: y, x.count)
        let value = oracle.upperGradients(y: &gradientY, x: &gradientX)
        VectorMath.add(ramp.value(at: iteration), reached.x, to: &gradientX)
        VectorMath.add(-ramp.value(at: iteration), envelope.x, to: &gradientX)
        let isFinite = VectorMath.isFinite(y) && VectorMath.isFinite(theta)
        return Evaluation(
            x: x, y: y, v: theta, value: value, hypergradient: gradientX,
            lowerResidual: VectorMath.norm(reached.y), linearResidual: nil,
            lowerStatus: isFinite ? .iterationLimit : .diverged(quantity: .gradient, iteration: 0), linearStatus: nil)
    }
}
