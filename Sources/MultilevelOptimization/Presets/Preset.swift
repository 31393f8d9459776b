// The names of all methods, in the order in which messages and catalogues list them. A method is one case of `Preset`
// or of `StochasticPreset`; its row, its family and its settled choices are switches that the compiler completes.

/// Named choices of methods that take full gradients, and SOBA, whose iteration is one fused program.
package enum Preset: String, Sendable, CaseIterable {
    case aid
    case aidCG = "aid-cg"
    case aidFixedPoint = "aid-fixed-point"
    case aidNormalEquations = "aid-normal-equations"
    case aidGMRES = "aid-gmres"
    case aidMINRES = "aid-minres"
    case aidBiCGStab = "aid-bicgstab"
    case aidNeumann = "aid-neumann"
    case aidDirect = "aid-direct"
    case hoag
    case itd
    case itdTruncated = "itd-truncated"
    case itdCheckpoints = "itd-checkpoints"
    case itdForward = "itd-forward"
    case darts
    case sama
    case iga
    case bome
    case pgdo
    case meha
    case bvfim
    case gda
    case di
    case pzobo
    case maml
    case fomaml
    case reptile
    case randomSearch = "random-search"
    case tpe
    case implicit
    case unrolled
    case tsg
    case soba
}

/// What a document may call its method.
package enum MethodName: Sendable, Hashable {
    case auto
    case preset(Preset)
    case stochastic(StochasticPreset)
}

extension MethodName: CaseIterable {
    package static let allCases: [MethodName] =
        [.auto] + Preset.allCases.map { .preset($0) } + StochasticPreset.allCases.map { .stochastic($0) }
}

extension MethodName: RawRepresentable {
    package init?(rawValue: String) {
        if rawValue == "auto" {
            self = .auto
        } else if let preset = Preset(rawValue: rawValue) {
            self = .preset(preset)
        } else if let preset = StochasticPreset(rawValue: rawValue) {
            self = .stochastic(preset)
        } else {
            return nil
        }
    }

    package var rawValue: String {
        switch self {
        case .auto: "auto"
        case .preset(let preset): preset.rawValue
        case .stochastic(let preset): preset.rawValue
        }
    }
}
