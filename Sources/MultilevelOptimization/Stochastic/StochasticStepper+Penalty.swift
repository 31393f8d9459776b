// F2SA: first-order bilevel optimisation by a growing penalty. Kwon, Kwon, Wright, Nowak, ICML 2023, Algorithm 1.
import Solvers
import Tensors

import func Glibc.pow

extension StochasticStepper {
    /// T times y −= α(λ g_y(y) + f_y(y)) and z −= β g_y(z); then x −= γ(f_x(y) + λ(g_x(y) − g_x(z))). Here α = β/λ at the
    /// start, and both follow their schedules. Automatic steps have α = β/λ throughout, and both points step on the same
    /// batch: then their noise is the same but for what y − z makes of it, and λ(y − z) has as much of it as v would.
    func penaltyIteration(_ m: Vector, _ now: IterationSteps, growth: Double, _ penalty: inout Double) {
        let (gradient, second) = (lowerWork(0), lowerWork(1))
        let z = m + layout.z
        let atZ = PointInMemory(x: m + layout.x, y: z, v: m + layout.v)
        let lower = configuration.lowerStep.isAutomatic ? now.linear / penalty : now.lower
        geometry?.setUpper(m + layout.x)
        for _ in 0..<configuration.lowerSteps {
            let isShared = configuration.hasAutomaticSteps
            draw(isShared ? .lower : .second)
            oracle.run(.lowerGradient, at: atZ)
            oracle.readLower(.lowerGradient, 0, into: second)
            if !isShared { draw(.lower) }
            draw(.penalty)
            oracle.run(.lowerGradient, at: point(m))
            oracle.run(.upper, at: point(m))
            oracle.readLower(.lowerGradient, 0, into: gradient)
            Kernels.float64.axpy(-lower * penalty, gradient, m + layout.y, count: layout.lower)
            oracle.readLower(.upper, 0, into: gradient)
            Kernels.float64.axpy(-lower, gradient, m + layout.y, count: layout.lower)
            Kernels.float64.axpy(-now.linear, second, z, count: layout.lower)
            geometry?.apply(m + layout.y, step: lower * penalty)
            geometry?.apply(z, step: now.linear)
        }
        let (direction, atSecond) = (upperWork(0), upperWork(1))
        direction.update(repeating: 0, count: layout.upper)
        atSecond.update(repeating: 0, count: layout.upper)
        draw(.mixed)
        oracle.run(.lowerGradients, at: point(m))
        oracle.addUpper(.lowerGradients, to: direction)
        oracle.run(.lowerGradients, at: atZ)
        oracle.addUpper(.lowerGradients, to: atSecond)
        Kernels.float64.axpy(-1, atSecond, direction, count: layout.upper)
        geometry?.addWeightGap(m + layout.y, z, factor: 1, to: direction)
        Kernels.float64.scale(penalty, direction, count: layout.upper)
        draw(.upper)
        oracle.run(.upper, at: point(m))
        oracle.addUpper(.upper, to: direction)
        // λ(y − z) tends to −H⁻¹ f_y: what reports take for v.
        for i in 0..<layout.lower { (m + layout.v)[i] = penalty * ((m + layout.y)[i] - z[i]) }
        upperStep(m, now.upper, direction)
        penalty += growth * pow(Double(now.t) + 1, -6.0 / 7)
    }
}
