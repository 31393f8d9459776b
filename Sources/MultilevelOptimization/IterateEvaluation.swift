// Where iterates on batches stand, measured on all data: F and ∇F at the upper point, without their full price.
import ExpressionGraph
import Solvers
import Tensors

/// What one look at the iterates (x, y, v) finds.
struct IterateLook {
    /// At x, with y and v a few steps of conjugate gradients nearer to y*(x) and −H⁻¹ f_y than the iterates are: what
    /// noise batches leave in them is of second order in f and h here. The residuals are those of the iterates.
    var evaluation: Evaluation
    /// f + |⟨v, g_y⟩| there: F(x) to second order, and never below what is known of it.
    var estimate: Double
    /// g_y after those steps, and the lower residual.
    var gradient: [Double]
    var residual: Double

    var isFinite: Bool {
        evaluation.isFinite && estimate.isFinite && evaluation.lowerResidual.isFinite
            && evaluation.linearResidual?.isFinite == true && VectorMath.isFinite(evaluation.y)
    }
}

/// Evaluates the iterates of methods on batches on all data.
struct IterateEvaluator {
    /// Steps of conjugate gradients on either system: enough for noise, which is in no direction alone.
    static let corrections = 4
    /// Oracle calls of one look: f with its gradient, g_y twice, the corrections and one product more, Jv.
    static let calls = 6 + 2 * corrections

    /// Rows that one look reads.
    static func samples(_ problem: MultilevelProblem) -> Int {
        (4 + 2 * corrections).times(problem.sampleCount(ofLevel: 1)).adding(problem.sampleCount(ofLevel: 0))
    }

    let oracle: BilevelOracle

    func look(x: [Double], y: [Double], v: [Double]) -> IterateLook {
        oracle.setUpper(x)
        let (lower, gradient, lowerResidual, corrected) = corrected(y)
        var (fromUpper, residual) = (y, y)
        var (direction, mixed) = (x, x)
        let value = oracle.upperGradients(y: &fromUpper, x: &direction)
        let face = self.face(at: lower, gradient)
        var adjoint = v
        face?.project(&adjoint)
        oracle.hessianProduct(adjoint, into: &residual)
        face?.addCurvature(adjoint, to: &residual)
        VectorMath.add(1, fromUpper, to: &residual)
        face?.project(&residual)
        let linearResidual = VectorMath.norm(residual)
        descend(&adjoint, &residual, along: face)
        oracle.mixedProduct(adjoint, into: &mixed)
        VectorMath.add(1, mixed, to: &direction)
        addWeightSlopes(face, adjoint, to: &direction)
        // Off the face v does not move.
        let remaining = VectorMath.dot(adjoint, tangential(face, gradient))
        let evaluation = Evaluation(
            x: x, y: lower, v: adjoint.map { -$0 }, value: value, hypergradient: direction,
            lowerResidual: lowerResidual, linearResidual: linearResidual, lowerStatus: .iterationLimit,
            linearStatus: .iterationLimit)
        return IterateLook(
            evaluation: evaluation, estimate: value + remaining.magnitude, gradient: gradient, residual: corrected)
    }

    /// y nearer to y*(x), or y itself where the level is too far from a quadratic; g_y there, and the residuals before and
    /// there: over a set or with norms those of a proximal step.
    private func corrected(_ y: [Double]) -> (y: [Double], gradient: [Double], before: Double, after: Double) {
        let regularizer = oracle.regularizer()
        var (gradient, residual, point) = (y, y, y)
        oracle.setLower(y)
        oracle.lowerGradient(into: &residual)
        let before = stationarity(regularizer, y, residual)
        let face = self.face(at: y, residual)
        let first = residual
        residual = tangential(face, residual)
        if oracle.isSymmetric { descend(&point, &residual, along: face) } else { iterate(&point, residual) }
        regularizer.set.project(&point)
        // The iterates' own precision, which results have.
        if oracle.problem.precision == .float32 { point = point.map { Double(Float($0)) } }
        oracle.setLower(point)
        oracle.lowerGradient(into: &gradient)
        let after = stationarity(regularizer, point, gradient)
        if after <= before { return (point, gradient, before, after) }
        oracle.setLower(y)
        return (y, first, before, before)
    }

    /// As many repetitions of a map as there are corrections.
    private func iterate(_ point: inout [Double], _ residual: [Double]) {
        var residual = residual
        for _ in 0..<Self.corrections {
            VectorMath.add(-1, residual, to: &point)
            oracle.setLower(point)
            oracle.lowerGradient(into: &residual)
        }
    }

    // MARK: - Faces

    private func face(at y: [Double], _ gradient: [Double]) -> Face? {
        oracle.problem.lower.isSmooth ? nil : Face(of: oracle.regularizer(), at: y, gradient: gradient)
    }

    private func stationarity(_ regularizer: ProximalFunction, _ y: [Double], _ gradient: [Double]) -> Double {
        oracle.problem.lower.isSmooth
            ? VectorMath.norm(gradient) : regularizer.stationarity(at: y, gradient: gradient)
    }

    /// g_y with the norms' gradient, along the face.
    private func tangential(_ face: Face?, _ gradient: [Double]) -> [Double] {
        guard let face else { return gradient }
        var result = gradient
        face.addNormGradient(oracle.regularizer(), to: &result)
        face.project(&result)
        return result
    }

    private func addWeightSlopes(_ face: Face?, _ v: [Double], to direction: inout [Double]) {
        let terms = oracle.regularizer().terms
        guard let face, !terms.isEmpty else { return }
        oracle.addWeightProduct(terms.indices.map { face.weightSlopes(terms[$0], $0, along: v) }, to: &direction)
    }

    /// point ← point − e and residual ← residual − H e with H e ≈ residual. Always the same number of products, so that
    /// budgets can be kept exactly.
    private func descend(_ point: inout [Double], _ residual: inout [Double], along face: Face? = nil) {
        var (direction, product) = (residual, residual)
        var square = VectorMath.dot(residual, residual)
        for _ in 0..<Self.corrections {
            oracle.hessianProduct(direction, into: &product)
            face?.addCurvature(direction, to: &product)
            face?.project(&product)
            guard oracle.isSymmetric else {
                // A contraction: v ← v − (Hv + f_y).
                VectorMath.add(-1, direction, to: &point)
                VectorMath.add(-1, product, to: &residual)
                direction = residual
                continue
            }
            let curvature = VectorMath.dot(direction, product)
            // Also where nothing is left to correct, or where the level is not convex.
            guard curvature > 0, square > 0 else { continue }
            let step = square / curvature
            VectorMath.add(-step, direction, to: &point)
            VectorMath.add(-step, product, to: &residual)
            let next = VectorMath.dot(residual, residual)
            VectorMath.scale(next / square, &direction)
            VectorMath.add(1, residual, to: &direction)
            square = next
        }
    }
}
