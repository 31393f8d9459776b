// The upper step as one value, whichever rule it follows.
import Solvers
import Tensors

/// Proposes upper points and takes what was found there.
enum UpperStepper {
    case momentum(ProjectedGradientMomentum)
    case spectral(SpectralProjectedGradient)

    /// - Parameter precision: what values are computed in, which tells their rounding errors.
    init(_ step: UpperStep, start: [Double], set: ConvexSet, _ precision: Precision) {
        do {
            switch step {
            case .projectedGradient(let schedule, let decay):
                self = .momentum(
                    try ProjectedGradientMomentum(start: start, schedule: schedule, decay: decay, set: set))
            case .lineSearch:
                self = .spectral(
                    try SpectralProjectedGradient(start: start, set: set, options: Self.options(precision)))
            }
        } catch {
            preconditionFailure("a start of the level's own dimension: \(error)")
        }
    }

    /// Continues from a state of the same rule; `nil` when it belongs to another rule or dimension.
    init?(resuming state: UpperStepState, _ step: UpperStep, set: ConvexSet, _ precision: Precision) {
        switch (state, step) {
        case (.momentum(let state), .projectedGradient(let schedule, let decay)):
            guard
                let method = try? ProjectedGradientMomentum(
                    resuming: state, schedule: schedule, decay: decay, set: set)
            else { return nil }
            self = .momentum(method)
        case (.spectral(let state), .lineSearch):
            guard
                let method = try? SpectralProjectedGradient(resuming: state, set: set, options: Self.options(precision))
            else { return nil }
            self = .spectral(method)
        case (.momentum, .lineSearch), (.spectral, .projectedGradient): return nil
        }
    }

    private static func options(_ precision: Precision) -> SpectralProjectedGradient.Options {
        var options = SpectralProjectedGradient.Options()
        options.valueNoise = precision.indistinguishable
        return options
    }

    var state: UpperStepState {
        switch self {
        case .momentum(let method): .momentum(method.state)
        case .spectral(let method): .spectral(method.state)
        }
    }

    func propose() -> [Double] {
        switch self {
        case .momentum(let method): method.propose()
        case .spectral(let method): method.propose()
        }
    }

    mutating func receive(value: Double, gradient: [Double]) -> StepDecision {
        switch self {
        case .momentum(var method):
            defer { self = .momentum(method) }
            return method.receive(value: value, gradient: gradient)
        case .spectral(var method):
            defer { self = .spectral(method) }
            return method.receive(value: value, gradient: gradient)
        }
    }
}
