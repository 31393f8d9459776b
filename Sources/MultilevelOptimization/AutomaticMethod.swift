// `auto`: which method suits a problem, and why.
import ExpressionGraph

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
    /// Whether one linear system solves the lower level.
    package let isQuadratic: Bool
    /// Rows × variables of the largest level below the outermost of three or more, where batches would estimate all of them;
    /// else 0.
    package let nestedNumbers: Int
    /// Numbers in SAGA's tables; `nil` where a level draws along several axes, whose batches no table numbers.
    package let tableNumbers: Int?

    package init(_ problem: MultilevelProblem) {
        upperDimension = problem.upper.dimension
        lowerDimension = problem.responseDimension
        nesting = problem.levels.count > 2 ? "\(problem.levels.count) levels" : nil
        isFixedPoint = problem.levels.count == 2 && problem.isNested
        lowerSamples = problem.isSingleLevel ? 0 : problem.sampleCount(ofLevel: 1)
        upperSamples = problem.sampleCount(ofLevel: 0)
        isSmooth = problem.isSingleLevel || problem.lower.isSmooth
        isQuadratic = problem.isLowerResidualAffine
        tableNumbers = Self.tableNumbers(problem)
        nestedNumbers = Self.nestedNumbers(problem)
        isSampled =
            !problem.isSingleLevel && !problem.isNested && problem.levels.allSatisfy { $0.samplingFault == nil }
            && problem.lower.isSmooth
            && lowerSamples + upperSamples > 0
    }

    private static func nestedNumbers(_ problem: MultilevelProblem) -> Int {
        guard problem.levels.count > 2, problem.levels.allSatisfy({ $0.fixedPoint != nil || $0.samplingFault == nil })
        else { return 0 }
        let sizes = problem.levels.indices.dropFirst().map {
            problem.sampleCount(ofLevel: $0).times(problem.levels[$0].dimension)
        }
        return sizes.max() ?? 0
    }

    /// n_lower (2d + p) + n_upper (d + p), in batches.
    private static func tableNumbers(_ problem: MultilevelProblem) -> Int? {
        guard problem.levels.count == 2 else { return nil }
        let (upper, lower) = (problem.upper.dimension, problem.lower.dimension)
        var sum = 0
        for (level, width) in [(0, upper.adding(lower)), (1, upper.adding(lower.times(2)))] {
            let axes = problem.axes(ofLevel: level)
            guard axes.count <= 1 else { return nil }
            let batches = axes.first.map { ($0.rows + $0.batch - 1) / max($0.batch, 1) } ?? 1
            sum = sum.adding(batches.times(width))
        }
        return sum
    }
}

/// The choice for a problem.
package struct AutomaticMethod: Sendable, Equatable {
    /// Above this many numbers touched by one full gradient, sampled steps pay.
    package static let fullBatchLimit = 50_000_000
    /// Numbers that SAGA's tables may take: 1 GiB.
    package static let tableLimit = 1 << 27

    package let name: MethodName
    package let reason: String

    private init(_ name: MethodName, _ reason: String) {
        self.name = name
        self.reason = reason
    }

    /// - Parameter wantsFirstOrder: whether a penalty was asked for, which takes no Hessian.
    package init(_ facts: ProblemFacts, wantsFirstOrder: Bool = false) {
        if let nesting = facts.nesting ?? (facts.isFixedPoint ? "a fixed point" : nil) {
            // Reports of steps on batches solve all levels too, so such steps alone are no way around that.
            let advice =
                facts.nestedNumbers > Self.fullBatchLimit
                ? "; a level reads \(facts.nestedNumbers) numbers at a time: tsg takes batches of them, and ends within their noise"
                : ""
            self.init(.preset(.implicit), "\(nesting): implicit differentiation through all levels\(advice)")
        } else if facts.lowerDimension == 0 {
            self.init(.preset(.aidCG), "one level: projected gradients with a line search")
        } else if facts.isLarge {
            self = Self.sampled(facts, wantsFirstOrder)
        } else if wantsFirstOrder {
            self.init(.preset(.bome), "a penalty was asked for")
        } else {
            self = Self.full(facts)
        }
    }

    private static func sampled(_ facts: ProblemFacts, _ wantsFirstOrder: Bool) -> AutomaticMethod {
        let why =
            "\(facts.size) over \(facts.lowerSamples) samples: too many for full gradients, and both objectives "
            + "can be estimated from batches"
        if wantsFirstOrder {
            return AutomaticMethod(.stochastic(.f2sa), why + "; a penalty was asked for, without Hessians")
        }
        guard let numbers = facts.tableNumbers else {
            return AutomaticMethod(
                .stochastic(.srba), why + "; a level draws along several axes, so saba has no tables")
        }
        return numbers <= tableLimit
            ? AutomaticMethod(.stochastic(.saba), why + "; saba's tables of \(numbers) numbers fit")
            : AutomaticMethod(.stochastic(.srba), why + "; saba's tables of \(numbers) numbers do not fit")
    }

    private static func full(_ facts: ProblemFacts) -> AutomaticMethod {
        if facts.isQuadratic && facts.lowerDimension <= LinearSystemSolver.directLimit {
            return AutomaticMethod(
                .preset(.aidDirect), "quadratic, \(facts.size): the adjoint by factors of one matrix")
        }
        let kind = facts.isSmooth ? "smooth" : "proximal steps and faces"
        return AutomaticMethod(
            .preset(.aidCG),
            facts.lowerSamples > 0
                ? "\(kind), \(facts.size), \(facts.lowerSamples) samples: full gradients are affordable"
                : "\(kind), \(facts.size): implicit differentiation converges fastest")
    }
}

extension ProblemFacts {
    /// "3 lower variables".
    fileprivate var size: String { "\(lowerDimension) lower " + (lowerDimension == 1 ? "variable" : "variables") }

    /// Whether full gradients touch too many numbers, and batches can stand for them.
    fileprivate var isLarge: Bool { isSampled && lowerSamples.times(lowerDimension) > AutomaticMethod.fullBatchLimit }
}
