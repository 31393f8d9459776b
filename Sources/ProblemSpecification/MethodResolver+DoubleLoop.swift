// The axes of methods with full gradients: defaults by family, and refusals of what makes no sense.
import ExpressionLanguage
import MultilevelOptimization
import Solvers
import Tensors

extension MethodResolver {
    mutating func doubleLoop(_ preset: Preset, _ family: DoubleLoopFamily) -> DoubleLoopConfiguration? {
        guard let upper = upperStep(preset, family) else { return nil }
        if built.problem.isSingleLevel {
            return DoubleLoopConfiguration(
                lower: .closedForm, hypergradient: .implicit(.automatic(steps: 1, tolerance: 0)), upper: upper,
                warmStartsLower: true, warmStartsLinear: true)
        }
        refuseLevel(preset, family)
        refuseHypergradientFields(preset, family)
        guard !diagnostics.hasErrors, let lower = lowerSolver(preset, family),
            let mode = hypergradient(preset, family, lower)
        else { return nil }
        let isCold = family == .rankOne || family.isUnrolled && family != .lastStep
        return DoubleLoopConfiguration(
            lower: lower, hypergradient: mode, upper: upper,
            warmStartsLower: request.lowerSolver.warmStart ?? !isCold,
            warmStartsLinear: request.linearSolver.warmStart ?? !family.isUnrolled,
            decreasing: preset == .hoag
                ? DecreasingTolerance(initial: 1e-3, decay: 0.8, floor: innerTolerance) : nil)
    }

    private var isFixedPoint: Bool { built.problem.lower.fixedPoint != nil }

    // MARK: - The level

    /// Refuses families that the lower level does not suit.
    private mutating func refuseLevel(_ preset: Preset, _ family: DoubleLoopFamily) {
        let (level, name) = (built.problem.lower, preset.rawValue)
        if isFixedPoint {
            for array in built.problem.data {
                guard case .sparse = array.value else { continue }
                refuse(
                    "name",
                    "problems with a fixed point read dense arrays in this version, and \(array.name) is sparse",
                    "give it with its zeros, \"dense\": true")
            }
            switch family {
            case .rankOne, .valueGap, .lastStep, .aggregated, .learnedStart:
                refuse(
                    "name", "\(name) works on the gradient of a lower objective, and a fixed point has none",
                    "use aid, itd or implicit")
            case .implicit, .reverse, .forward, .zerothOrder, .initialisation, .search: break
            }
        }
        if !level.isSmooth {
            switch family {
            case .forward, .lastStep, .rankOne, .valueGap:
                refuse(
                    "name", "\(name) takes plain steps on the lower level, which has a constraint or nonsmooth terms",
                    "use itd or aid-cg")
            case .implicit, .reverse, .zerothOrder, .initialisation, .aggregated, .learnedStart, .search:
                if isFixedPoint { refuse("name", "a fixed point has no constraint or nonsmooth terms", "remove them") }
            }
        }
        let isMeta: Bool
        switch family {
        case .initialisation: isMeta = true
        case .implicit, .reverse, .forward, .lastStep, .rankOne, .valueGap, .zerothOrder, .aggregated, .learnedStart,
            .search:
            isMeta = preset == .maml
        }
        if isMeta && level.startFormulas.isEmpty {
            refuse(
                "name", "\(name) learns where the lower level starts, and no start is a formula of the upper variables",
                "give a lower variable such a \"start\", or use itd")
        }
        if isMeta && request.lowerSolver.warmStart == true {
            refuse("lower_solver/warm_start", "\(name) begins every solve at the start that it learns")
        }
    }

    // MARK: - Hypergradient

    private mutating func refuseHypergradientFields(_ preset: Preset, _ family: DoubleLoopFamily) {
        let (asked, name) = (request.hypergradient, preset.rawValue)
        if let wanted = asked.name, wanted != family.hypergradientName {
            switch family {
            case .reverse:
                refuse(
                    "hypergradient", "\(name) differentiates through the lower solver's steps",
                    "use aid-cg for implicit")
            case .implicit:
                refuse("hypergradient", "\(name) differentiates implicitly", "use itd for unrolled-reverse")
            case .forward, .lastStep, .rankOne, .valueGap, .zerothOrder, .initialisation, .aggregated, .learnedStart,
                .search:
                refuse(
                    "hypergradient", "the hypergradient of \(name) is \(family.hypergradientName.rawValue)",
                    "leave hypergradient out")
            }
        }
        if asked.truncate != nil && (family != .reverse || preset == .maml) {
            refuse("hypergradient/truncate", "only itd has steps to truncate")
        }
        if asked.checkpoints != nil && family != .reverse {
            refuse("hypergradient/checkpoints", "only itd goes back through steps that it could compute again")
        }
        if asked.directions != nil && family != .zerothOrder {
            refuse("hypergradient/directions", "only pzobo draws directions")
        }
        let gap: ValueGapFamily? = if case .valueGap(let gap) = family { gap } else { nil }
        if asked.radius != nil && family != .zerothOrder && family != .lastStep && gap != .moreauEnvelope {
            refuse(
                "hypergradient/radius", "only pzobo, darts and sama take differences, and only meha has an envelope",
                "leave radius out")
        }
        if asked.growth != nil && (gap == nil || gap == .dynamic) {
            refuse(
                "hypergradient/growth", "only the penalties of pgdo, meha and bvfim grow, and that of f2sa",
                "leave growth out, or use f2sa")
        }
        if asked.weight != nil && gap == nil && family != .aggregated {
            refuse(
                "hypergradient/weight", "only penalties have a weight (bome, pgdo, meha, bvfim, f2sa), and gda's steps",
                "leave weight out")
        }
        if family == .aggregated, let weight = asked.weight, weight > 1 {
            refuse(
                "hypergradient/weight",
                "wanted a number above 0, at most 1, came \(weight): the upper objective's share of the first step",
                "give a number above 0, at most 1")
        }
    }

    private mutating func hypergradient(
        _ preset: Preset, _ family: DoubleLoopFamily, _ lower: LowerSolver
    ) -> HypergradientMode? {
        let asked = request.hypergradient
        switch family {
        case .implicit, .search: return linearSolver(preset, lower).map { .implicit($0) }
        case .reverse, .forward, .lastStep, .rankOne, .valueGap, .zerothOrder, .initialisation, .aggregated,
            .learnedStart:
            let own = family.linearSolverName(preset)
            if request.linearSolver.isRequested && request.linearSolver != LinearSolverRequest(name: own) {
                refuse("linear_solver", "\(preset.rawValue) solves no linear system", "use aid-cg or aid-fixed-point")
                return nil
            }
        }
        switch family {
        case .implicit, .search: preconditionFailure("settled above")
        case .reverse:
            let truncation = asked.truncate ?? (preset == .itdTruncated ? 10 : nil)
            let isRecomputing = asked.checkpoints ?? (preset == .itdCheckpoints)
            return .unrolledReverse(truncation: truncation, memory: isRecomputing ? .checkpoints : .everything)
        case .forward: return .unrolledForward
        case .lastStep: return .differenced(radius: asked.radius ?? 0.01)
        case .rankOne: return .rankOne
        case .valueGap(let gap): return penalty(gap)
        case .aggregated: return .aggregated(weight: asked.weight ?? 0.5)
        case .learnedStart: return .learnedStart
        case .zerothOrder: return .zerothOrder(directions: asked.directions ?? 10, radius: asked.radius ?? 0.1)
        case .initialisation(let rule): return .initialisation(rule)
        }
    }

    private func penalty(_ gap: ValueGapFamily) -> HypergradientMode {
        let asked = request.hypergradient
        func ramp(_ exponent: Double) -> PenaltyRamp {
            PenaltyRamp(initial: asked.weight ?? 1, exponent: asked.growth ?? exponent)
        }
        switch gap {
        case .dynamic: return .valueGap(.dynamic(weight: asked.weight ?? 0.5))
        case .ramp: return .valueGap(.ramp(ramp(1.0 / 3)))
        case .moreauEnvelope: return .moreauEnvelope(ramp(1.0 / 3), radius: asked.radius ?? 1)
        case .barrier:
            let growing = ramp(1)
            return .barrier(PenaltyRamp(initial: growing.initial, exponent: -growing.exponent))
        }
    }

    // MARK: - Linear solver

    private mutating func linearSolver(_ preset: Preset, _ lower: LowerSolver) -> LinearSystemSolver? {
        let asked = request.linearSolver
        let own = preset.linearSolver
        if let own, let name = asked.name, name != own {
            refuse(
                "linear_solver", "\(preset.rawValue) solves by \(own == .cg ? "cg" : own.method)",
                name == .cg
                    ? "use aid-cg" : name == .fixedPoint ? "use aid-fixed-point" : "use aid with \(name.rawValue)")
            return nil
        }
        let name = asked.name ?? own
        guard refuseLinearFields(name), refuseAsymmetry(name, preset) else { return nil }
        let tolerance = asked.tolerance ?? tolerances.linear
        let krylovTolerance = tolerance ?? (asked.steps == nil ? precision.krylovTolerance : 0)
        let steps = asked.steps ?? max(1_000, 10 * built.problem.lower.dimension)
        switch name {
        case nil: return .automatic(steps: steps, tolerance: krylovTolerance)
        case .cg: return .conjugateGradients(steps: steps, tolerance: krylovTolerance)
        case .normalEquations: return .normalEquations(steps: steps, tolerance: krylovTolerance)
        case .minres: return .minres(steps: steps, tolerance: krylovTolerance)
        case .gmres: return .gmres(restart: asked.restart ?? 50, steps: steps, tolerance: krylovTolerance)
        case .bicgstab: return .bicgstab(steps: steps, tolerance: krylovTolerance)
        case .fixedPoint:
            return .fixedPoint(
                step: dampingStep(lower), steps: asked.steps ?? 100_000,
                tolerance: tolerance ?? (asked.steps == nil ? precision.fixedPointTolerance : nil))
        case .neumann: return .neumann(step: dampingStep(lower), terms: asked.steps ?? 10)
        case .identity: return .neumann(step: dampingStep(lower), terms: 0)
        case .cholesky: return .cholesky
        case .lu: return .lu
        case .randomisedNeumann, .sgd:
            refuse(
                "linear_solver", "\(name?.rawValue ?? "") draws batches, which \(preset.rawValue) does not",
                "use bsa for randomised-neumann, amigo for sgd")
            return nil
        case .rankOne:
            refuse(
                "linear_solver", "\(preset.rawValue) solves a linear system, rank-one only stands for one", "use iga")
            return nil
        case .adamIdentity:
            refuse(
                "linear_solver", "\(preset.rawValue) solves a linear system, adam-identity only stands for one",
                "use sama")
            return nil
        }
    }

    /// The map that is iterated is the lower solver's own gradient step, where it has a constant one.
    private func dampingStep(_ lower: LowerSolver) -> Double? {
        if let step = request.linearSolver.step { return step }
        if case .gradientDescent(.schedule(.constant(let value)), _, _) = lower { return value }
        return isFixedPoint ? 1 : nil
    }

    /// Refuses fields that a linear solver has no use for; whether there were none.
    private mutating func refuseLinearFields(_ name: LinearSolverName?) -> Bool {
        let asked = request.linearSolver
        let title = name?.rawValue ?? "auto"
        let (hasStep, isIterative, isExact): (Bool, Bool, Bool)
        switch name {
        case .fixedPoint, .sgd: (hasStep, isIterative, isExact) = (true, true, false)
        case .neumann, .randomisedNeumann: (hasStep, isIterative, isExact) = (true, true, true)
        case .identity: (hasStep, isIterative, isExact) = (true, false, true)
        case .cholesky, .lu, .rankOne, .adamIdentity: (hasStep, isIterative, isExact) = (false, false, true)
        case .cg, .normalEquations, .minres, .gmres, .bicgstab, nil:
            (hasStep, isIterative, isExact) = (false, true, false)
        }
        if asked.step != nil && !hasStep { refuse("linear_solver/step", "\(title) has no step size") }
        if asked.steps != nil && !isIterative { refuse("linear_solver/steps", "\(title) takes no steps") }
        if asked.tolerance != nil && isExact { refuse("linear_solver/tolerance", "\(title) stops by no tolerance") }
        if asked.warmStart != nil && isExact { refuse("linear_solver/warm_start", "\(title) has no start") }
        if asked.restart != nil && name != .gmres { refuse("linear_solver/restart", "only gmres keeps vectors") }
        let count = built.problem.lower.dimension
        if (name == .cholesky || name == .lu) && count > DirectSolver.limit {
            refuse(
                "linear_solver",
                "\(title) forms a matrix of \(count) rows and columns; the limit is \(DirectSolver.limit)",
                isFixedPoint ? "use gmres" : "use cg")
        }
        return !diagnostics.hasErrors
    }

    /// Refuses solvers for symmetric matrices where the level is the fixed point of a map, whose matrix is not.
    private mutating func refuseAsymmetry(_ name: LinearSolverName?, _ preset: Preset) -> Bool {
        guard isFixedPoint else { return true }
        switch name {
        case .cg, .minres, .cholesky:
            refuse(
                request.linearSolver.name == nil ? "name" : "linear_solver",
                "\(name?.rawValue ?? "") needs a symmetric matrix, and that of a fixed point, I - dPhi/dz, is not: "
                    + "its result would be wrong",
                "use normal-equations, gmres, bicgstab, lu or fixed-point, or the method implicit")
            return false
        case .fixedPoint, .normalEquations, .gmres, .bicgstab, .neumann, .lu, .identity, .rankOne, .adamIdentity,
            .randomisedNeumann, .sgd, nil:
            return true
        }
    }
}

extension DoubleLoopFamily {
    fileprivate var hypergradientName: HypergradientName {
        switch self {
        case .implicit, .lastStep, .rankOne, .search: .implicit
        case .reverse, .aggregated, .learnedStart: .unrolledReverse
        case .forward: .unrolledForward
        case .valueGap: .penalty
        case .zerothOrder: .zerothOrder
        case .initialisation: .initialisation
        }
    }

    /// The name of what stands for a linear solver.
    fileprivate func linearSolverName(_ preset: Preset) -> LinearSolverName? {
        switch self {
        case .lastStep: preset == .sama ? .adamIdentity : .identity
        case .rankOne: .rankOne
        case .implicit, .reverse, .forward, .valueGap, .zerothOrder, .initialisation, .aggregated, .learnedStart,
            .search:
            nil
        }
    }
}

extension Preset {
    /// The linear solver that is part of the method; `nil` where it is free.
    fileprivate var linearSolver: LinearSolverName? {
        switch self {
        case .aidCG: .cg
        case .aidFixedPoint: .fixedPoint
        case .aidNormalEquations: .normalEquations
        case .aidGMRES: .gmres
        case .aidMINRES: .minres
        case .aidBiCGStab: .bicgstab
        case .aidNeumann: .neumann
        case .aid, .aidDirect, .hoag, .itd, .itdTruncated, .itdCheckpoints, .itdForward, .darts, .sama, .iga, .bome,
            .pgdo, .meha, .bvfim, .gda, .di, .pzobo, .maml, .fomaml, .reptile, .randomSearch, .tpe, .soba, .implicit,
            .unrolled, .tsg:
            nil
        }
    }
}

extension LinearSolverName {
    /// In words.
    fileprivate var method: String { self == .fixedPoint ? "fixed-point iteration" : rawValue }
}
