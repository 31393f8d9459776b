// Minimisation by one of the rules of ``UpdateRule``, with steps given in advance.
import Tensors

/// Iterates a rule on ∇f from rest.
package struct RuleDescent: Minimizer, Equatable {
    package var rule: UpdateRule
    package var schedule: StepSchedule
    /// The test on ‖∇f‖₂ at the query points, relative to its first value. Nil: exactly ``maxIterations`` updates and
    /// no gradient after the last.
    package var tolerance: Tolerance?
    /// The largest number of updates.
    package var maxIterations: Int

    package init(rule: UpdateRule, schedule: StepSchedule, tolerance: Tolerance?, maxIterations: Int) {
        self.rule = rule
        self.schedule = schedule
        self.tolerance = tolerance
        self.maxIterations = maxIterations
    }

    package func minimize(
        _ objective: SmoothObjective, from start: [Double], shouldStop: InterruptionCheck
    ) -> Solution {
        var state = rule.begin(at: start)
        var query = start
        var gradient = [Double](repeating: 0, count: start.count)
        var (norm, first, updates) = (0.0, 0.0, 0)
        var isSolved = false
        let evaluations = tolerance == nil ? maxIterations : maxIterations + 1
        let status = IterationLoop.run(limit: evaluations, shouldStop: shouldStop) { iteration in
            rule.query(state, step: iteration, into: &query)
            objective.gradient(query, &gradient)
            norm = VectorMath.norm(gradient)
            if iteration == 0 { first = norm }
            if Divergence.isDivergent(norm, from: first) {
                return .diverged(quantity: .gradient, iteration: iteration)
            }
            if let tolerance {
                if norm <= tolerance.threshold(scale: first) {
                    isSolved = true
                    return .converged
                }
                if iteration == maxIterations { return .iterationLimit }
            }
            rule.advance(&state, gradient: gradient, alpha: schedule.value(at: iteration), step: iteration)
            updates += 1
            return nil
        }
        return Solution(
            // The gradient that is small enough is that of the query.
            point: isSolved ? query : state.point, status: status,
            statistics: SolveStatistics(iterations: updates, residualNorm: norm, scale: first))
    }
}
