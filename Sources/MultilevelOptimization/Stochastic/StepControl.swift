// Automatic steps of methods on batches, held to what they achieve: longer while the full gradient keeps its direction,
// shorter, from the last good point, where F has not fallen. Tests of the sign of inner products: Kesten 1958, Pflug 1990;
// of the decrease over a stage: as in the backtracking of line searches, on all data. Where noise outweighs progress a stage
// ends at the mean of the points of its later half: Polyak & Juditsky 1992; Ghadimi & Wang 2018; by stages of a constant step
// each of which begins at the mean of the one before: Hazan & Kale, JMLR 2014.
import Solvers
import Tensors

/// What became of the steps at a look.
enum StageVerdict {
    /// F has fallen, or all residuals have.
    case good
    /// It has not.
    case poor
    /// The numbers have left their range.
    case diverged
}

/// What methods on batches remember of their looks at all data.
package struct StepControl: Sendable, Equatable {
    /// Whether steps are ours to change; otherwise looks only rank points.
    package let isActive: Bool
    /// Whether y and v have the noise of plain batches, which shorter steps lessen.
    package let isPlain: Bool
    /// Iterations between two looks, before the first.
    package let stage: Int
    /// The iteration of the next look, and iterations since the last.
    package var next: Int
    package var length: Int
    /// Where the last good stage ended, the estimate of F there, and the sum of the residuals.
    package var anchor: Evaluation
    package var anchorValue: Double
    package var anchorResidual: Double
    /// What that estimate leaves unknown.
    package var anchorDoubt = 0.0
    /// g_y there.
    package var anchorGradient: [Double]
    /// The same of the best point that was measured.
    package var bestValue: Double
    package var bestResidual: Double
    /// γ_0 from the curvature of F at the start.
    package let upperStep: Double
    /// λ_0 of penalties; 1 of others.
    package let weight: Double
    /// L of the lower level where steps were settled last; 0 where it is unknown.
    package var curvature = 0.0
    /// What looks have learnt of H.
    package var pairs = CurvaturePairs()
    /// What noise has shortened the lower steps by, and divergence all of them.
    package var noiseFactor = 1.0
    package var stabilityFactor = 1.0
    /// What γ has been multiplied by, and a factor that was too much.
    package var upperFactor = 1.0
    package var ceiling = Double.infinity
    /// Poor stages since the last good one, and good ones along one direction since the last other.
    package var failures = 0
    package var streak = 0
    package var divergences = 0
    /// Whether the last stage's progress was lost in noise, so that the next one ends at a mean.
    package var isNoisy = false
    /// Iterations in such stages, less those in others: what fading steps have faded over.
    package var noisyIterations = 0
    /// Steps on y in which it forgets: 2/(1 − q²) with the contraction q of a step.
    package var relaxation = 1.0
    /// What looks have learnt of the Hessian of F: differences of points and of full hypergradients.
    package var upperPairs = CurvaturePairs()
    /// How far a leap may go, leaps in a row that were none, and stages before the next.
    package var reach = Double.infinity
    package var misses = 0
    package var patience = 0
    /// Rows that the last look at the end of a stage has read; 0 before the first.
    package var lookSamples = 0

    /// Good stages along one direction after which a factor that was too much is tried again.
    private static let longStreak = 4
    /// Halvings of γ at the most: beyond it the steps are not what is wrong.
    private static let smallestFactor = 0x1p-40
    private static let smallestNoiseFactor = 0x1p-6
    /// What a stage with its look reads, in looks.
    static let looksOfStage = 3
    /// Leaps at the end of a stage.
    static let leapLimit = 4
    /// Divergences after which the run ends.
    static let divergenceLimit = 20

    init(
        isActive: Bool, isPlain: Bool, stage: Int, upperStep: Double, weight: Double, start: Evaluation,
        gradient: [Double], residual: Double
    ) {
        self.isActive = isActive
        self.isPlain = isPlain
        self.stage = stage
        self.upperStep = upperStep
        self.weight = weight
        next = stage
        length = stage
        anchor = start
        anchorValue = start.value
        anchorResidual = residual
        anchorGradient = gradient
        bestValue = start.value
        bestResidual = residual
    }

    package init(
        isActive: Bool, isPlain: Bool, stage: Int, upperStep: Double, weight: Double, next: Int,
        anchor: Evaluation,
        anchorGradient: [Double],
        values: (anchor: Double, best: Double), residuals: (anchor: Double, best: Double)
    ) {
        self.isActive = isActive
        self.isPlain = isPlain
        self.stage = stage
        self.upperStep = upperStep
        self.weight = weight
        self.next = next
        length = stage
        self.anchor = anchor
        self.anchorGradient = anchorGradient
        anchorValue = values.anchor
        anchorResidual = residuals.anchor
        bestValue = values.best
        bestResidual = residuals.best
    }

    /// Whether a point is better than another: by F, and where rounding hides its fall by what is left to solve.
    static func isBetter(_ value: Double, _ residual: Double, than other: Double, _ otherResidual: Double) -> Bool {
        let scale = max(value.magnitude, other.magnitude)
        return value < other - 1e-13 * scale || (value <= other + 1e-9 * scale && residual < otherResidual)
    }

    /// Whether the last good point may have been rated better than it is, for all that this look tells.
    func isDoubtful(beside look: IterateLook) -> Bool {
        anchorDoubt > 0.1 * (look.estimate - anchorValue).magnitude + 1e-13 * anchorValue.magnitude
    }

    /// Takes what another look has found where the last good point is.
    mutating func correct(by look: IterateLook) {
        if bestValue == anchorValue { bestValue = look.estimate }
        var found = look.evaluation
        found.lowerResidual = anchor.lowerResidual
        found.linearResidual = anchor.linearResidual
        anchor = found
        anchorGradient = look.gradient
        anchorValue = look.estimate
        anchorDoubt = look.doubt
    }

    /// Judges the stage that ends here, and settles the factors of the next.
    ///
    /// - Parameters:
    ///   - residual: the sum of the residuals at the iterates.
    ///   - start: F at the start of the run. A rise by many times what F has fallen since, or is, is a divergence.
    ///   - iterations: of the stage.
    mutating func judge(_ look: IterateLook, residual: Double, start: Double, iterations: Int) -> StageVerdict {
        let rise = look.estimate - anchorValue
        let scale = max(start.magnitude, start - anchorValue)
        guard look.isFinite, residual.isFinite, rise <= 10 * scale else { return .diverged }
        learn(look.evaluation)
        defer { noisyIterations = max(0, noisyIterations + (isNoisy ? iterations : -iterations)) }
        guard Self.isBetter(look.estimate, residual, than: anchorValue, anchorResidual) else {
            shorten()
            return .poor
        }
        lengthen(look.evaluation.hypergradient)
        anchor = look.evaluation
        anchorGradient = look.gradient
        anchorValue = look.estimate
        anchorDoubt = look.doubt
        anchorResidual = residual
        return .good
    }

    // MARK: - Leaps

    /// Remembers how ∇F has changed from the last good point to another.
    private mutating func learn(_ evaluation: Evaluation) {
        upperPairs.append(
            VectorMath.subtract(evaluation.x, anchor.x),
            image: VectorMath.subtract(evaluation.hypergradient, anchor.hypergradient))
    }

    /// Where a quasi-Newton step leads from the last good point, in the variables that no bound holds there; `nil` where
    /// nothing is known yet, and for a while after such steps that led nowhere.
    mutating func leap(in set: ConvexSet) -> [Double]? {
        guard patience == 0 else {
            patience -= 1
            return nil
        }
        guard let box = set.bounds(anchor.x.count), !upperPairs.steps.isEmpty else { return nil }
        let slope = anchor.hypergradient
        func freed(_ vector: [Double]) -> [Double] {
            vector.indices.map { index in
                let isHeld =
                    slope[index] > 0 ? anchor.x[index] <= box.lower[index] : anchor.x[index] >= box.upper[index]
                return isHeld ? 0 : vector[index]
            }
        }
        var pairs = CurvaturePairs()
        for (step, image) in zip(upperPairs.steps, upperPairs.images) { pairs.append(freed(step), image: freed(image)) }
        var step = pairs.apply(freed(slope))
        let length = VectorMath.norm(step)
        guard length > 0, length.isFinite, !pairs.steps.isEmpty else { return nil }
        VectorMath.scale(-min(1, reach / length), &step)
        var point = anchor.x
        VectorMath.add(1, step, to: &point)
        set.project(&point)
        return point
    }

    /// Goes on from where a leap has led, if F is lower there.
    ///
    /// - Parameters:
    ///   - norm: of the projected hypergradient there, and at the last good point.
    mutating func accept(_ look: IterateLook, norm: (there: Double, here: Double)) -> Bool {
        let length = VectorMath.norm(VectorMath.subtract(look.evaluation.x, anchor.x))
        guard look.isFinite, Self.isBetter(look.estimate, 2 * norm.there, than: anchorValue, norm.here) else {
            if look.isFinite { learn(look.evaluation) }
            reach = 0.25 * length
            misses += 1
            patience = (1 << min(misses, Self.mostDoublings)) - 1
            return false
        }
        learn(look.evaluation)
        reach = max(reach, 4 * length)
        misses = 0
        anchor = look.evaluation
        anchorGradient = look.gradient
        anchorValue = look.estimate
        anchorDoubt = look.doubt
        anchorResidual += norm.there - norm.here
        return true
    }
    /// Of the wait for the next leap.
    private static let mostDoublings = 3

    private mutating func lengthen(_ direction: [Double]) {
        failures = 0
        let lengths = VectorMath.norm(direction) * VectorMath.norm(anchor.hypergradient)
        let cosine = lengths > 0 ? VectorMath.dot(direction, anchor.hypergradient) / lengths : 0
        guard cosine > 0.5 else {
            streak = 0
            isNoisy = true
            // Beyond the minimum along the direction, and as far.
            if cosine < -0.5 { upperFactor *= 0.5 }
            return
        }
        streak += 1
        if streak > 1 { isNoisy = false }
        if streak > Self.longStreak { ceiling *= 2 }
        if cosine > 0.9 && (!isPlain || streak > Self.longStreak) { noiseFactor = min(1, 2 * noiseFactor) }
        // Where a stage hardly turns the gradient, it was far too short.
        for factor in [cosine > 0.9 ? 4.0 : 2, 2] where factor * upperFactor < ceiling {
            upperFactor *= factor
            return
        }
    }

    private mutating func shorten() {
        failures += 1
        streak = 0
        isNoisy = true
        ceiling = upperFactor
        if upperFactor > Self.smallestFactor { upperFactor *= 0.5 }
        // It may be the noise of y and v as well; where tables and differences take that away, hardly.
        if noiseFactor > Self.smallestNoiseFactor && (isPlain || failures.isMultiple(of: 3)) { noiseFactor *= 0.5 }
    }

    /// After numbers that left their range.
    mutating func retreat() {
        failures += 1
        divergences += 1
        streak = 0
        ceiling = upperFactor
        upperFactor *= 0.5
        stabilityFactor *= 0.5
    }
}
