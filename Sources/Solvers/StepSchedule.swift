// Step sizes as functions of the iteration.

import func Glibc.pow

/// A step size γ_t for t = 0, 1, …
package enum StepSchedule: Sendable, Equatable {
    /// γ_t = c.
    case constant(Double)

    /// γ_t = c/(t+1)^a.
    case power(initial: Double, exponent: Double)

    /// γ_t.
    package func value(at t: Int) -> Double {
        switch self {
        case .constant(let step): step
        case .power(let initial, 0.5): initial / (Double(t) + 1).squareRoot()
        case .power(let initial, let exponent): initial / pow(Double(t) + 1, exponent)
        }
    }
}
