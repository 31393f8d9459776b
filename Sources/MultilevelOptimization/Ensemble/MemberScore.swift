// How good a member's best point is, and which of two members is better.
import ExpressionGraph

/// What members are compared by.
package struct MemberScore: Sendable, Equatable {
    /// f(y, x) at the best point as the member's run evaluated it, in the user's sign.
    package let objective: Double
    /// The same with the levels below solved as exactly as the precision allows, so that none wins by solving them badly;
    /// `nil` where that could not be had.
    package let solvedObjective: Double?
    /// ‖projected hypergradient‖₂, with the levels below solved where that could be had.
    package let hypergradientNorm: Double
    /// Of the run's own evaluation.
    package let lowerResidual: Double
    /// 1 where the outermost level minimises, −1 where it maximises.
    package let sign: Double

    package init(
        objective: Double, solvedObjective: Double?, hypergradientNorm: Double, lowerResidual: Double, sign: Double
    ) {
        self.objective = objective
        self.solvedObjective = solvedObjective
        self.hypergradientNorm = hypergradientNorm
        self.lowerResidual = lowerResidual
        self.sign = sign
    }

    /// What is to be small.
    var value: Double { sign * (solvedObjective ?? objective) }
}

extension SolverRun {
    /// Scores the best point so far.
    ///
    /// - Parameters:
    ///   - isLate: whether the time is over: then the exact evaluation takes a bounded number of operations.
    ///   - stop: ends the exact evaluation, which is then left out.
    package func score(isLate: Bool, stop: @escaping StopCheck) -> MemberScore {
        let best = state.best
        let reference = oracle.reference
        let limit = isLate ? reference.operations.adding(Self.lateOperations) : .max
        let evaluator = ReferenceEvaluator(
            oracle: reference, stop: { stop() ?? (reference.operations > limit ? .oracleLimit : nil) })
        let solved = best.isFinite ? evaluator.evaluate(at: best.x, from: best.y) : nil
        let usable = solved.flatMap { $0.isUsable ? $0 : nil }
        return MemberScore(
            objective: sign * best.value, solvedObjective: usable.map { sign * $0.value },
            hypergradientNorm: projectedNorm(usable ?? best), lowerResidual: best.lowerResidual, sign: sign)
    }
}
