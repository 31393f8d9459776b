// All that a run remembers between two iterations, as a value that can be written out and read back.
import Solvers

/// How a run ended.
package enum Termination: String, Sendable, Equatable, CaseIterable {
    case converged
    case iterationLimit = "iteration_limit"
    case timeLimit = "time_limit"
    case oracleLimit = "oracle_limit"
    /// No further progress is possible at this precision.
    case stalled
    case userStop = "user_stop"
    case diverged
    /// A level has no solution there that its solver could find, or, of several levels, more than one.
    case infeasible

    /// Whether a job that ended so succeeded, and its numbers are those of a point.
    package var isSuccess: Bool {
        switch self {
        case .converged, .iterationLimit, .timeLimit, .oracleLimit, .stalled, .userStop: true
        case .diverged, .infeasible: false
        }
    }
}

/// The upper step's memory.
package enum UpperStepState: Sendable, Equatable {
    case momentum(ProjectedGradientMomentum.State)
    case spectral(SpectralProjectedGradient.State)
    case adam(ProjectedAdam.State)
    case lbfgs(ProjectedLBFGS.State)
    case polyak(PolyakStep.State)
    case search(BoxSearch.State)
}

/// A method's own part of the state.
package enum MethodState: Sendable, Equatable {
    /// The upper step's memory, and the evaluation at its point.
    case doubleLoop(UpperStepState, Evaluation)
    case soba(SOBAState)
    case stochastic(StochasticState)
    case nestedStochastic(NestedStochasticState)
}

/// A run between two iterations.
package struct SolverState: Sendable, Equatable {
    /// Completed upper iterations.
    package var iteration = 0
    package var counts = OracleCounts()
    /// By level, of evaluations through all levels; empty without any.
    package var levelCounts: [LevelCounts] = []
    /// Progress points reported, the start's included.
    package var reported = 1
    /// The upper point last reported, where points lie further apart than iterations; empty elsewhere.
    package var reportedPoint: [Double] = []
    /// F and ‖projected ∇F‖ at the start, by the reference evaluation.
    package var startValue: Double
    package var startNorm: Double
    /// The step of gradient descent estimated at the start, where one was needed.
    package var estimatedStep: Double?
    /// The step of both levels together, where one was needed.
    package var estimatedJointStep: Double?
    package var method: MethodState
    /// What methods on batches remember of their looks at all data; `nil` for others.
    package var control: StepControl?
    /// The best point so far and its iteration.
    package var best: Evaluation
    package var bestIteration = 0
    /// Set when the run has ended by itself.
    package var termination: Termination?
    /// What ended or endangers the run, for people.
    package var remarks: [String] = []
}
