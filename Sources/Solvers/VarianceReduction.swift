// Estimators of gradients of sums that remember: SAGA (Defazio, Bach, Lacoste-Julien, NeurIPS 2014), SARAH (Nguyen,
// Liu, Scheinberg, Takáč, ICML 2017; SPIDER is the same step), STORM (Cutkosky, Orabona, NeurIPS 2019).

/// How the gradients of sums over samples are estimated.
package enum GradientEstimator: Sendable, Equatable {
    /// The batch's own.
    case sgd
    /// A table with the last gradient of every batch.
    case saga(start: SAGAStart)
    /// Differences on the same batch at two points, and a full pass every `period` iterations; `nil`: half an epoch of
    /// both levels.
    case sarah(period: Int?)
    /// Differences on the same batch at two points, with a fading memory: η_t of new.
    case storm(momentum: StepSchedule)
    /// A moving average: η_t of new.
    case average(momentum: StepSchedule)

    package enum SAGAStart: String, Sendable, Equatable, CaseIterable {
        /// Every batch is evaluated at the start.
        case full
        case zero
    }

    /// The word that documents use.
    package var name: String {
        switch self {
        case .sgd: "sgd"
        case .saga: "saga"
        case .sarah: "sarah"
        case .storm: "storm"
        case .average: "average"
        }
    }
}

/// One step of each estimator on vectors of `count` numbers, which do not overlap. Nothing is allocated.
package enum VarianceReduction {
    package typealias Vector = UnsafeMutablePointer<Double>

    /// direction += new − old + average; average += share · (new − old); old = new.
    ///
    /// - Parameters:
    ///   - old: the table's entry of the batch.
    ///   - average: Σ share · entry over the table.
    ///   - share: the batch's part of the average.
    @inline(__always)
    package static func addSAGA(
        _ new: UnsafePointer<Double>, old: Vector, average: Vector, share: Double, to direction: Vector, count: Int
    ) {
        for i in 0..<count {
            let change = new[i] - old[i]
            direction[i] += change + average[i]
            average[i] += share * change
            old[i] = new[i]
        }
    }

    /// estimate += now − before.
    @inline(__always)
    package static func sarah(
        now: UnsafePointer<Double>, before: UnsafePointer<Double>, estimate: Vector, count: Int
    ) {
        for i in 0..<count { estimate[i] += now[i] - before[i] }
    }

    /// estimate = now + (1 − η)(estimate − before).
    @inline(__always)
    package static func storm(
        now: UnsafePointer<Double>, before: UnsafePointer<Double>, momentum: Double, estimate: Vector, count: Int
    ) {
        for i in 0..<count { estimate[i] = now[i] + (1 - momentum) * (estimate[i] - before[i]) }
    }

    /// estimate += η (now − estimate).
    @inline(__always)
    package static func average(
        now: UnsafePointer<Double>, momentum: Double, estimate: Vector, count: Int
    ) {
        for i in 0..<count { estimate[i] += momentum * (now[i] - estimate[i]) }
    }
}
