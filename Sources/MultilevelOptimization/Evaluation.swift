// What one look at an upper point gives: the objective, the hypergradient, and how well they are known.
import Solvers
import Tensors

/// F, ∇F and their ingredients at one upper point.
package struct Evaluation: Sendable, Equatable {
    /// The upper point, [p].
    package var x: [Double]
    /// The lower point, [d], at which everything else is taken.
    package var y: [Double]
    /// The adjoint: an approximation of H⁻¹ f_y, [d]; empty where none is formed.
    package var v: [Double]
    /// f(y, x).
    package var value: Double
    /// The approximation of ∇F, [p].
    package var hypergradient: [Double]
    /// ‖∇_y g(y, x)‖₂.
    package var lowerResidual: Double
    /// ‖H v − f_y‖₂; `nil` where no linear system is solved.
    package var linearResidual: Double?
    /// How the lower solver ended.
    package var lowerStatus: SolveStatus
    /// How the linear solver ended; `nil` where there is none.
    package var linearStatus: SolveStatus?
    /// What makes the numbers less than they should be, level by level, in sentences; of nested evaluations.
    package var remarks: [String] = []
    /// Of each level below the outermost; of nested evaluations.
    package var levels: [LevelResidual] = []
    /// Whether a level below has no solution at x that its solver could find, so that y is none; `remarks` say which.
    package var isInfeasible = false

    package var isFinite: Bool { value.isFinite && VectorMath.isFinite(hypergradient) }

    /// Whether the numbers mean anything. A solver that diverged returns a point it passed on its way, with finite
    /// numbers and even with a hypergradient of zero.
    var isUsable: Bool {
        isFinite && !isInfeasible && !lowerStatus.isDivergence && linearStatus?.isDivergence != true
    }

    /// The same where F has no value at x.
    var withoutNumbers: Evaluation {
        var result = self
        result.value = .nan
        result.hypergradient = hypergradient.map { _ in .nan }
        return result
    }

    /// Whether the lower solver left the finite numbers at an upper point that is finite.
    var isLowerStepTooLong: Bool {
        (lowerStatus.isDivergence || !VectorMath.isFinite(y)) && VectorMath.isFinite(x)
    }
}

extension SolveStatus {
    /// Whether the numbers left their range.
    var isDivergence: Bool {
        switch self {
        case .diverged: true
        case .converged, .iterationLimit, .stagnated, .indefinite, .interrupted: false
        }
    }
}

/// Why a run should stop, asked at every inner iteration.
package enum StopReason: String, Sendable, Equatable {
    case timeLimit = "time_limit"
    case oracleLimit = "oracle_limit"
    case userStop = "user_stop"
    /// The process wants to end: the state is written out and the run goes on elsewhere.
    case suspension = "suspended"
}

/// Returns the reason to stop, or `nil` to go on.
package typealias StopCheck = () -> StopReason?
