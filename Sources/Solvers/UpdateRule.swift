// One step of a first-order method as a map of its state, with its derivative in both directions, so that the steps can
// be taken and differentiated through. Polyak 1964 (heavy ball); Nesterov 1983; Kingma & Ba 2015 (Adam).
import func Glibc.pow

/// How a gradient moves a point. The rules are elementwise; only the gradient itself couples entries.
package enum UpdateRule: Sendable, Equatable {
    /// y⁺ = y − α g(y).
    case gradient
    /// y⁺ = y − α g(y) + μ (y − p), p⁺ = y.
    case heavyBall(momentum: Double)
    /// q = y + μ_t (y − p), y⁺ = q − α g(q), p⁺ = y. Without μ: t/(t + 3), for convex objectives.
    case nesterov(momentum: Double?)
    /// m⁺ = β₁m + (1−β₁)g, s⁺ = β₂s + (1−β₂)g², y⁺ = y − α m̂/(√ŝ + ε), both without their bias.
    case adam(AdamCoefficients)
}

/// β₁, β₂ and ε of Adam.
package struct AdamCoefficients: Sendable, Equatable {
    package var first: Double
    package var second: Double
    package var epsilon: Double

    package init(first: Double = 0.9, second: Double = 0.999, epsilon: Double = 1e-8) {
        self.first = first
        self.second = second
        self.epsilon = epsilon
    }

    /// 1 − β^t, by which moments are too small after t updates.
    func correction(_ beta: Double, _ t: Int) -> Double { 1 - pow(beta, Double(t)) }
}

/// The state of a rule, and of its tangents and cotangents: the point, and two vectors whose meaning is the rule's (the
/// previous point; Adam's moments). Those that it does not use are empty.
package struct RuleState: Sendable, Equatable {
    package var point: [Double]
    package var first: [Double]
    package var second: [Double]

    package init(point: [Double], first: [Double], second: [Double]) {
        self.point = point
        self.first = first
        self.second = second
    }
}

extension UpdateRule {
    /// Vectors as long as the point that a state holds.
    package var vectorCount: Int {
        switch self {
        case .gradient: 1
        case .heavyBall, .nesterov: 2
        case .adam: 3
        }
    }

    /// The state before the first step: at rest.
    package func begin(at point: [Double]) -> RuleState {
        let zero = [Double](repeating: 0, count: point.count)
        return switch self {
        case .gradient: RuleState(point: point, first: [], second: [])
        case .heavyBall, .nesterov: RuleState(point: point, first: point, second: [])
        case .adam: RuleState(point: point, first: zero, second: zero)
        }
    }

    /// A tangent or cotangent with this part along the point and none along the rest.
    package func lift(_ point: [Double]) -> RuleState {
        let zero = [Double](repeating: 0, count: point.count)
        return switch self {
        case .gradient: RuleState(point: point, first: [], second: [])
        case .heavyBall, .nesterov: RuleState(point: point, first: zero, second: [])
        case .adam: RuleState(point: point, first: zero, second: zero)
        }
    }

    /// The part of a start's cotangent that belongs to the start: momentum begins at rest there.
    package func startCotangent(_ state: RuleState) -> [Double] {
        switch self {
        case .gradient, .adam: return state.point
        case .heavyBall, .nesterov:
            var sum = state.point
            for i in sum.indices { sum[i] += state.first[i] }
            return sum
        }
    }

    /// A start's tangent: momentum begins at rest there.
    package func startTangent(_ point: [Double]) -> RuleState {
        switch self {
        case .gradient, .adam: lift(point)
        case .heavyBall, .nesterov: RuleState(point: point, first: point, second: [])
        }
    }

    /// μ of step t.
    private func momentum(_ t: Int) -> Double {
        switch self {
        case .gradient, .adam: 0
        case .heavyBall(let momentum): momentum
        case .nesterov(let momentum): momentum ?? Double(t) / (Double(t) + 3)
        }
    }

    /// Where step t takes its gradient.
    package func query(_ state: RuleState, step t: Int, into point: inout [Double]) {
        switch self {
        case .gradient, .heavyBall, .adam:
            for i in point.indices { point[i] = state.point[i] }
        case .nesterov:
            let momentum = momentum(t)
            for i in point.indices { point[i] = state.point[i] + momentum * (state.point[i] - state.first[i]) }
        }
    }

    /// Step t of length `alpha` with the gradient at the query.
    package func advance(_ state: inout RuleState, gradient g: [Double], alpha: Double, step t: Int) {
        switch self {
        case .gradient:
            for i in g.indices { state.point[i] -= alpha * g[i] }
        case .heavyBall, .nesterov:
            let momentum = momentum(t)
            for i in g.indices {
                let y = state.point[i]
                state.point[i] = y + momentum * (y - state.first[i]) - alpha * g[i]
                state.first[i] = y
            }
        case .adam(let adam):
            let (c1, c2) = (adam.correction(adam.first, t + 1), adam.correction(adam.second, t + 1))
            for i in g.indices {
                state.first[i] = adam.first * state.first[i] + (1 - adam.first) * g[i]
                state.second[i] = adam.second * state.second[i] + (1 - adam.second) * g[i] * g[i]
                let size = (state.second[i] / c2).squareRoot() + adam.epsilon
                state.point[i] -= alpha * (state.first[i] / c1) / size
            }
        }
    }

    // MARK: - Backwards

    /// The first half of a step's transpose: from the cotangent after step t to the gradient's cotangent; what the step
    /// itself passes back is left in `cotangent`.
    ///
    /// - Parameters:
    ///   - state: before the step.
    ///   - g: the gradient that it took.
    package func pullGradient(
        _ cotangent: inout RuleState, from state: RuleState, gradient g: [Double], alpha: Double, step t: Int,
        into gradientCotangent: inout [Double]
    ) {
        switch self {
        case .gradient, .heavyBall, .nesterov:
            for i in g.indices { gradientCotangent[i] = -alpha * cotangent.point[i] }
        case .adam(let adam):
            let (c1, c2) = (adam.correction(adam.first, t + 1), adam.correction(adam.second, t + 1))
            for i in g.indices {
                let slope = AdamSlope(adam, state.first[i], state.second[i], g[i], c1, c2)
                let first = cotangent.first[i] - alpha * cotangent.point[i] * slope.first
                let second = cotangent.second[i] - alpha * cotangent.point[i] * slope.second
                gradientCotangent[i] = (1 - adam.first) * first + 2 * (1 - adam.second) * g[i] * second
                cotangent.first[i] = adam.first * first
                cotangent.second[i] = adam.second * second
            }
        }
    }

    /// The second half: adds the cotangent of the query, and passes both to the state before.
    package func pullQuery(_ cotangent: inout RuleState, query: [Double], step t: Int) {
        let momentum = momentum(t)
        switch self {
        case .gradient, .adam:
            for i in query.indices { cotangent.point[i] += query[i] }
        case .heavyBall:
            for i in query.indices {
                let y = cotangent.point[i]
                cotangent.point[i] = (1 + momentum) * y + cotangent.first[i] + query[i]
                cotangent.first[i] = -momentum * y
            }
        case .nesterov:
            for i in query.indices {
                let q = cotangent.point[i] + query[i]
                cotangent.point[i] = (1 + momentum) * q + cotangent.first[i]
                cotangent.first[i] = -momentum * q
            }
        }
    }

    // MARK: - Forwards

    /// The tangent of the query of step t.
    package func pushQuery(_ tangent: RuleState, step t: Int, into point: inout [Double]) {
        query(tangent, step: t, into: &point)
    }

    /// Takes a tangent through step t.
    ///
    /// - Parameters:
    ///   - state: before the step.
    ///   - g: the gradient that it took.
    ///   - tangentGradient: its tangent, that of the query included.
    package func push(
        _ tangent: inout RuleState, from state: RuleState, gradient g: [Double], tangentGradient: [Double],
        alpha: Double, step t: Int
    ) {
        switch self {
        case .gradient, .heavyBall, .nesterov: advance(&tangent, gradient: tangentGradient, alpha: alpha, step: t)
        case .adam(let adam):
            let (c1, c2) = (adam.correction(adam.first, t + 1), adam.correction(adam.second, t + 1))
            for i in g.indices {
                let slope = AdamSlope(adam, state.first[i], state.second[i], g[i], c1, c2)
                tangent.first[i] = adam.first * tangent.first[i] + (1 - adam.first) * tangentGradient[i]
                tangent.second[i] =
                    adam.second * tangent.second[i] + 2 * (1 - adam.second) * g[i] * tangentGradient[i]
                tangent.point[i] -= alpha * (slope.first * tangent.first[i] + slope.second * tangent.second[i])
            }
        }
    }
}

/// The derivatives of m̂/(√ŝ + ε) in the moments after a step.
private struct AdamSlope {
    let first: Double
    let second: Double

    init(_ adam: AdamCoefficients, _ m: Double, _ s: Double, _ g: Double, _ c1: Double, _ c2: Double) {
        let moment = (adam.first * m + (1 - adam.first) * g) / c1
        let root = ((adam.second * s + (1 - adam.second) * g * g) / c2).squareRoot()
        let size = root + adam.epsilon
        first = 1 / (c1 * size)
        // All gradients were zero so far: the step does not move, and neither does its derivative.
        second = root > 0 ? -moment / (size * size * 2 * root * c2) : 0
    }
}
