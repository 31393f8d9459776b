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
        configuration.hasAutomaticSteps ? (exact.y, exact.v.map { -$0 }) : (y, y.map { _ in 0 })
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
        if isAutomatic, exact.isFinite {
            let curvature = Curvature(oracle, seed: seed)
            let (onBatches, counts) = BatchCurvature(problem, seed: seed).largest(exact.x, exact.y)
            oracle.add(counts)
            largest = max(curvature?.largest ?? 0, onBatches)
            smallest = curvature?.smallest ?? 0
        }
        let automatic = AutomaticSteps(configuration: configuration)
        if configuration.upperStep.isAutomatic, exact.isFinite {
            guard let step = UpperCurvature(problem: problem, oracle: oracle, stop: stop).step(exact.x, exact) else {
                return nil
            }
            upper = step * automatic.following(smallest: smallest, largest: largest)
        }
        let control = StepControl(
            isActive: configuration.hasAutomaticSteps, stage: configuration.stage(problem), upperStep: upper,
            start: exact, residual: norm)
        return (automatic.steps(curvature: largest, control: control), control)
    }
}

extension StochasticConfiguration {
    /// Whether a step on variables is ours to choose.
    var hasAutomaticSteps: Bool { lowerStep.isAutomatic || upperStep.isAutomatic }

    /// Iterations between two looks at all data: those that read twice what a look does, 4 at least.
    func stage(_ problem: MultilevelProblem) -> Int {
        func batch(_ level: Int) -> Int { problem.axes(ofLevel: level).reduce(0) { $0 + min($1.batch, $1.rows) } }
        let (lower, upper) = (batch(1), batch(0))
        let reads = pieces.reduce(0) { $0.adding(runs(of: $1).times($1.isOfLowerLevel ? lower : upper)) }
        return max(4, IterateEvaluator.samples(problem).times(2) / max(reads, 1))
    }
}

extension SOBAConfiguration {
    /// The same choices as those of the methods that one engine carries out.
    var axes: StochasticConfiguration {
        StochasticConfiguration(
            loop: .single, hypergradient: .implicit(.moving),
            lowerStep: lowerStep.map(StepRule.given) ?? .automatic(exponent: 0.5),
            upperStep: upperStep.map(StepRule.given) ?? .automatic(exponent: 0.5))
    }
}
