// Searches that use values alone, as baselines: uniform points of a box, and tree-structured Parzen estimators
// (Bergstra, Bardenet, Bengio & Kégl, NeurIPS 2011; Gaussian kernels truncated to the box, as in the hyperopt package).
import Tensors

import func Glibc.erf
import func Glibc.exp
import func Glibc.log

/// Proposes points of a bounded box.
package struct BoxSearch: SteppingMethod {
    /// How points are drawn.
    package enum Rule: Sendable, Equatable {
        case random
        /// After `startup` uniform points: the best by expected improvement of `candidates` points drawn around the
        /// best `fraction` of those seen.
        case parzen(startup: Int, candidates: Int, fraction: Double)
    }

    /// All that is needed to continue: plain numbers.
    package struct State: SteppingState {
        /// The last accepted point, which may be worse than earlier ones.
        package var point: [Double]
        package var stationarity = Double.infinity
        /// All points so far, one after the other, and their values; of random search, none are needed.
        package var points: [Double] = []
        package var values: [Double] = []
        /// Accepted points after the start.
        package var iteration = 0
        /// Evaluations. At 0 the start is the proposal.
        package var evaluations = 0

        /// The state before the first evaluation.
        package init(start: [Double]) { point = start }
    }

    package let rule: Rule
    package let set: ConvexSet
    package let seed: UInt64
    private let box: Box
    package private(set) var state: State

    /// Starts at the projection of `start`.
    ///
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    /// - Precondition: the set is a bounded box or a product of such.
    package init(start: [Double], rule: Rule, seed: UInt64, set: ConvexSet) throws(SolverError) {
        try self.init(resuming: State(start: try set.projection(ofStart: start)), rule: rule, seed: seed, set: set)
    }

    /// Continues from a state that the same settings have produced.
    ///
    /// - Throws: ``SolverError/dimensionMismatch(of:expected:found:)``.
    package init(resuming state: State, rule: Rule, seed: UInt64, set: ConvexSet) throws(SolverError) {
        try set.checkDimension(state.point.count)
        try SolverError.check("points", state.points, hasCount: state.values.count * state.point.count)
        guard let box = set.bounds(state.point.count) else { preconditionFailure("a set that is no box") }
        self.state = state
        self.rule = rule
        self.seed = seed
        self.set = set
        self.box = box
    }

    package func propose() -> [Double] {
        if state.evaluations == 0 { return state.point }
        var stream = RandomStream(seed: seed, stream: "search point \(state.evaluations)")
        switch rule {
        case .random: return uniform(&stream)
        case .parzen(let startup, let candidates, let fraction):
            if state.values.count < startup { return uniform(&stream) }
            return improvement(&stream, candidates, fraction)
        }
    }

    private func uniform(_ stream: inout RandomStream) -> [Double] {
        zip(box.lower, box.upper).map { low, high in low + (high - low) * stream.uniform() }
    }

    package mutating func receive(value: Double, gradient: [Double]) -> StepDecision {
        let trial = propose()
        state.evaluations += 1
        if case .parzen = rule, value.isFinite {
            state.points += trial
            state.values.append(value)
        }
        // Where F has no value the search goes on elsewhere.
        guard value.isFinite else { return .rejected }
        if state.evaluations > 1 { state.iteration += 1 }
        state.point = trial
        state.stationarity = set.projectedGradientNorm(at: trial, gradient: gradient)
        return .accepted
    }

    // MARK: - Parzen

    /// Each variable by itself: the candidate with the largest ratio of the densities of good and bad points.
    private func improvement(_ stream: inout RandomStream, _ candidates: Int, _ fraction: Double) -> [Double] {
        let order = state.values.indices.sorted { (state.values[$0], $0) < (state.values[$1], $1) }
        let goodCount = max(1, Int((fraction * Double(order.count)).rounded(.up)))
        return state.point.indices.map { variable in
            let all = order.map { state.points[$0 * state.point.count + variable] }
            let good = ParzenDensity(Array(all[..<goodCount]), box.lower[variable], box.upper[variable])
            let bad = ParzenDensity(Array(all[goodCount...]), box.lower[variable], box.upper[variable])
            var best = (point: 0.0, score: -Double.infinity)
            for _ in 0..<candidates {
                let point = good.draw(&stream)
                let score = log(good.value(point)) - log(bad.value(point))
                if score > best.score { best = (point, score) }
            }
            return best.point
        }
    }
}

/// A mixture of Gaussians around points of an interval, truncated to it, and one as wide as the interval.
private struct ParzenDensity {
    private let low: Double
    private let high: Double
    private let centers: [Double]
    private let widths: [Double]

    /// Each width is the distance to the farther neighbour, within bounds.
    init(_ points: [Double], _ low: Double, _ high: Double) {
        self.low = low
        self.high = high
        let range = high - low
        let sorted = (points + [0.5 * (low + high)]).sorted()
        centers = sorted
        let smallest = range / min(100, Double(sorted.count) + 1)
        widths = sorted.indices.map { i in
            let left = i > 0 ? sorted[i] - sorted[i - 1] : sorted[i] - low
            let right = i + 1 < sorted.count ? sorted[i + 1] - sorted[i] : high - sorted[i]
            return min(max(left, right, smallest, .leastNormalMagnitude), max(range, .leastNormalMagnitude))
        }
    }

    func draw(_ stream: inout RandomStream) -> Double {
        let index = stream.below(centers.count)
        for _ in 0..<100 {
            let point = centers[index] + widths[index] * stream.normal()
            if point >= low && point <= high { return point }
        }
        return centers[index]
    }

    func value(_ x: Double) -> Double {
        var sum = 0.0
        for (center, width) in zip(centers, widths) {
            let z = (x - center) / width
            let inside =
                0.5 * (erf((high - center) / width / 2.squareRoot()) - erf((low - center) / width / 2.squareRoot()))
            sum += exp(-0.5 * z * z) / (width * max(inside, .leastNormalMagnitude))
        }
        return max(sum / Double(centers.count), .leastNormalMagnitude)
    }
}
