// What the named methods with full gradients have in common: the way to the hypergradient.

/// How a double loop forms its hypergradient, apart from parameters.
package enum DoubleLoopFamily: Sendable, Equatable {
    case implicit
    case reverse
    case forward
    /// The last step alone, by differences.
    case lastStep
    case rankOne
    case valueGap
    case zerothOrder
    case initialisation(InitialisationGradient)
    /// None for the upper step, which draws points.
    case search(SearchRule)

    /// Whether the hypergradient is, up to tolerances, the gradient of the values that the method reports, so that a
    /// line search may compare them.
    package var isGradientOfValues: Bool {
        switch self {
        case .implicit, .reverse, .forward: true
        case .lastStep, .rankOne, .valueGap, .zerothOrder, .initialisation, .search: false
        }
    }

    /// Whether it differentiates steps of a fixed number.
    package var isUnrolled: Bool {
        switch self {
        case .reverse, .forward, .lastStep, .initialisation: true
        case .implicit, .rankOne, .valueGap, .zerothOrder, .search: false
        }
    }
}

extension Preset {
    /// `nil` for methods that are no double loop.
    package var family: DoubleLoopFamily? {
        switch self {
        case .aid, .aidCG, .aidFixedPoint, .aidNormalEquations, .aidGMRES, .aidMINRES, .aidBiCGStab, .aidNeumann,
            .aidDirect, .hoag:
            .implicit
        case .itd, .itdTruncated, .itdCheckpoints, .maml: .reverse
        case .itdForward: .forward
        case .darts, .sama: .lastStep
        case .iga: .rankOne
        case .bome: .valueGap
        case .pzobo: .zerothOrder
        case .fomaml: .initialisation(.firstOrder)
        case .reptile: .initialisation(.reptile)
        case .randomSearch: .search(.random)
        case .tpe: .search(.parzen)
        case .soba, .implicit, .unrolled: nil
        }
    }
}
