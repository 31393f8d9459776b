// Evaluates F and ∇F at an upper point: solve the lower level, then differentiate implicitly or through the steps.
// Grazzi, Franceschi, Pontil, Salzo, ICML 2020 (ITD, AID); Grazzi's thesis, 2023.
import Solvers
import Tensors

/// The deterministic hypergradients, on all data.
struct HypergradientEvaluator {
    let oracle: BilevelOracle
    let configuration: DoubleLoopConfiguration
    /// The settled step of gradient descent, where one was estimated.
    let estimatedStep: Double?
    let stop: StopCheck

    /// Evaluates at `x`; `nil` when stopped.
    ///
    /// - Parameter previous: an evaluation nearby, for warm starts.
    func evaluate(at x: [Double], after previous: Evaluation?) -> Evaluation? {
        oracle.setUpper(x)
        if oracle.lowerDimension == 0 { return evaluateSingleLevel(x) }
        let warm = configuration.warmStartsLower ? previous?.y : nil
        let start = warm ?? oracle.coldStart()
        switch configuration.hypergradient {
        case .implicit(let solver): return evaluateImplicit(x, from: start, solver, adjoint: previous?.v)
        case .unrolledReverse(let truncation):
            return evaluateUnrolled(x, from: start, isCold: warm == nil, truncation)
        }
    }

    private func evaluateSingleLevel(_ x: [Double]) -> Evaluation? {
        if stop() != nil { return nil }
        var none: [Double] = []
        var gradient = zeros(oracle.upperDimension)
        let value = oracle.upperGradients(y: &none, x: &gradient)
        return Evaluation(
            x: x, y: [], v: [], value: value, hypergradient: gradient, lowerResidual: 0, linearResidual: nil,
            lowerStatus: .converged, linearStatus: nil)
    }

    private func zeros(_ count: Int) -> [Double] { [Double](repeating: 0, count: count) }

    // MARK: - Implicit

    private func evaluateImplicit(
        _ x: [Double], from start: [Double], _ solver: LinearSystemSolver, adjoint: [Double]?
    ) -> Evaluation? {
        guard let lower = solveLower(from: start) else { return nil }
        oracle.setLower(lower.point)
        var residual = zeros(oracle.lowerDimension)
        oracle.lowerGradient(into: &residual)
        let norm = oracle.regularizer().stationarity(at: lower.point, gradient: residual)
        return differentiate(x, lower, residualNorm: norm, solver, adjoint: adjoint)
    }

    /// The face of a solution over a set or with norms; `nil` for smooth levels.
    func face(at y: [Double]) -> Face? {
        if oracle.problem.lower.isSmooth { return nil }
        var gradient = zeros(oracle.lowerDimension)
        oracle.lowerGradient(into: &gradient)
        return Face(of: oracle.regularizer(), at: y, gradient: gradient)
    }

    /// f_x − J v with H v = f_y, at the oracle's point. On a face: P (H + C) P v = P f_y, and the weights of norms add
    /// −(∂w/∂x)ᵀ ⟨∂h/∂w, v⟩.
    func differentiate(
        _ x: [Double], _ lower: Solution, residualNorm: Double, _ solver: LinearSystemSolver, adjoint: [Double]?
    ) -> Evaluation? {
        var gradientY = zeros(oracle.lowerDimension)
        var hypergradient = zeros(oracle.upperDimension)
        let value = oracle.upperGradients(y: &gradientY, x: &hypergradient)
        let face = face(at: lower.point)
        let linear = solveAdjoint(
            solver, gradientY, from: configuration.warmStartsLinear ? adjoint : nil, along: face)
        if linear.status == .interrupted { return nil }
        var mixed = zeros(oracle.upperDimension)
        oracle.mixedProduct(linear.point, into: &mixed)
        VectorMath.add(-1, mixed, to: &hypergradient)
        if let face { addWeightSlopes(face, linear.point.map { -$0 }, to: &hypergradient) }
        return Evaluation(
            x: x, y: lower.point, v: linear.point, value: value, hypergradient: hypergradient,
            lowerResidual: residualNorm, linearResidual: linear.statistics.residualNorm, lowerStatus: lower.status,
            linearStatus: linear.status)
    }

    private func addWeightSlopes(_ face: Face, _ v: [Double], to result: inout [Double]) {
        let terms = oracle.regularizer().terms
        if terms.isEmpty { return }
        oracle.addWeightProduct(
            terms.indices.map { face.weightSlopes(terms[$0], $0, along: v) }, to: &result)
    }

    /// Solves H v = b, or P (H + C) P v = P b with v on the face.
    func solveAdjoint(
        _ solver: LinearSystemSolver, _ rhs: [Double], from start: [Double]?, along face: Face?
    ) -> Solution {
        var start = start?.count == rhs.count ? start : nil
        var rhs = rhs
        // The fixed-point iteration is that of the proximal step, whose map damps the curvature of the face.
        let damping: Double?
        switch solver {
        case .conjugateGradients: damping = nil
        case .fixedPoint(let step, _, _): damping = step ?? estimatedStep ?? 1
        }
        let hessian: LinearOperator
        if let face {
            face.project(&rhs)
            if let damping { face.solveProximal(&rhs, step: damping) }
            if var nearby = start {
                face.project(&nearby)
                start = nearby
            }
            hessian = LinearOperator(dimension: oracle.lowerDimension) { v, product in
                var tangent = v
                face.project(&tangent)
                oracle.hessianProduct(tangent, into: &product)
                face.addCurvature(tangent, to: &product)
                face.project(&product)
                if let damping { face.solveProximal(&product, step: damping) }
            }
        } else {
            hessian = LinearOperator(dimension: oracle.lowerDimension) { oracle.hessianProduct($0, into: &$1) }
        }
        let method: any LinearSolver
        switch solver {
        case .conjugateGradients(let steps, let tolerance):
            method = ConjugateGradients(tolerance: Tolerance(relative: tolerance), maxIterations: steps)
        case .fixedPoint(let step, let steps, let tolerance):
            method = Richardson(
                step: step ?? estimatedStep ?? 1, tolerance: tolerance.map { Tolerance(relative: $0) },
                maxIterations: steps)
        }
        do {
            return try method.solve(hessian, rhs: rhs, start: start, shouldStop: { stop() != nil })
        } catch {
            preconditionFailure("vectors of the oracle's own dimension: \(error)")
        }
    }

    func solveLower(from start: [Double]) -> Solution? {
        oracle.beginSteps(at: start)
        let objective = SmoothObjective(
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
        do {
            let solution = try minimizer.minimize(objective, from: start, shouldStop: { stop() != nil })
            return solution.status == .interrupted ? nil : solution
        } catch {
            preconditionFailure("a start of the level's own dimension: \(error)")
        }
    }

    private var minimizer: any Minimizer {
        switch configuration.lower {
        case .gradientDescent(let step, let steps, let tolerance):
            GradientDescent(
                step: descentStep(step), tolerance: tolerance.map { Tolerance(absolute: $0) }, maxIterations: steps,
                regularizer: oracle.regularizer())
        case .accelerated(let steps, let tolerance):
            AcceleratedProximalGradient(
                regularizer: oracle.regularizer(), firstStep: estimatedStep ?? 1, tolerance: tolerance,
                maxIterations: steps)
        case .lbfgs(let memory, let steps, let tolerance):
            LBFGS(memory: memory, tolerance: Tolerance(absolute: tolerance), maxIterations: steps)
        }
    }

    private func descentStep(_ step: LowerStep) -> GradientDescent.Step {
        switch step {
        case .schedule(let schedule): .schedule(schedule)
        case .lineSearch: .armijo(largest: estimatedStep ?? 1)
        case .automatic: .schedule(.constant(estimatedStep ?? 1))
        }
    }

    // MARK: - Unrolled

    /// Reverse differentiation of y_s = y_{s−1} − α_s ∇_y g(y_{s−1}, x): a_T = f_y; for s = T…: g += ∂₂Φᵀ a_s,
    /// a_{s−1} = ∂₁Φᵀ a_s; where all steps are visited from a start that is a formula, g += (∂y₀/∂x)ᵀ a₀. The iterates
    /// that the sweep visits are kept.
    private func evaluateUnrolled(
        _ x: [Double], from start: [Double], isCold: Bool, _ truncation: Int?
    ) -> Evaluation? {
        guard case .gradientDescent(let step, let steps, _) = configuration.lower else {
            preconditionFailure("only gradient descent is unrolled; resolution refuses other solvers")
        }
        let kept = min(truncation ?? steps, steps)
        guard let (y, iterates) = descend(from: start, step, steps: steps, keepingLast: kept) else { return nil }
        oracle.setLower(y)
        var residual = zeros(y.count)
        oracle.lowerGradient(into: &residual)
        var adjoint = zeros(y.count)
        var hypergradient = zeros(x.count)
        let value = oracle.upperGradients(y: &adjoint, x: &hypergradient)
        var hessian = zeros(y.count)
        var mixed = zeros(x.count)
        for (offset, iterate) in iterates.enumerated().reversed() {
            if stop() != nil { return nil }
            let alpha = stepSize(step, at: steps - kept + offset)
            oracle.setLower(iterate)
            if !oracle.problem.lower.isSmooth {
                let image = offset + 1 < iterates.count ? iterates[offset + 1] : y
                pullBack(&adjoint, from: iterate, to: image, alpha, &hypergradient)
            }
            oracle.adjointProducts(adjoint, hessian: &hessian, mixed: &mixed)
            VectorMath.add(-alpha, mixed, to: &hypergradient)
            VectorMath.add(-alpha, hessian, to: &adjoint)
        }
        if isCold && kept == steps { pullBackStart(&adjoint, start, &hypergradient) }
        return Evaluation(
            x: x, y: y, v: [], value: value, hypergradient: hypergradient,
            lowerResidual: oracle.regularizer().stationarity(at: y, gradient: residual),
            linearResidual: nil, lowerStatus: .iterationLimit, linearStatus: nil)
    }

    /// Takes an adjoint back through y⁺ = prox(y − α∇g, α), whose derivative is that of a minimiser of
    /// ½‖z − u‖² + αh(z): along the face of y⁺, with what the weights add to the hypergradient.
    private func pullBack(
        _ adjoint: inout [Double], from iterate: [Double], to image: [Double], _ alpha: Double,
        _ hypergradient: inout [Double]
    ) {
        var function = oracle.regularizer()
        for index in function.terms.indices { VectorMath.scale(alpha, &function.terms[index].weights) }
        var gradient = zeros(iterate.count)
        oracle.lowerGradient(into: &gradient)
        // z − u at z = y⁺.
        for i in gradient.indices { gradient[i] = image[i] - (iterate[i] - alpha * gradient[i]) }
        let face = Face(of: function, at: image, gradient: gradient)
        face.solveProximal(&adjoint)
        addWeightSlopes(face, adjoint.map { -alpha * $0 }, to: &hypergradient)
    }

    /// Takes an adjoint back through the start and its projection.
    private func pullBackStart(_ adjoint: inout [Double], _ start: [Double], _ hypergradient: inout [Double]) {
        let set = oracle.regularizer().set
        if set != .whole {
            var image = start
            set.project(&image)
            let difference = VectorMath.subtract(image, start)
            Face(of: ProximalFunction(set: set), at: image, gradient: difference).solveProximal(&adjoint)
        }
        oracle.addStartProduct(adjoint, to: &hypergradient)
    }

    /// Runs the steps; keeps the points that the last `count` of them started from.
    private func descend(
        from start: [Double], _ step: LowerStep, steps: Int, keepingLast count: Int
    ) -> (last: [Double], iterates: [[Double]])? {
        var y = start
        let regularizer = oracle.regularizer()
        regularizer.set.project(&y)
        oracle.beginSteps(at: y)
        var gradient = zeros(start.count)
        var iterates: [[Double]] = []
        iterates.reserveCapacity(count)
        for index in 0..<steps {
            if stop() != nil { return nil }
            if index >= steps - count { iterates.append(y) }
            oracle.setLower(y)
            oracle.stepGradient(into: &gradient)
            let length = stepSize(step, at: index)
            VectorMath.add(-length, gradient, to: &y)
            regularizer.apply(&y, step: length)
        }
        return (y, iterates)
    }

    private func stepSize(_ step: LowerStep, at index: Int) -> Double {
        switch step {
        case .schedule(let schedule): schedule.value(at: index)
        case .automatic, .lineSearch: estimatedStep ?? 1
        }
    }
}
