// What the named methods with full gradients have in common: the way to the hypergradient.

/// How a double loop forms its hypergradient, apart from parameters.
package enum DoubleLoopFamily: Sendable, Equatable {
    case implicit
    case reverse
    case forward
    /// The last step alone, by differences.
    case lastStep
    case rankOne
    case valueGap(ValueGapFamily)
    /// Reverse differentiation of steps along both objectives.
    case aggregated
    /// Reverse differentiation of steps from a learned start.
    case learnedStart
    case zerothOrder
    case initialisation(InitialisationGradient)
    /// None for the upper step, which draws points.
    case search(SearchRule)

    /// Whether the hypergradient is, up to tolerances, the gradient of the values that the method reports, so that a
    /// line search may compare them.
    package var isGradientOfValues: Bool {
        switch self {
        case .implicit, .reverse, .forward, .aggregated: true
        case .lastStep, .rankOne, .valueGap, .learnedStart, .zerothOrder, .initialisation, .search: false
        }
    }

    /// Whether it differentiates steps of a fixed number.
    package var isUnrolled: Bool {
        switch self {
        case .reverse, .forward, .lastStep, .aggregated, .learnedStart, .initialisation: true
        case .implicit, .rankOne, .valueGap, .zerothOrder, .search: false
        }
    }
}

/// Penalties on the gap between the lower objective and its value.
package enum ValueGapFamily: Sendable, Equatable {
    /// A multiplier that keeps the gap falling (BOME).
    case dynamic
    /// A growing weight on the gap to a few steps' result (V-PBGD).
    case ramp
    /// A growing weight on the gap to the Moreau envelope (MEHA).
    case moreauEnvelope
    /// A fading barrier (BVFIM).
    case barrier

    /// Whether both levels' variables move by one step.
    package var isJoint: Bool { self != .barrier }
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
        case .bome: .valueGap(.dynamic)
        case .pgdo: .valueGap(.ramp)
        case .meha: .valueGap(.moreauEnvelope)
        case .bvfim: .valueGap(.barrier)
        case .gda: .aggregated
        case .di: .learnedStart
        case .pzobo: .zerothOrder
        case .fomaml: .initialisation(.firstOrder)
        case .reptile: .initialisation(.reptile)
        case .randomSearch: .search(.random)
        case .tpe: .search(.parzen)
        case .soba, .implicit, .unrolled, .tsg: nil
        }
    }
}
