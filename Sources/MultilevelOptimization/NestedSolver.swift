// Solves what nested graphs state: best responses by Newton's method, linear systems by one factorisation for each
// matrix and point, or by Krylov methods where matrices are too large to be formed.
import ExpressionGraph
import Solvers
import Tensors

/// Why a solve cannot be trusted.
package enum SolveFault: Sendable, Equatable {
    /// The minimiser is not unique: the Hessian is singular.
    case flat
    /// A stationary point that is no minimum.
    case indefinite
    /// The objective, its gradient or the map is not finite where the solver begins.
    case undefined
    /// The objective falls without end, or the iterates leave the finite numbers.
    case unbounded
    /// Steps that were followed left their start behind by orders of magnitude, or left the finite numbers.
    case grew
    /// The best point found misses the tolerance; the size of the step that was still wanted, relative to the point's.
    case notConverged(error: Double)
    /// The matrix of a linear system has no inverse.
    case singular
    /// A Krylov solver stopped at this relative residual.
    case residual(Double)
    case interrupted
}

/// Solves equilibria and linear systems for the programs of one evaluation after another. Not thread-safe.
package final class NestedSolver: SolveHandler {
    /// Unknowns up to which matrices are formed and factored.
    package static let denseLimit = 512
    /// Points that each equilibrium and matrix remembers.
    static let memory = 6
    /// Newton steps at most.
    static let iterationLimit = 200
    /// No tolerance asks for more than rounding allows.
    private static let smallestTolerance = 0x1p-50

    private let levels: Int
    /// Levels whose followed steps are ``AnchoredSteps``.
    private let anchored: Set<Int>
    /// Levels that programs solve once; not counted, so that counts do not depend on when a process began.
    private var fixed: Set<Int> = []
    private var outermostTolerance = 0.0
    private var stop: StopCheck = { nil }
    private var states: [Equilibrium: ResponseState] = [:]
    private var matrices: [LinearSystem: MatrixState] = [:]
    /// By level, the outermost included.
    package private(set) var levelCounts: [LevelCounts]
    /// The largest relative residual of a linear system of each level since then.
    package private(set) var linearResiduals: [Double?]
    /// What went wrong since the last ``begin(from:tolerance:stop:)``, once each.
    package private(set) var faults: [(level: Int, isAdjoint: Bool, fault: SolveFault)] = []
    /// For reports of seconds.
    package var stopwatch: Stopwatch?
    private var times: LevelSeconds

    /// - Parameters:
    ///   - levels: of the problem, the outermost included.
    ///   - anchored: those whose followed steps are ``AnchoredSteps``.
    package init(levels: Int, anchored: Set<Int> = []) {
        self.levels = levels
        self.anchored = anchored
        levelCounts = Array(repeating: LevelCounts(), count: levels)
        linearResiduals = Array(repeating: nil, count: levels)
        times = LevelSeconds(levels: levels)
    }

    /// Of all levels together.
    package var counts: LevelCounts { levelCounts.reduce(LevelCounts(), +) }
    package var linearResidual: Double { linearResiduals.compactMap { $0 }.max() ?? 0 }
    /// Of each level, deeper ones not included; zeros without a stopwatch.
    package var seconds: [Double] { times.seconds }

    /// Forgets all points, so that what follows depends on nothing but what is given here.
    ///
    /// - Parameters:
    ///   - fixed: levels whose responses depend on no variable of the outermost level: programs find them once, so what
    ///     is known of them is kept.
    ///   - starts: where solvers begin, instead of where the problem says.
    ///   - tolerance: the largest Newton step, relative to max(1, ‖z‖), at a point of level 1 that counts as solved;
    ///     each deeper level is ten times tighter, as far as rounding allows.
    func begin(
        from starts: [Equilibrium: [Double]], keeping fixed: Set<Int>, tolerance: Double, stop: @escaping StopCheck
    ) {
        self.fixed = fixed
        let kept = states.filter { fixed.contains($0.key.level) }
        states = starts.mapValues { ResponseState(start: $0) }.merging(kept) { $1 }
        matrices = [:]
        faults = faults.filter { fixed.contains($0.level) }
        linearResiduals = Array(repeating: nil, count: levels)
        outermostTolerance = tolerance
        self.stop = stop
        times.enter(0, stopwatch)
    }

    /// Lets go of the stop check, which may hold whoever holds this solver.
    func end() {
        times.leave(stopwatch)
        stop = { nil }
    }

    /// ‖R‖ at the response that was found last for these captures' equilibrium; `nil` where none was.
    func residualNorm(of equilibrium: Equilibrium, at point: [Double]) -> Double? {
        states[equilibrium]?.solved.first { $0.point == point }?.residual
    }

    /// The derivative of the residual at a response that was found; `nil` where none was.
    func matrix(of equilibrium: Equilibrium, at point: [Double], _ runtime: FunctionRuntime) -> PointMatrix? {
        guard let found = states[equilibrium]?.solved.first(where: { $0.point == point }) else { return nil }
        let (system, kept) = equilibrium.jacobian
        return found.key.withArguments(adding: [point], select: kept) { matrix(system, $0, runtime) }
    }

    func state(of equilibrium: Equilibrium) -> ResponseState {
        if let known = states[equilibrium] { return known }
        let made = ResponseState(start: nil)
        states[equilibrium] = made
        return made
    }

    private func report(_ fault: SolveFault, ofLevel level: Int, isAdjoint: Bool = false) {
        guard !faults.contains(where: { $0.level == level && $0.isAdjoint == isAdjoint && $0.fault == fault })
        else { return }
        faults.append((level, isAdjoint, fault))
    }

    /// Evaluates deeper levels at a point that is tried. What they report there takes the place of what they had reported
    /// at points before it, but for a point at which one of them has no solution: `nil`, and nothing has changed.
    ///
    /// - Parameter known: the faults from before this level's solve began.
    func attempt<Value>(
        above level: Int, besides known: [(level: Int, isAdjoint: Bool, fault: SolveFault)], _ evaluate: () -> Value
    ) -> Value? {
        let before = faults
        faults = known
        let value = evaluate()
        guard isHopeless(above: level) else { return value }
        faults = before
        return nil
    }

    /// Goes back to these reports.
    func recall(_ known: [(level: Int, isAdjoint: Bool, fault: SolveFault)]) { faults = known }

    /// Searches for a point; what deeper levels have reported in vain is forgotten.
    func search<Value>(_ find: () -> Value?) -> Value? {
        let before = faults
        if let value = find() { return value }
        faults = before
        return nil
    }

    /// Evaluates where deeper levels have been evaluated and reported before.
    func again<Value>(_ evaluate: () -> Value) -> Value {
        let before = faults
        defer { faults = before }
        return evaluate()
    }

    /// Whether a deeper level has no solution, so that nothing above it means anything in this evaluation.
    func isHopeless(above level: Int) -> Bool {
        faults.contains { fault in
            switch fault.fault {
            case .undefined, .unbounded, .grew: fault.level > level
            case .notConverged(let error): fault.level > level && !(error <= Precision.float64.displacementLimit)
            case .flat, .indefinite, .singular, .residual, .interrupted: false
            }
        }
    }

    func tolerance(of equilibrium: Equilibrium) -> Double {
        let factors = (1..<max(equilibrium.level, 1)).map { _ in 0.1 }
        return max(factors.reduce(outermostTolerance, *), Self.smallestTolerance)
    }

    var shouldStop: Bool { stop() != nil }

    func count(_ level: Int, _ change: (inout LevelCounts) -> Void) { change(&levelCounts[level]) }

    // MARK: - Handling

    package func solve(
        _ equilibrium: Equilibrium, captures: [FunctionArgument], start: FunctionArgument,
        into point: UnsafeMutableBufferPointer<Double>, _ runtime: FunctionRuntime
    ) {
        let state = state(of: equilibrium)
        let key = PointKey(captures)
        if let known = state.solved.first(where: { $0.key == key }) {
            if !fixed.contains(equilibrium.level) { levelCounts[equilibrium.level].repeated += 1 }
            if let fault = known.fault { report(fault, ofLevel: equilibrium.level) }
            _ = point.update(fromContentsOf: known.point)
            return
        }
        let before = levelCounts
        defer { if fixed.contains(equilibrium.level) { levelCounts = before } }
        levelCounts[equilibrium.level].solves += 1
        times.enter(equilibrium.level, stopwatch)
        defer { times.leave(stopwatch) }
        if isHopeless(above: equilibrium.level) {
            _ = point.update(fromContentsOf: state.start ?? Array(start.values))
            return
        }
        let response = ResponseSolve(
            solver: self, runtime: runtime, equilibrium: equilibrium, captures: captures, state: state, known: faults)
        let predicted = response.predict(key)
        // What deeper levels say of the point that the prediction comes from means nothing here.
        faults = response.known
        let found = response.run(from: predicted ?? state.start ?? Array(start.values))
        if let fault = found.fault { report(fault, ofLevel: equilibrium.level) }
        state.remember(key, found)
        _ = point.update(fromContentsOf: found.point)
    }

    package func solve(
        _ system: LinearSystem, transposed: Bool, parameters: [FunctionArgument], rhs: FunctionArgument,
        into point: UnsafeMutableBufferPointer<Double>, _ runtime: FunctionRuntime
    ) {
        levelCounts[system.level].linearSolves += 1
        times.enter(system.level, stopwatch)
        defer { times.leave(stopwatch) }
        let matrix = matrix(system, parameters, runtime)
        let found = matrix.solve(Array(rhs.values), transposed: transposed)
        if let fault = found.fault { report(fault, ofLevel: system.level, isAdjoint: true) }
        linearResiduals[system.level] = max(linearResiduals[system.level] ?? 0, found.residual)
        _ = point.update(fromContentsOf: found.point)
    }

    // MARK: - Steps that are followed

    package func begin(_ loop: Loop) { times.enter(loop.level, stopwatch) }

    package func end(_ loop: Loop, arguments: [FunctionArgument], carry: [Double]) {
        times.leave(stopwatch)
        if loop.order == 0, hasGrown(carry, loop, from: arguments) { report(.grew, ofLevel: loop.level) }
        if fixed.contains(loop.level) { return }
        if loop.order > 0 {
            levelCounts[loop.level].products += loop.count
        } else {
            levelCounts[loop.level].solves += 1
            levelCounts[loop.level].residuals += loop.count
        }
    }

    /// Whether steps have left everything behind that they began with. Where that is not finite already, other levels
    /// are to blame, and reported.
    private func hasGrown(_ carry: [Double], _ loop: Loop, from arguments: [FunctionArgument]) -> Bool {
        let reached = VectorMath.maxNorm(carry)
        if reached <= ResponseSolve.growthLimit { return false }
        let size = size(of: arguments, loop)
        return size.isFinite && !(reached <= ResponseSolve.growthLimit * size)
    }

    /// The largest of the numbers that steps begin with, 1 at least. Of anchored steps captures are a gradient and matrices:
    /// not they, but what the gradient moves in one step compares with a point.
    private func size(of arguments: [FunctionArgument], _ loop: Loop) -> Double {
        func largest(_ arguments: some Sequence<FunctionArgument>) -> Double {
            arguments.reduce(0) { max($0, VectorMath.maxNorm($1.values)) }
        }
        guard anchored.contains(loop.level) else { return max(1, largest(arguments.filter { !$0.isShared })) }
        let vectors = arguments.prefix(loop.captureCount).filter { $0.values.count <= loop.carryCount }
        let lengths = largest(arguments.dropFirst(loop.captureCount).prefix(1))
        return max(1, largest(arguments.suffix(1)), lengths * largest(vectors))
    }

    // MARK: - Matrices

    /// The matrix at a point, formed and factored once.
    func matrix(_ system: LinearSystem, _ parameters: [FunctionArgument], _ runtime: FunctionRuntime) -> PointMatrix {
        let state = matrices[system] ?? MatrixState()
        matrices[system] = state
        let key = PointKey(parameters)
        if let known = state.known.first(where: { $0.key == key }) { return known.matrix }
        let matrix: PointMatrix
        if system.dimension <= Self.denseLimit {
            levelCounts[system.level].factorizations += 1
            levelCounts[system.level].products += system.dimension
            matrix = .dense(DenseMatrix(system, key, runtime))
        } else {
            matrix = .krylov(
                KrylovMatrix(
                    system: system, point: key, runtime: runtime, shouldStop: { [stop] in stop() != nil },
                    counts: { [unowned self] in levelCounts[system.level].products += 1 }))
        }
        state.remember(key, matrix)
        return matrix
    }
}

/// The arguments of a function as values: what tells two points apart. Data arrays stand for themselves.
struct PointKey {
    private let arguments: [Part]

    private enum Part {
        case values([Double])
        case data(UnsafeBufferPointer<Double>)
    }

    init(_ arguments: [FunctionArgument]) {
        self.arguments = arguments.map { $0.isShared ? .data($0.values) : .values(Array($0.values)) }
    }

    /// Equality of bits.
    static func == (a: PointKey, b: PointKey) -> Bool {
        a.arguments.count == b.arguments.count
            && zip(a.arguments, b.arguments).allSatisfy { x, y in
                switch (x, y) {
                case (.values(let x), .values(let y)): x.elementsEqual(y) { $0.bitPattern == $1.bitPattern }
                case (.data(let x), .data(let y)): x.baseAddress == y.baseAddress && x.count == y.count
                case (.values, .data), (.data, .values): false
                }
            }
    }

    /// The values of an argument; `nil` for data.
    func values(_ index: Int) -> [Double]? {
        if case .values(let values) = arguments[index] { values } else { nil }
    }

    var count: Int { arguments.count }

    /// Evaluates with these arguments and more.
    func withArguments<Result>(
        adding others: [[Double]], select: [Int]? = nil, _ body: ([FunctionArgument]) -> Result
    ) -> Result {
        // One buffer for all values, so that their addresses hold together.
        var lengths: [Int] = []
        var storage: [Double] = []
        for case .values(let values) in arguments {
            lengths.append(values.count)
            storage += values
        }
        for other in others {
            lengths.append(other.count)
            storage += other
        }
        return storage.withUnsafeBufferPointer { buffer in
            var start = 0
            var index = 0
            func next() -> FunctionArgument {
                defer {
                    start += lengths[index]
                    index += 1
                }
                return FunctionArgument(UnsafeBufferPointer(rebasing: buffer[start..<(start + lengths[index])]))
            }
            var all = arguments.map { part in
                switch part {
                case .values: next()
                case .data(let values): FunctionArgument(values, isShared: true)
                }
            }
            for _ in others { all.append(next()) }
            return body(select.map { $0.map { all[$0] } } ?? all)
        }
    }
}

/// What is remembered of one level's response.
final class ResponseState {
    /// Where to begin before anything was solved.
    let start: [Double]?
    /// The points solved last, the latest first.
    private(set) var solved: [(key: PointKey, point: [Double], residual: Double, fault: SolveFault?)] = []

    init(start: [Double]?) { self.start = start }

    func remember(_ key: PointKey, _ found: ResponseSolve.Found) {
        if solved.count >= NestedSolver.memory { solved.removeLast() }
        solved.insert((key, found.point, found.residual, found.fault), at: 0)
    }
}

/// What is remembered of one matrix.
private final class MatrixState {
    private(set) var known: [(key: PointKey, matrix: PointMatrix)] = []

    func remember(_ key: PointKey, _ matrix: PointMatrix) {
        if known.count >= NestedSolver.memory { known.removeLast() }
        known.insert((key, matrix), at: 0)
    }
}
