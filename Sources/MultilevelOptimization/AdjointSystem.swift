// The linear system of implicit differentiation and its solvers.
import Solvers

/// H v = b at the oracle's point; on a face P (H + C) P v = P b.
struct AdjointSystem {
    let oracle: BilevelOracle
    let face: Face?
    let solver: LinearSystemSolver
    let estimatedStep: Double?
    /// The step of iterations that are those of the proximal step, whose map damps the curvature of the face.
    let damping: Double?

    init(oracle: BilevelOracle, face: Face?, _ solver: LinearSystemSolver, estimatedStep: Double?) {
        self.oracle = oracle
        self.face = face
        self.solver = solver
        self.estimatedStep = estimatedStep
        switch solver {
        case .fixedPoint(let step, _, _), .neumann(let step, _): damping = step ?? estimatedStep ?? 1
        case .conjugateGradients, .normalEquations, .minres, .gmres, .bicgstab, .cholesky, .lu, .automatic:
            damping = nil
        }
    }

    private var dimension: Int { oracle.lowerDimension }

    private var matrix: LinearOperator {
        guard let face else {
            if oracle.isSymmetric {
                return LinearOperator(dimension: dimension) { oracle.hessianProduct($0, into: &$1) }
            }
            let none = [Double](repeating: 0, count: oracle.upperDimension)
            return LinearOperator(
                dimension: dimension, transposed: { oracle.tangentProduct($0, none, into: &$1) },
                action: { oracle.hessianProduct($0, into: &$1) })
        }
        return LinearOperator(dimension: dimension) { v, product in
            var tangent = v
            face.project(&tangent)
            oracle.hessianProduct(tangent, into: &product)
            face.addCurvature(tangent, to: &product)
            face.project(&product)
            if let damping { face.solveProximal(&product, step: damping) }
        }
    }

    /// With the identity across the face, so that there are factors.
    private var regularMatrix: LinearOperator {
        guard let face else { return matrix }
        let along = matrix
        return LinearOperator(dimension: dimension) { v, product in
            along.apply(v, &product)
            var tangent = v
            face.project(&tangent)
            for i in v.indices { product[i] += v[i] - tangent[i] }
        }
    }

    /// - Parameter tolerance: from the solver's own tolerance to the one that counts.
    func solve(
        _ rhs: [Double], from start: [Double]?, tolerance adjusted: (Double) -> Double,
        shouldStop: @escaping InterruptionCheck
    ) -> Solution {
        func relative(_ tolerance: Double) -> Tolerance { Tolerance(relative: adjusted(tolerance)) }
        func run(_ method: any LinearSolver, _ matrix: LinearOperator, _ start: [Double]?) -> Solution {
            do {
                return try method.solve(matrix, rhs: rhs, start: start, shouldStop: shouldStop)
            } catch {
                preconditionFailure("vectors of the oracle's own dimension: \(error)")
            }
        }
        switch solver {
        case .conjugateGradients(let steps, let tolerance):
            return run(ConjugateGradients(tolerance: relative(tolerance), maxIterations: steps), matrix, start)
        case .fixedPoint(let step, let steps, let tolerance):
            let method = Richardson(
                step: step ?? estimatedStep ?? 1, tolerance: tolerance.map(relative), maxIterations: steps)
            return run(method, matrix, start)
        case .normalEquations(let steps, let tolerance):
            return run(NormalEquations(tolerance: relative(tolerance), maxIterations: steps), matrix, start)
        case .minres(let steps, let tolerance):
            return run(MINRES(tolerance: relative(tolerance), maxIterations: steps), matrix, start)
        case .gmres(let restart, let steps, let tolerance):
            let method = GMRES(tolerance: relative(tolerance), restart: restart, maxIterations: steps)
            return run(method, matrix, start)
        case .bicgstab(let steps, let tolerance):
            return run(BiCGStab(tolerance: relative(tolerance), maxIterations: steps), matrix, start)
        case .neumann(let step, let terms):
            // Its first term is the first step from 0.
            let method = Richardson(step: step ?? estimatedStep ?? 1, tolerance: nil, maxIterations: terms + 1)
            return run(method, matrix, nil)
        case .cholesky: return run(DirectSolver(.cholesky), regularMatrix, nil)
        case .lu: return run(DirectSolver(.lu), regularMatrix, nil)
        case .automatic(let steps, let tolerance):
            let isSmall = dimension <= LinearSystemSolver.directLimit
            guard oracle.isSymmetric else {
                if isSmall { return run(DirectSolver(.lu), regularMatrix, nil) }
                return run(GMRES(tolerance: relative(tolerance), maxIterations: steps), matrix, start)
            }
            let first =
                isSmall
                ? run(DirectSolver(.cholesky), regularMatrix, nil)
                : run(ConjugateGradients(tolerance: relative(tolerance), maxIterations: steps), matrix, start)
            guard case .indefinite = first.status else { return first }
            // The point is the stationary one's; the status says that it belongs to no minimum.
            var second = run(MINRES(tolerance: relative(tolerance), maxIterations: steps), matrix, nil)
            if second.status != .interrupted { second.status = first.status }
            return second
        }
    }
}
