// L-BFGS between bounds: quasi-Newton steps in the variables off their bounds, backtracked along the projected path.
// Bertsekas 1982 (two-metric projection); Schmidt, Kim & Sra 2012, §11.3.
import Tensors

/// Minimises over a box, one joint evaluation of f and ∇f at a time.
package struct ProjectedLBFGS: SteppingMethod {
    /// All that is needed to continue: plain numbers.
    package struct State: SteppingState {
        /// x, the last accepted point, with f and ∇f there.
        package var point: [Double]
        package var value = Double.infinity
        package var gradient: [Double]
        /// ‖P(x − ∇f) − x‖₂ at x.
        package var stationarity = Double.infinity
        /// Where the next trial goes, and how far.
        package var direction: [Double]
        package var length = 1.0
        /// The last pairs, oldest first: changes of x and of ∇f.
        package var steps: [[Double]] = []
        package var changes: [[Double]] = []
        package var rejectedTrials = 0
        /// Accepted points in a row that gained nothing.
        package var idleIterations = 0
        /// Accepted points after the start.
        package var iteration = 0
        /// Evaluations. At 0 the start is the proposal.
        package var evaluations = 0

        /// The state before the first evaluation.
        package init(start: [Double]) {
            point = start
            gradient = [Double](repeating: 0, count: start.count)
            direction = gradient
        }
    }

    /// Pairs kept.
    package let memory: Int
    /// A set that ``ConvexSet/bounds(_:)`` knows.
    package let set: ConvexSet
    /// Relative error of f. Below it values decide nothing; gradients do.
    package let valueNoise: Double
    private let box: Box
    package private(set) var state: State

    private static let maxTrials = 40
    private static let patience = 20

    /// Starts at the projection of `start`.
    ///
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    /// - Precondition: the set is a box, a product of boxes, or everything.
    package init(
        start: [Double], memory: Int, set: ConvexSet = .whole, valueNoise: Double = 1e-12
    ) throws(SolverError) {
        try self.init(
            resuming: State(start: try set.projection(ofStart: start)), memory: memory, set: set, valueNoise: valueNoise
        )
    }

    /// Continues from a state that the same settings have produced.
    ///
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    package init(
        resuming state: State, memory: Int, set: ConvexSet = .whole, valueNoise: Double = 1e-12
    ) throws(SolverError) {
        try set.checkDimension(state.point.count)
        for vector in [state.gradient, state.direction] + state.steps + state.changes {
            try SolverError.check("vector", vector, hasCount: state.point.count)
        }
        try SolverError.check("changes", state.changes.count, hasCount: state.steps.count)
        guard let box = set.bounds(state.point.count) else { preconditionFailure("a set that is no box") }
        self.state = state
        self.memory = memory
        self.set = set
        self.valueNoise = valueNoise
        self.box = box
    }

    package func propose() -> [Double] {
        if state.evaluations == 0 { return state.point }
        var trial = state.point
        set.move(from: state.point, by: state.length, along: state.direction, into: &trial)
        return trial
    }

    package mutating func receive(value: Double, gradient: [Double]) -> StepDecision {
        let trial = propose()
        let isStart = state.evaluations == 0
        state.evaluations += 1
        let norm = set.projectedGradientNorm(at: trial, gradient: gradient)
        if let status = divergence(value: value, stationarity: norm) {
            return isStart ? .stopped(status) : reject(otherwise: status)
        }
        if !isStart {
            guard accepts(trial, value, norm) else { return reject(otherwise: .stagnated) }
            remember(trial, gradient)
            let gained = state.value - value > valueNoise * value.magnitude || norm < state.stationarity
            state.idleIterations = gained ? 0 : state.idleIterations + 1
            state.iteration += 1
        }
        state.point = trial
        state.value = value
        state.gradient = gradient
        state.stationarity = norm
        state.rejectedTrials = 0
        findDirection()
        return state.idleIterations >= Self.patience ? .stopped(.stagnated) : .accepted
    }

    private func accepts(_ trial: [Double], _ value: Double, _ norm: Double) -> Bool {
        if (value - state.value).magnitude <= valueNoise * state.value.magnitude { return norm < state.stationarity }
        let slope = VectorMath.dot(state.gradient, VectorMath.subtract(trial, state.point))
        return value <= state.value + 1e-4 * min(slope, 0)
    }

    /// Half as far; where quasi-Newton steps lead nowhere, once more down the gradient.
    private mutating func reject(otherwise status: SolveStatus) -> StepDecision {
        state.rejectedTrials += 1
        state.length /= 2
        if state.rejectedTrials < Self.maxTrials && propose() != state.point { return .rejected }
        guard !state.steps.isEmpty else { return .stopped(status) }
        state.steps = []
        state.changes = []
        state.rejectedTrials = 0
        findDirection()
        return .rejected
    }

    private mutating func remember(_ trial: [Double], _ gradient: [Double]) {
        let step = VectorMath.subtract(trial, state.point)
        let change = VectorMath.subtract(gradient, state.gradient)
        state.steps = Array((state.steps + [step]).suffix(memory))
        state.changes = Array((state.changes + [change]).suffix(memory))
    }

    /// −H∇f in the variables that the gradient does not push out of the box, 0 in the others.
    private mutating func findDirection() {
        let margin = min(1e-6, state.stationarity)
        let isFree = state.point.indices.map { i in
            !(state.gradient[i] > 0 && state.point[i] - box.lower[i] <= margin)
                && !(state.gradient[i] < 0 && box.upper[i] - state.point[i] <= margin)
        }
        func masked(_ vector: [Double]) -> [Double] { zip(vector, isFree).map { $1 ? $0 : 0 } }
        var history = CurvatureHistory(memory: state.steps.count, dimension: state.point.count)
        let zero = [Double](repeating: 0, count: state.point.count)
        for (step, change) in zip(state.steps, state.changes) {
            history.append(from: zero, zero, to: masked(step), masked(change))
        }
        let slopes = masked(state.gradient)
        var direction = zero
        history.descentDirection(for: slopes, into: &direction)
        let size = VectorMath.norm(slopes)
        // What is on its bound and pushed out stays there under the projection.
        for i in direction.indices where !isFree[i] { direction[i] = -state.gradient[i] }
        let isDescent = VectorMath.dot(direction, slopes) < 0
        state.direction = isDescent ? direction : state.gradient.map { -$0 }
        state.length = history.count > 0 && isDescent ? 1 : min(1, 1 / max(size, .leastNormalMagnitude))
    }
}

extension ConvexSet {
    /// The bounds of n entries, where the set has no others: everything, boxes, and products of these; else nil.
    package func bounds(_ n: Int) -> Box? {
        switch self {
        case .whole:
            return Box(
                checkedLower: [Double](repeating: -.infinity, count: n),
                upper: [Double](repeating: .infinity, count: n))
        case .box(let box): return box
        case .product(let parts):
            var (lower, upper): ([Double], [Double]) = ([], [])
            for part in parts {
                guard let box = part.set.bounds(part.count) else { return nil }
                lower += box.lower
                upper += box.upper
            }
            return Box(checkedLower: lower, upper: upper)
        case .simplex, .l1Ball, .l2Ball, .affine, .halfspace, .spectralBall, .rows, .intersection: return nil
        }
    }
}
