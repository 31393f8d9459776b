// How problems of any number of levels are solved: for every level below the outermost, how it responds and how the
// response is differentiated.
import Solvers
import Tensors

/// How one level responds to those above it.
package enum ResponseRule: Sendable, Equatable {
    /// Solved to tolerance, and differentiated implicitly where the solution is.
    case implicit
    /// `steps` steps from the level's start, and differentiated through all of them: x ← P(x − α_t ∇f), or the level's
    /// own map x ← P(Φ(x)) where it is a fixed point. Sato, Tanaka, Takeda, NeurIPS 2021.
    case unrolled(step: StepSchedule, steps: Int)

    package var name: String {
        switch self {
        case .implicit: "implicit"
        case .unrolled: "unrolled-reverse"
        }
    }
}

/// Derivatives through any number of levels, then one upper step.
package struct NestedConfiguration: Sendable, Equatable {
    /// The largest Newton step, relative to the point's size, at which level 1 counts as solved; each deeper level is
    /// ten times tighter.
    package var tolerance: Double
    /// Whether the levels are solved no more accurately than the outermost level's progress asks for.
    package var followsProgress: Bool
    package var upper: UpperStep
    /// Start the responses' solvers from the last solutions instead of from `start`. Unrolled levels never do: what is
    /// differentiated is a function of the outermost variables alone.
    package var warmStarts: Bool
    /// How levels 1 … n−1 respond.
    package var responses: [ResponseRule]

    package init(
        tolerance: Double, followsProgress: Bool = false, upper: UpperStep, warmStarts: Bool, responses: [ResponseRule]
    ) {
        self.tolerance = tolerance
        self.followsProgress = followsProgress
        self.upper = upper
        self.warmStarts = warmStarts
        self.responses = responses
    }
}

extension NestedConfiguration {
    /// The tolerance at the next point: where it follows the outermost level, 1e-4 ‖∇F‖² at the last one, the scale of
    /// what a step changes in F, within its own and 1e-8.
    func tolerance(after previous: Evaluation?) -> Double {
        guard followsProgress, let previous else { return tolerance }
        let norm = min(1, VectorMath.norm(previous.hypergradient))
        return max(tolerance, min(1e-8, 1e-4 * norm * norm))
    }
}

extension MultilevelProblem {
    /// Every response solved.
    package var implicitResponses: [ResponseRule] { responding.map { _ in .implicit } }
}
