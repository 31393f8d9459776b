// FISTA with backtracking, and with restarts where the momentum points uphill.
// Beck & Teboulle, SIAM J. Imaging Sci. 2009; O'Donoghue & Candès 2015, §3.2 (the gradient scheme).
import Tensors

/// Minimises g + h for a smooth g by `y ← prox(z − ∇g(z)/L)`, `z ← y + β (y − y_old)`.
package struct AcceleratedProximalGradient: Minimizer, Equatable {
    /// h.
    package var regularizer: ProximalFunction
    /// 1/L to begin with, doubled and halved as the objective allows.
    package var firstStep: Double
    /// The test on ‖prox(y − ∇g(y)) − y‖₂, of step 1, relative to its value at the start.
    package var tolerance: Tolerance
    package var maxIterations: Int

    package init(regularizer: ProximalFunction, firstStep: Double, tolerance: Tolerance, maxIterations: Int) {
        self.regularizer = regularizer
        self.firstStep = firstStep
        self.tolerance = tolerance
        self.maxIterations = maxIterations
    }

    package func minimize(
        _ objective: SmoothObjective, from start: [Double], shouldStop: InterruptionCheck
    ) throws(SolverError) -> Solution {
        try regularizer.set.checkDimension(start.count)
        var run = Run(method: self, objective: objective, start: start)
        return run.solve(shouldStop: shouldStop)
    }

    /// One run.
    private struct Run {
        let method: AcceleratedProximalGradient
        let objective: SmoothObjective
        var point: [Double]
        var lookahead: [Double]
        var next: [Double]
        var gradient: [Double]
        var momentum = 1.0
        var step: Double
        /// Until a step was too long, steps are plain and double.
        var hasFoundStep = false

        init(method: AcceleratedProximalGradient, objective: SmoothObjective, start: [Double]) {
            self.method = method
            self.objective = objective
            var projected = start
            method.regularizer.set.project(&projected)
            point = projected
            lookahead = projected
            next = projected
            gradient = projected
            step = method.firstStep
        }

        mutating func solve(shouldStop: InterruptionCheck) -> Solution {
            var value = objective.valueAndGradient(point, &gradient)
            var norm = method.regularizer.stationarity(at: point, gradient: gradient)
            let first = norm
            var updates = 0
            var best = (point: point, norm: norm, age: 0)
            let threshold = method.tolerance.threshold(scale: first)
            let status = IterationLoop.run(limit: method.maxIterations + 1, shouldStop: shouldStop) { iteration in
                if !value.isFinite { return .diverged(quantity: .value, iteration: iteration) }
                if Divergence.isDivergent(norm, from: first) {
                    return .diverged(quantity: .gradient, iteration: iteration)
                }
                if norm <= threshold { return .converged }
                if iteration == method.maxIterations { return .iterationLimit }
                if best.age > Self.patience { return .stagnated }
                guard advance() else { return .stagnated }
                updates += 1
                value = objective.valueAndGradient(point, &gradient)
                norm = method.regularizer.stationarity(at: point, gradient: gradient)
                best = norm < best.norm ? (point, norm, 0) : (best.point, best.norm, best.age + 1)
                return nil
            }
            if !(norm <= best.norm) {
                point = best.point
                norm = best.norm
                value = objective.value(point)
            }
            return Solution(
                point: point, status: status,
                statistics: SolveStatistics(
                    iterations: updates, residualNorm: norm, scale: first,
                    value: value + method.regularizer.value(point)))
        }

        /// One step; false when neither momentum nor a plain step moves the point.
        private mutating func advance() -> Bool {
            let isPlain = lookahead == point
            if momentum == 1 && step < Self.largestStep { step *= 2 }
            let value = objective.valueAndGradient(lookahead, &gradient)
            if backtrack(value) { hasFoundStep = true }
            // A step of the proximal map against the direction of travel: the momentum has overshot.
            let uphill = zip(lookahead, zip(next, point)).reduce(0) { $0 + ($1.0 - $1.1.0) * ($1.1.0 - $1.1.1) }
            let isIdle = next == point
            if isIdle && isPlain { return false }
            let previous = point
            point = next
            if uphill > 0 || isIdle || !hasFoundStep {
                momentum = 1
                lookahead = point
                return true
            }
            let grown = (1 + (1 + 4 * momentum * momentum).squareRoot()) / 2
            let beta = (momentum - 1) / grown
            momentum = grown
            for i in lookahead.indices { lookahead[i] = point[i] + beta * (point[i] - previous[i]) }
            return true
        }

        private static let largestStep = 1e20
        /// Iterates in a row that are no better than an earlier one, after which rounding has taken over.
        private static let patience = 300
        private static let maxTrials = 100

        /// Sets `next`, halving the step until the quadratic model lies above the objective. Where rounding hides the
        /// difference of values, that of gradients decides: ⟨∇g(next) − ∇g(z), next − z⟩ ≤ ‖next − z‖²/step.
        ///
        /// - Returns: whether the step was halved.
        private mutating func backtrack(_ value: Double) -> Bool {
            for trial in 0..<Self.maxTrials {
                method.regularizer.move(from: lookahead, step: step, along: gradient, into: &next)
                var (slope, square) = (0.0, 0.0)
                for i in next.indices {
                    let move = next[i] - lookahead[i]
                    slope += gradient[i] * move
                    square += move * move
                }
                let (model, noise) = (square / (2 * step), 1e-13 * max(value.magnitude, slope.magnitude))
                let isAbove =
                    model > Self.visibility * noise
                    ? objective.value(next) <= value + slope + model + noise : growth() <= 2 * model
                if isAbove { return trial > 0 }
                step /= 2
            }
            return true
        }

        /// Values this many times their rounding apart can be compared.
        private static let visibility = 100.0

        /// ⟨∇g(next) − ∇g(z), next − z⟩.
        private func growth() -> Double {
            var there = gradient
            objective.gradient(next, &there)
            return next.indices.reduce(0) { $0 + (there[$1] - gradient[$1]) * (next[$1] - lookahead[$1]) }
        }
    }
}
