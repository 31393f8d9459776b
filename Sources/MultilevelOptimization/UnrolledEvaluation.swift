// Hypergradients by differentiating the lower solver's steps, backwards or forwards. Maclaurin et al. 2015; Franceschi et
// al. 2017; Grazzi, Franceschi, Pontil, Salzo, ICML 2020; checkpoints every √T steps: Griewank 1992.
import Solvers
import Tensors

/// The steps that are differentiated, of a lower solver that takes a fixed number.
struct Unrolling {
    let rule: UpdateRule
    let schedule: StepSchedule
    let steps: Int
    /// a_t, the share of the upper objective in step t, a_0/(t + 1); 0: the lower level's own steps.
    var aggregation = 0.0

    func share(at t: Int) -> Double { aggregation / (Double(t) + 1) }
}

extension HypergradientEvaluator {
    var unrolling: Unrolling {
        var aggregation = 0.0
        if case .aggregated(let weight) = configuration.hypergradient { aggregation = weight }
        switch configuration.lower {
        case .gradientDescent(let step, let steps, _):
            return Unrolling(rule: .gradient, schedule: schedule(step), steps: steps, aggregation: aggregation)
        case .rule(let rule, let step, let steps, _):
            return Unrolling(rule: rule, schedule: schedule(step, of: rule), steps: steps, aggregation: aggregation)
        case .lbfgs, .accelerated, .newtonCG, .anderson, .closedForm:
            preconditionFailure("only plain steps are unrolled; resolution refuses other solvers")
        }
    }

    /// Takes step t: the gradient at its query, the rule, and the proximal map where there is one.
    private func take(
        _ t: Int, _ unrolling: Unrolling, _ state: inout RuleState, _ query: inout [Double], _ gradient: inout [Double]
    ) {
        unrolling.rule.query(state, step: t, into: &query)
        oracle.setLower(query)
        stepGradient(t, unrolling, into: &gradient)
        let length = unrolling.schedule.value(at: t)
        unrolling.rule.advance(&state, gradient: gradient, alpha: length, step: t)
        if !oracle.problem.lower.isSmooth { oracle.regularizer().apply(&state.point, step: length) }
    }

    /// What step t goes along: g_y, or (1 − a_t) g_y + a_t f_y.
    func stepGradient(_ t: Int, _ unrolling: Unrolling, into gradient: inout [Double]) {
        oracle.stepGradient(into: &gradient)
        let share = unrolling.share(at: t)
        if share == 0 { return }
        var (upper, unused) = (gradient, zeros(oracle.upperDimension))
        _ = oracle.upperGradients(y: &upper, x: &unused)
        for i in gradient.indices { gradient[i] = (1 - share) * gradient[i] + share * upper[i] }
    }

    /// Runs all steps; `keep` sees the state before each. `nil` when stopped.
    func descend(
        _ unrolling: Unrolling, from start: [Double], keep: (_ t: Int, _ state: RuleState) -> Void
    ) -> RuleState? {
        var y = start
        oracle.regularizer().set.project(&y)
        oracle.beginSteps(at: y)
        var state = unrolling.rule.begin(at: y)
        var query = y
        var gradient = zeros(y.count)
        for t in 0..<unrolling.steps {
            if stop() != nil { return nil }
            keep(t, state)
            take(t, unrolling, &state, &query, &gradient)
        }
        return state
    }

    /// The evaluation at the last iterate, with a hypergradient that begins as f_x, and f_y.
    func open(_ x: [Double], _ y: [Double], from start: [Double]) -> (evaluation: Evaluation, gradientY: [Double]) {
        oracle.setLower(y)
        var residual = zeros(y.count)
        oracle.lowerGradient(into: &residual)
        var gradientY = zeros(y.count)
        var gradientX = zeros(x.count)
        let value = oracle.upperGradients(y: &gradientY, x: &gradientX)
        var evaluation = Evaluation(
            x: x, y: y, v: [], value: value, hypergradient: gradientX,
            lowerResidual: oracle.regularizer().stationarity(at: y, gradient: residual), linearResidual: nil,
            lowerStatus: .iterationLimit, linearStatus: nil)
        if haveGrown(from: start, to: y, residual: evaluation.lowerResidual) {
            evaluation.lowerStatus = .diverged(quantity: .residual, iteration: unrolling.steps)
            evaluation.remarks = [LevelFault(oracle.problem.lower, .grew).sentence]
        }
        return (evaluation, gradientY)
    }

    /// Growth of a map's residual over its steps that no contraction shows.
    private static let expansion = 1e3

    /// Whether the steps have left their start behind: by orders of magnitude, or, of a map, its fixed point too. What
    /// is not finite is seen without this.
    private func haveGrown(from start: [Double], to end: [Double], residual: Double) -> Bool {
        guard VectorMath.isFinite(end), residual.isFinite else { return false }
        let size = max(1, VectorMath.maxNorm(end))
        if size > ResponseSolve.growthLimit * max(1, VectorMath.maxNorm(start)) { return true }
        // Near a fixed point rounding makes residuals rise and fall.
        guard oracle.problem.lower.fixedPoint != nil, residual > 1e-8 * size else { return false }
        var first = start
        oracle.setLower(start)
        oracle.lowerGradient(into: &first)
        oracle.setLower(end)
        return residual > Self.expansion * oracle.regularizer().stationarity(at: start, gradient: first)
    }

    // MARK: - Backwards

    /// a_T = f_y; for s = T…: g += ∂₂Φ_sᵀ a_s, a_{s−1} = ∂₁Φ_sᵀ a_s, over the solver's whole state; where all steps are
    /// visited from a start that is a formula, g += (∂y₀/∂x)ᵀ a₀.
    func evaluateReverse(
        _ x: [Double], from start: [Double], isCold: Bool, _ truncation: Int?, _ memory: SweepMemory
    ) -> Evaluation? {
        let unrolling = unrolling
        let kept = min(truncation ?? unrolling.steps, unrolling.steps)
        let first = unrolling.steps - kept
        let stride = memory.stride(steps: kept)
        var checkpoints: [RuleState] = []
        checkpoints.reserveCapacity((kept + stride - 1) / stride)
        let end = descend(unrolling, from: start) { t, state in
            if t >= first && (t - first).isMultiple(of: stride) { checkpoints.append(state) }
        }
        guard let end else { return nil }
        var (evaluation, gradientY) = open(x, end.point, from: start)
        var sweep = ReverseSweep(self, unrolling, cotangent: unrolling.rule.lift(gradientY), image: end.point)
        for index in checkpoints.indices.reversed() {
            let from = first + index * stride
            let to = min(from + stride, unrolling.steps)
            guard let states = replay(unrolling, checkpoints[index], from..<to) else { return nil }
            for (offset, state) in states.enumerated().reversed() {
                if stop() != nil { return nil }
                sweep.pull(state, step: from + offset, into: &evaluation.hypergradient)
            }
        }
        if isCold && kept == unrolling.steps {
            gradientY = unrolling.rule.startCotangent(sweep.cotangent)
            pullBackStart(&gradientY, start, &evaluation.hypergradient)
        }
        return evaluation
    }

    /// The states before each step of a range, from that before the first.
    private func replay(_ unrolling: Unrolling, _ first: RuleState, _ range: Range<Int>) -> [RuleState]? {
        var states = [first]
        if range.count <= 1 { return states }
        var query = first.point
        var gradient = first.point
        for t in range.dropLast() {
            if stop() != nil { return nil }
            var state = states[states.count - 1]
            take(t, unrolling, &state, &query, &gradient)
            states.append(state)
        }
        return states
    }

    /// Takes an adjoint back through the start and its projection.
    private func pullBackStart(_ adjoint: inout [Double], _ start: [Double], _ hypergradient: inout [Double]) {
        projectStart(&adjoint, start)
        oracle.addStartProduct(adjoint, to: &hypergradient)
    }

    /// The derivative of the start's projection, which is symmetric.
    func projectStart(_ vector: inout [Double], _ start: [Double]) {
        let set = oracle.regularizer().set
        if set == .whole { return }
        var image = start
        set.project(&image)
        let difference = VectorMath.subtract(image, start)
        Face(of: ProximalFunction(set: set), at: image, gradient: difference).solveProximal(&vector)
    }

    // MARK: - Forwards

    /// Z_s = ∂₁Φ_s Z_{s−1} + ∂₂Φ_s for all p columns at once; f_x + Z_Tᵀ f_y. For smooth levels.
    func evaluateForward(_ x: [Double], from start: [Double], isCold: Bool) -> Evaluation? {
        let unrolling = unrolling
        let rule = unrolling.rule
        var tangents =
            (isCold ? startColumns(x.count, start.count) : nil)?.map { rule.startTangent($0) }
            ?? x.map { _ in rule.lift(zeros(start.count)) }
        var state = rule.begin(at: start)
        var query = start
        var gradient = zeros(start.count)
        var (direction, tangentGradient, unit) = (gradient, gradient, zeros(x.count))
        for t in 0..<unrolling.steps {
            if stop() != nil { return nil }
            rule.query(state, step: t, into: &query)
            oracle.setLower(query)
            oracle.lowerGradient(into: &gradient)
            let length = unrolling.schedule.value(at: t)
            for column in tangents.indices {
                rule.pushQuery(tangents[column], step: t, into: &direction)
                unit[column] = 1
                oracle.tangentProduct(direction, unit, into: &tangentGradient)
                unit[column] = 0
                rule.push(
                    &tangents[column], from: state, gradient: gradient, tangentGradient: tangentGradient,
                    alpha: length, step: t)
            }
            rule.advance(&state, gradient: gradient, alpha: length, step: t)
        }
        var (evaluation, gradientY) = open(x, state.point, from: start)
        for column in tangents.indices {
            evaluation.hypergradient[column] += VectorMath.dot(tangents[column].point, gradientY)
        }
        return evaluation
    }

    /// ∂y₀/∂x by columns, from d products with its transpose; `nil` where no start is a formula.
    private func startColumns(_ p: Int, _ d: Int) -> [[Double]]? {
        if oracle.problem.lower.startFormulas.isEmpty { return nil }
        var columns = [[Double]](repeating: zeros(d), count: p)
        var unit = zeros(d)
        for row in 0..<d {
            unit[row] = 1
            var products = zeros(p)
            oracle.addStartProduct(unit, to: &products)
            unit[row] = 0
            for column in 0..<p { columns[column][row] = products[column] }
        }
        return columns
    }

    // MARK: - Less than all steps

    /// The last step alone, its mixed product by a central difference of g_x: one-step differentiation of DARTS, and of
    /// SAMA where the step is Adam's.
    func evaluateLastStep(_ x: [Double], from start: [Double], radius: Double) -> Evaluation? {
        let unrolling = unrolling
        var before = unrolling.rule.begin(at: start)
        guard let end = descend(unrolling, from: start, keep: { _, state in before = state }) else { return nil }
        var (evaluation, gradientY) = open(x, end.point, from: start)
        let upperGradient = gradientY
        let last = unrolling.steps - 1
        var point = end.point
        unrolling.rule.query(before, step: last, into: &point)
        oracle.setLower(point)
        var gradient = zeros(point.count)
        oracle.lowerGradient(into: &gradient)
        var cotangent = unrolling.rule.lift(gradientY)
        unrolling.rule.pullGradient(
            &cotangent, from: before, gradient: gradient, alpha: unrolling.schedule.value(at: last), step: last,
            into: &gradientY)
        if case .adam = unrolling.rule {
            // Where no gradient has been seen Adam's step has no scale, and its slope 1/ε is none either: a plain step.
            for i in gradient.indices where gradient[i] == 0 && before.second[i] == 0 {
                gradientY[i] = -unrolling.schedule.value(at: last) * upperGradient[i]
            }
        }
        let size = VectorMath.norm(gradientY)
        guard size > 0, size.isFinite else { return evaluation }
        let epsilon = radius / size
        var product = zeros(x.count)
        for sign in [1.0, -1.0] {
            var shifted = point
            VectorMath.add(sign * epsilon, gradientY, to: &shifted)
            oracle.setLower(shifted)
            oracle.lowerGradientX(into: &product)
            VectorMath.add(sign / (2 * epsilon), product, to: &evaluation.hypergradient)
        }
        return evaluation
    }

    /// What a start that is a formula of x learns from the steps' result alone.
    func evaluateInitialisation(
        _ x: [Double], from start: [Double], _ rule: InitialisationGradient
    ) -> Evaluation? {
        guard let end = descend(unrolling, from: start, keep: { _, _ in }) else { return nil }
        var (evaluation, gradientY) = open(x, end.point, from: start)
        switch rule {
        case .firstOrder: break
        case .reptile:
            gradientY = VectorMath.subtract(start, end.point)
            evaluation.hypergradient = zeros(x.count)
        }
        oracle.addStartProduct(gradientY, to: &evaluation.hypergradient)
        return evaluation
    }
}

extension SweepMemory {
    /// Steps from one kept state to the next.
    func stride(steps: Int) -> Int {
        switch self {
        case .everything: 1
        case .checkpoints: max(1, Int(Double(steps).squareRoot().rounded(.up)))
        }
    }

    /// States held at once when `steps` are gone back through.
    func states(steps: Int) -> Int {
        switch self {
        case .everything: steps
        case .checkpoints: 2 * stride(steps: steps) + 1
        }
    }
}

/// One step after the other, backwards.
struct ReverseSweep {
    private let evaluator: HypergradientEvaluator
    private let unrolling: Unrolling
    /// Of the state after the step that comes next.
    var cotangent: RuleState
    /// The point after the step that comes next.
    private var image: [Double]
    private var query: [Double]
    private var gradient: [Double]
    private var gradientCotangent: [Double]
    private var hessian: [Double]
    private var mixed: [Double]

    init(_ evaluator: HypergradientEvaluator, _ unrolling: Unrolling, cotangent: RuleState, image: [Double]) {
        self.evaluator = evaluator
        self.unrolling = unrolling
        self.cotangent = cotangent
        self.image = image
        query = image
        gradient = image
        gradientCotangent = image
        hessian = image
        mixed = [Double](repeating: 0, count: evaluator.oracle.upperDimension)
    }

    /// From the cotangent after step t to that before it; what the upper variables get is added to the hypergradient.
    mutating func pull(_ state: RuleState, step t: Int, into hypergradient: inout [Double]) {
        let (oracle, rule) = (evaluator.oracle, unrolling.rule)
        let alpha = unrolling.schedule.value(at: t)
        rule.query(state, step: t, into: &query)
        oracle.setLower(query)
        if !oracle.problem.lower.isSmooth { pullProximal(t, alpha, &hypergradient) }
        if case .adam = rule { evaluator.stepGradient(t, unrolling, into: &gradient) }
        rule.pullGradient(
            &cotangent, from: state, gradient: gradient, alpha: alpha, step: t, into: &gradientCotangent)
        oracle.adjointProducts(gradientCotangent, hessian: &hessian, mixed: &mixed)
        let share = unrolling.share(at: t)
        if share != 0 { addUpperProducts(share) }
        VectorMath.add(1, mixed, to: &hypergradient)
        rule.pullQuery(&cotangent, query: hessian, step: t)
        for i in image.indices { image[i] = state.point[i] }
    }

    /// The products of (1 − a) g + a f from those of g.
    private mutating func addUpperProducts(_ share: Double) {
        var (upperHessian, upperMixed) = (hessian, mixed)
        evaluator.oracle.upperAdjointProducts(gradientCotangent, hessian: &upperHessian, mixed: &upperMixed)
        for i in hessian.indices { hessian[i] = (1 - share) * hessian[i] + share * upperHessian[i] }
        for i in mixed.indices { mixed[i] = (1 - share) * mixed[i] + share * upperMixed[i] }
    }

    /// Takes the cotangent back through y⁺ = prox(u, α), whose derivative is that of a minimiser of ½‖z − u‖² + αh(z):
    /// along the face of y⁺, with what the weights add to the hypergradient.
    private mutating func pullProximal(_ t: Int, _ alpha: Double, _ hypergradient: inout [Double]) {
        let oracle = evaluator.oracle
        var function = oracle.regularizer()
        for index in function.terms.indices { VectorMath.scale(alpha, &function.terms[index].weights) }
        evaluator.stepGradient(t, unrolling, into: &gradient)
        // z − u at z = y⁺.
        for i in gradient.indices { gradient[i] = image[i] - (query[i] - alpha * gradient[i]) }
        let face = Face(of: function, at: image, gradient: gradient)
        face.solveProximal(&cotangent.point)
        evaluator.addWeightSlopes(face, cotangent.point.map { -alpha * $0 }, to: &hypergradient)
    }
}
