// `auto`: which method suits a problem, and why.

/// The facts that a choice rests on.
package struct ProblemFacts: Sendable, Equatable {
    package let upperDimension: Int
    package let lowerDimension: Int
    /// Rows of all sample axes of the lower level, and of the upper.
    package let lowerSamples: Int
    package let upperSamples: Int
    /// Whether batches would estimate both objectives without bias.
    package let isSampled: Bool
    /// Why methods for two levels do not apply, as a phrase; `nil` where they do.
    package let nesting: String?
    /// Whether the lower of two levels is the fixed point of a map.
    package let isFixedPoint: Bool
    /// Whether neither a set nor a norm stands on the lower level.
    package let isSmooth: Bool

    package init(_ problem: MultilevelProblem) {
        upperDimension = problem.upper.dimension
        lowerDimension = problem.responseDimension
        nesting = problem.levels.count > 2 ? "\(problem.levels.count) levels" : nil
        isFixedPoint = problem.levels.count == 2 && problem.isNested
        lowerSamples = problem.isSingleLevel ? 0 : problem.sampleCount(ofLevel: 1)
        upperSamples = problem.sampleCount(ofLevel: 0)
        isSmooth = problem.isSingleLevel || problem.lower.isSmooth
        isSampled =
            !problem.isSingleLevel && !problem.isNested && problem.levels.allSatisfy { $0.samplingFault == nil }
            && problem.lower.isSmooth
            && lowerSamples + upperSamples > 0
    }
}

/// The choice for a problem.
package struct AutomaticMethod: Sendable, Equatable {
    /// Above this many numbers touched by one full gradient, sampled steps pay.
    package static let fullBatchLimit = 50_000_000

    package let preset: Preset
    package let reason: String

    package init(_ facts: ProblemFacts) {
        if let nesting = facts.nesting ?? (facts.isFixedPoint ? "a fixed point" : nil) {
            preset = .implicit
            reason = "\(nesting): implicit differentiation through all levels"
            return
        }
        if facts.lowerDimension == 0 {
            preset = .aidCG
            reason = "one level: projected gradients with a line search"
            return
        }
        let (work, overflow) = facts.lowerSamples.multipliedReportingOverflow(by: facts.lowerDimension)
        let size = "\(facts.lowerDimension) lower " + (facts.lowerDimension == 1 ? "variable" : "variables")
        let kind = facts.isSmooth ? "smooth" : "proximal steps and faces"
        if facts.isSampled && (overflow || work > Self.fullBatchLimit) {
            preset = .soba
            reason =
                "\(size) over \(facts.lowerSamples) samples: too many for full gradients, and both objectives "
                + "can be estimated from batches"
        } else {
            preset = .aidCG
            reason =
                facts.lowerSamples > 0
                ? "\(kind), \(size), \(facts.lowerSamples) samples: full gradients are affordable"
                : "\(kind), \(size): implicit differentiation converges fastest"
        }
    }
}
