// Before the first iteration on batches: steps from the curvature of both levels, and the memory as it begins.
import Solvers
import Tensors

import func Glibc.pow

/// Settles what a run on batches begins with.
struct StochasticStart {
    private let problem: MultilevelProblem
    private let configuration: StochasticConfiguration
    private let oracle: BilevelOracle
    private let seed: UInt64
    private let given: SOBADraws?
    private let stop: StopCheck

    /// - Parameters:
    ///   - oracle: in float64, at the start.
    ///   - given: draws for comparisons step by step; `nil` for seeded epochs.
    init(
        _ problem: MultilevelProblem, _ configuration: StochasticConfiguration, _ oracle: BilevelOracle, seed: UInt64,
        given: SOBADraws?, stop: @escaping StopCheck
    ) {
        self.problem = problem
        self.configuration = configuration
        self.oracle = oracle
        self.seed = seed
        self.given = given
        self.stop = stop
    }

    /// The memory at the start: y at its start, v = 0, tables empty.
    func state(x: [Double], y: [Double], _ steps: StochasticSteps) -> StochasticState {
        let layout = StochasticPlan(problem, configuration, seed: seed, given: given).layout
        return Self.state(layout, configuration, x: x, y: y, steps)
    }

    static func state(
        _ layout: StochasticLayout, _ configuration: StochasticConfiguration, x: [Double], y: [Double],
        _ steps: StochasticSteps
    ) -> StochasticState {
        var memory = [Double](repeating: 0, count: layout.count)
        memory.replaceSubrange(layout.x..<(layout.x + x.count), with: x)
        memory.replaceSubrange(layout.y..<(layout.y + y.count), with: y)
        var penalty = 0.0
        if case .penalty(let weight, _) = configuration.hypergradient {
            penalty = weight
            memory.replaceSubrange(layout.z..<(layout.z + y.count), with: y)
        }
        return StochasticState(memory: memory, penalty: penalty, steps: steps)
    }

    /// The steps: as given, or of y and v 1/(2L), of a Neumann series 1/L, with the largest curvature L of batches and
    /// of all data; of x by ``upperStep(_:_:)``, shortened to what y can follow. `nil` when stopped.
    func steps(_ x: [Double], _ exact: Evaluation) -> StochasticSteps? {
        oracle.setUpper(x)
        oracle.setLower(exact.y)
        let curvature = Curvature(oracle, seed: seed)
        let largest = max(curvature?.largest ?? 0, batchCurvature(x, exact.y))
        var lower = largest > 0 && largest.isFinite ? 1 / largest : 0.2
        let linear: Double
        switch configuration.hypergradient {
        case .implicit(.neumann), .implicit(.randomisedNeumann): linear = lower
        case .implicit(.moving), .implicit(.sgd): linear = 0.5 * lower
        case .penalty(let weight, _):
            // α λ is β at the start.
            linear = configuration.lowerStep.settled(0.5 * lower / weight).value(at: 0) * weight
            lower /= weight
        }
        var upper = 0.0
        if configuration.upperStep.isAutomatic {
            guard let step = upperStep(x, exact) else { return nil }
            upper = step * following(0.5 * lower * max(curvature?.smallest ?? 0, 0))
        }
        return StochasticSteps(
            lower: configuration.lowerStep.settled(0.5 * lower), linear: configuration.linearStep.settled(linear),
            upper: configuration.upperStep.settled(upper))
    }

    /// How much shorter than 1/(2L_F) steps of x are: by how much y comes nearer to y*(x) between them (at least a
    /// fiftieth: what is too long beyond that the run finds out), and by the noise of what estimates the direction.
    private func following(_ rate: Double) -> Double {
        let remaining = pow(max(0, 1 - rate), Double(configuration.lowerSteps))
        return max(0.02, 1 - remaining) * noiseFactor * fadingFactor
    }

    /// Constant steps along a batch's own gradients end at a distance that grows with the step; series of random length
    /// vary as much as their number of terms.
    private var noiseFactor: Double {
        switch (configuration.hypergradient, configuration.estimator) {
        case (.implicit(.randomisedNeumann), .sgd): return 0.5
        case (.implicit(.sgd), .sgd), (.implicit(.neumann), .sgd):
            return configuration.upperStep == .automatic(exponent: 0) ? 0.1 : 1
        // Where v moves with y as well, x has two followers.
        case (.implicit(.moving), _): return 0.5
        case (.implicit, _), (.penalty, _): return 1
        }
    }

    /// Steps of x that fade faster than those of y begin longer; and steps that fade in a single loop by twice.
    private var fadingFactor: Double {
        guard case .automatic(let upper) = configuration.upperStep,
            case .automatic(let lower) = configuration.lowerStep,
            configuration.lowerSteps == 1, upper > 0
        else { return 1 }
        return upper > lower ? 4 : 2
    }

    /// The largest curvature of the lower level on some batches, by power iterations.
    private func batchCurvature(_ x: [Double], _ y: [Double]) -> Double {
        let programs = SampledPrograms(problem, withLowerGradientX: false)
        var draws = SampledDraws(programs, seed: seed, given: nil)
        let sampled = SampledOracle(problem, programs, [.hessian], draws)
        var counters = DrawCounters()
        var stream = RandomStream(seed: seed, stream: "batch curvature")
        var largest = 0.0
        for _ in 0..<4 {
            sampled.draw(.hessian, &draws, &counters)
            var v = y.map { _ in stream.normal() }
            for _ in 0..<8 {
                VectorMath.scale(1 / VectorMath.norm(v), &v)
                v = sampled.hessianProduct(x, y, v)
                let size = VectorMath.norm(v)
                guard size > 0, size.isFinite else { break }
                largest = max(largest, size)
            }
        }
        oracle.add(sampled.takeCounts())
        return largest
    }

    /// 1/(2L_F), with L_F the larger of two secant slopes of ∇F: along −∇F, then along the change that this made. At most
    /// a step that moves x by its own scale. `nil` when stopped.
    private func upperStep(_ x: [Double], _ exact: Evaluation) -> Double? {
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

    /// ∇F near a point where it is known, to a few digits: one Newton step on y, then v anew.
    private func nearbyHypergradient(_ x: [Double], _ known: Evaluation) -> [Double] {
        let solver = ConjugateGradients(tolerance: Tolerance(relative: 1e-3), maxIterations: 50)
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
    /// The schedule, with `step` where it is automatic.
    func settled(_ step: Double) -> StepSchedule {
        switch self {
        case .given(let schedule): schedule
        case .automatic(0): .constant(step)
        case .automatic(let exponent): .power(initial: step, exponent: exponent)
        }
    }
}
