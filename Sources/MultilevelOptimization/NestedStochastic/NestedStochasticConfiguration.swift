// Steps on batches at every level of a problem of any number of levels, as choices: steps, inner solves, the outer step.
// Giovannelli, Kent & Vicente, arXiv 2505.06805, 2025.
import Solvers

/// How −A⁻¹ b is approached on a batch, A a level's total Hessian there, or the derivative of its residual.
package enum BatchInverse: Sendable, Equatable {
    /// Conjugate gradients where A is symmetric, GMRES elsewhere; at most that many products.
    case krylov(steps: Int)
    /// η Σ_{j ≤ terms} (I − ηA)^j; without a step, 1/L by the curvature at the start.
    case neumann(step: Double?, terms: Int)
}

/// How the outermost variables move.
package enum BatchUpperStep: Sendable, Equatable {
    /// x ← P(x − γ_t G).
    case schedule(StepRule)
    /// Backtracking on the batch at hand, the levels below following every trial (Armijo).
    case lineSearch
}

/// The steps of one level below the outermost.
package struct LevelSteps: Sendable, Equatable {
    /// α_t, t the iteration of the outermost level.
    package var step: StepRule
    /// T_i at the start; it grows where the outermost level stalls.
    package var steps: Int

    package init(step: StepRule, steps: Int) {
        self.step = step
        self.steps = steps
    }
}

/// A settled method on batches of every level.
package struct NestedStochasticConfiguration: Sendable, Equatable {
    /// Of levels 1 … n−1.
    package var levels: [LevelSteps]
    package var inverse: BatchInverse
    package var upper: BatchUpperStep

    /// T_i at the most, where it does not begin with more.
    package static let stepLimit = 10
    /// Products of one inner solve where the document gives none.
    package static let defaultProducts = 10
    /// Exponents of automatic steps of levels below, and of the outermost: two time scales (Hong et al. 2023).
    package static let lowerExponent = 0.4
    package static let upperExponent = 0.6

    package init(levels: [LevelSteps], inverse: BatchInverse, upper: BatchUpperStep) {
        self.levels = levels
        self.inverse = inverse
        self.upper = upper
    }
}

/// All that the method remembers between two iterations.
package struct NestedStochasticState: Sendable, Equatable {
    /// Completed iterations.
    package var iteration = 0
    /// The variables of every level, the outermost first.
    package var points: [[Double]]
    /// Batches drawn, by level.
    package var draws: [Int]
    /// T_i of levels 1 … n−1 now.
    package var steps: [Int]
    /// α_t of levels 1 … n−1, and γ_t; of a line search, the first trial.
    package var schedules: [StepSchedule]
    package var upper: StepSchedule
    /// η of Neumann series, by level.
    package var damping: [Double]
    /// The length that the last line search found.
    package var trial: Double
    /// F at the last look at all data.
    package var lastValue: Double

    package init(
        points: [[Double]], draws: [Int], steps: [Int], schedules: [StepSchedule], upper: StepSchedule,
        damping: [Double], trial: Double, lastValue: Double
    ) {
        self.points = points
        self.draws = draws
        self.steps = steps
        self.schedules = schedules
        self.upper = upper
        self.damping = damping
        self.trial = trial
        self.lastValue = lastValue
    }

    var isFinite: Bool { points.allSatisfy { $0.allSatisfy(\.isFinite) } }

    /// The variables of levels 1 … n−1, one level after the other.
    var responses: [Double] { points.dropFirst().flatMap { $0 } }
}
