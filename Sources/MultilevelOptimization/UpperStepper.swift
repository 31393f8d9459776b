// The upper step as one value, whichever rule it follows.
import Solvers
import Tensors

/// Proposes upper points and takes what was found there.
enum UpperStepper {
    case momentum(ProjectedGradientMomentum)
    case spectral(SpectralProjectedGradient)
    case adam(ProjectedAdam)
    case lbfgs(ProjectedLBFGS)
    case polyak(PolyakStep)
    case search(BoxSearch)

    /// - Parameter precision: what values are computed in, which tells their rounding errors.
    init(_ step: UpperStep, start: [Double], set: ConvexSet, _ precision: Precision, seed: UInt64) {
        do {
            switch step {
            case .projectedGradient(let schedule, let decay):
                self = .momentum(
                    try ProjectedGradientMomentum(start: start, schedule: schedule, decay: decay, set: set))
            case .joint: preconditionFailure("filled in by the configuration, which knows the curvature")
            case .lineSearch:
                self = .spectral(
                    try SpectralProjectedGradient(start: start, set: set, options: Self.options(precision, set)))
            case .adam(let schedule, let coefficients):
                self = .adam(
                    try ProjectedAdam(start: start, schedule: schedule, coefficients: coefficients, set: set))
            case .lbfgs(let memory):
                self = .lbfgs(
                    try ProjectedLBFGS(
                        start: start, memory: memory, set: set, valueNoise: precision.indistinguishable))
            case .polyak(let target): self = .polyak(try PolyakStep(start: start, target: target, set: set))
            case .search(let rule):
                self = .search(try BoxSearch(start: start, rule: rule.parameters, seed: seed, set: set))
            }
        } catch {
            preconditionFailure("a start of the level's own dimension: \(error)")
        }
    }

    /// Continues from a state of the same rule; `nil` when it belongs to another rule or dimension.
    init?(
        resuming state: UpperStepState, _ step: UpperStep, set: ConvexSet, _ precision: Precision, seed: UInt64
    ) {
        switch (state, step) {
        case (.momentum(let state), .projectedGradient(let schedule, let decay)):
            guard
                let method = try? ProjectedGradientMomentum(
                    resuming: state, schedule: schedule, decay: decay, set: set)
            else { return nil }
            self = .momentum(method)
        case (.spectral(let state), .lineSearch):
            guard
                let method = try? SpectralProjectedGradient(
                    resuming: state, set: set, options: Self.options(precision, set))
            else { return nil }
            self = .spectral(method)
        case (.adam(let state), .adam(let schedule, let coefficients)):
            guard
                let method = try? ProjectedAdam(
                    resuming: state, schedule: schedule, coefficients: coefficients, set: set)
            else { return nil }
            self = .adam(method)
        case (.lbfgs(let state), .lbfgs(let memory)):
            guard
                let method = try? ProjectedLBFGS(
                    resuming: state, memory: memory, set: set, valueNoise: precision.indistinguishable)
            else { return nil }
            self = .lbfgs(method)
        case (.polyak(let state), .polyak(let target)):
            guard let method = try? PolyakStep(resuming: state, target: target, set: set) else { return nil }
            self = .polyak(method)
        case (.search(let state), .search(let rule)):
            guard let method = try? BoxSearch(resuming: state, rule: rule.parameters, seed: seed, set: set) else {
                return nil
            }
            self = .search(method)
        case (.momentum, _), (.spectral, _), (.adam, _), (.lbfgs, _), (.polyak, _), (.search, _): return nil
        }
    }

    /// Without a set, whose projection loses what is small beside a long step, steps are limited by little: variables
    /// and objectives may have most scales.
    private static func options(_ precision: Precision, _ set: ConvexSet) -> SpectralProjectedGradient.Options {
        var options = SpectralProjectedGradient.Options()
        if set == .whole { (options.smallestStep, options.largestStep) = (1e-250, 1e30) }
        options.valueNoise = precision.indistinguishable
        return options
    }

    var state: UpperStepState {
        switch self {
        case .momentum(let method): .momentum(method.state)
        case .spectral(let method): .spectral(method.state)
        case .adam(let method): .adam(method.state)
        case .lbfgs(let method): .lbfgs(method.state)
        case .polyak(let method): .polyak(method.state)
        case .search(let method): .search(method.state)
        }
    }

    func propose() -> [Double] {
        switch self {
        case .momentum(let method): method.propose()
        case .spectral(let method): method.propose()
        case .adam(let method): method.propose()
        case .lbfgs(let method): method.propose()
        case .polyak(let method): method.propose()
        case .search(let method): method.propose()
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
        case .adam(var method):
            defer { self = .adam(method) }
            return method.receive(value: value, gradient: gradient)
        case .lbfgs(var method):
            defer { self = .lbfgs(method) }
            return method.receive(value: value, gradient: gradient)
        case .polyak(var method):
            defer { self = .polyak(method) }
            return method.receive(value: value, gradient: gradient)
        case .search(var method):
            defer { self = .search(method) }
            return method.receive(value: value, gradient: gradient)
        }
    }
}

extension SearchRule {
    /// The settings of the hyperopt package.
    fileprivate var parameters: BoxSearch.Rule {
        switch self {
        case .random: .random
        case .parzen: .parzen(startup: 20, candidates: 24, fraction: 0.25)
        }
    }
}
