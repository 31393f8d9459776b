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
    /// The objective falls without end, or the iterates leave the finite numbers.
    case unbounded
    /// The best point found misses the tolerance; the size of the step that was still wanted, relative to the point's.
    case notConverged(error: Double)
    /// The matrix of a linear system has no inverse.
    case singular
    /// A Krylov solver stopped at this relative residual.
    case residual(Double)
    case interrupted
}

/// What was done for one level's equilibrium or matrix.
package struct NestedCounts: Sendable, Equatable {
    /// Best responses asked for at a point that was not solved before.
    package var solves = 0
    /// The same at a point that was.
    package var repeated = 0
    package var residuals = 0
    package var objectives = 0
    package var factorizations = 0
    package var products = 0
    package var linearSolves = 0
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

    private let depths: [Equilibrium: Int]
    private var outermostTolerance = 0.0
    private var stop: StopCheck = { nil }
    private var states: [Equilibrium: ResponseState] = [:]
    private var matrices: [LinearSystem: MatrixState] = [:]
    package private(set) var counts = NestedCounts()
    /// The largest relative residual of a linear system since then.
    package private(set) var linearResidual = 0.0
    /// What went wrong since the last ``begin(from:tolerance:stop:)``, once each.
    package private(set) var faults: [(level: Equilibrium?, fault: SolveFault)] = []

    /// - Parameter equilibria: by level, outer ones first; `nil` for levels that are not solved.
    package init(_ equilibria: [Equilibrium?]) {
        var depths: [Equilibrium: Int] = [:]
        for (depth, equilibrium) in equilibria.enumerated() { if let equilibrium { depths[equilibrium] = depth } }
        self.depths = depths
    }

    /// Forgets all points, so that what follows depends on nothing but what is given here.
    ///
    /// - Parameters:
    ///   - starts: where solvers begin, instead of where the problem says.
    ///   - tolerance: the largest Newton step, relative to max(1, ‖z‖), at a point of level 1 that counts as solved;
    ///     each deeper level is ten times tighter, as far as rounding allows.
    package func begin(from starts: [Equilibrium: [Double]], tolerance: Double, stop: @escaping StopCheck) {
        states = starts.mapValues { ResponseState(start: $0) }
        matrices = [:]
        faults = []
        linearResidual = 0
        outermostTolerance = tolerance
        self.stop = stop
    }

    /// Lets go of the stop check, which may hold whoever holds this solver.
    func end() { stop = { nil } }

    /// ‖R‖ at the response that was found last for these captures' equilibrium; `nil` where none was.
    func residualNorm(of equilibrium: Equilibrium, at point: [Double]) -> Double? {
        states[equilibrium]?.solved.first { $0.point == point }?.residual
    }

    func state(of equilibrium: Equilibrium) -> ResponseState {
        if let known = states[equilibrium] { return known }
        let made = ResponseState(start: nil)
        states[equilibrium] = made
        return made
    }

    func report(_ fault: SolveFault, at level: Equilibrium?) {
        guard !faults.contains(where: { $0.level == level && $0.fault == fault }) else { return }
        faults.append((level, fault))
    }

    func tolerance(of equilibrium: Equilibrium) -> Double {
        let factors = (0..<(depths[equilibrium] ?? depths.count)).map { _ in 0.1 }
        return max(factors.reduce(outermostTolerance, *), Self.smallestTolerance)
    }

    var shouldStop: Bool { stop() != nil }

    func count(_ change: (inout NestedCounts) -> Void) { change(&counts) }

    // MARK: - Handling

    package func solve(
        _ equilibrium: Equilibrium, captures: [FunctionArgument], start: FunctionArgument,
        into point: UnsafeMutableBufferPointer<Double>, _ runtime: FunctionRuntime
    ) {
        let state = state(of: equilibrium)
        let key = PointKey(captures)
        if let known = state.solved.first(where: { $0.key == key }) {
            counts.repeated += 1
            _ = point.update(fromContentsOf: known.point)
            return
        }
        counts.solves += 1
        let response = ResponseSolve(
            solver: self, runtime: runtime, equilibrium: equilibrium, captures: captures, state: state)
        let found = response.run(from: response.predict(key) ?? state.start ?? Array(start.values))
        if let fault = found.fault { report(fault, at: equilibrium) }
        state.remember(key, found)
        _ = point.update(fromContentsOf: found.point)
    }

    package func solve(
        _ system: LinearSystem, transposed: Bool, parameters: [FunctionArgument], rhs: FunctionArgument,
        into point: UnsafeMutableBufferPointer<Double>, _ runtime: FunctionRuntime
    ) {
        counts.linearSolves += 1
        let matrix = matrix(system, parameters, runtime)
        let found = matrix.solve(Array(rhs.values), transposed: transposed)
        if let fault = found.fault { report(fault, at: nil) }
        linearResidual = max(linearResidual, found.residual)
        _ = point.update(fromContentsOf: found.point)
    }

    /// The matrix at a point, formed and factored once.
    func matrix(_ system: LinearSystem, _ parameters: [FunctionArgument], _ runtime: FunctionRuntime) -> PointMatrix {
        let state = matrices[system] ?? MatrixState()
        matrices[system] = state
        let key = PointKey(parameters)
        if let known = state.known.first(where: { $0.key == key }) { return known.matrix }
        let matrix: PointMatrix
        if system.dimension <= Self.denseLimit {
            counts.factorizations += 1
            counts.products += system.dimension
            matrix = .dense(DenseMatrix(system, key, runtime))
        } else {
            matrix = .krylov(
                KrylovMatrix(system: system, point: key, runtime: runtime, shouldStop: { [stop] in stop() != nil }))
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
    private(set) var solved: [(key: PointKey, point: [Double], residual: Double, isSound: Bool)] = []

    init(start: [Double]?) { self.start = start }

    func remember(_ key: PointKey, _ found: ResponseSolve.Found) {
        if solved.count >= NestedSolver.memory { solved.removeLast() }
        solved.insert((key, found.point, found.residual, found.fault == nil), at: 0)
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
