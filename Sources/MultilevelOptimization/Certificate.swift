// The certificate: what can be said, after a run and apart from its method, about the point it ended at.
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
    /// ‖projected ∇F‖₂ with the lower level and the adjoint system solved down to rounding.
    package var hypergradientNorm: Double
    /// Whether a constraint took part in that norm.
    package var isProjected: Bool
    /// ‖∇_y g‖₂ at the lower point that the result holds; `nil` with one level.
    package var lowerResidual: Double?
    /// ‖H v − f_y‖₂ of the reference adjoint; `nil` with one level.
    package var linearResidual: Double?
    /// Ritz values of the lower Hessian; `nil` with one level.
    package var curvature: Curvature?
    /// ‖method's hypergradient − reference's‖₂.
    package var hypergradientError: Double?
    package var errorConfidence: Confidence
    /// The largest |central difference − ⟨∇F, d⟩| over random unit directions d, relative to the larger of ‖∇F‖ here
    /// and at the start; `nil` when not computed.
    package var differenceError: Double?
    package var differenceDirections: Int
}

/// Issues certificates.
struct Certifier {
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
        guard let exact = reference.evaluate(at: evaluation.x, from: evaluation.y) else { return nil }
        let set = problem.upper.constraint
        var certificate = Certificate(
            hypergradientNorm: set.projectedGradientNorm(at: exact.x, gradient: exact.hypergradient),
            isProjected: set != .whole, lowerResidual: nil, linearResidual: nil, curvature: nil,
            hypergradientError: nil, errorConfidence: .unknown, differenceError: nil, differenceDirections: 0)
        if !problem.isSingleLevel {
            certificate.lowerResidual = lowerResidual(evaluation)
            certificate.linearResidual = exact.linearResidual
            if !problem.isNested { certificate.curvature = Curvature(oracle, seed: seed) }
        }
        let isSound =
            exact.remarks.isEmpty && (certificate.curvature?.smallest ?? 1) > 0 && exact.linearStatus.isTrustworthy
            && exact.isFinite
        if isSound {
            var difference = evaluation.hypergradient
            VectorMath.add(-1, exact.hypergradient, to: &difference)
            certificate.hypergradientError = VectorMath.norm(difference)
            certificate.errorConfidence = .estimated
        }
        addDifferences(to: &certificate, exact, reference, startNorm: startNorm)
        return certificate
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

    /// Compares ⟨∇F, d⟩ with (F(x + εd) − F(x − εd)) / 2ε, the lower level solved anew at both points.
    private func addDifferences(
        to certificate: inout Certificate, _ exact: Evaluation, _ reference: ReferenceEvaluator, startNorm: Double
    ) {
        var stream = RandomStream(seed: seed, stream: "certificate")
        let step = Double.ulpOfOne.squareRoot().squareRoot() * max(1, VectorMath.maxNorm(exact.x)) / 4
        let scale = max(VectorMath.norm(exact.hypergradient), startNorm)
        var worst = 0.0
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
        }
        certificate.differenceError = scale > 0 ? worst / scale : worst
        certificate.differenceDirections = Self.directions
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
