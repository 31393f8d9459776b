// W6: one outer iteration of trilevel robust ridge regression, both lower levels unrolled: the gradient of F through three
// steps of the noise, each through thirty of the weights. The recurrences are those of the peers.
import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Solvers

/// The penalty's hypergradient at λ, and gradient descent on it.
struct RobustRidge {
    private static let upperStep = 0.1
    private static let iterations = 20
    private let evaluator: NestedEvaluator

    init(_ folder: DataFolder) throws {
        evaluator = NestedEvaluator(
            try folder.problem(Documents.w6),
            [
                .unrolled(step: .constant(20), steps: 3),
                .unrolled(step: .constant(0.1), steps: 30),
            ])
    }

    /// Evaluations at the start; what leads to them, after some iterations of gradient descent.
    func outer() -> Measurement {
        Measurement(
            reset: {}, run: { for _ in 0..<$0 { _ = evaluator.evaluate(at: [0]) } },
            results: {
                var (x, values) = ([0.0], [Double]())
                var last = evaluator.evaluate(at: x)
                for iteration in 0..<Self.iterations {
                    if iteration > 0 { last = evaluator.evaluate(at: x) }
                    values.append(last.value)
                    x[0] -= Self.upperStep * last.hypergradient[0]
                }
                return [
                    "values": values, "hypergradient": last.hypergradient, "x": x, "noise": last.responses[0],
                    "y": last.responses[1],
                ]
            })
    }
}
