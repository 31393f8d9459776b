// Best responses over sets and with norms: Newton's method on the residual of the proximal gradient step, which is
// piecewise smooth, kept on its way by the steps themselves. Qi & Sun, Mathematical Programming 58, 1993 (Newton);
// Patrinos, Stella & Bemporad 2014 (proximal steps as the safeguard).
import ExpressionGraph
import Solvers
import Tensors

extension ResponseSolve {
    /// Steps at most; where Newton's method identifies no face, as many proximal ones as a level needs.
    private static let stepLimit = 20_000
    /// The part of ‖Δ‖²/t by which a proximal step has to lower the objective.
    private static let decrease = 0.1

    /// Minimises a composite objective by its proximal gradient steps, (captures…, t, z) → z, and Newton's.
    func minimise(_ objective: GraphFunction, _ step: GraphFunction, from start: [Double]) -> Found {
        let tolerance = solver.tolerance(of: equilibrium)
        var length = 1.0
        var z = evaluate(step, step: [0], at: start)
        // Only the set is wanted of that step; what deeper levels say of a point outside it means nothing.
        if VectorMath.isFinite(z) { solver.recall(known) }
        var difference = residual(z)
        var value = evaluateObjective(objective, at: z)
        var previous = Double.infinity
        guard (VectorMath.isFinite(difference) && value.isFinite) || solver.isHopeless(above: equilibrium.level) else {
            return Found(z, difference, fault: .undefined)
        }
        for _ in 0..<Self.stepLimit {
            if solver.shouldStop { return Found(z, difference, fault: .interrupted) }
            if solver.isHopeless(above: equilibrium.level) { return Found(z, difference, fault: nil) }
            guard VectorMath.isFinite(difference), value.isFinite else {
                return Found(z, difference, fault: .unbounded)
            }
            let newton = matrix(z).solve(difference, transposed: false)
            let error = newton.fault == nil ? relative(newton.point, to: z) : .infinity
            if isStationary(difference) || error <= tolerance
                || (error <= Self.roundingLimit && error > 0.25 * previous)
            {
                return Found(z, difference, fault: newton.fault == nil ? curvatureFault(z) : .flat)
            }
            previous = error
            let taken = solver.search {
                newton.fault == nil ? tryNewton(objective, step, z, newton.point, difference, value, length) : nil
            }
            if let next = taken {
                (z, difference, value) = next
            } else if let next = solver.search({ descend(objective, step, z, value, &length) }) {
                (z, value) = next
                difference = residual(z)
            } else {
                let isSolved = error <= Self.roundingLimit
                return Found(z, difference, fault: isSolved ? curvatureFault(z) : .notConverged(error: error))
            }
            if VectorMath.maxNorm(z) > Self.growthLimit * max(1, VectorMath.maxNorm(start)) {
                return Found(z, difference, fault: .unbounded)
            }
        }
        return Found(z, difference, fault: .notConverged(error: previous))
    }

    /// Newton's point, brought back to the set, where its residual is half of what it was and the objective no higher.
    private func tryNewton(
        _ objective: GraphFunction, _ step: GraphFunction, _ z: [Double], _ direction: [Double],
        _ difference: [Double], _ value: Double, _ length: Double
    ) -> (point: [Double], residual: [Double], value: Double)? {
        var moved = z
        VectorMath.add(-1, direction, to: &moved)
        guard let trial = attempt({ evaluate(step, step: [0], at: moved) }), VectorMath.isFinite(trial) else {
            return nil
        }
        guard let after = attempt({ residual(trial) }) else { return nil }
        guard VectorMath.norm(after) <= 0.5 * VectorMath.norm(difference) else { return nil }
        let found = evaluateObjective(objective, at: trial)
        let slack = 64 * Double.ulpOfOne * max(1, value.magnitude)
        return found <= value + slack ? (trial, after, found) : nil
    }

    /// One proximal step, halved until the objective falls enough; `nil` where none does.
    private func descend(
        _ objective: GraphFunction, _ step: GraphFunction, _ z: [Double], _ value: Double, _ length: inout Double
    ) -> (point: [Double], value: Double)? {
        length = min(length * 2, 1e6)
        for _ in 0..<80 {
            let trial = solver.again { evaluate(step, step: [length], at: z) }
            let change = VectorMath.subtract(trial, z)
            let found =
                VectorMath.isFinite(trial)
                ? attempt { evaluateObjective(objective, at: trial) } ?? .infinity : .infinity
            let wanted = Self.decrease * VectorMath.dot(change, change) / length
            if found <= value - wanted, wanted > 0 { return (trial, found) }
            length *= 0.5
        }
        return nil
    }

    /// What a stationary point is: a maximum along some direction where the determinant is negative; without an inverse,
    /// not unique.
    private func curvatureFault(_ z: [Double]) -> SolveFault? {
        switch matrix(z) {
        case .dense(let matrix): matrix.determinantSign < 0 ? .indefinite : matrix.determinantSign == 0 ? .flat : nil
        case .krylov: nil
        }
    }
}
