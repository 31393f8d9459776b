// The certificate: what can be said, after a run and apart from its method, about the point it ended at.
import ExpressionGraph
import Solvers
import Tensors

/// How much a statement of a certificate is worth.
package enum Confidence: String, Sendable, Equatable {
    /// Computed as stated.
    case verified
    /// Rests on estimated constants.
    case estimated
    /// Nothing can be said.
    case unknown
}

/// Measurements at the final point, on all data.
package struct Certificate: Sendable, Equatable {
    /// ‖projected ∇F‖₂ with the lower level and the adjoint system solved down to rounding; where they were not solved,
    /// ‖projected h‖₂ of the method's own direction h.
    package var hypergradientNorm: Double
    /// `verified` where the lower level and the adjoint are solved at a strict minimum and no difference of F
    /// contradicts.
    package var normConfidence: Confidence
    /// Whether a constraint took part in that norm.
    package var isProjected: Bool
    /// ‖∇_y g‖₂ at the lower point that the result holds; `nil` with one level.
    package var lowerResidual: Double?
    /// ‖H v − f_y‖₂ of the reference adjoint; `nil` with one level.
    package var linearResidual: Double?
    /// Ritz values of the lower Hessian; `nil` with one level.
    package var curvature: Curvature?
    /// ‖method's hypergradient − reference's‖₂, and ‖J v‖/‖v‖ · ‖H v − f_y‖/μ for the reference's own.
    package var hypergradientError: Double?
    package var errorConfidence: Confidence
    /// The largest |central difference − ⟨∇F, d⟩| over random unit directions d, relative to the larger of ‖∇F‖ here
    /// and at the start; `nil` when not computed.
    package var differenceError: Double?
    package var differenceDirections: Int
    /// Second differences of F along the same directions, in the sense of a minimum; empty over sets.
    package var upperCurvatures: [Double] = []
    /// What the accuracy of solves makes of a second difference there.
    package var upperScale = 0.0
    /// What the differences say beyond their largest error.
    var slopes = SlopeVerdict()
    /// Whether the levels below have no solution at the point that could be found.
    package var isInfeasible = false
    /// Of problems that are evaluated through all levels.
    package var levels: [LevelCertificate] = []
    /// Whether F depends on where the solvers of levels below begin; of such problems.
    var isAmbiguous = false
    /// Whether F is confirmed to curve the other way than an optimum does; of such problems.
    var isSaddle = false
    /// What the solves down to rounding have found wrong.
    package var remarks: [String] = []

    /// What is known of a point without measuring anything: the lower residual that the method has seen, and the norm of
    /// a direction that may be far from ∇F.
    init(unmeasured evaluation: Evaluation, norm: Double, _ problem: MultilevelProblem) {
        hypergradientNorm = norm
        normConfidence = .unknown
        isProjected = problem.upper.constraint != .whole
        lowerResidual = problem.isSingleLevel ? nil : evaluation.lowerResidual
        errorConfidence = .unknown
        differenceDirections = 0
    }

    /// Of the levels below, where they have Hessians.
    private var curvatures: [Curvature] { ([curvature] + levels.map(\.curvature)).compactMap(\.self) }

    /// Whether a level below stands at a point that is no minimum, whatever rounding does to eigenvalues.
    var hasNegativeCurvature: Bool { curvatures.contains { $0.smallest < -1e-9 * $0.magnitude } }

    /// Whether a level below is flat to second order in some direction, so that its response need not have a derivative, and
    /// differences of F are not those of ∇F.
    var isFlatAndContradicted: Bool {
        guard let differenceError, !(differenceError <= SlopeVerdict.contradiction) else { return false }
        return curvatures.contains { $0.smallest <= 1e-12 * $0.magnitude }
    }

    /// What each statement is worth, under the names that results give them. What was not measured is `unknown`.
    package var confidences: [(name: String, confidence: Confidence)] {
        func measured(_ value: Double?) -> Confidence { value?.isFinite == true ? .verified : .unknown }
        return [
            ("hypergradient_norm", normConfidence), ("lower_residual", measured(lowerResidual)),
            ("linear_residual", measured(linearResidual)),
            ("lower_curvature", curvature.map { $0.isExact ? .verified : .estimated } ?? .unknown),
            ("hypergradient_error", errorConfidence), ("finite_difference", measured(differenceError)),
        ]
    }

    /// Takes the word for a norm back that differences contradict.
    fileprivate mutating func holdAgainstDifferences() {
        if slopes.contradictsReference {
            normConfidence = .unknown
            errorConfidence = .unknown
            hypergradientError = nil
        }
    }
}

/// What can be said of one level below the outermost at the final point, deeper levels responding.
package struct LevelCertificate: Sendable, Equatable {
    package let name: String
    package let residual: LevelResidual
    /// Extreme Ritz values of the total Hessian; `nil` where there is no Hessian: over sets, with norms, of fixed points.
    package let curvature: Curvature?
    /// `verified`: the residual was computed and so were eigenvalues, all positive, or, of a fixed point, a residual
    /// whose derivative has an inverse. `estimated`: the same by Ritz values, or over sets and with norms.
    package let confidence: Confidence
}

/// Issues certificates.
struct Certifier {
    /// What solves leave of F's digits.
    static let solveAccuracy = 1e-11
    /// Random directions of the difference check.
    static let directions = 3

    let problem: MultilevelProblem
    /// In float64.
    let oracle: BilevelOracle
    let seed: UInt64

    /// Measures the point of `evaluation`.
    ///
    /// - Parameter startNorm: ‖projected ∇F‖ at the start of the run.
    func certify(_ evaluation: Evaluation, startNorm: Double, stop: @escaping StopCheck) -> Certificate? {
        let reference = ReferenceEvaluator(oracle: oracle, stop: stop)
        guard let exact = reference.evaluate(at: evaluation.x, from: evaluation.y, isNear: true) else { return nil }
        let set = problem.upper.constraint
        let direction = exact.isUsable ? exact.hypergradient : evaluation.hypergradient
        let norm = set.projectedGradientNorm(at: exact.x, gradient: direction)
        var certificate = Certificate(unmeasured: evaluation, norm: norm, problem)
        certificate.isInfeasible = exact.isInfeasible
        if !problem.isSingleLevel {
            certificate.lowerResidual = lowerResidual(evaluation)
            certificate.linearResidual = exact.linearResidual
            if problem.isNested {
                certificate.levels = levels(exact, stop)
            } else {
                certificate.curvature = Curvature(oracle, seed: seed)
            }
        }
        certificate.remarks = exact.remarks
        if isSound(exact, certificate.curvature) {
            var difference = evaluation.hypergradient
            VectorMath.add(-1, exact.hypergradient, to: &difference)
            certificate.hypergradientError =
                VectorMath.norm(difference) + adjointError(exact, certificate.curvature)
            certificate.errorConfidence = .estimated
            certificate.normConfidence = .verified
        }
        if exact.isUsable {
            addDifferences(to: &certificate, exact, evaluation.hypergradient, reference, startNorm: startNorm)
        }
        certificate.holdAgainstDifferences()
        if problem.isNested { addSolvability(to: &certificate, exact, stop) }
        return certificate
    }

    /// Whether the reference stands at a strict minimum of the lower level and its adjoint is solved.
    private func isSound(_ exact: Evaluation, _ curvature: Curvature?) -> Bool {
        guard exact.remarks.isEmpty, exact.linearStatus.isTrustworthy, exact.isFinite else { return false }
        guard let curvature else { return true }
        // Eigenvalues below this are 0 to rounding: the level has several solutions.
        let flat = 8 * Double.ulpOfOne * Double(max(oracle.lowerDimension, 8)) * abs(curvature.largest)
        guard problem.lower.isSmooth else { return curvature.smallest > -flat }
        return curvature.smallest > flat
            && exact.lowerResidual <= Self.displacement * curvature.smallest * max(1, VectorMath.norm(exact.y))
    }

    /// A lower point is solved when the Newton step from it is this small, relative to max(1, ‖y‖).
    private static let displacement = 1e-6

    /// How far the residual of the adjoint may move ∇F, with J estimated by its product with v.
    private func adjointError(_ exact: Evaluation, _ curvature: Curvature?) -> Double {
        let size = VectorMath.norm(exact.v)
        guard let curvature, let residual = exact.linearResidual, size > 0, curvature.smallest > 0 else { return 0 }
        oracle.setUpper(exact.x)
        oracle.setLower(exact.y)
        var mixed = exact.hypergradient
        oracle.mixedProduct(exact.v, into: &mixed)
        return VectorMath.norm(mixed) / size * residual / curvature.smallest
    }

    /// ‖∇_y g‖₂ as the run has measured it, or anew where it did so in less than float64.
    private func lowerResidual(_ evaluation: Evaluation) -> Double {
        if problem.precision == .float64 || problem.isNested { return evaluation.lowerResidual }
        oracle.setUpper(evaluation.x)
        oracle.setLower(evaluation.y)
        var gradient = evaluation.y
        oracle.lowerGradient(into: &gradient)
        return VectorMath.norm(gradient)
    }

    /// One certificate for each level below the outermost, from the solves of the evaluation just made.
    private func levels(_ exact: Evaluation, _ stop: StopCheck) -> [LevelCertificate] {
        let nested = oracle.nested(problem.implicitResponses)
        let matrices = nested.matrices(at: problem.cutResponses(exact.y))
        return problem.responding.indices.map { index in
            let level = problem.levels[index]
            let matrix = stop() == nil ? matrices[index - 1] : nil
            let isFaulty = exact.remarks.contains { $0.contains("level \(level.name) ") }
            var curvature: Curvature?
            var confidence = Confidence.unknown
            if nested.kinds[index - 1]?.isMinimum == true, let matrix {
                curvature = matrix.curvature(seed: seed)
                if let curvature, curvature.smallest > 0 { confidence = curvature.isExact ? .verified : .estimated }
            } else if let matrix, matrix.hasInverse {
                confidence = level.isSmooth ? .verified : .estimated
            }
            return LevelCertificate(
                name: level.name, residual: exact.levels[index - 1], curvature: curvature,
                confidence: isFaulty ? .unknown : confidence)
        }
    }

    /// Compares ⟨∇F, d⟩ with (F(x + εd) − F(x − εd)) / 2ε, the lower level solved anew at both points.
    private func addDifferences(
        to certificate: inout Certificate, _ exact: Evaluation, _ own: [Double], _ reference: ReferenceEvaluator,
        startNorm: Double
    ) {
        var stream = RandomStream(seed: seed, stream: "certificate")
        let step = differenceStep(at: exact.x)
        let scale = max(VectorMath.norm(exact.hypergradient), startNorm)
        var worst = 0.0
        var curvatures: [Double] = []
        var size = exact.value.magnitude
        for _ in 0..<Self.directions {
            var direction = exact.x.map { _ in stream.normal() }
            VectorMath.scale(1 / VectorMath.norm(direction), &direction)
            var forward = exact.x
            var backward = exact.x
            VectorMath.add(step, direction, to: &forward)
            VectorMath.add(-step, direction, to: &backward)
            guard let high = reference.value(at: forward, from: exact.y),
                let low = reference.value(at: backward, from: exact.y), high.isFinite, low.isFinite
            else { return }
            let slope = VectorMath.dot(exact.hypergradient, direction)
            worst = max(worst, abs((high - low) / (2 * step) - slope))
            let rises = SlopeVerdict.Rises(forward: high - exact.value, backward: low - exact.value, step: step)
            let slopes = (reference: slope, own: VectorMath.dot(own, direction))
            let noise = Self.solveAccuracy * max(exact.value.magnitude, high.magnitude, low.magnitude)
            certificate.slopes.add(rises, slopes, scale: scale, noise: noise) { length in
                func rise(_ signed: Double) -> Double? {
                    var point = exact.x
                    VectorMath.add(signed, direction, to: &point)
                    return reference.value(at: point, from: exact.y).map { $0 - exact.value }
                }
                guard let forward = rise(length), let backward = rise(-length) else { return nil }
                return SlopeVerdict.Rises(forward: forward, backward: backward, step: length)
            }
            curvatures.append((high - 2 * exact.value + low) / (step * step))
            size = max(size, high.magnitude, low.magnitude)
        }
        certificate.differenceError = scale > 0 ? worst / scale : worst
        certificate.differenceDirections = Self.directions
        guard problem.upper.constraint == .whole else { return }
        certificate.upperCurvatures = curvatures
        certificate.upperScale = Self.solveAccuracy * size / (step * step)
    }
}

extension SolveStatus? {
    /// Whether a linear solve ended with what it was asked for, or with all that rounding allows.
    fileprivate var isTrustworthy: Bool {
        switch self {
        case .converged, .stagnated, nil: true
        case .iterationLimit, .indefinite, .diverged, .interrupted: false
        }
    }
}
