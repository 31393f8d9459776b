// Rounds: SID (Grazzi, Pontil, Salzo, AISTATS 2021), BSGM around it (JMLR 2023), and NSID where the lower level has a set
// or norms (ICML 2024). In round s, y by t_s and v by k_s steps whose sizes fall from the first of every round, then x along
// the mean of f_x + J v over as many fresh batches. With Φ = y − g_y they are the papers' w and −v.
import Solvers
import Tensors

import func Glibc.pow

extension StochasticStepper {
    func roundIteration(_ m: Vector, _ now: IterationSteps) {
        guard case .implicit(.sgd(_, let isLinearWarm)) = configuration.hypergradient else {
            preconditionFailure("rounds solve their system by steps on batches")
        }
        if !configuration.beginsRoundsWarm { restart(m) }
        let lengths = configuration.roundLengths(now.t)
        geometry?.setUpper(m + layout.x)
        for t in 0..<lengths.lower { lowerStep(m, now.steps.lower.value(at: t)) }
        setFace(m, now.steps.lower.value(at: 0), batches: lengths.linear)
        let (fromUpper, direction, mixed) = (lowerWork(1), upperWork(0), upperWork(1))
        upperGradients(m, batches: lengths.linear, y: fromUpper, x: direction)
        let v = m + layout.v
        if !(isLinearWarm ?? configuration.hasAutomaticSteps) { v.update(repeating: 0, count: layout.lower) }
        geometry?.project(v)
        geometry?.project(fromUpper)
        for j in 0..<lengths.linear { linearStep(m, fromUpper, now.steps.linear.value(at: j)) }
        mixed.update(repeating: 0, count: layout.upper)
        let batches = hasBatches(.mixed) ? lengths.linear : 1
        for _ in 0..<batches {
            draw(.mixed)
            oracle.run(.mixed, at: point(m))
            oracle.addUpper(.mixed, to: mixed)
        }
        Kernels.float64.axpy(1 / Double(batches), mixed, direction, count: layout.upper)
        geometry?.addWeightSlopes(v, to: direction)
        upperStep(m, now.upper, direction)
    }

    /// y back to where the level starts at this x.
    private func restart(_ m: Vector) {
        full.setUpper(Array(UnsafeBufferPointer(start: m + layout.x, count: layout.upper)))
        (m + layout.y).update(from: full.coldStart(), count: layout.lower)
    }

    /// NSID's w̄: the face of the proximal step from y along the mean of some batches.
    private func setFace(_ m: Vector, _ step: Double, batches: Int) {
        guard let geometry else { return }
        let (mean, near) = (lowerWork(0), lowerWork(2))
        near.update(repeating: 0, count: layout.lower)
        for _ in 0..<batches {
            draw(.lower)
            oracle.run(.lowerGradient, at: point(m))
            oracle.readLower(.lowerGradient, 0, into: mean)
            Kernels.float64.axpy(1 / Double(batches), mean, near, count: layout.lower)
        }
        mean.update(from: near, count: layout.lower)
        for i in 0..<layout.lower { near[i] = (m + layout.y)[i] - step * mean[i] }
        geometry.apply(near, step: step)
        geometry.setFace(near, gradient: mean)
    }

    /// f_y and f_x, averaged over fresh batches.
    private func upperGradients(_ m: Vector, batches: Int, y: Vector, x: Vector) {
        let count = hasBatches(.upper) ? batches : 1
        let part = lowerWork(0)
        y.update(repeating: 0, count: layout.lower)
        x.update(repeating: 0, count: layout.upper)
        for _ in 0..<count {
            draw(.upper)
            oracle.run(.upper, at: point(m))
            oracle.readLower(.upper, 0, into: part)
            Kernels.float64.axpy(1, part, y, count: layout.lower)
            oracle.addUpper(.upper, to: x)
        }
        Kernels.float64.scale(1 / Double(count), y, count: layout.lower)
        Kernels.float64.scale(1 / Double(count), x, count: layout.upper)
    }

    /// v ← v − η (H v + f_y) on a fresh batch.
    private func linearStep(_ m: Vector, _ fromUpper: Vector, _ step: Double) {
        let (product, v) = (lowerWork(0), m + layout.v)
        multiply(at: point(m), into: product)
        Kernels.float64.axpy(1, fromUpper, product, count: layout.lower)
        Kernels.float64.axpy(-step, product, v, count: layout.lower)
    }

    /// Whether batches of a use differ at all.
    func hasBatches(_ use: SampleUse) -> Bool { !draws.sources(of: use).isEmpty }
}

extension StochasticConfiguration {
    /// t_s, and k_s = J_s, of round s.
    func roundLengths(_ s: Int) -> (lower: Int, linear: Int) {
        guard case .rounds(let steps, let growth, _) = loop, case .implicit(.sgd(let terms, _)) = hypergradient else {
            return (lowerSteps, 0)
        }
        return (Self.roundLength(steps, growth, s), Self.roundLength(terms, growth, s))
    }

    /// ⌈c (s + 1)^growth⌉; a number beyond all iterations stays there.
    private static func roundLength(_ count: Int, _ growth: Double, _ s: Int) -> Int {
        if growth == 0 { return count }
        let length = (Double(count) * pow(Double(s) + 1, growth)).rounded(.up)
        return length < 1e15 ? Int(length) : 1_000_000_000_000_000
    }
}
