// Words for what went wrong: which quantity, when, and what to try.
import Solvers
import Tensors

import func Glibc.log10
import func Glibc.pow

extension Level {
    /// What its solver looks for.
    var extremum: String { sense == .minimize ? "minimum" : "maximum" }
}

extension Evaluation {
    /// Whether a remark is one of its own, but for measured numbers.
    func explains(_ remark: String) -> Bool { remarks.contains { Diagnosis.isSame($0, remark) } }
}

/// Explains the state of an evaluation.
enum Diagnosis {
    /// Which quantity diverged first, in which variable.
    ///
    /// - Parameters:
    ///   - evaluation: the first that cannot be used.
    ///   - previous: the one before it.
    ///   - growth: of the hypergradient's norm from the start to the point before, whose lower level was still solved.
    ///   - place: "in iteration 3".
    static func divergence(
        _ evaluation: Evaluation, after previous: Evaluation? = nil, growth: Double, _ place: String,
        _ problem: MultilevelProblem
    ) -> String {
        if let remark = evaluation.remarks.first { return "\(place): \(remark)" }
        let isLower =
            !VectorMath.isFinite(evaluation.y) || !evaluation.lowerResidual.isFinite
            || evaluation.lowerStatus.isDivergence
        if growth > Divergence.growthLimit || !(isLower || isLinear(evaluation)) {
            return
                "the upper level diverged \(place), in level \(problem.upper.name)"
                + culprit(problem.upper, evaluation.x, previous?.x)
                + ": use a smaller upper step, or bound its variables where its objective has no \(problem.upper.extremum)"
        }
        if isLower {
            let level = problem.isNested ? nil : problem.lower
            return
                "the lower level diverged \(place), in level \(problem.lower.name)"
                + culprit(level, evaluation.y, previous?.y)
                + ": use a smaller lower step, or bound the variables of either level; its objective may have no "
                + problem.lower.extremum
        }
        return "the linear system diverged \(place)\(culprit(problem.lower, evaluation.v, previous?.v)): "
            + "use a smaller step, more regularisation, or cg"
    }

    /// What is not finite where the solver of the lower of two levels begins: the start itself, or the objective there;
    /// `nil` where both are, and where there are other levels.
    static func lowerStart(_ oracle: BilevelOracle, _ x: [Double]) -> String? {
        let problem = oracle.problem
        guard problem.levels.count == 2, VectorMath.isFinite(x) else { return nil }
        oracle.setUpper(x)
        var start = oracle.coldStart()
        guard VectorMath.isFinite(start) else {
            return "at the start: the start of level \(problem.lower.name) is not finite"
                + "\(culprit(problem.lower, start, nil)): start the variables above it elsewhere, or give it numbers"
        }
        problem.lower.constraint.project(&start)
        oracle.setLower(start)
        var gradient = start
        let value = problem.lower.fixedPoint == nil ? oracle.lowerValue() : 0
        oracle.lowerGradient(into: &gradient)
        guard !(value.isFinite && VectorMath.isFinite(gradient)) else { return nil }
        return "at the start: \(LevelFault(problem.lower, .undefined).sentence)"
    }

    /// What is not finite at the start, where no level below the outermost is to blame.
    static func undefined(_ evaluation: Evaluation, _ problem: MultilevelProblem) -> String {
        let what =
            evaluation.value.isFinite
            ? "the hypergradient of level \(problem.upper.name)" : "the objective of level \(problem.upper.name)"
        return evaluation.remarks.first.map { "at the start: \($0)" }
            ?? "\(what) is not finite at the start: start its variables elsewhere, or bound them"
    }

    /// ", the largest entries in w": the variable with the first number that is not finite, else with the largest growth
    /// of its largest entry.
    static func culprit(_ level: Level?, _ vector: [Double], _ previous: [Double]?) -> String {
        guard let level, level.dimension == vector.count else { return "" }
        let before = previous?.count == vector.count ? previous : nil
        var worst: (name: String, growth: Double)?
        for (index, part) in level.parts(of: vector).enumerated() {
            if !part.values.allSatisfy(\.isFinite) { return ", first in \(part.variable.name)" }
            let size = part.values.reduce(0) { max($0, abs($1)) }
            let past = before.map { VectorMath.maxNorm(Array($0[level.entries(of: index)])) } ?? 0
            let growth = size / max(past, 1)
            if worst.map({ growth > $0.growth }) ?? true { worst = (part.variable.name, growth) }
        }
        return worst.map { ", the largest entries in \($0.name)" } ?? ""
    }

    /// Growth of the outermost variables that counts as having no optimum.
    static let growthLimit = 1e10

    /// What a point so far away says of the outermost level; `nil` for one that is not, or that a box holds.
    static func escape(_ x: [Double], of level: Level) -> String? {
        let limit = growthLimit * max(1, VectorMath.maxNorm(level.start))
        let isFree: (Int) -> Bool
        switch level.constraint {
        case .box(let box): isFree = { x[$0] < 0 ? box.lower[$0] == -.infinity : box.upper[$0] == .infinity }
        case .whole, .affine, .halfspace, .product, .intersection, .rows, .simplex, .l1Ball, .l2Ball, .spectralBall:
            isFree = { _ in true }
        }
        guard x.indices.contains(where: { x[$0].magnitude > limit && isFree($0) }) else { return nil }
        return
            "the variables of level \(level.name) leave all bounds, its objective may have no \(level.extremum): bound "
            + "them, or add a quadratic term"
    }

    /// What the curvatures of F along some directions, measured where the run ended, say of the outermost level.
    ///
    /// - Parameter scale: what the accuracy of solves leaves of a second difference.
    static func shape(_ curvatures: [Double], scale: Double, of level: Level) -> String? {
        guard let smallest = curvatures.min(), let largest = curvatures.max() else { return nil }
        if smallest < -scale {
            return
                "level \(level.name) has no \(level.extremum) where the run ended, its total objective curves the other "
                + "way: start it elsewhere, bound its variables, or add a quadratic term"
        }
        if smallest == 0 && largest == 0 {
            return
                "the \(level.sense == .minimize ? "minimiser" : "maximiser") of level \(level.name) is not unique, its "
                + "total objective is flat where the run ended: add a small quadratic term"
        }
        return nil
    }

    /// What a kink of F where a run ended says of it; `nil` without one.
    static func kink(_ slopes: SlopeVerdict, of level: Level) -> String? {
        if slopes.kinks == 0 { return nil }
        let place = "the total objective of level \(level.name) has a kink where the run ended"
        let (change, optimum) = level.sense == .minimize ? ("rises", "minimum") : ("falls", "maximum")
        return slopes.minima == slopes.directions
            ? "\(place), and \(change) to both sides of it: a \(optimum) along all directions tried, though no "
                + "hypergradient vanishes there"
            : "\(place), which steps along hypergradients do not leave: smooth it, or start elsewhere"
    }

    private static func isLinear(_ evaluation: Evaluation) -> Bool {
        guard let residual = evaluation.linearResidual else { return false }
        return !residual.isFinite || !VectorMath.isFinite(evaluation.v) || evaluation.linearStatus?.isDivergence == true
    }

    /// Which of SOBA's levels diverged: all iterates overflow within a few iterations of each other, whichever began.
    ///
    /// - Parameter lowerGrowth: of the lower steps' length while the upper variables stand still.
    static func divergence(
        inIteration iteration: Int, lowerGrowth: Double, _ culprits: (upper: String, lower: String)
    ) -> String {
        // Batches alone make steps longer or shorter by a small factor.
        lowerGrowth <= 8
            ? "the upper variables diverged in iteration \(iteration)\(culprits.upper): use a smaller upper_step.step"
            : "the lower variables diverged in iteration \(iteration)\(culprits.lower): use a smaller lower_solver.step"
    }

    /// A measured number, to the digit that tells anything.
    static func rounded(_ number: Double) -> String {
        guard number.isNormal, number.magnitude > 1e-300 else { return "\(number)" }
        let power = log10(number.magnitude).rounded(.down)
        let size = pow(10, power.magnitude)
        return power < 0 ? "\((number * size).rounded() / size)" : "\((number / size).rounded() * size)"
    }

    /// Whether two sentences differ in nothing but measured numbers. Names of levels are none, whatever they look like.
    static func isSame(_ a: String, _ b: String) -> Bool {
        func words(_ sentence: String) -> [Substring] {
            sentence.split(separator: " ").filter { Double($0) == nil || !($0.contains(".") || $0.contains("e")) }
        }
        return words(a) == words(b)
    }

    /// What makes the hypergradient less exact than asked, in sentences that do not change from iteration to iteration.
    static func remarks(_ evaluation: Evaluation) -> [String] {
        if !evaluation.remarks.isEmpty { return evaluation.remarks }
        var result: [String] = []
        switch evaluation.linearStatus {
        case .indefinite:
            result.append("the lower Hessian is not positive definite: the hypergradient is not reliable")
        case .converged, .iterationLimit, .stagnated, .interrupted, .diverged, nil: break
        }
        return result
    }
}
