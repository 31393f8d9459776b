// The lower level solved by the method's own solver, at the oracle's upper point.
import Solvers
import Tensors

extension HypergradientEvaluator {
    /// The lower objective as minimisers see it; of a fixed point the "gradient" is the residual y − Φ.
    private var objective: SmoothObjective {
        SmoothObjective(
            epsilon: oracle.precision.epsilon,
            value: { point in
                oracle.setLower(point)
                return oracle.stepValue()
            },
            gradient: { point, gradient in
                oracle.setLower(point)
                oracle.stepGradient(into: &gradient)
            },
            valueAndGradient: { point, gradient in
                oracle.setLower(point)
                return oracle.stepValueAndGradient(into: &gradient)
            })
    }

    /// The same in units of ``unit``, for solvers whose first step is as long as the gradient or its square says.
    private var scaledObjective: SmoothObjective {
        if unit == 1 { return objective }
        let factor = 1 / unit
        return SmoothObjective(epsilon: oracle.precision.epsilon) { point, gradient in
            oracle.setLower(point)
            let value = oracle.stepValueAndGradient(into: &gradient)
            VectorMath.scale(factor, &gradient)
            return factor * value
        }
    }

    /// The lower solution; `nil` when stopped.
    func solveLower(from start: [Double]) -> Solution? {
        oracle.beginSteps(at: start)
        let solution: Solution
        switch configuration.lower {
        case .gradientDescent(let step, let steps, let tolerance):
            solution = minimize(
                GradientDescent(
                    step: descentStep(step), tolerance: tolerance.map(scaled), maxIterations: steps,
                    regularizer: oracle.regularizer()), from: start)
        case .accelerated(let steps, let tolerance):
            solution = minimize(
                AcceleratedProximalGradient(
                    regularizer: oracle.regularizer().scaled(by: 1 / unit),
                    firstStep: unit == 1 ? estimatedStep ?? 1 : 1,
                    tolerance: configuration.decreasing == nil ? tolerance : absolute(tolerance.absolute),
                    maxIterations: steps), scaledObjective, from: start)
        case .lbfgs(let memory, let steps, let tolerance):
            solution = minimize(
                LBFGS(memory: memory, tolerance: absolute(tolerance), maxIterations: steps), scaledObjective,
                from: start)
        case .rule(let rule, let step, let steps, let tolerance):
            solution = minimize(
                RuleDescent(
                    rule: rule, schedule: schedule(step, of: rule), tolerance: tolerance.map(scaled),
                    maxIterations: steps),
                from: start)
        case .newtonCG(let steps, let tolerance):
            solution = NewtonCG(tolerance: absolute(tolerance), maxIterations: steps).minimize(
                scaledObjective,
                hessian: { point, direction, product in
                    oracle.setLower(point)
                    oracle.hessianProduct(direction, into: &product)
                    if unit != 1 { VectorMath.scale(1 / unit, &product) }
                }, from: start, shouldStop: { stop() != nil })
        case .anderson(let memory, let step, let steps, let tolerance):
            solution = accelerate(memory, schedule(step).value(at: 0), steps, tolerance, from: start)
        case .closedForm: solution = solveAffine(from: start)
        }
        return solution.status == .interrupted ? nil : solution
    }

    /// The lower solution by a minimiser that is not the method's own; `nil` when stopped.
    func solveLower(from start: [Double], by minimiser: some Minimizer) -> Solution? {
        oracle.beginSteps(at: start)
        let solution = minimize(minimiser, from: start)
        return solution.status == .interrupted ? nil : solution
    }

    /// A solver's tolerance, or that of the iteration where tolerances fall.
    private func absolute(_ tolerance: Double) -> Tolerance {
        Tolerance(absolute: innerTolerance ?? tolerance)
    }

    /// The same for solvers that see the objective in its own units.
    private func scaled(_ tolerance: Double) -> Tolerance {
        Tolerance(absolute: unit * absolute(tolerance).absolute)
    }

    private func minimize(
        _ method: some Minimizer, _ objective: SmoothObjective? = nil, from start: [Double]
    ) -> Solution {
        do {
            return try method.minimize(objective ?? self.objective, from: start, shouldStop: { stop() != nil })
        } catch {
            preconditionFailure("a start of the level's own dimension: \(error)")
        }
    }

    private func descentStep(_ step: LowerStep) -> GradientDescent.Step {
        switch step {
        case .schedule(let schedule): .schedule(schedule)
        case .lineSearch: .armijo(largest: estimatedStep ?? 1)
        case .automatic: .schedule(.constant(estimatedStep ?? 1))
        }
    }

    /// The steps of rules without a line search.
    func schedule(_ step: LowerStep, of rule: UpdateRule = .gradient) -> StepSchedule {
        switch step {
        case .schedule(let schedule): return schedule
        case .automatic, .lineSearch:
            // Nesterov's steps are stable up to 4/(3L) only, at most 2/(L + μ) are estimated.
            if case .nesterov = rule { return .constant(0.5 * (estimatedStep ?? 1)) }
            return .constant(estimatedStep ?? 1)
        }
    }

    /// Anderson acceleration of y ← y − αr(y): of the map itself, where the level is a fixed point and α = 1.
    private func accelerate(
        _ memory: Int, _ alpha: Double, _ steps: Int, _ tolerance: Double?, from start: [Double]
    ) -> Solution {
        let method = AndersonAcceleration(
            memory: memory, tolerance: tolerance.map { alpha * scaled($0).absolute }, maxIterations: steps)
        var solution = method.solve(
            from: start, shouldStop: { stop() != nil },
            displacement: { point, displacement in
                oracle.setLower(point)
                oracle.stepGradient(into: &displacement)
                VectorMath.scale(-alpha, &displacement)
            })
        solution.statistics.residualNorm /= alpha
        return solution
    }

    /// r(y) = A y + c: y − A⁻¹ r(y), and once more for what rounding left. Where r is affine this is exact, and else
    /// resolution refuses it.
    private func solveAffine(from start: [Double]) -> Solution {
        var y = start
        var residual = zeros(y.count)
        oracle.setLower(y)
        oracle.lowerGradient(into: &residual)
        let first = VectorMath.norm(residual)
        var norm = first
        var status = SolveStatus.converged
        for _ in 0..<2 where norm > 0 {
            let step = solveJacobian(residual)
            if step.status == .interrupted { return step }
            if case .indefinite = step.status { status = step.status }
            var trial = y
            VectorMath.add(-1, step.point, to: &trial)
            oracle.setLower(trial)
            oracle.lowerGradient(into: &residual)
            let reached = VectorMath.norm(residual)
            guard reached < norm else { break }
            (y, norm) = (trial, reached)
        }
        if !norm.isFinite { status = .diverged(quantity: .gradient, iteration: 0) }
        return Solution(
            point: y, status: status, statistics: SolveStatistics(iterations: 1, residualNorm: norm, scale: first))
    }

    /// (∂r/∂y)⁻¹ b.
    private func solveJacobian(_ rhs: [Double]) -> Solution {
        let none = zeros(oracle.upperDimension)
        let matrix = LinearOperator(dimension: rhs.count) {
            if oracle.isSymmetric {
                oracle.hessianProduct($0, into: &$1)
            } else {
                oracle.tangentProduct($0, none, into: &$1)
            }
        }
        let isSmall = rhs.count <= LinearSystemSolver.directLimit
        let steps = max(1_000, 10 * rhs.count)
        let tolerance = Tolerance(relative: 1e-14)
        let solver: any LinearSolver =
            switch (oracle.isSymmetric, isSmall) {
            case (true, true): DirectSolver(.cholesky)
            case (true, false): ConjugateGradients(tolerance: tolerance, maxIterations: steps)
            case (false, true): DirectSolver(.lu)
            case (false, false): GMRES(tolerance: tolerance, maxIterations: steps)
            }
        do {
            return try solver.solve(matrix, rhs: rhs, start: nil, shouldStop: { stop() != nil })
        } catch {
            preconditionFailure("a right-hand side of the system's own dimension: \(error)")
        }
    }
}
