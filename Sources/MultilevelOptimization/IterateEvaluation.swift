// Where iterates on batches stand, measured on all data: F and ∇F at the upper point, without their full price.
import ExpressionGraph
import Solvers
import Tensors

/// What one look at the iterates (x, y, v) finds.
struct IterateLook {
    /// At x, with y and v some steps of conjugate gradients nearer to y*(x) and −H⁻¹ f_y than the iterates are: what
    /// noise batches leave in them is of second order in f and h here. The residuals are those of the iterates.
    var evaluation: Evaluation
    /// f + |⟨v, g_y⟩| there, and a bound on what is not known of F(x): of second order.
    var estimate: Double
    /// g_y after those steps, and both residuals.
    var gradient: [Double]
    var residual: Double
    var linearResidual: Double
    /// What the estimate leaves unknown beyond its bounds, where y was far from y*(x).
    var doubt = 0.0

    /// Whether more is unknown than a part of the distance from another value, and than rounding.
    func isDoubtful(beside value: Double) -> Bool {
        doubt > 0.1 * (estimate - value).magnitude + 1e-13 * estimate.magnitude
    }

    var isFinite: Bool {
        evaluation.isFinite && estimate.isFinite && evaluation.lowerResidual.isFinite
            && evaluation.linearResidual?.isFinite == true && VectorMath.isFinite(evaluation.y)
    }
}

/// How far a look follows y*(x) and −H⁻¹ f_y.
enum LookDepth {
    /// The same number of steps on either, so that budgets are kept exactly.
    case fixed
    /// Until both residuals have fallen to a thousandth, along the face that full proximal steps of this length find; and
    /// again where that leaves F unknown to more than a part of its distance from `value`, which it is to be held against.
    case adaptive(step: Double, value: Double)
}

/// Evaluates the iterates of methods on batches on all data.
struct IterateEvaluator {
    /// Steps of conjugate gradients on either system of a fixed look.
    static let corrections = 4
    /// Of an adaptive one, at the most.
    private static let limit = 30
    /// The same where a face has to be found.
    private static let faceLimit = 60
    /// Newton steps on y of an adaptive look, each with two gradients at the most.
    private static let rounds = 3
    /// Of levels with a face, which such steps find.
    private static let faceRounds = 20
    /// Times that either system of an adaptive look is solved, at the most.
    private static let passes = 2
    /// What its systems' residuals fall to, in the norm of the preconditioner: errors of f and h are products of two.
    private static let reduction = 1e-3
    /// Oracle calls of a fixed look: f with its gradient, g_y twice, the corrections and one product more, Jv.
    static let calls = 6 + 2 * corrections
    /// Oracle calls of an adaptive look, at the most.
    static func callLimit(_ problem: MultilevelProblem) -> Int {
        problem.lower.isSmooth ? passes * (7 + 2 * limit + rounds) : 6 + 2 * faceLimit + 2 * faceRounds
    }

    /// Rows that one look reads in the main.
    static func samples(_ problem: MultilevelProblem) -> Int {
        (4 + 2 * corrections).times(problem.sampleCount(ofLevel: 1)).adding(problem.sampleCount(ofLevel: 0))
    }

    let oracle: BilevelOracle
    let depth: LookDepth
    /// Preconditions both systems; adaptive looks bring it up to date.
    private(set) var pairs: CurvaturePairs
    private var found: [(step: [Double], image: [Double])] = []

    init(oracle: BilevelOracle, depth: LookDepth, pairs: CurvaturePairs) {
        self.oracle = oracle
        self.depth = depth
        self.pairs = pairs
    }

    mutating func look(x: [Double], y: [Double], v: [Double]) -> IterateLook {
        oracle.setUpper(x)
        let start = lowerPoint(y)
        var first = look(x, from: start, v)
        guard case .adaptive(_, let value) = depth, oracle.problem.lower.isSmooth, oracle.isSymmetric else {
            return first
        }
        first.doubt = doubt(first, from: start)
        guard first.isDoubtful(beside: value) else { return first }
        var second = look(x, from: lowerPoint(first.evaluation.y), first.evaluation.v.map { -$0 })
        let fallen = first.residual > 0 ? min(1, second.residual / first.residual) : 0
        second.doubt = first.doubt * fallen * fallen
        second.evaluation.lowerResidual = first.evaluation.lowerResidual
        second.evaluation.linearResidual = first.evaluation.linearResidual
        return second
    }

    /// The error of f − ⟨H⁻¹ f_y, g_y⟩ is of second order in that of y, and falls with the square of what is left of the
    /// residual: from what it was at the start of a look.
    private func doubt(_ look: IterateLook, from start: LowerPoint) -> Double {
        guard start.residual > 0, look.isFinite else { return 0 }
        let found = look.evaluation
        oracle.setLower(start.y)
        let before = oracle.upperValue() - VectorMath.dot(found.v, start.gradient)
        oracle.setLower(found.y)
        let after = found.value - VectorMath.dot(found.v, look.gradient)
        let left = min(1, look.residual / start.residual)
        return (before - after).magnitude * left * left
    }

    private mutating func look(_ x: [Double], from start: LowerPoint, _ v: [Double]) -> IterateLook {
        let (lower, gradient, corrected) = self.corrected(start)
        let y = start.y
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
        _ = descend(&adjoint, &residual, along: face, limit: limit)
        learn()
        oracle.mixedProduct(adjoint, into: &mixed)
        VectorMath.add(1, mixed, to: &direction)
        addWeightSlopes(face, adjoint, to: &direction)
        // Off the face v does not move.
        let slope = tangential(face, gradient)
        let remaining = VectorMath.dot(adjoint, slope)
        // |⟨δv, H δy⟩| at the most, as far as H is known.
        let unknown = (energy(slope, face) * energy(residual, face)).squareRoot()
        let evaluation = Evaluation(
            x: x, y: lower, v: adjoint.map { -$0 }, value: value, hypergradient: direction,
            lowerResidual: start.residual, linearResidual: linearResidual, lowerStatus: .iterationLimit,
            linearStatus: .iterationLimit)
        return IterateLook(
            evaluation: evaluation, estimate: value + remaining.magnitude + unknown, gradient: gradient,
            residual: corrected, linearResidual: VectorMath.norm(residual))
    }

    private var isAdaptive: Bool {
        switch depth {
        case .fixed: false
        case .adaptive: true
        }
    }

    private var limit: Int {
        guard isAdaptive else { return Self.corrections }
        return oracle.problem.lower.isSmooth ? Self.limit : Self.faceLimit
    }
    private var rounds: Int {
        guard isAdaptive else { return 1 }
        return oracle.problem.lower.isSmooth ? Self.rounds : Self.faceRounds
    }
    /// What the lower residual has to fall to, or steps go on: where a face has to be found, a small one shows that it is.
    private var sufficient: Double { oracle.problem.lower.isSmooth ? 0.1 : Self.reduction }

    /// Pairs of the systems solved since are those of the next.
    private mutating func learn() {
        if case .adaptive = depth { for pair in found { pairs.append(pair.step, image: pair.image) } }
        found = []
    }

    // MARK: - y

    /// A lower point with g_y and the residual there: over a set or with norms that of a proximal step.
    private struct LowerPoint {
        var y: [Double]
        var gradient: [Double]
        var residual: Double
    }

    /// y nearer to y*(x), or y itself where the level is too far from a quadratic; g_y and the residual there.
    private mutating func corrected(_ first: LowerPoint) -> (y: [Double], gradient: [Double], residual: Double) {
        var (best, present) = (first, first)
        var left = limit
        for _ in 0..<rounds where left > 0 {
            let base = stepped(present)
            present = base
            if oracle.isSymmetric {
                let face = self.face(at: base.y, base.gradient)
                var (point, residual) = (base.y, tangential(face, base.gradient))
                left -= descend(&point, &residual, along: face, limit: left)
                learn()
                let next = lowerPoint(point)
                if next.residual < base.residual { present = next }
            } else {
                present = iterated(base)
            }
            let before = best.residual
            if present.residual < before { best = present }
            if best.residual <= sufficient * first.residual { break }
            // Beside a face, the next proximal step may find another.
            if oracle.problem.lower.isSmooth && !(best.residual <= 0.5 * before) { break }
        }
        oracle.setLower(best.y)
        return (best.y, best.gradient, best.residual)
    }

    private func lowerPoint(_ y: [Double]) -> LowerPoint {
        let regularizer = oracle.regularizer()
        var point = y
        regularizer.set.project(&point)
        // The iterates' own precision, which results have.
        if oracle.problem.precision == .float32 { point = point.map { Double(Float($0)) } }
        var gradient = point
        oracle.setLower(point)
        oracle.lowerGradient(into: &gradient)
        let residual =
            oracle.problem.lower.isSmooth
            ? VectorMath.norm(gradient) : regularizer.stationarity(at: point, gradient: gradient)
        return LowerPoint(y: point, gradient: gradient, residual: residual)
    }

    /// After a full proximal step, where an adaptive look needs one to find the face: that of the iterates is noise's.
    private func stepped(_ point: LowerPoint) -> LowerPoint {
        guard case .adaptive(let step, _) = depth, !oracle.problem.lower.isSmooth, oracle.isSymmetric else {
            return point
        }
        var next = point.y
        VectorMath.add(-step, point.gradient, to: &next)
        oracle.regularizer().apply(&next, step: step)
        return lowerPoint(next)
    }

    /// As many repetitions of a map as there are corrections.
    private func iterated(_ point: LowerPoint) -> LowerPoint {
        var (next, residual) = (point.y, point.gradient)
        for _ in 0..<Self.corrections {
            VectorMath.add(-1, residual, to: &next)
            oracle.setLower(next)
            oracle.lowerGradient(into: &residual)
        }
        return lowerPoint(next)
    }

    // MARK: - Faces

    private func face(at y: [Double], _ gradient: [Double]) -> Face? {
        oracle.problem.lower.isSmooth ? nil : Face(of: oracle.regularizer(), at: y, gradient: gradient)
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

    // MARK: - Systems

    /// point ← point − e and residual ← residual − H e with H e ≈ residual, by preconditioned conjugate gradients. A fixed
    /// look always makes the same number of products.
    ///
    /// - Returns: products made.
    private mutating func descend(
        _ point: inout [Double], _ residual: inout [Double], along face: Face?, limit: Int
    ) -> Int {
        var direction = preconditioned(residual, face)
        var square = VectorMath.dot(residual, direction)
        let enough = isAdaptive ? Self.reduction * Self.reduction * square : -1
        for count in 0..<limit {
            if isAdaptive && (!(square > 0) || square <= enough) { return count }
            let product = product(direction, face)
            guard oracle.isSymmetric else {
                // A contraction: v ← v − (Hv + f_y).
                VectorMath.add(-1, direction, to: &point)
                VectorMath.add(-1, product, to: &residual)
                direction = residual
                square = VectorMath.dot(residual, residual)
                continue
            }
            let curvature = VectorMath.dot(direction, product)
            // Also where nothing is left to correct, or where the level is not convex.
            guard curvature > 0, square > 0 else {
                if isAdaptive { return count + 1 }
                continue
            }
            found.append((direction, product))
            let step = square / curvature
            VectorMath.add(-step, direction, to: &point)
            VectorMath.add(-step, product, to: &residual)
            let conditioned = preconditioned(residual, face)
            let next = VectorMath.dot(residual, conditioned)
            VectorMath.scale(next / square, &direction)
            VectorMath.add(1, conditioned, to: &direction)
            square = next
        }
        return limit
    }

    private func product(_ direction: [Double], _ face: Face?) -> [Double] {
        var product = direction
        oracle.hessianProduct(direction, into: &product)
        face?.addCurvature(direction, to: &product)
        face?.project(&product)
        return product
    }

    /// ⟨r, M r⟩.
    private func energy(_ residual: [Double], _ face: Face?) -> Double {
        max(0, VectorMath.dot(residual, preconditioned(residual, face)))
    }

    private func preconditioned(_ residual: [Double], _ face: Face?) -> [Double] {
        guard oracle.isSymmetric else { return residual }
        var result = pairs.apply(residual)
        face?.project(&result)
        return result
    }
}
