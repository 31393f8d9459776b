// From the method that a document asks for to a settled configuration: presets, defaults, overrides, and refusals of
// combinations that make no sense, each with its reason.
import ExpressionLanguage
import MultilevelOptimization
import Solvers
import Tensors

/// Settles methods.
package struct MethodResolver {
    let request: MethodRequest
    let tolerances: Tolerances
    let built: BuiltProblem
    var diagnostics = Diagnostics()

    /// The configuration, or reported faults.
    package static func resolve(
        _ request: MethodRequest, tolerances: Tolerances, for built: BuiltProblem,
        into diagnostics: inout Diagnostics
    ) -> MethodConfiguration? {
        var resolver = MethodResolver(request: request, tolerances: tolerances, built: built)
        let result = resolver.run()
        for fault in resolver.diagnostics.kept { diagnostics.report(.error, fault) }
        return resolver.diagnostics.hasErrors ? nil : result
    }

    private init(request: MethodRequest, tolerances: Tolerances, built: BuiltProblem) {
        self.request = request
        self.tolerances = tolerances
        self.built = built
    }

    private mutating func run() -> MethodConfiguration? {
        if let (preset, reason) = chooseStochastic() { return stochastic(preset, reason) }
        let (preset, reason) = choosePreset()
        let facts = ProblemFacts(built.problem)
        if preset == .tsg { return nestedStochastic(reason) }
        if let nesting = facts.nesting, preset != .implicit, preset != .unrolled {
            refuse(
                "name", "the problem has \(nesting), and \(preset.rawValue) is for two levels with objectives",
                "use implicit, unrolled, tsg, or auto")
            return nil
        }
        if built.problem.isSingleLevel && !preset.suitsOneLevel {
            refuse("name", "the problem has one level, so \(preset.rawValue) has no lower level to work on", "use auto")
            return nil
        }
        if built.problem.isSingleLevel { refuseLowerAxes() }
        refuseEstimator(preset)
        if request.levels != nil && preset != .implicit && preset != .unrolled {
            refuse("levels", "only implicit, unrolled and tsg choose by level", "use implicit, unrolled, or tsg")
            return nil
        }
        if let family = preset.family {
            guard let axes = doubleLoop(preset, family) else { return nil }
            let isPlain = built.problem.isSingleLevel && family == .implicit
            return MethodConfiguration(
                name: isPlain ? "projected-gradient" : preset.rawValue, reason: reason, algorithm: .doubleLoop(axes))
        }
        if preset == .implicit || preset == .unrolled {
            guard let axes = nested(isUnrolled: preset == .unrolled) else { return nil }
            return MethodConfiguration(name: preset.rawValue, reason: reason, algorithm: .nested(axes))
        }
        guard let axes = soba() else { return nil }
        if !built.problem.lower.isSmooth || built.problem.isNested {
            // The fused program takes plain steps; the engine of the others does the same beside a set, norms or a map.
            return MethodConfiguration(name: preset.rawValue, reason: reason, algorithm: .stochastic(axes.axes))
        }
        return MethodConfiguration(name: preset.rawValue, reason: reason, algorithm: .soba(axes))
    }

    /// Refuses what stands at a field of the method; `name` is where the method's name stands.
    mutating func refuse(_ field: String, _ message: String, _ hint: String? = nil) {
        let name = request.pointer
        let method = name.hasSuffix("/name") ? String(name.dropLast("/name".count)) : name
        diagnostics.report(
            .error,
            Diagnostic(
                pointer: field == "name" ? name : "\(method)/\(field)", code: .wrongArgument, message: message,
                hint: hint))
    }

    private func choosePreset() -> (Preset, String) {
        if case .preset(let preset) = request.name { return (preset, "asked for") }
        if request.levels != nil { return (.implicit, "single levels' methods were asked for") }
        switch request.hypergradient.name {
        case .unrolledReverse where ProblemFacts(built.problem).nesting != nil:
            return (.unrolled, "unrolled-reverse was asked for")
        case .unrolledReverse: return (.itd, "unrolled-reverse was asked for")
        case .unrolledForward: return (.itdForward, "unrolled-forward was asked for")
        case .penalty: return (.bome, "a penalty was asked for")
        case .zerothOrder: return (.pzobo, "zeroth-order was asked for")
        case .initialisation: return (.fomaml, "initialisation was asked for")
        case .implicit, nil: break
        }
        switch request.linearSolver.name {
        case .fixedPoint: return (.aidFixedPoint, "fixed-point was asked for")
        case .rankOne: return (.iga, "rank-one was asked for")
        case .adamIdentity: return (.sama, "adam-identity was asked for")
        case .normalEquations, .minres, .gmres, .bicgstab, .neumann, .cholesky, .lu, .identity:
            return (.aid, "\(request.linearSolver.name?.rawValue ?? "") was asked for")
        // Methods on batches are named, or chosen by their estimator.
        case .cg, .randomisedNeumann, .sgd, nil: break
        }
        if request.estimator == .sgd { return (.soba, "sgd was asked for") }
        let facts = ProblemFacts(built.problem)
        if facts.isFixedPoint && (request.lowerSolver.name != nil || request.linearSolver.isRequested) {
            return (.aid, "a solver for the fixed point was asked for")
        }
        let automatic = AutomaticMethod(facts)
        switch automatic.name {
        case .preset(.aidDirect) where directWish != nil:
            return (.aidCG, "\(directWish ?? "") was asked for, so the level is solved by steps")
        case .preset(let preset): return (preset, automatic.reason)
        // Chosen above, where nothing stands against it.
        case .stochastic, .auto:
            return (.aidCG, "\(fullBatchWish ?? "a full method") was asked for, which needs full gradients")
        }
    }

    /// What is asked for and a direct solution of the lower level has no use for.
    private var directWish: String? {
        if request.lowerSolver.isRequested { return "a lower solver" }
        return request.linearSolver.isRequested ? "a linear solver" : nil
    }

    /// With one level there is nothing to solve below it.
    private mutating func refuseLowerAxes() {
        for (field, isAsked) in [
            ("lower_solver", request.lowerSolver.isRequested), ("hypergradient", request.hypergradient.isRequested),
            ("linear_solver", request.linearSolver.isRequested),
        ] where isAsked {
            refuse(field, "the problem has one level, so there is no lower level to solve", "leave \(field) out")
        }
    }

    private mutating func refuseEstimator(_ preset: Preset) {
        switch (preset == .soba, request.estimator) {
        case (true, .full):
            refuse("estimator", "soba draws batches, it takes no full gradients", "use aid-cg, or leave estimator out")
        case (false, .sgd), (false, .saga), (false, .sarah), (false, .storm), (false, .average):
            refuse("estimator", "\(preset.rawValue) takes full gradients, it draws no batches", "use soba")
        case (true, .saga), (true, .sarah), (true, .storm), (true, .average):
            refuse("estimator", "soba takes the batches' own gradients", "use saba, srba, fsla or ma-soba")
        case (true, .sgd), (false, .full), (_, nil): break
        }
        refuseEstimation(beside: nil)
    }

    /// What is asked for and only a method with full gradients and an inner solver can give.
    var fullBatchWish: String? {
        let lower = request.lowerSolver
        let stepWishes = [lower.step, request.upperStep.step].contains(.lineSearch)
        let wishes = [
            ("the full estimator", request.estimator == .full), ("a line search", stepWishes),
            ("a lower solver with steps of its own", LowerSolverRequest(step: lower.step) != lower),
            ("a linear solver", request.linearSolver.isRequested),
            ("implicit differentiation", request.hypergradient.isRequested),
            ("momentum", request.upperStep.momentum != nil),
        ]
        return wishes.first { $0.1 }?.0
    }

    /// The tolerance that inner solves must beat tenfold.
    var outerTolerance: Double { tolerances.hypergradient ?? precision.defaultTolerance }

    /// What inner solves stop at where the document does not say.
    var innerTolerance: Double { 0.1 * min(outerTolerance, precision.innerTolerance) }

    var precision: Precision { built.problem.precision }

    // MARK: - SOBA

    private mutating func soba() -> SOBAConfiguration? {
        refuseProblem("soba")
        refusePenalty()
        let lower = request.lowerSolver
        for (field, isAsked) in [
            ("lower_solver", lower.name != nil && lower.name != .sgd), ("lower_solver/steps", lower.steps != nil),
            ("lower_solver/tolerance", lower.tolerance != nil), ("lower_solver/memory", lower.memory != nil),
            ("lower_solver/warm_start", lower.warmStart != nil), ("lower_solver/momentum", lower.momentum != nil),
            ("lower_solver/growth", lower.growth != nil),
            ("lower_solver", lower.adam != AdamRequest()), ("linear_solver", request.linearSolver.isRequested),
            ("upper_step", request.upperStep.name.map { $0 != .projectedGradient } ?? false),
            ("hypergradient", request.hypergradient.isRequested),
            ("upper_step/momentum", request.upperStep.momentum != nil),
        ] where isAsked {
            refuse(field, "soba moves all variables together, by lower_solver.step and upper_step.step alone")
        }
        guard !diagnostics.hasErrors else { return nil }
        return SOBAConfiguration(
            lowerStep: schedule(lower.step, "lower_solver/step"),
            upperStep: schedule(request.upperStep.step, "upper_step/step"))
    }
}

extension LowerSolverRequest {
    /// Whether any of its fields is asked for.
    var isRequested: Bool { self != LowerSolverRequest() }
}

extension HypergradientRequest {
    /// Whether any of its fields is asked for.
    var isRequested: Bool { self != HypergradientRequest() }

    /// The name alone.
    static let implicit = HypergradientRequest(name: .implicit)
}

extension LinearSolverRequest {
    /// Whether any of its fields is asked for.
    var isRequested: Bool { self != LinearSolverRequest() }
}

extension Preset {
    /// Whether it makes sense without a lower level.
    fileprivate var suitsOneLevel: Bool {
        switch family {
        case .search: true
        case .implicit: self == .aidCG || self == .aid
        case .reverse, .forward, .lastStep, .rankOne, .valueGap, .zerothOrder, .aggregated, .learnedStart,
            .initialisation,
            nil:
            false
        }
    }
}
