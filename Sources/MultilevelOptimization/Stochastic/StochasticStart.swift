// Before the first iteration on batches: steps from the curvature of both levels, and the iterates where they begin.
import ExpressionGraph
import Solvers
import Tensors

/// Settles what a run on batches begins with.
struct StochasticStart {
    let problem: MultilevelProblem
    let configuration: StochasticConfiguration
    /// In float64, at the start.
    let oracle: BilevelOracle
    let seed: UInt64
    let stop: StopCheck

    /// Where the iterates begin. Steps that are given are those of a published method, which begins at `start` with
    /// v = 0; automatic ones begin at the solution that the report of the start has found.
    func point(_ y: [Double], _ exact: Evaluation) -> (y: [Double], v: [Double]) {
        guard configuration.hasAutomaticSteps else { return (y, y.map { _ in 0 }) }
        // Through several levels no adjoint of the innermost one is kept.
        return (exact.y, exact.v.count == exact.y.count ? exact.v.map { -$0 } : exact.y.map { _ in 0 })
    }

    /// The steps, and what looks at all data will make of them; `nil` when stopped.
    ///
    /// - Parameters:
    ///   - exact: at the start, both systems solved.
    ///   - norm: of the projected hypergradient there.
    func settle(_ exact: Evaluation, norm: Double) -> (steps: StochasticSteps, control: StepControl)? {
        oracle.setUpper(exact.x)
        oracle.setLower(exact.y)
        var (largest, smallest, upper) = (0.0, 0.0, 0.0)
        let isAutomatic = configuration.hasAutomaticSteps || configuration.linearStep.isAutomatic
        var offset = AutomaticSteps.offset(smallest: 0, largest: 0)
        if isAutomatic, exact.isFinite {
            (smallest, largest, offset) = measured(exact)
        }
        let automatic = AutomaticSteps(configuration: configuration)
        if configuration.upperStep.isAutomatic, exact.isFinite {
            guard let step = UpperCurvature(problem: problem, oracle: oracle, stop: stop).step(exact.x, exact) else {
                return nil
            }
            upper = step * automatic.following(smallest: smallest, largest: largest)
        }
        var control = StepControl(
            isActive: configuration.hasAutomaticSteps, isPlain: configuration.hasPlainNoise,
            stage: configuration.stage(problem), upperStep: upper,
            weight: penaltyWeight(exact, smallest: smallest), start: exact, gradient: gradient(exact), residual: norm)
        control.curvature = largest
        control.relaxation = offset
        return (automatic.steps(curvature: largest, offset: offset, control: control), control)
    }

    /// g_y at the exact point: not 0 on a face.
    func gradient(_ exact: Evaluation) -> [Double] {
        var gradient = exact.y.map { _ in 0.0 }
        guard !problem.lower.isSmooth, exact.isFinite else { return gradient }
        oracle.setUpper(exact.x)
        oracle.setLower(exact.y)
        oracle.lowerGradient(into: &gradient)
        return gradient
    }

    /// λ_0 of penalties: 100 L_f/μ, which is 50 times what makes y's objective as convex as the lower level is (Kwon et al.
    /// 2023, Section 3), and leaves a hundredth of v for bias; 1 at the least, and beside given steps, as published.
    private func penaltyWeight(_ exact: Evaluation, smallest: Double) -> Double {
        guard case .penalty(let weight, _) = configuration.hypergradient else { return 1 }
        if let weight { return weight }
        guard configuration.hasAutomaticSteps, exact.isFinite, smallest > 0 else { return 1 }
        let ratio = 100 * upperCurvature(exact) / smallest
        return ratio.isFinite ? min(max(ratio, 1), Self.largestWeight) : 1
    }
    /// Beyond it rounding in y − z outweighs what the weight takes off the bias.
    private static let largestWeight = 1e6

    /// ‖∇²_yy f‖ by differences of f_y, along v and then along what they were.
    private func upperCurvature(_ exact: Evaluation) -> Double {
        func gradient(_ y: [Double]) -> [Double] {
            var (fromUpper, unused) = (y, exact.x)
            oracle.setLower(y)
            _ = oracle.upperGradients(y: &fromUpper, x: &unused)
            return fromUpper
        }
        oracle.setUpper(exact.x)
        let here = gradient(exact.y)
        let radius = 1e-4 * max(1, VectorMath.maxNorm(exact.y))
        var (direction, largest) = (exact.v, 0.0)
        for _ in 0..<3 {
            let length = VectorMath.norm(direction)
            guard length > 0, length.isFinite else { break }
            var moved = exact.y
            VectorMath.add(radius / length, direction, to: &moved)
            direction = VectorMath.subtract(gradient(moved), here)
            largest = max(largest, VectorMath.norm(direction) / radius)
        }
        return largest
    }

    /// μ and L of the lower level, on batches where they have more of it, and γ of rounds.
    private func measured(_ exact: Evaluation) -> (smallest: Double, largest: Double, offset: Double) {
        let batches = BatchCurvature(problem, seed: seed)
        let (onBatches, counts) = batches.largest(exact.x, exact.y)
        oracle.add(counts)
        guard oracle.isSymmetric else {
            let (factor, more) = batches.contraction(exact.x, exact.y)
            oracle.add(more)
            return (max(0, 1 - factor), onBatches, AutomaticSteps.offset(contraction: min(factor, 1)))
        }
        let curvature = Curvature(oracle, seed: seed)
        let (smallest, largest) = (curvature?.smallest ?? 0, max(curvature?.largest ?? 0, onBatches))
        return (smallest, largest, AutomaticSteps.offset(smallest: smallest, largest: largest))
    }
}

extension StochasticConfiguration {
    /// Whether a step on variables is ours to choose.
    var hasAutomaticSteps: Bool { lowerStep.isAutomatic || upperStep.isAutomatic }

    /// Iterations between two looks at all data: those that read twice what a look does, full passes included, 4 at least;
    /// of rounds 1.
    ///
    /// - Parameters:
    ///   - iteration: the first of them.
    ///   - samples: rows that a look reads.
    func stage(_ problem: MultilevelProblem, from iteration: Int = 0, samples: Int? = nil) -> Int {
        func batch(_ level: Int) -> Int { problem.axes(ofLevel: level).reduce(0) { $0 + min($1.batch, $1.rows) } }
        let (lower, upper) = (batch(1), batch(0))
        let wanted = (samples ?? IterateEvaluator.samples(problem)).times(2)
        func reads(_ t: Int) -> Int {
            pieces(of: problem).reduce(fullPasses(lower: lower, upper: upper)) {
                let batch = $1.count(samples: $1.isOfLowerLevel ? lower : upper)
                return $0.adding(runs(of: $1, of: problem, at: t).times(batch.samples))
            }
        }
        guard isInRounds else { return max(4, wanted / max(reads(0), 1)) }
        var (count, total) = (0, 0)
        repeat {
            total = total.adding(max(reads(iteration + count), 1))
            count += 1
        } while total < wanted
        return count
    }
}

extension StochasticConfiguration {
    /// Rows of full passes in one iteration, in the mean: they come as often as batches of one kind have read all rows.
    private func fullPasses(lower: Int, upper: Int) -> Int {
        guard isSARAH else { return 0 }
        let terms =
            switch hypergradient {
            case .implicit(.neumann(let terms)), .implicit(.randomisedNeumann(let terms)): terms + 1
            case .implicit(.moving), .implicit(.sgd), .penalty: 1
            }
        return lower.times(terms + 2).adding(upper).times(lowerSteps)
    }
}

extension SOBAConfiguration {
    /// The same choices as those of the methods that one engine carries out.
    package var axes: StochasticConfiguration {
        StochasticConfiguration(
            loop: .single, hypergradient: .implicit(.moving),
            lowerStep: lowerStep.map(StepRule.given) ?? .automatic(exponent: 0.5),
            upperStep: upperStep.map(StepRule.given) ?? .automatic(exponent: 0.5))
    }
}
