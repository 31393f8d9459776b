// The lower level's start learned with the upper variables, along the worst of the steps from it: IAPTT-GM, Liu, Liu, Zeng &
// Zhang, NeurIPS 2021.
import Solvers
import Tensors

extension HypergradientEvaluator {
    /// y_t by T steps from z, t' the step whose f(x, y_t) is the largest; h and the direction of z are the derivatives of
    /// f(x, y_t'(x, z)) in both. The evaluation's point is y_T, and its `v` the z that the next one begins at.
    func evaluateLearnedStart(_ x: [Double], from z: [Double]) -> Evaluation? {
        let unrolling = unrolling
        var states: [RuleState] = []
        states.reserveCapacity(unrolling.steps + 1)
        guard let end = descend(unrolling, from: z, keep: { _, state in states.append(state) }) else { return nil }
        states.append(end)
        var worst = (value: -Double.infinity, step: unrolling.steps)
        for t in 1...unrolling.steps {
            if stop() != nil { return nil }
            oracle.setLower(states[t].point)
            let value = oracle.upperValue()
            if value > worst.value { worst = (value, t) }
        }
        let (last, _) = open(x, end.point, from: z)
        var (evaluation, gradientY) = open(x, states[worst.step].point, from: z)
        var sweep = ReverseSweep(
            self, unrolling, cotangent: unrolling.rule.lift(gradientY), image: states[worst.step].point)
        for t in (0..<worst.step).reversed() {
            if stop() != nil { return nil }
            sweep.pull(states[t], step: t, into: &evaluation.hypergradient)
        }
        gradientY = unrolling.rule.startCotangent(sweep.cotangent)
        projectStart(&gradientY, z)
        evaluation.y = last.y
        evaluation.value = last.value
        evaluation.lowerResidual = last.lowerResidual
        evaluation.v = z
        VectorMath.add(-(estimatedStep ?? 1), gradientY, to: &evaluation.v)
        return evaluation
    }
}
