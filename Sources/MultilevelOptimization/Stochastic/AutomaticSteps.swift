// Step sizes of methods on batches from curvature: of the lower level on batches, of F by differences of hypergradients.
// Bounds: 1/(2L) for SGD and SAGA with L the smoothness of a batch (Moulines & Bach 2011; Defazio et al. 2014), 1/L for
// Neumann series, 1/(2L_F) for x, shortened to what y can follow (two time scales: Borkar 1997).
import ExpressionGraph
import Solvers
import Tensors

import func Glibc.pow

/// Measures the largest curvature of the lower level on some batches, always the same ones.
final class BatchCurvature {
    private static let batches = 4
    private static let products = 8
    /// Oracle calls of one measurement, at the most.
    static let calls = batches * products

    private let sampled: SampledOracle
    private let draws: SampledDraws
    private let seed: UInt64
    private let dimension: Int
    private let isMap: Bool

    init(_ problem: MultilevelProblem, seed: UInt64) {
        let programs = SampledPrograms(problem, withLowerGradientX: false)
        draws = SampledDraws(programs, seed: seed, given: nil)
        sampled = SampledOracle(problem, programs, [.hessian], draws)
        self.seed = seed
        dimension = problem.lower.dimension
        isMap = problem.lower.fixedPoint != nil
    }

    /// Bytes of its program.
    static func programBytes(_ problem: MultilevelProblem) -> Int {
        let programs = SampledPrograms(problem, withLowerGradientX: false)
        let largest = SampledOracle.largestCounts(programs, SampledDraws(programs, seed: 0, given: nil))
        return programs.plan(.hessian, largestCounts: largest).memoryBytes
    }

    /// By power iterations; 0 where nothing could be measured. With it what that took. Of a map H is (I − ∂₁Φ)ᵀ and the
    /// measure, from which steps follow, is 1: the map is a step itself.
    func largest(_ x: [Double], _ y: [Double]) -> (curvature: Double, counts: OracleCounts) {
        isMap ? (1, OracleCounts()) : power(x, y) { $1 }
    }

    /// The largest ‖∂₁Φᵀ‖ of a map on those batches.
    func contraction(_ x: [Double], _ y: [Double]) -> (factor: Double, counts: OracleCounts) {
        power(x, y) { VectorMath.subtract($0, $1) }
    }

    /// Power iterations of a map of v and Hv.
    private func power(
        _ x: [Double], _ y: [Double], _ map: ([Double], [Double]) -> [Double]
    ) -> (Double, OracleCounts) {
        var draws = draws
        var counters = DrawCounters()
        var stream = RandomStream(seed: seed, stream: "batch curvature")
        var largest = 0.0
        for _ in 0..<Self.batches {
            sampled.draw(.hessian, &draws, &counters)
            var v = (0..<dimension).map { _ in stream.normal() }
            for _ in 0..<Self.products {
                VectorMath.scale(1 / VectorMath.norm(v), &v)
                v = map(v, sampled.hessianProduct(x, y, v))
                let size = VectorMath.norm(v)
                guard size > 0, size.isFinite else { break }
                largest = max(largest, size)
            }
        }
        return (largest, sampled.takeCounts())
    }
}

/// Steps from curvatures.
struct AutomaticSteps {
    let configuration: StochasticConfiguration

    /// - Parameters:
    ///   - curvature: L of the lower level; what is not positive and finite stands for unknown.
    ///   - offset: γ of steps that fall within rounds.
    ///   - control: with what the looks so far have made of the steps.
    func steps(curvature: Double, offset: Double, control: StepControl) -> StochasticSteps {
        let longest = Self.longest(curvature)
        let fading = Double(control.noisyIterations) * Double(configuration.lowerSteps) / max(control.relaxation, 1)
        let upper = configuration.upperStep.faded(
            control.upperStep * control.stabilityFactor * control.upperFactor, over: fading)
        if configuration.isInRounds {
            // What falls within a round that begins anew needs no shortening for noise.
            let shortening = configuration.beginsRoundsWarm ? control.noiseFactor / (1 + fading) : 1
            let first = StepSchedule.inverse(
                initial: control.stabilityFactor * shortening * longest, offset: offset)
            let lower = configuration.lowerStep.given ?? first
            return StochasticSteps(lower: lower, linear: configuration.linearStep.given ?? lower, upper: upper)
        }
        let stability = control.stabilityFactor
        let quiet = stability * control.noiseFactor
        var lower = 0.5 * quiet * longest
        let linear: Double
        switch configuration.hypergradient {
        case .implicit(.neumann), .implicit(.randomisedNeumann): linear = quiet * longest
        case .implicit(.moving), .implicit(.sgd): linear = 0.5 * quiet * longest
        case .penalty:
            // α λ is β at the start.
            lower /= control.weight
            linear = (configuration.lowerStep.given?.value(at: 0) ?? lower) * control.weight
        }
        return StochasticSteps(
            lower: configuration.lowerStep.faded(lower, over: fading),
            linear: configuration.hasAutomaticSteps
                ? configuration.linearStep.faded(linear, over: fading) : configuration.linearStep.settled(linear),
            upper: upper)
    }

    /// 1/L, or a guess where L is unknown.
    static func longest(_ curvature: Double) -> Double {
        curvature > 0 && curvature.isFinite ? 1 / curvature : 0.2
    }

    /// γ = 2/(1 − q²) of SID for the contraction q of a map.
    static func offset(contraction q: Double) -> Double {
        let gap = 1 - q * q
        // Levels that hardly contract: no shorter than after a million steps.
        return 2 / max(gap.isFinite ? gap : 0, 2e-6)
    }

    /// The same for a gradient step of 1/L with curvatures between two bounds.
    static func offset(smallest: Double, largest: Double) -> Double {
        guard largest > 0, largest.isFinite else { return offset(contraction: 0.9) }
        let low = min(max(smallest, 0), largest)
        return offset(contraction: 1 - low / largest)
    }

    /// How much shorter than 1/(2L_F) steps of x are: by how much y comes nearer to y*(x) between them. At least a
    /// fiftieth, since the directions that y follows slowly need not matter; looks find out.
    func following(smallest: Double, largest: Double) -> Double {
        guard largest > 0, largest.isFinite else { return 0.02 }
        let rate = 0.5 * max(smallest, 0) / largest
        let remaining = pow(max(0, 1 - rate), Double(configuration.lowerSteps))
        let share = max(0.02, 1 - remaining)
        // Rounds solve both systems.
        if configuration.isInRounds { return 1 }
        // Where v moves with y as well, x has two followers.
        return configuration.hypergradient == .implicit(.moving) ? 0.5 * share : share
    }
}

/// Differences of hypergradients near a point where the hypergradient is known.
struct UpperCurvature {
    let problem: MultilevelProblem
    /// In float64.
    let oracle: BilevelOracle
    let stop: StopCheck

    /// 1/(2L_F), with L_F the larger of two secant slopes of ∇F: along −∇F, then along the change that this made. At most
    /// a step that moves x by its own scale. `nil` when stopped.
    func step(_ x: [Double], _ exact: Evaluation) -> Double? {
        let size = VectorMath.maxNorm(exact.hypergradient)
        guard size > 0, size.isFinite else { return 0.1 }
        let scale = max(1, VectorMath.norm(x) / Double(max(x.count, 1)).squareRoot())
        let reach = scale / size
        var direction = exact.hypergradient.map { -$0 }
        var slope = 0.0
        for _ in 0..<2 {
            if stop() != nil { return nil }
            let factor = 0.01 * scale / max(VectorMath.maxNorm(direction), .leastNormalMagnitude)
            var moved = x
            VectorMath.add(factor, direction, to: &moved)
            problem.upper.constraint.project(&moved)
            let distance = VectorMath.norm(VectorMath.subtract(moved, x))
            guard distance > 0 else { break }
            direction = VectorMath.subtract(nearbyHypergradient(moved, exact), exact.hypergradient)
            let change = VectorMath.norm(direction)
            guard change > 0, change.isFinite else { break }
            slope = max(slope, change / distance)
        }
        return slope > 0 ? min(0.5 / slope, reach) : 0.1 * reach
    }

    /// ∇F near a point where it is known, to two digits: one Newton step on y, then v anew.
    private func nearbyHypergradient(_ x: [Double], _ known: Evaluation) -> [Double] {
        // Maps have no conjugate gradients, faces no single Newton step.
        if problem.isNested || !problem.lower.isSmooth {
            let exact = ReferenceEvaluator(oracle: oracle, stop: { nil }).evaluate(at: x, from: known.y)
            return exact?.hypergradient ?? known.hypergradient
        }
        let solver = ConjugateGradients(tolerance: Tolerance(relative: 1e-2), maxIterations: 15)
        let hessian = LinearOperator(dimension: known.y.count) { [oracle] in oracle.hessianProduct($0, into: &$1) }
        var (y, gradient) = (known.y, known.y)
        oracle.setUpper(x)
        oracle.setLower(y)
        oracle.lowerGradient(into: &gradient)
        // The dimensions agree by construction.
        if let newton = try? solver.solve(hessian, rhs: gradient, start: nil, shouldStop: { false }) {
            VectorMath.add(-1, newton.point, to: &y)
        }
        oracle.setLower(y)
        var (fromUpper, result, mixed) = (y, x, x)
        _ = oracle.upperGradients(y: &fromUpper, x: &result)
        let adjoint = try? solver.solve(hessian, rhs: fromUpper, start: known.v, shouldStop: { false })
        oracle.mixedProduct(adjoint?.point ?? known.v, into: &mixed)
        VectorMath.add(-1, mixed, to: &result)
        return result
    }
}

extension StepRule {
    /// The schedule that the document gives.
    var given: StepSchedule? {
        switch self {
        case .given(let schedule): schedule
        case .automatic: nil
        }
    }

    /// The schedule, with `step` where it is automatic.
    func settled(_ step: Double) -> StepSchedule {
        switch self {
        case .given(let schedule): schedule
        case .automatic(0): .constant(step)
        case .automatic(let exponent): .power(initial: step, exponent: exponent)
        }
    }

    /// The schedule, with `step` where it is automatic, as it has faded over some time.
    func faded(_ step: Double, over time: Double) -> StepSchedule {
        switch self {
        case .given(let schedule): schedule
        case .automatic(let exponent): .constant(step * pow(time + 1, -exponent))
        }
    }
}
