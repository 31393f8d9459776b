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
        case .soba, .stochastic: nil
        }
    }

    /// Evaluates at `x`; `nil` when stopped, and for methods that draw batches.
    ///
    /// - Parameters:
    ///   - previous: an evaluation nearby, for warm starts.
    ///   - iteration: of the run; 0 at its start.
    func evaluate(at x: [Double], after previous: Evaluation?, iteration: Int) -> Evaluation? {
        switch algorithm {
        case .doubleLoop(let axes):
            let evaluator = HypergradientEvaluator(
                oracle: oracle, configuration: axes, estimatedStep: estimatedStep, jointStep: jointStep, stop: stop,
                iteration: iteration, seed: seed,
                lastNorm: previous.map { VectorMath.norm($0.hypergradient) } ?? .infinity)
            return evaluator.evaluate(at: x, after: previous)
        case .nested(let axes):
            let warm = axes.warmStarts ? previous?.y : nil
            return oracle.evaluateNested(
                at: x, from: warm, tolerance: axes.tolerance, axes.responses, stop: stop)
        case .soba, .stochastic: return nil
        }
    }
}
