// How a run evaluates points, whichever method with full gradients it follows.

import Tensors

/// F and ∇F by the method's own means.
struct RunEvaluator {
    private let algorithm: MethodConfiguration.Algorithm
    private let oracle: BilevelOracle
    private let estimatedStep: Double?
    private let jointStep: Double?
    private let stop: StopCheck
    private let seed: UInt64

    /// - Parameters:
    ///   - estimatedStep: the settled step of gradient descent, where one was estimated.
    ///   - jointStep: that of both levels together.
    init(
        _ algorithm: MethodConfiguration.Algorithm, _ oracle: BilevelOracle, estimatedStep: Double?,
        jointStep: Double? = nil, seed: UInt64, stop: @escaping StopCheck
    ) {
        self.seed = seed
        self.algorithm = algorithm
        self.oracle = oracle
        self.estimatedStep = estimatedStep
        self.jointStep = jointStep
        self.stop = stop
    }

    /// The rule of the upper step in iteration t; `nil` for methods that draw batches.
    func upper(at t: Int) -> UpperStep? {
        switch algorithm {
        case .doubleLoop(let axes): axes.upperStep(jointStep, at: t)
        case .nested(let axes): axes.upper
        case .soba, .stochastic, .nestedStochastic: nil
        }
    }

    /// Evaluates at `x`; `nil` when stopped, and for methods that draw batches.
    ///
    /// - Parameters:
    ///   - previous: an evaluation nearby, for warm starts.
    ///   - iteration: of the run; 0 at its start.
    ///   - isFinal: whether a run ends with an evaluation, which then is as accurate as the method can make it.
    func evaluate(
        at x: [Double], after previous: Evaluation?, iteration: Int, isFinal: (Evaluation) -> Bool = { _ in false }
    ) -> Evaluation? {
        switch algorithm {
        case .doubleLoop(let axes):
            let evaluator = HypergradientEvaluator(
                oracle: oracle, configuration: axes, estimatedStep: estimatedStep, jointStep: jointStep, stop: stop,
                iteration: iteration, seed: seed,
                lastNorm: previous.map { VectorMath.norm($0.hypergradient) } ?? .infinity)
            return evaluator.evaluate(at: x, after: previous)
        case .nested(let axes):
            func evaluate(from y: [Double]?, _ tolerance: Double) -> Evaluation? {
                oracle.evaluateNested(
                    at: x, from: axes.warmStarts ? y : nil, tolerance: tolerance, axes.responses, stop: stop)
            }
            let tolerance = axes.tolerance(after: previous)
            let found = evaluate(from: previous?.y, tolerance)
            guard tolerance > axes.tolerance, let found, isFinal(found) else { return found }
            return evaluate(from: found.y, axes.tolerance)
        case .soba, .stochastic, .nestedStochastic: return nil
        }
    }
}
