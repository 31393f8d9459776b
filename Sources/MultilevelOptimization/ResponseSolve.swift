// One best response: Newton's method on the residual, globalised by the objective where the level minimises, by the
// residual's norm where it is a fixed point. Nocedal & Wright, 2nd ed., §3.4, §11.2.
import ExpressionGraph
import Solvers
import Tensors

/// Finds z with R(captures, z) = 0.
struct ResponseSolve {
    let solver: NestedSolver
    let runtime: FunctionRuntime
    let equilibrium: Equilibrium
    let captures: [FunctionArgument]
    let state: ResponseState
    /// Faults from before this solve began.
    let known: [(level: Int, isAdjoint: Bool, fault: SolveFault)]

    /// A point and what is wrong with it.
    struct Found {
        let point: [Double]
        /// ‖R‖₂ there.
        let residual: Double
        let fault: SolveFault?

        init(_ point: [Double], _ residual: [Double], fault: SolveFault?) {
            self.point = point
            self.residual = VectorMath.norm(residual)
            self.fault = fault
        }
    }

    /// Plain iterations of a map, where Newton's steps lead nowhere.
    private static let plainSteps = 1_000
    /// Steps whose size, relative to the point's, is below this are as good as solved when rounding ends progress.
    static let roundingLimit = 1e-9
    /// Growth of the point that counts as having no minimiser.
    static let growthLimit = 1e10

    // MARK: - Functions

    func evaluate(_ function: GraphFunction, step: [Double] = [], at z: [Double]) -> [Double] {
        step.withUnsafeBufferPointer { length in
            z.withUnsafeBufferPointer { point in
                let lengths = step.isEmpty ? [] : [FunctionArgument(length)]
                return runtime.program(for: function).evaluate(captures + lengths + [FunctionArgument(point)], runtime)
            }
        }
    }

    func residual(_ z: [Double]) -> [Double] {
        solver.count(equilibrium.level) { $0.residuals += 1 }
        return evaluate(equilibrium.residual, at: z)
    }

    /// What is evaluated at a point that is tried; `nil` where a deeper level has no solution there.
    func attempt<Value>(_ evaluate: () -> Value) -> Value? {
        solver.attempt(above: equilibrium.level, besides: known, evaluate)
    }

    func matrix(_ z: [Double]) -> PointMatrix {
        let (system, kept) = equilibrium.jacobian
        return z.withUnsafeBufferPointer { point in
            let arguments = captures + [FunctionArgument(point)]
            return solver.matrix(system, kept.map { arguments[$0] }, runtime)
        }
    }

    // MARK: - Prediction

    /// The response by its first derivative at the point solved last: z − A⁻¹ ∂R/∂c Δc; `nil` before the first. Where
    /// responses are linear it is exact, which is what keeps deep problems from solving twice at every level.
    func predict(_ key: PointKey) -> [Double]? {
        guard let last = state.solved.first(where: { $0.fault == nil }), last.key.count == key.count else { return nil }
        var moved: [Int] = []
        var changes: [[Double]] = []
        for index in 0..<key.count {
            guard let before = last.key.values(index), let after = key.values(index) else { continue }
            let change = VectorMath.subtract(after, before)
            if change.contains(where: { $0 != 0 }) {
                moved.append(index)
                changes.append(change)
            }
        }
        guard !moved.isEmpty else { return last.point }
        let tangent = equilibrium.residual.tangent(along: moved)
        let rhs = last.key.withArguments(adding: [last.point] + changes, select: tangent.kept) { arguments in
            runtime.program(for: tangent.function).evaluate(arguments, runtime)
        }
        let (system, kept) = equilibrium.jacobian
        let matrix = last.key.withArguments(adding: [last.point], select: kept) {
            solver.matrix(system, $0, runtime)
        }
        let step = matrix.solve(rhs, transposed: false)
        var result = last.point
        VectorMath.add(-1, step.point, to: &result)
        return step.fault == nil && VectorMath.isFinite(result) ? result : last.point
    }

    // MARK: - Newton

    func run(from start: [Double]) -> Found {
        switch equilibrium.kind {
        case .minimum(let objective): minimise(objective, from: start)
        case .fixedPoint: findFixedPoint(from: start)
        case .proximal(let objective, let step): minimise(objective, step, from: start)
        }
    }

    /// A Newton step and whether it descends because the Hessian is positive definite, or semidefinite with a gradient that
    /// it maps something to.
    private func descent(_ matrix: PointMatrix, _ gradient: [Double]) -> (step: [Double], isConvex: Bool)? {
        var step: [Double]
        let isConvex: Bool
        switch matrix {
        case .dense(let matrix):
            let singular = matrix.semidefinite.map { _ in matrix.solve(gradient, transposed: false) }
            if let singular, singular.fault == nil {
                (step, isConvex) = (singular.point, true)
            } else {
                guard let factors = matrix.cholesky ?? matrix.shifted else { return nil }
                isConvex = matrix.cholesky != nil
                step = factors.solve(gradient)
            }
        case .krylov(let matrix):
            let solution = matrix.run(gradient, transposed: false)
            if case .indefinite = solution.status { isConvex = false } else { isConvex = true }
            step = solution.point
            if !(VectorMath.dot(step, gradient) > 0) { step = gradient }
        }
        VectorMath.scale(-1, &step)
        return VectorMath.isFinite(step) ? (step, isConvex) : nil
    }

    private func minimise(_ objective: GraphFunction, from start: [Double]) -> Found {
        let tolerance = solver.tolerance(of: equilibrium)
        var z = start
        var gradient = residual(z)
        let first = VectorMath.norm(gradient)
        var value: Double?
        var previous = Double.infinity
        for _ in 0..<NestedSolver.iterationLimit {
            if solver.shouldStop { return Found(z, gradient, fault: .interrupted) }
            if solver.isHopeless(above: equilibrium.level) { return Found(z, gradient, fault: nil) }
            guard first.isFinite else { return Found(z, gradient, fault: .undefined) }
            guard VectorMath.isFinite(gradient) else { return Found(z, gradient, fault: .unbounded) }
            let matrix = matrix(z)
            guard let (step, isConvex) = descent(matrix, gradient) else { return Found(z, gradient, fault: .unbounded) }
            let error = relative(step, to: z)
            if error <= tolerance || isStationary(gradient) {
                return Found(z, gradient, fault: flatness(matrix, isConvex: isConvex))
            }
            if isConvex && error <= Self.roundingLimit && error > 0.25 * previous {
                return Found(z, gradient, fault: flatness(matrix, isConvex: true))
            }
            previous = error
            let found = solver.search { search(objective, z, gradient, step, isConvex: isConvex, &value) }
            guard let next = found else {
                let isSolved = isConvex && error <= Self.roundingLimit
                return Found(
                    z, gradient,
                    fault: isConvex && !isSolved
                        ? .notConverged(error: error) : flatness(matrix, isConvex: isConvex))
            }
            (z, gradient) = next
            if VectorMath.maxNorm(z) > Self.growthLimit * max(1, VectorMath.maxNorm(start)) {
                return Found(z, gradient, fault: .unbounded)
            }
        }
        // Long steps where the gradient has vanished: the objective falls towards infinity, as exp(−z) does.
        let hasEscaped = previous > 1e-4 && VectorMath.norm(gradient) <= 1e-8 * first
        return Found(z, gradient, fault: hasEscaped ? .unbounded : .notConverged(error: previous))
    }

    func relative(_ step: [Double], to z: [Double]) -> Double {
        VectorMath.norm(step) / max(1, VectorMath.norm(z))
    }

    func isStationary(_ gradient: [Double]) -> Bool { gradient.allSatisfy { $0 == 0 } }

    /// What a stationary point is by its Hessian; `nil` for a strict minimum.
    private func flatness(_ matrix: PointMatrix, isConvex: Bool) -> SolveFault? {
        switch matrix {
        case .dense(let matrix): matrix.cholesky != nil ? nil : matrix.isSemidefinite ? .flat : .indefinite
        case .krylov: isConvex ? nil : .indefinite
        }
    }

    /// Halves the step until the objective falls enough, or, at a convex point, the gradient does.
    private func search(
        _ objective: GraphFunction, _ z: [Double], _ gradient: [Double], _ step: [Double], isConvex: Bool,
        _ value: inout Double?
    ) -> (point: [Double], gradient: [Double])? {
        let slope = VectorMath.dot(step, gradient)
        let norm = VectorMath.norm(gradient)
        var length = 1.0
        for _ in 0..<50 {
            var trial = z
            VectorMath.add(length, step, to: &trial)
            if let after = attempt({ residual(trial) }), VectorMath.isFinite(after) {
                if isConvex && VectorMath.norm(after) <= 0.5 * norm {
                    value = nil
                    return (trial, after)
                }
                let before = value ?? solver.again { evaluateObjective(objective, at: z) }
                value = before
                let found = evaluateObjective(objective, at: trial)
                // Near the minimiser rounding hides the fall.
                let slack = isConvex ? 8 * Double.ulpOfOne * before.magnitude : 0
                if found <= before + 1e-4 * length * slope + slack {
                    value = found
                    return (trial, after)
                }
            }
            length *= 0.5
        }
        return nil
    }

    func evaluateObjective(_ objective: GraphFunction, at z: [Double]) -> Double {
        solver.count(equilibrium.level) { $0.objectives += 1 }
        return evaluate(objective, at: z)[0]
    }

    // MARK: - Fixed points

    private func findFixedPoint(from start: [Double]) -> Found {
        let tolerance = solver.tolerance(of: equilibrium)
        var z = start
        var difference = residual(z)
        guard VectorMath.isFinite(difference) || solver.isHopeless(above: equilibrium.level) else {
            return Found(z, difference, fault: .undefined)
        }
        var plain = 0
        var previous = Double.infinity
        for _ in 0..<(NestedSolver.iterationLimit + Self.plainSteps) {
            if solver.shouldStop { return Found(z, difference, fault: .interrupted) }
            if solver.isHopeless(above: equilibrium.level) { return Found(z, difference, fault: nil) }
            guard VectorMath.isFinite(difference) else { return Found(z, difference, fault: .unbounded) }
            let newton = matrix(z).solve(difference, transposed: false)
            let (step, fault) = (newton.point, newton.fault)
            let error = fault == nil ? relative(step, to: z) : .infinity
            if error <= tolerance || isStationary(difference) { return Found(z, difference, fault: fault) }
            if error <= Self.roundingLimit && error > 0.25 * previous { return Found(z, difference, fault: nil) }
            previous = error
            if fault == nil, let next = solver.search({ searchResidual(z, difference, step) }) {
                (z, difference) = next
            } else if plain < Self.plainSteps {
                plain += 1
                var next = z
                VectorMath.add(-1, difference, to: &next)
                guard let after = attempt({ residual(next) }) else {
                    return Found(z, difference, fault: .notConverged(error: error))
                }
                (z, difference) = (next, after)
            } else {
                return Found(z, difference, fault: .notConverged(error: error))
            }
        }
        return Found(z, difference, fault: .notConverged(error: previous))
    }

    /// Halves the step until the residual falls.
    private func searchResidual(
        _ z: [Double], _ difference: [Double], _ step: [Double]
    ) -> (point: [Double], residual: [Double])? {
        let norm = VectorMath.norm(difference)
        var length = 1.0
        for _ in 0..<20 {
            var trial = z
            VectorMath.add(-length, step, to: &trial)
            if let after = attempt({ residual(trial) }), VectorMath.norm(after) <= (1 - 1e-4 * length) * norm {
                return (trial, after)
            }
            length *= 0.5
        }
        return nil
    }
}
