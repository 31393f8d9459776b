// Whether a lower solve has solved its level, whatever the scale of its objective: by how far Newton's method would still
// move the point, and by what that leaves unknown of F.
import Solvers
import Tensors

extension HypergradientEvaluator {
    /// What F may be off by at first order, relative to max(1, |F|), before the level is solved again.
    private static func slack(_ tolerance: Double) -> Double { min(1e3 * tolerance, tolerance.squareRoot()) }
    /// Times that it is.
    private static let refinements = 3

    /// A lower bound on ‖A⁻¹ r‖₂, A = ∂r/∂y, at the oracle's point: ‖r‖²/‖Aᵀ r‖, by one product. Infinite where A r = 0.
    func displacement(_ residual: [Double]) -> Double {
        let norm = VectorMath.norm(residual)
        guard norm > 0, norm.isFinite else { return norm }
        var unit = residual
        // Twice: the first factor of a norm below 1e-308 is none.
        VectorMath.scale(1 / max(norm, .leastNormalMagnitude), &unit)
        let length = VectorMath.norm(unit)
        VectorMath.scale(1 / length, &unit)
        var product = unit
        oracle.hessianProduct(unit, into: &product)
        return norm / VectorMath.norm(product)
    }

    /// Why y is no solution of the lower level at the oracle's point, though its solver is done; `nil` where it is one, as
    /// far as rounding tells.
    ///
    /// - Parameters:
    ///   - newton: the length of Newton's step from y, where it is known.
    ///   - isDoubtful: whether a tolerance that was met says nothing.
    func fault(
        of lower: Solution, residual: [Double], newton: Double? = nil, isDoubtful: Bool = false
    ) -> SolveFault? {
        switch lower.status {
        case .iterationLimit, .indefinite, .interrupted, .diverged: return nil
        case .converged: if !isDoubtful { return nil }
        case .stagnated: break
        }
        guard oracle.problem.lower.isSmooth, configuration.lower.hasTolerance else { return nil }
        let size = max(1, VectorMath.norm(lower.point))
        let limit = oracle.precision.displacementLimit * size
        if let newton, newton <= limit { return nil }
        let step = displacement(residual)
        if step <= limit || isKink(lower.point, along: residual) { return nil }
        // Long steps where the gradient has vanished: the objective falls towards infinity, as exp(−y) does.
        return lower.statistics.relativeResidual <= Self.vanished ? .unbounded : .notConverged(error: step / size)
    }

    private static let vanished = 1e-8

    /// Whether the lower objective rises to both sides along its gradient: a minimum at a kink, where gradients say nothing.
    private func isKink(_ y: [Double], along gradient: [Double]) -> Bool {
        guard oracle.isSymmetric else { return false }
        let step = oracle.precision.epsilon.squareRoot() * max(1, VectorMath.norm(y)) / VectorMath.norm(gradient)
        func value(_ length: Double) -> Double {
            var point = y
            VectorMath.add(length, gradient, to: &point)
            oracle.setLower(point)
            return oracle.lowerValue()
        }
        let (before, here, after) = (value(-step), value(0), value(step))
        let noise = 16 * oracle.precision.epsilon * here.magnitude
        return before > here + noise && after > here + noise
    }

    /// The curvature that the lower objective has to be measured in; `nil` where its scale does as it is. Where the solver
    /// met its tolerance on ‖g_y‖, such that this leaves as little unknown of F as it does where curvatures are about 1:
    /// ‖g_y‖ max(1, |F|)/|⟨v, g_y⟩|. Where it stagnated far from a solution, the curvature along g_y: squares of gradients
    /// may have left the range of numbers.
    func unit(_ found: Evaluation, residual: [Double]) -> Double? {
        guard oracle.isSymmetric, let tolerance = lowerTolerance, found.isFinite else { return nil }
        let norm = VectorMath.norm(residual)
        let unit: Double
        switch found.lowerStatus {
        case .converged:
            let unknown = VectorMath.dot(found.v, residual).magnitude
            let scale = max(1, found.value.magnitude)
            guard unknown > Self.slack(tolerance) * scale else { return nil }
            unit = norm * scale / unknown
        case .stagnated:
            guard oracle.problem.lower.isSmooth else { return nil }
            let step = displacement(residual)
            guard step > oracle.precision.displacementLimit * max(1, VectorMath.norm(found.y)) else { return nil }
            unit = norm / step
        case .iterationLimit, .indefinite, .diverged, .interrupted: return nil
        }
        return unit.isNormal && (1 / unit).isFinite ? unit : nil
    }

    /// The tolerance of the lower solver; `nil` where it has none, or none that one level's scale would change.
    private var lowerTolerance: Double? {
        switch configuration.lower {
        case .gradientDescent(_, _, let tolerance), .rule(_, _, _, let tolerance), .anderson(_, _, _, let tolerance):
            tolerance.map { innerTolerance ?? $0 }
        case .lbfgs(_, _, let tolerance), .newtonCG(_, let tolerance): innerTolerance ?? tolerance
        case .accelerated(_, let tolerance): innerTolerance ?? max(tolerance.absolute, tolerance.relative)
        case .closedForm: nil
        }
    }

    /// Solves the level and differentiates; again in other units, where its scale hides that it is not solved yet. `nil`
    /// when stopped.
    func evaluateImplicit(
        _ x: [Double], from start: [Double], _ solver: LinearSystemSolver, adjoint: [Double]?
    ) -> Evaluation? {
        guard var found = solve(x, from: start, solver, adjoint: adjoint) else { return nil }
        for _ in 0..<Self.refinements {
            guard let unit = unit(found.evaluation, residual: found.residual) else { break }
            var scaled = self
            scaled.unit = unit
            let v = found.evaluation.v
            guard let next = scaled.solve(x, from: found.lower.point, solver, adjoint: v) else { return nil }
            guard next.evaluation.lowerResidual < found.evaluation.lowerResidual else { break }
            found = next
        }
        let isDoubtful = unit(found.evaluation, residual: found.residual) != nil
        return judged(found.evaluation, found.lower, residual: found.residual, isDoubtful: isDoubtful)
    }

    /// The evaluation, with what is wrong with its lower solution.
    func judged(
        _ evaluation: Evaluation, _ lower: Solution, residual: [Double], newton: Double? = nil,
        isDoubtful: Bool = false
    ) -> Evaluation {
        guard let fault = fault(of: lower, residual: residual, newton: newton, isDoubtful: isDoubtful) else {
            return evaluation
        }
        var result = evaluation
        if fault == .unbounded {
            result.lowerStatus = .diverged(quantity: .value, iteration: lower.statistics.iterations)
        }
        result.isInfeasible = !result.lowerStatus.isDivergence
        result.remarks = [LevelFault(oracle.problem.lower, fault).sentence]
        return result
    }

    private func solve(
        _ x: [Double], from start: [Double], _ solver: LinearSystemSolver, adjoint: [Double]?
    ) -> (lower: Solution, evaluation: Evaluation, residual: [Double])? {
        guard let lower = solveLower(from: start) else { return nil }
        oracle.setLower(lower.point)
        var residual = zeros(oracle.lowerDimension)
        oracle.lowerGradient(into: &residual)
        let regularizer = oracle.regularizer()
        let norm = regularizer.stationarity(at: lower.point, gradient: residual)
        if let face = face(at: lower.point) {
            face.addNormGradient(regularizer, to: &residual)
            face.project(&residual)
        }
        guard let evaluation = differentiate(x, lower, residualNorm: norm, solver, adjoint: adjoint) else { return nil }
        return (lower, evaluation, residual)
    }
}
