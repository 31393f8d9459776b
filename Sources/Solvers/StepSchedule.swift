// Step sizes as functions of the iteration.

import func Glibc.cos
import func Glibc.pow

/// A step size γ_t for t = 0, 1, …
package enum StepSchedule: Sendable, Equatable {
    /// γ_t = c.
    case constant(Double)

    /// γ_t = c/(t+1)^a.
    case power(initial: Double, exponent: Double)

    /// γ_t = c γ/(γ+t).
    case inverse(initial: Double, offset: Double)

    /// γ_t = ½c(1 + cos(πt/T)) for t < T, and 0 from T on.
    case cosine(initial: Double, period: Int)

    /// γ_t.
    package func value(at t: Int) -> Double {
        switch self {
        case .constant(let step): step
        case .power(let initial, 0.5): initial / (Double(t) + 1).squareRoot()
        case .power(let initial, let exponent): initial / pow(Double(t) + 1, exponent)
        case .inverse(let initial, let offset): initial * offset / (offset + Double(t))
        case .cosine(let initial, let period):
            t < period ? 0.5 * initial * (1 + cos(Double.pi * Double(t) / Double(period))) : 0
        }
    }

    /// γ of c γ/(γ+t); 1 for the other schedules.
    package var offset: Double {
        switch self {
        case .inverse(_, let offset): offset
        case .constant, .power, .cosine: 1
        }
    }

    /// The schedule with every step multiplied by `factor`.
    package func scaled(by factor: Double) -> StepSchedule {
        switch self {
        case .constant(let step): .constant(factor * step)
        case .power(let initial, let exponent): .power(initial: factor * initial, exponent: exponent)
        case .inverse(let initial, let offset): .inverse(initial: factor * initial, offset: offset)
        case .cosine(let initial, let period): .cosine(initial: factor * initial, period: period)
        }
    }
}
