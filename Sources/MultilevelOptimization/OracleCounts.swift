// What a run has asked of its objectives, by kind: the currency in which methods are compared and budgets are given.

/// A kind of evaluation, under the name that documents, events and results use.
package enum OracleKind: String, Sendable, CaseIterable {
    case lowerValue = "lower_value"
    case lowerGradient = "lower_gradient"
    case hessianProduct = "hvp"
    case mixedProduct = "mixed"
    case upperValue = "upper_value"
    case upperGradient = "upper_gradient"
    case samples
}

/// Evaluations so far.
package struct OracleCounts: Sendable, Equatable {
    /// Values of the lower objective.
    package var lowerValue = 0
    /// Gradients of the lower objective with respect to its own variables.
    package var lowerGradient = 0
    /// Hessian-vector products of the lower objective.
    package var hessianProduct = 0
    /// Products with the mixed derivative ∇²_xy g.
    package var mixedProduct = 0
    /// Values of the upper objective.
    package var upperValue = 0
    /// Gradients of the upper objective.
    package var upperGradient = 0
    /// Rows of data read by all of these.
    package var samples = 0

    package init() {}

    /// Calls of one iteration on batches: ∇_y g, H v, J v and ∇f.
    static let callsOfSampledIteration = 4

    /// Calls of every kind, the quantity that `oracle_calls` limits.
    package var calls: Int {
        lowerValue + lowerGradient + hessianProduct + mixedProduct + upperValue + upperGradient
    }

    /// The counts by the names that events and results use.
    package var named: [(name: String, count: Int)] { OracleKind.allCases.map { ($0.rawValue, self[$0]) } }

    /// The count of one kind.
    package subscript(kind: OracleKind) -> Int {
        switch kind {
        case .lowerValue: lowerValue
        case .lowerGradient: lowerGradient
        case .hessianProduct: hessianProduct
        case .mixedProduct: mixedProduct
        case .upperValue: upperValue
        case .upperGradient: upperGradient
        case .samples: samples
        }
    }

    /// Adds another run's counts.
    package mutating func add(_ other: OracleCounts) {
        lowerValue += other.lowerValue
        lowerGradient += other.lowerGradient
        hessianProduct += other.hessianProduct
        mixedProduct += other.mixedProduct
        upperValue += other.upperValue
        upperGradient += other.upperGradient
        samples += other.samples
    }
}

/// The counts of a run, which its oracles of either precision share.
final class OracleCounter {
    var counts = OracleCounts()
    /// By level, the outermost included, of evaluations through all levels; empty without any.
    var levels: [LevelCounts] = []
    /// Seconds of this process by level; empty without a stopwatch.
    var seconds: [Double] = []
    var stopwatch: Stopwatch?
}
