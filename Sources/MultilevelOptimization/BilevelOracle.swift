// The objectives of a bilevel problem on all of their data, as functions of vectors, compiled on first use and counted.
import ExpressionGraph
import Solvers
import Tensors

/// Evaluates f, g and their derivatives at a point (x, y). Not thread-safe.
///
/// Setting x or y recomputes, at the next evaluation, only what depends on them: a Hessian-vector product at an
/// unchanged point costs the tangent part alone.
package final class BilevelOracle {
    package let problem: MultilevelProblem
    /// What its programs compute in.
    package let precision: Precision

    private let counter: OracleCounter
    private var exact: BilevelOracle?
    private lazy var buffers = problem.buffers(in: precision)
    private lazy var derivatives = BilevelGraph.full(problem)
    /// Whether steps are seen from an anchor; decided at the first of them.
    package private(set) lazy var isAnchored = BilevelGraph.isWorthAnchoring(derivatives, in: precision)
    private var ownNested: (rules: [ResponseRule], evaluator: NestedEvaluator)?
    private var ownImplicit: NestedEvaluator?
    private let lowerSamples: Int
    private let upperSamples: Int
    private var x: [Double]
    private var y: [Double]
    private var anchor: [Double] = []
    private var xVersion = 1
    private var yVersion = 1
    private var anchorVersion = 0

    /// A program and the versions of the point it has seen.
    private struct Evaluator {
        let program: Program
        /// Operations of a run at another point, and of one at the same point.
        let movedOperations: Int
        let stillOperations: Int
        var xVersion = 0
        var yVersion = 0
        var anchorVersion = 0

        init(_ plan: ProgramPlan) {
            program = Program(plan)
            movedOperations = plan.changingCost.operations
            stillOperations = plan.everyRunCost.operations
        }
    }
    private var evaluators: [OracleProgram: Evaluator] = [:]
    private let weights: UpperFormulas?
    private let starts: UpperFormulas?
    /// The regularizer at the version of x that it was made for.
    private var regularizerAtPoint: (version: Int, function: ProximalFunction)?
    private var plans: [OracleProgram: ProgramPlan] = [:]
    /// Operations of all evaluations so far.
    package private(set) var operations = 0

    /// The oracle of a problem, in the problem's precision.
    package convenience init(_ problem: MultilevelProblem) {
        self.init(problem, precision: problem.precision, counter: OracleCounter())
    }

    private init(_ problem: MultilevelProblem, precision: Precision, counter: OracleCounter) {
        self.problem = problem
        self.precision = precision
        self.counter = counter
        upperSamples = problem.sampleCount(ofLevel: 0)
        lowerSamples = problem.isSingleLevel ? 0 : problem.sampleCount(ofLevel: 1)
        x = problem.upper.start
        y = problem.responseStart
        let isBilevel = problem.levels.count == 2
        let (norms, formulas) = isBilevel ? (problem.lower.norms, problem.lower.startFormulas) : ([], [])
        weights = norms.isEmpty ? nil : UpperFormulas(problem, norms.map(\.weight))
        starts = formulas.isEmpty ? nil : UpperFormulas(problem, formulas.map(\.node))
    }

    /// The same problem in float64, whose calls count as this one's: itself, or a companion with a point of its own.
    package var reference: BilevelOracle {
        if precision == .float64 { return self }
        let oracle = exact ?? BilevelOracle(problem, precision: .float64, counter: counter)
        exact = oracle
        return oracle
    }

    /// Evaluates through all levels, in float64, for problems and methods that two levels do not describe.
    func nested(_ rules: [ResponseRule]) -> NestedEvaluator {
        if precision != .float64 { return reference.nested(rules) }
        if rules == problem.implicitResponses {
            let evaluator = ownImplicit ?? NestedEvaluator(problem)
            ownImplicit = evaluator
            return evaluator
        }
        if let known = ownNested, known.rules == rules { return known.evaluator }
        let evaluator = NestedEvaluator(problem, rules)
        ownNested = (rules, evaluator)
        return evaluator
    }

    /// The calls so far.
    package private(set) var counts: OracleCounts {
        get { counter.counts }
        set { counter.counts = newValue }
    }

    package var upperDimension: Int { problem.upper.dimension }
    /// Of all levels below the outermost together.
    package var lowerDimension: Int { problem.responseDimension }

    /// Continues counting from the counts of an interrupted run.
    package func resumeCounts(_ counts: OracleCounts, levels: [LevelCounts] = []) {
        self.counts = counts
        counter.levels = levels
    }

    /// The calls of evaluations through all levels, by level; empty without any.
    var levelCounts: [LevelCounts] { counter.levels }
    /// Seconds of this process, by level; empty without a stopwatch.
    var levelSeconds: [Double] { counter.stopwatch == nil ? [] : counter.seconds }
    /// For reports of seconds.
    var stopwatch: Stopwatch? {
        get { counter.stopwatch }
        set { counter.stopwatch = newValue }
    }

    /// Adds what an evaluation through all levels took.
    func add(_ spent: [LevelCounts], _ seconds: [Double]) {
        if counter.levels.isEmpty { counter.levels = spent.map { _ in LevelCounts() } }
        if counter.seconds.isEmpty { counter.seconds = seconds.map { _ in 0 } }
        for (index, part) in spent.enumerated() { counter.levels[index] = counter.levels[index] + part }
        for (index, part) in seconds.enumerated() { counter.seconds[index] += part }
    }

    /// Counts what was evaluated elsewhere.
    func add(_ counts: OracleCounts) { self.counts.add(counts) }

    /// Counts sampled iterations, each with one gradient, Hessian product and mixed product of the lower level and one
    /// gradient of the upper.
    func countSampled(iterations: Int, samplesPerIteration: Double) {
        counts.lowerGradient += iterations
        counts.hessianProduct += iterations
        counts.mixedProduct += iterations
        counts.upperGradient += iterations
        counts.samples += Int((samplesPerIteration * Double(iterations)).rounded())
    }

    // MARK: - The point

    /// Moves to an upper point.
    package func setUpper(_ x: [Double]) {
        if Self.isSame(x, self.x) { return }
        self.x = x
        xVersion += 1
    }

    /// Moves to a lower point.
    package func setLower(_ y: [Double]) {
        if Self.isSame(y, self.y) { return }
        self.y = y
        yVersion += 1
    }

    /// The point that anchored programs begin at.
    func setAnchor(_ anchor: [Double]) {
        guard isAnchored, !Self.isSame(anchor, self.anchor) else { return }
        self.anchor = anchor
        anchorVersion += 1
    }

    /// Equality of bits: 0 and −0 are different points, or a resumed run could evaluate the other one.
    private static func isSame(_ a: [Double], _ b: [Double]) -> Bool {
        a.elementsEqual(b) { $0.bitPattern == $1.bitPattern }
    }

    // MARK: - Lower set, norms and start

    /// The lower level's set and norms, with the weights that they have at x.
    package func regularizer() -> ProximalFunction {
        if problem.isSingleLevel || problem.lower.isSmooth { return .none }
        if let known = regularizerAtPoint, known.version == xVersion { return known.function }
        let level = problem.lower
        let values = weights?.values(at: x) ?? []
        let terms = zip(level.norms, values).map { norm, weights in
            ProximalTerm(entries: level.entries(of: norm.variable), norm: norm.norm, weights: weights)
        }
        let function = ProximalFunction(set: level.constraint, terms: terms)
        regularizerAtPoint = (xVersion, function)
        return function
    }

    /// result += (∂w/∂x)ᵀ c for the weights w of all norms.
    package func addWeightProduct(_ cotangents: [[Double]], to result: inout [Double]) {
        weights?.addTransposed(cotangents, at: x, to: &result)
    }

    /// Where a lower solve begins that has no nearby solution to begin at.
    package func coldStart() -> [Double] {
        var start = problem.responseStart
        guard let starts else { return start }
        for (formula, values) in zip(problem.lower.startFormulas, starts.values(at: x)) {
            start.replaceSubrange(problem.lower.entries(of: formula.variable), with: values)
        }
        return start
    }

    /// result += (∂y₀/∂x)ᵀ a for the cold start y₀.
    package func addStartProduct(_ adjoint: [Double], to result: inout [Double]) {
        guard let starts else { return }
        let parts = problem.lower.startFormulas.map { Array(adjoint[problem.lower.entries(of: $0.variable)]) }
        starts.addTransposed(parts, at: x, to: &result)
    }

    // MARK: - Lower objective

    var lowerVariableCount: Int { derivatives.lowerGradient.count }

    func countLower(values: Int, gradients: Int) {
        counts.lowerValue += values
        counts.lowerGradient += gradients
        counts.samples += lowerSamples
    }

    /// g.
    package func lowerValue() -> Double {
        countLower(values: 1, gradients: 0)
        return run(.lowerValue).scalar(0)
    }

    /// ∇_y g, [d].
    package func lowerGradient(into gradient: inout [Double]) {
        countLower(values: 0, gradients: 1)
        read(run(.lowerGradient), 0..<lowerVariableCount, into: &gradient)
    }

    /// g and ∇_y g.
    package func lowerValueAndGradient(into gradient: inout [Double]) -> Double {
        countLower(values: 1, gradients: 1)
        let program = run(.lowerValueAndGradient)
        read(program, 1..<(lowerVariableCount + 1), into: &gradient)
        return program.scalar(0)
    }

    /// ∇²_yy g · v, [d].
    package func hessianProduct(_ v: [Double], into product: inout [Double]) {
        counts.hessianProduct += 1
        counts.samples += lowerSamples
        let program = run(.hessian, along: v)
        read(program, 0..<derivatives.hessianProduct.count, into: &product)
    }

    /// ∇²_xy g · v, [p].
    package func mixedProduct(_ v: [Double], into product: inout [Double]) {
        counts.mixedProduct += 1
        counts.samples += lowerSamples
        let program = run(.mixed, along: v)
        read(program, 0..<derivatives.mixedProduct.count, into: &product)
    }

    /// Both products at once, as one step of the reverse sweep needs them.
    package func adjointProducts(
        _ v: [Double], hessian: inout [Double], mixed: inout [Double]
    ) {
        counts.hessianProduct += 1
        counts.mixedProduct += 1
        counts.samples += lowerSamples
        let program = run(.adjoint, along: v)
        let split = derivatives.hessianProduct.count
        read(program, 0..<split, into: &hessian)
        read(program, split..<(split + derivatives.mixedProduct.count), into: &mixed)
    }

    /// (∂r/∂y) v + (∂r/∂x) u, [d], of the residual r that the lower level makes zero.
    package func tangentProduct(_ v: [Double], _ u: [Double], into product: inout [Double]) {
        counts.hessianProduct += 1
        counts.samples += lowerSamples
        let program = run(.tangent, along: v, u)
        read(program, 0..<derivatives.tangentProduct.count, into: &product)
    }

    /// ∇_x g, [p].
    package func lowerGradientX(into gradient: inout [Double]) {
        counts.lowerGradient += 1
        counts.samples += lowerSamples
        read(run(.lowerGradientX), 0..<derivatives.lowerGradientX.count, into: &gradient)
    }

    /// Whether (∂r/∂y) is symmetric: not where the lower level is a fixed point.
    package var isSymmetric: Bool { problem.isSingleLevel || problem.lower.fixedPoint == nil }

    /// Whether one linear system solves the lower level.
    var isAffine: Bool { !problem.isSingleLevel && derivatives.isAffine }

    // MARK: - Upper objective

    /// f.
    package func upperValue() -> Double {
        counts.upperValue += 1
        counts.samples += upperSamples
        return run(.upperValue).scalar(0)
    }

    /// f, ∇_y f [d] and ∇_x f [p].
    package func upperGradients(y gradientY: inout [Double], x gradientX: inout [Double]) -> Double {
        counts.upperValue += 1
        counts.upperGradient += 1
        counts.samples += upperSamples
        let program = run(.upper)
        let split = derivatives.upperGradientY.count + 1
        read(program, 1..<split, into: &gradientY)
        read(program, split..<(split + derivatives.upperGradientX.count), into: &gradientX)
        return program.scalar(0)
    }

    /// ∇²_yy f · v, [d], and ∇²_xy f · v, [p].
    func upperAdjointProducts(_ v: [Double], hessian: inout [Double], mixed: inout [Double]) {
        counts.hessianProduct += 1
        counts.mixedProduct += 1
        counts.samples += upperSamples
        let program = run(.upperAdjoint, along: v)
        let split = derivatives.upperHessianProduct.count
        read(program, 0..<split, into: &hessian)
        read(program, split..<(split + derivatives.upperMixedProduct.count), into: &mixed)
    }

    // MARK: - Programs

    /// The memory of all programs compiled so far, data not counted, in bytes; to hold prices against.
    package var memoryBytes: Int {
        let formulas = (weights?.compiledBytes ?? 0) + (starts?.compiledBytes ?? 0)
        return evaluators.values.reduce(formulas + (exact?.memoryBytes ?? 0)) {
            $0 + $1.program.plan.memoryBytes
        }
    }

    func run(_ kind: OracleProgram, along v: [Double]? = nil, _ u: [Double]? = nil) -> Program {
        var evaluator = evaluators[kind] ?? compile(kind)
        let program = evaluator.program
        let isStill = evaluator.xVersion == xVersion && evaluator.yVersion == yVersion
        operations = operations.adding(isStill ? evaluator.stillOperations : evaluator.movedOperations)
        if evaluator.xVersion != xVersion {
            write(x, to: derivatives.x, in: program)
            evaluator.xVersion = xVersion
        }
        if evaluator.yVersion != yVersion {
            write(y, to: derivatives.y, in: program)
            evaluator.yVersion = yVersion
        }
        if let anchored = derivatives.anchored, kind.isAnchored, evaluator.anchorVersion != anchorVersion {
            write(anchor, to: anchored.anchor, in: program)
            evaluator.anchorVersion = anchorVersion
        }
        evaluators[kind] = evaluator
        if let v { write(v, to: derivatives.v, in: program) }
        if let u { write(u, to: derivatives.u, in: program) }
        program.run()
        return program
    }

    /// Operations of one run in which everything is computed. Nothing is compiled to find out.
    func price(_ kind: OracleProgram) -> Int { plan(kind).cost.operations }

    private func plan(_ kind: OracleProgram) -> ProgramPlan {
        if let plan = plans[kind] { return plan }
        let plan = derivatives.plan(kind, in: precision)
        plans[kind] = plan
        return plan
    }

    private func compile(_ kind: OracleProgram) -> Evaluator {
        let evaluator = Evaluator(plan(kind))
        for (node, buffer) in buffers { evaluator.program.bind(node, to: buffer) }
        return evaluator
    }

    private func write(_ vector: [Double], to nodes: [NodeID], in program: Program) {
        vector.withUnsafeBufferPointer { values in
            var offset = 0
            for node in nodes {
                let count = variableCount(node)
                program.write(UnsafeBufferPointer(rebasing: values[offset..<(offset + count)]), to: node)
                offset += count
            }
        }
    }

    private func variableCount(_ node: NodeID) -> Int {
        let graph = derivatives.graph
        // Sizes were checked for overflow when the problem was lowered.
        return graph.shape(node).elementCount { graph.axes[$0.index].rows } ?? 0
    }

    func read(_ program: Program, _ outputs: Range<Int>, into vector: inout [Double]) {
        vector.withUnsafeMutableBufferPointer { target in
            var offset = 0
            for output in outputs {
                offset += program.read(output, into: UnsafeMutableBufferPointer(rebasing: target[offset...]))
            }
        }
    }
}
