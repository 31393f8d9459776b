// What the solves of one level have taken: counts, which states keep, and seconds, which only reports name.

/// What was done for one level's responses and matrices.
package struct LevelCounts: Sendable, Equatable {
    /// Best responses asked for at a point that was not solved before.
    package var solves = 0
    /// The same at a point that was.
    package var repeated = 0
    /// Gradients of the level's objective with deeper levels responding, or values of its map less the point; of a
    /// level whose steps are followed, its steps.
    package var residuals = 0
    package var objectives = 0
    package var factorizations = 0
    /// Products with the residual's derivative; of a level whose steps are followed, steps of derivatives.
    package var products = 0
    package var linearSolves = 0

    package init() {}

    /// The counts by the names that events and results use.
    package var named: [(name: String, count: Int)] {
        [
            ("value", objectives), ("gradient", residuals), ("hvp", products), ("solves", solves),
            ("linear_solves", linearSolves), ("factorizations", factorizations),
        ]
    }

    static func + (a: LevelCounts, b: LevelCounts) -> LevelCounts { a.combined(b) { $0 &+ $1 } }
    static func - (a: LevelCounts, b: LevelCounts) -> LevelCounts { a.combined(b) { $0 &- $1 } }

    private func combined(_ other: LevelCounts, _ combine: (Int, Int) -> Int) -> LevelCounts {
        var result = LevelCounts()
        for field in Self.fields { result[keyPath: field] = combine(self[keyPath: field], other[keyPath: field]) }
        return result
    }

    /// All counts, in the order in which states keep them.
    static var fields: [WritableKeyPath<LevelCounts, Int>] {
        [\.solves, \.repeated, \.residuals, \.objectives, \.factorizations, \.products, \.linearSolves]
    }
}

/// Seconds since some moment. Nothing but reports depends on it.
package typealias Stopwatch = () -> Double

/// Seconds by level, each charged to the innermost level at work.
struct LevelSeconds {
    private(set) var seconds: [Double]
    private var working: [Int] = []
    private var last = 0.0

    init(levels: Int) { seconds = [Double](repeating: 0, count: levels) }

    /// A level begins, whichever was at work waits for it.
    mutating func enter(_ level: Int, _ stopwatch: Stopwatch?) {
        guard let now = stopwatch?() else { return }
        charge(now)
        working.append(level)
    }

    /// The level that began last has ended.
    mutating func leave(_ stopwatch: Stopwatch?) {
        guard let now = stopwatch?() else { return }
        charge(now)
        working.removeLast()
    }

    private mutating func charge(_ now: Double) {
        if let level = working.last, seconds.indices.contains(level) { seconds[level] += now - last }
        last = now
    }
}

/// How well a level is solved at one point.
package struct LevelResidual: Sendable, Equatable {
    /// ‖R‖₂, as in ``LevelOutcome``.
    package var residual: Double
    /// The largest relative residual of a linear system with the level's matrix; `nil` where none was solved.
    package var linearResidual: Double?

    package init(residual: Double, linearResidual: Double?) {
        self.residual = residual
        self.linearResidual = linearResidual
    }
}

/// A level below the outermost in a report.
package struct LevelProgress: Sendable, Equatable {
    package let name: String
    package let residual: LevelResidual
    /// Of the run so far.
    package let counts: LevelCounts
    /// Of this process so far, deeper levels not included; `nil` without a stopwatch.
    package let seconds: Double?
}
