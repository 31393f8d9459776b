// Newton's method with steps from conjugate gradients, solved as far as the gradient is worth it.
// Dembo & Steihaug 1983; Nocedal & Wright, 2nd ed., Alg. 7.1.
import Tensors

/// Minimises a smooth function by truncated Newton steps with backtracking.
package struct NewtonCG: Sendable, Equatable {
    /// The test on ‖∇f‖₂, relative to its first value.
    package var tolerance: Tolerance
    /// The largest number of steps.
    package var maxIterations: Int

    package init(tolerance: Tolerance = Tolerance(absolute: 1e-10), maxIterations: Int = 100) {
        self.tolerance = tolerance
        self.maxIterations = maxIterations
    }

    /// - Parameters:
    ///   - objective: f.
    ///   - hessian: overwrites its third argument with ∇²f(x) v. The point changes once a step.
    ///   - start: the first iterate, [n].
    ///   - shouldStop: asked once per step and once per product.
    /// - Returns: the last iterate; steps that rounding hides end the run as stagnated.
    package func minimize(
        _ objective: SmoothObjective,
        hessian: @escaping (_ x: [Double], _ v: [Double], _ product: inout [Double]) -> Void,
        from start: [Double], shouldStop: @escaping InterruptionCheck = { false }
    ) -> Solution {
        var run = NewtonRun(objective: objective, hessian: hessian, start: start)
        let first = run.norm
        let threshold = tolerance.threshold(scale: first)
        func statusOfStart() -> SolveStatus? {
            if !run.value.isFinite { return .diverged(quantity: .value, iteration: 0) }
            if !run.norm.isFinite { return .diverged(quantity: .gradient, iteration: 0) }
            return run.norm <= threshold ? .converged : nil
        }
        let status =
            statusOfStart()
            ?? IterationLoop.run(limit: maxIterations, shouldStop: shouldStop) { _ in
                run.step(first, threshold: threshold, shouldStop)
            }
        return Solution(
            point: run.x, status: status,
            statistics: SolveStatistics(
                iterations: run.steps, residualNorm: run.norm, scale: first, value: run.value))
    }
}

/// The vectors of one run.
private struct NewtonRun {
    let objective: SmoothObjective
    let hessian: (_ x: [Double], _ v: [Double], _ product: inout [Double]) -> Void
    var x: [Double]
    var value: Double
    var norm: Double
    var steps = 0
    private var gradient: [Double]
    private var trial: [Double]
    private var trialGradient: [Double]
    private var direction: [Double]

    private static let maxHalvings = 50

    init(
        objective: SmoothObjective,
        hessian: @escaping (_ x: [Double], _ v: [Double], _ product: inout [Double]) -> Void, start: [Double]
    ) {
        self.objective = objective
        self.hessian = hessian
        x = start
        gradient = [Double](repeating: 0, count: start.count)
        value = objective.valueAndGradient(start, &gradient)
        norm = VectorMath.norm(gradient)
        trial = start
        trialGradient = gradient
        direction = gradient
    }

    mutating func step(_ first: Double, threshold: Double, _ shouldStop: InterruptionCheck) -> SolveStatus? {
        if let status = findDirection(min(0.5, (norm / first).squareRoot()), shouldStop) { return status }
        let slope = VectorMath.dot(gradient, direction)
        guard slope < 0 else { return .stagnated }
        var length = 1.0
        for _ in 0..<Self.maxHalvings {
            for i in x.indices { trial[i] = x[i] + length * direction[i] }
            if trial == x { return .stagnated }
            let found = objective.valueAndGradient(trial, &trialGradient)
            if accepts(found, length * slope) { return adopt(found, threshold) }
            length /= 2
        }
        return .stagnated
    }

    /// Sufficient decrease; where rounding hides it, a gradient that shrinks.
    private func accepts(_ found: Double, _ slope: Double) -> Bool {
        guard found.isFinite else { return false }
        let noise = 16 * objective.epsilon * value.magnitude
        if (found - value).magnitude <= noise { return VectorMath.norm(trialGradient) < norm }
        return found <= value + 1e-4 * slope
    }

    private mutating func adopt(_ found: Double, _ threshold: Double) -> SolveStatus? {
        swap(&x, &trial)
        swap(&gradient, &trialGradient)
        value = found
        norm = VectorMath.norm(gradient)
        steps += 1
        return norm <= threshold ? .converged : nil
    }

    /// H d = −∇f up to a relative residual; the steepest descent where the first curvature is not positive.
    private mutating func findDirection(_ forcing: Double, _ shouldStop: InterruptionCheck) -> SolveStatus? {
        let (point, product) = (x, hessian)
        let matrix = LinearOperator(dimension: x.count) { product(point, $0, &$1) }
        let solver = ConjugateGradients(tolerance: Tolerance(relative: forcing), maxIterations: max(20, 2 * x.count))
        do {
            let solution = try solver.solve(matrix, rhs: gradient, start: nil, shouldStop: shouldStop)
            if solution.status == .interrupted { return .interrupted }
            let isUsable = VectorMath.dot(solution.point, gradient) > 0 && VectorMath.isFinite(solution.point)
            for i in direction.indices { direction[i] = -(isUsable ? solution.point[i] : gradient[i]) }
            return nil
        } catch {
            preconditionFailure("a gradient of the point's own dimension: \(error)")
        }
    }
}
