// Line search by secant steps and bisection to the strong or the approximate Wolfe conditions.
// Hager & Zhang 2005, "A new conjugate gradient method with guaranteed descent and an efficient line search", §4.

/// φ(α) = f(x + αd) and φ'(α) at one α.
struct LinePoint: Equatable {
    var step: Double
    var value: Double
    var slope: Double

    var isFinite: Bool { value.isFinite && slope.isFinite }

    /// A finite point at which φ does not descend.
    var isUphill: Bool { isFinite && slope >= 0 }
}

/// How a line search ended.
enum LineSearchOutcome: Equatable {
    /// The point that was evaluated last satisfies the conditions.
    case accepted(LinePoint)

    /// φ descends as far as it was followed.
    case unbounded

    /// No point that rounding can tell from its neighbours satisfies them.
    case exhausted
}

/// One search along a descent direction.
///
/// Accepts α when |φ'(α)| ≤ σ|φ'(0)| and φ(α) ≤ φ(0) + δαφ'(0), or when φ(α) ≤ φ(0) + `noise` and
/// σφ'(0) ≤ φ'(α) ≤ (2δ − 1)φ'(0). The second pair uses values only up to their rounding errors, so that the search
/// works where the first drowns in them. Values that are NaN or infinite count as too high.
struct HagerZhangLineSearch {
    /// Evaluates φ at a step.
    typealias Probe = (_ step: Double) -> LinePoint

    /// φ at step 0, with negative slope.
    let origin: LinePoint

    /// How much φ may rise by rounding alone.
    let noise: Double

    private static let sufficientDecrease = 0.1
    private static let slopeReduction = 0.9
    private static let shrink = 0.66
    private static let expansion = 5.0
    private static let maxEvaluations = 80

    private var evaluations = 0
    private var accepted: LinePoint?
    private var isBracketed = false

    /// Two points with φ descending at `low`, where φ ≤ φ(0) + noise, and climbing at `high`.
    private struct Interval {
        var low: LinePoint
        var high: LinePoint

        var width: Double { high.step - low.step }
        var middle: Double { low.step + width / 2 }

        func contains(_ step: Double) -> Bool { low.step < step && step < high.step }
    }

    init(origin: LinePoint, noise: Double) {
        self.origin = origin
        self.noise = noise
    }

    /// Searches from the step `initial` > 0, at most 80 evaluations.
    mutating func search(from initial: Double, probe: Probe) -> LineSearchOutcome {
        if var interval = bracket(from: initial, probe) {
            while let next = contract(interval, probe) { interval = next }
        }
        if let accepted { return .accepted(accepted) }
        return isBracketed ? .exhausted : .unbounded
    }

    /// Evaluates φ; nil when the search is over, by success or by exhaustion.
    private mutating func measure(_ step: Double, _ probe: Probe) -> LinePoint? {
        guard evaluations < Self.maxEvaluations else { return nil }
        evaluations += 1
        let point = probe(step)
        guard accepts(point) else { return point }
        accepted = point
        return nil
    }

    private func accepts(_ point: LinePoint) -> Bool {
        guard point.isFinite, point.slope >= Self.slopeReduction * origin.slope else { return false }
        let gain = point.value - origin.value
        let isWolfe =
            gain <= Self.sufficientDecrease * point.step * origin.slope
            && point.slope <= -Self.slopeReduction * origin.slope
        let isApproximateWolfe = gain <= noise && point.slope <= (2 * Self.sufficientDecrease - 1) * origin.slope
        return isWolfe || isApproximateWolfe
    }

    private func isLow(_ point: LinePoint) -> Bool {
        point.isFinite && point.value <= origin.value + noise
    }

    /// Steps B0-B3: expands until φ climbs.
    private mutating func bracket(from initial: Double, _ probe: Probe) -> Interval? {
        var low = origin
        var step = initial
        while let point = measure(step, probe) {
            isBracketed = point.isUphill || !isLow(point)
            if point.isUphill { return Interval(low: low, high: point) }
            if isBracketed { return bisect(Interval(low: low, high: point), probe) }
            low = point
            step *= Self.expansion
        }
        return nil
    }

    /// Step U3: `high` is too high or not finite; halves until a climbing point replaces it.
    private mutating func bisect(_ start: Interval, _ probe: Probe) -> Interval? {
        var interval = start
        while interval.contains(interval.middle), let point = measure(interval.middle, probe) {
            if point.isUphill { return Interval(low: interval.low, high: point) }
            if isLow(point) { interval.low = point } else { interval.high = point }
        }
        return nil
    }

    /// Steps U0-U3: the smaller interval that `step` cuts off, or the same when it lies outside.
    private mutating func update(_ interval: Interval, at step: Double, _ probe: Probe) -> Interval? {
        guard interval.contains(step) else { return interval }
        guard let point = measure(step, probe) else { return nil }
        if point.isUphill { return Interval(low: interval.low, high: point) }
        if isLow(point) { return Interval(low: point, high: interval.high) }
        return bisect(Interval(low: interval.low, high: point), probe)
    }

    /// Steps L1-L2: a double secant step, and a bisection where that has not shrunk the interval enough.
    private mutating func contract(_ interval: Interval, _ probe: Probe) -> Interval? {
        let cut = Self.secant(interval.low, interval.high)
        guard var next = update(interval, at: cut, probe) else { return nil }
        if next.high.step == cut {
            guard let second = update(next, at: Self.secant(interval.high, next.high), probe) else { return nil }
            next = second
        } else if next.low.step == cut {
            guard let second = update(next, at: Self.secant(interval.low, next.low), probe) else { return nil }
            next = second
        }
        if next.width <= Self.shrink * interval.width { return next }
        return next.contains(next.middle) ? update(next, at: next.middle, probe) : nil
    }

    private static func secant(_ a: LinePoint, _ b: LinePoint) -> Double {
        (a.step * b.slope - b.step * a.slope) / (b.slope - a.slope)
    }
}
