// Words for what went wrong: which quantity, when, and what to try.
import Solvers
import Tensors

/// Explains the state of an evaluation.
enum Diagnosis {
    /// Which quantity diverged first, in which variable.
    ///
    /// - Parameters:
    ///   - evaluation: the first that cannot be used.
    ///   - previous: the one before it.
    ///   - growth: of the hypergradient's norm from the start to the point before, whose lower level was still solved.
    ///   - place: "in iteration 3".
    static func divergence(
        _ evaluation: Evaluation, after previous: Evaluation? = nil, growth: Double, _ place: String,
        _ problem: MultilevelProblem
    ) -> String {
        if let remark = evaluation.remarks.first { return "\(place): \(remark)" }
        let isLower =
            !VectorMath.isFinite(evaluation.y) || !evaluation.lowerResidual.isFinite
            || evaluation.lowerStatus.isDivergence
        if growth > Divergence.growthLimit || !(isLower || isLinear(evaluation)) {
            return "the upper level diverged \(place)\(culprit(problem.upper, evaluation.x, previous?.x)): "
                + "use a smaller upper step, or bound the upper variables"
        }
        if isLower {
            let level = problem.isNested ? nil : problem.lower
            return "the lower level diverged \(place)\(culprit(level, evaluation.y, previous?.y)): "
                + "use a smaller lower step, or bound the upper variables"
        }
        return "the linear system diverged \(place)\(culprit(problem.lower, evaluation.v, previous?.v)): "
            + "use a smaller step, more regularisation, or cg"
    }

    /// ", the largest entries in w": the variable with the first number that is not finite, else with the largest growth
    /// of its largest entry.
    private static func culprit(_ level: Level?, _ vector: [Double], _ previous: [Double]?) -> String {
        guard let level, level.dimension == vector.count else { return "" }
        let before = previous?.count == vector.count ? previous : nil
        var worst: (name: String, growth: Double)?
        for (index, part) in level.parts(of: vector).enumerated() {
            if !part.values.allSatisfy(\.isFinite) { return ", first in \(part.variable.name)" }
            let size = part.values.reduce(0) { max($0, abs($1)) }
            let past = before.map { VectorMath.maxNorm(Array($0[level.entries(of: index)])) } ?? 0
            let growth = size / max(past, 1)
            if worst.map({ growth > $0.growth }) ?? true { worst = (part.variable.name, growth) }
        }
        return worst.map { ", the largest entries in \($0.name)" } ?? ""
    }

    private static func isLinear(_ evaluation: Evaluation) -> Bool {
        guard let residual = evaluation.linearResidual else { return false }
        return !residual.isFinite || !VectorMath.isFinite(evaluation.v) || evaluation.linearStatus?.isDivergence == true
    }

    /// Which of SOBA's levels diverged: all iterates overflow within a few iterations of each other, whichever began.
    ///
    /// - Parameter lowerGrowth: of the lower steps' length while the upper variables stand still.
    static func divergence(inIteration iteration: Int, lowerGrowth: Double) -> String {
        // Batches alone make steps longer or shorter by a small factor.
        lowerGrowth <= 8
            ? "the upper variables diverged in iteration \(iteration): use a smaller upper_step.step"
            : "the lower variables diverged in iteration \(iteration): use a smaller lower_solver.step"
    }

    /// What makes the hypergradient less exact than asked, in sentences that do not change from iteration to iteration.
    static func remarks(_ evaluation: Evaluation) -> [String] {
        if !evaluation.remarks.isEmpty { return evaluation.remarks }
        var result: [String] = []
        switch evaluation.linearStatus {
        case .indefinite:
            result.append("the lower Hessian is not positive definite: the hypergradient is not reliable")
        case .converged, .iterationLimit, .stagnated, .interrupted, .diverged, nil: break
        }
        return result
    }
}
