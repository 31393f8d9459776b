// Where the directions of penalty methods vanish, for given weights, on quadratics that a hand can solve: what such a method
// reaches before its weights have grown without bound. Liu et al., ICML 2021 (BVFIM); Liu et al., ICML 2020 (BDA); Shen &
// Chen, ICML 2023 (V-PBGD); Liu et al., ICML 2024 (MEHA).

import Foundation

/// The zeros of penalised directions.
enum PenaltyFixedPoint {
    /// A problem with the answers that its fixed points need.
    enum Problem {
        /// f = ½(y − 6)² + ½x², g = (y − 3x)².
        case quadratic
        /// f = mean ½(w − b)², g = s Σ ½(w − a)² + ½(w − l)², a = (0, 4), b = (1, 2).
        case tasks(scale: Double)
        /// f = ½(x − b)² + ½(a − 1)² + ½(b − 2)², g = ½(a − x)², b free below.
        case flat

        var optimum: Double {
            switch self {
            case .quadratic: 1.8
            case .tasks: 1
            case .flat: 4.0 / 3
            }
        }
    }

    // MARK: - Gaps

    /// x of f + c (g − min g): with r the lower point's distance to its minimiser, 2c r or c r stands against f_y.
    static func valueGap(_ problem: Problem, _ c: Double) -> Double {
        switch problem {
        case .quadratic: return 1.8 - 1.8 / (1 + 20 * c)
        // Σ r = 0 and (1 + 4sc) r = b − (a + l)/2 for any c.
        case .tasks: return 1
        // x − b = s(1 − x), b = (x + 2)/2, s = c/(1 + c).
        case .flat:
            let share = c / (1 + c)
            return (1 + share) / (0.5 + share)
        }
    }

    /// The envelope of radius γ divides a lower curvature h by 1 + γh.
    static func moreauEnvelope(_ problem: Problem, _ c: Double, radius: Double = 1) -> Double {
        let curvature =
            switch problem {
            case .quadratic: 2.0
            case .tasks(let scale): 2 * scale
            case .flat: 1.0
            }
        return valueGap(problem, c * radius * curvature / (1 + radius * curvature))
    }

    // MARK: - Barriers

    /// x of BVFIM at σ. With κ = σ/(g* − g(y)) the points z, y and x follow from linear equations, and κ by bisection.
    static func barrier(_ problem: Problem, _ sigma: Double) -> Double {
        var (low, high) = (log(1e-3), log(0.25 / sigma))
        for _ in 0..<200 {
            let middle = 0.5 * (low + high)
            let kappa = exp(middle)
            if kappa * point(problem, sigma, kappa).slack < sigma { low = middle } else { high = middle }
        }
        return point(problem, sigma, exp(low)).x
    }

    /// z minimises g + ½σ‖z‖², y stands where f_y + σy + κ g_y = 0, x where f_x + κ(g_x(y) − g_x(z)) = 0; and g* − g(y).
    private static func point(_ problem: Problem, _ sigma: Double, _ kappa: Double) -> (x: Double, slack: Double) {
        func square(_ value: Double) -> Double { value * value }
        switch problem {
        case .quadratic:
            let (constant, slope) = (6 / (1 + sigma + 2 * kappa), 6 * kappa / (1 + sigma + 2 * kappa))
            let value = 6 / (2 + sigma)
            let x = 6 * kappa * constant / (1 - 6 * kappa * (slope - value))
            let (y, z) = (constant + slope * x, value * x)
            return (x, square(z - 3 * x) + 0.5 * sigma * z * z + sigma - square(y - 3 * x))
        case .tasks(let s):
            let sum = 1.5 * (2 * s + sigma) / (s * (0.5 + sigma * (1 - kappa)))
            let l = 0.5 * (sum - 4)
            var slack = sigma
            for (a, b) in [(0.0, 1.0), (4, 2)] {
                let z = s * (a + l) / (2 * s + sigma)
                let y = (0.5 * b + kappa * s * (a + l)) / (0.5 + sigma + 2 * kappa * s)
                slack += 0.5 * s * (square(z - a) + square(z - l) - square(y - a) - square(y - l)) + 0.5 * sigma * z * z
            }
            return (l, slack)
        case .flat:
            let share = kappa / (1 + sigma + kappa)
            let slope = 1 - 1 / (2 + sigma) - kappa * share + kappa / (1 + sigma)
            let x = (2 / (2 + sigma) + share) / slope
            let (z, a) = (x / (1 + sigma), (1 + kappa * x) / (1 + sigma + kappa))
            return (x, 0.5 * square(z - x) + 0.5 * sigma * z * z + sigma - 0.5 * square(a - x))
        }
    }

    // MARK: - Aggregated steps

    /// x where the derivative of f along BDA's steps vanishes: every lower variable is an affine function A x + B of x.
    static func aggregated(_ problem: Problem, step: Double, steps: Int, weight: Double) -> Double {
        switch problem {
        case .quadratic:
            var y = Affine()
            for t in 0..<steps {
                y.descend(step, weight / Double(t + 1), lower: Affine(2 * (y.slope - 3), 2 * y.constant), y - 6)
            }
            return -y.slope * (y.constant - 6) / (1 + y.slope * y.slope)
        case .tasks(let s):
            var (numerator, denominator) = (0.0, 0.0)
            for (a, b) in [(0.0, 1.0), (4, 2)] {
                var w = Affine()
                for t in 0..<steps {
                    let lower = Affine(s * (2 * w.slope - 1), s * (2 * w.constant - a))
                    w.descend(step, weight / Double(t + 1), lower: lower, Affine(0.5 * w.slope, 0.5 * (w.constant - b)))
                }
                numerator += w.slope * (b - w.constant)
                denominator += w.slope * w.slope
            }
            return numerator / denominator
        case .flat:
            var (a, b) = (Affine(), Affine())
            for t in 0..<steps {
                let share = weight / Double(t + 1)
                a.descend(step, share, lower: Affine(a.slope - 1, a.constant), a - 1)
                b.descend(step, share, lower: Affine(), Affine(2 * b.slope - 1, 2 * b.constant - 2))
            }
            let slope = (1 - b.slope) * (1 - b.slope) + a.slope * a.slope + b.slope * b.slope
            return (b.constant * (1 - b.slope) - (a.constant - 1) * a.slope - (b.constant - 2) * b.slope) / slope
        }
    }
}

/// A x + B.
private struct Affine {
    var slope: Double
    var constant: Double

    init(_ slope: Double = 0, _ constant: Double = 0) {
        self.slope = slope
        self.constant = constant
    }

    static func - (left: Affine, right: Double) -> Affine { Affine(left.slope, left.constant - right) }

    /// A step along (1 − share) g_y + share f_y.
    mutating func descend(_ step: Double, _ share: Double, lower: Affine, _ upper: Affine) {
        slope -= step * ((1 - share) * lower.slope + share * upper.slope)
        constant -= step * ((1 - share) * lower.constant + share * upper.constant)
    }
}
