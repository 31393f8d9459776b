// How an iterative method ended. Not converging is an outcome, with advice; it is never an error.

/// Asked once per iteration; true ends the method with `.interrupted`. It carries cancellation and budgets.
package typealias InterruptionCheck = () -> Bool

/// How an iterative method ended.
package enum SolveStatus: Sendable, Equatable {
    /// The method's own test holds at the returned point.
    case converged

    /// All the steps allowed were taken. Without a tolerance this is how every run ends.
    case iterationLimit

    /// The test does not hold, and rounding errors leave no step that brings it closer.
    case stagnated

    /// A direction `p` with `curvature = pᵀHp / pᵀp ≤ 0` was met where `H` must be positive definite.
    case indefinite(curvature: Double)

    /// `quantity` became NaN or infinite, or outgrew ``Divergence/growthLimit``, in the given iteration (from 0).
    case diverged(quantity: DivergedQuantity, iteration: Int)

    /// The interruption check said so.
    case interrupted

    /// What a user can do about it, one sentence; empty for `.converged`.
    package var advice: String {
        switch self {
        case .converged:
            ""
        case .iterationLimit:
            "Allow more iterations, loosen the tolerance, or improve the conditioning (regularise, rescale)."
        case .stagnated:
            "The tolerance is below what rounding allows here: loosen it, or rescale the variables and the objective."
        case .indefinite(let curvature):
            "The matrix is not positive definite (curvature \(curvature)): add regularisation, or use a solver for "
                + "indefinite systems."
        case .diverged(let quantity, let iteration):
            "The \(quantity.rawValue) diverged in iteration \(iteration): \(quantity.remedy)."
        case .interrupted:
            "The run was cancelled or its budget is spent; the best point so far is kept."
        }
    }
}

/// The quantity that was the first to leave the finite numbers.
package enum DivergedQuantity: String, Sendable, Equatable {
    case rightHandSide = "right-hand side"
    case residual = "residual"
    case value = "objective value"
    case gradient = "gradient"

    fileprivate var remedy: String {
        switch self {
        case .rightHandSide: "look for overflow where it is computed"
        case .residual: "use a smaller step, or a map that contracts"
        case .value: "use a smaller step, or keep the variables inside the objective's domain by bounds"
        case .gradient: "use a smaller step, or look for a point where the objective is not differentiable"
        }
    }
}

/// When growth counts as divergence.
package enum Divergence {
    /// A quantity that has grown by more than 1/ε has lost every digit of where it started.
    package static let growthLimit = 1 / Double.ulpOfOne

    /// True for NaN, infinity, and growth beyond ``growthLimit`` times `scale` (a scale of 0 allows no verdict).
    static func isDivergent(_ norm: Double, from scale: Double) -> Bool {
        !norm.isFinite || (scale > 0 && norm / scale > growthLimit)
    }
}
