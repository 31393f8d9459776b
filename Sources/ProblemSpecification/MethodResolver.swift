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
    private(set) var diagnostics = Diagnostics()

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
        let (preset, reason) = choosePreset()
        if let nesting = ProblemFacts(built.problem).nesting, preset != .implicit {
            refuse(
                "name", "the problem has \(nesting), and \(preset.rawValue) is for two levels with objectives",
                "use implicit, or auto")
            return nil
        }
        if built.problem.isSingleLevel && preset != .aidCG {
            refuse("name", "the problem has one level, so \(preset.rawValue) has no lower level to work on", "use auto")
            return nil
        }
        if built.problem.isSingleLevel { refuseLowerAxes() }
        refuseEstimator(preset)
        switch preset {
        case .aidCG, .aidFixedPoint, .itd:
            guard let axes = doubleLoop(preset) else { return nil }
            return MethodConfiguration(
                name: built.problem.isSingleLevel ? "projected-gradient" : preset.rawValue, reason: reason,
                algorithm: .doubleLoop(axes))
        case .implicit:
            guard let axes = nested() else { return nil }
            return MethodConfiguration(name: preset.rawValue, reason: reason, algorithm: .nested(axes))
        case .soba:
            guard let axes = soba() else { return nil }
            return MethodConfiguration(name: preset.rawValue, reason: reason, algorithm: .soba(axes))
        }
    }

    /// Refuses what stands at a field of the method; `name` is where the method's name stands.
    private mutating func refuse(_ field: String, _ message: String, _ hint: String? = nil) {
        let name = request.pointer
        let method = name.hasSuffix("/name") ? String(name.dropLast("/name".count)) : name
        diagnostics.report(
            .error,
            Diagnostic(
                pointer: field == "name" ? name : "\(method)/\(field)", code: .wrongArgument, message: message,
                hint: hint))
    }

    private func choosePreset() -> (Preset, String) {
        switch request.name {
        case .aidCG: return (.aidCG, "asked for")
        case .aidFixedPoint: return (.aidFixedPoint, "asked for")
        case .itd: return (.itd, "asked for")
        case .soba: return (.soba, "asked for")
        case .implicit: return (.implicit, "asked for")
        case .auto: break
        }
        if request.hypergradient.name == .unrolledReverse { return (.itd, "unrolled-reverse was asked for") }
        if request.linearSolver.name == .fixedPoint { return (.aidFixedPoint, "fixed-point was asked for") }
        if request.estimator == .sgd { return (.soba, "sgd was asked for") }
        let automatic = AutomaticMethod(ProblemFacts(built.problem))
        if automatic.preset == .soba, let wish = fullBatchWish {
            return (.aidCG, "\(wish) was asked for, which needs full gradients")
        }
        return (automatic.preset, automatic.reason)
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
        switch (preset, request.estimator) {
        case (.soba, .full):
            refuse("estimator", "soba draws batches, it takes no full gradients", "use aid-cg, or leave estimator out")
        case (.aidCG, .sgd), (.aidFixedPoint, .sgd), (.itd, .sgd), (.implicit, .sgd):
            refuse("estimator", "\(preset.rawValue) takes full gradients, it draws no batches", "use soba")
        case (.soba, .sgd), (.aidCG, .full), (.aidFixedPoint, .full), (.itd, .full), (.implicit, .full),
            (_, nil):
            break
        }
    }

    /// What is asked for and only a method with full gradients and an inner solver can give.
    private var fullBatchWish: String? {
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

    // MARK: - Double loops

    /// The tolerance that inner solves must beat tenfold.
    private var outerTolerance: Double { tolerances.hypergradient ?? precision.defaultTolerance }

    /// What inner solves stop at where the document does not say.
    private var innerTolerance: Double { 0.1 * min(outerTolerance, precision.innerTolerance) }

    private var precision: Precision { built.problem.precision }

    private mutating func doubleLoop(_ preset: Preset) -> DoubleLoopConfiguration? {
        guard let upper = upperStep() else { return nil }
        let unrolled = preset == .itd
        if unrolled && request.hypergradient.name == .implicit {
            refuse(
                "hypergradient", "itd differentiates through the lower solver's steps", "use aid-cg for implicit")
        }
        if !unrolled && request.hypergradient.name == .unrolledReverse {
            refuse("hypergradient", "\(preset.rawValue) differentiates implicitly", "use itd for unrolled-reverse")
        }
        if !unrolled && request.hypergradient.truncate != nil {
            refuse("hypergradient/truncate", "only itd has steps to truncate")
        }
        guard let lower = lowerSolver(unrolled: unrolled), let mode = hypergradient(preset, lower) else { return nil }
        return DoubleLoopConfiguration(
            lower: lower, hypergradient: mode, upper: upper,
            warmStartsLower: request.lowerSolver.warmStart ?? !unrolled,
            warmStartsLinear: request.linearSolver.warmStart ?? !unrolled)
    }

    private mutating func lowerSolver(unrolled: Bool) -> LowerSolver? {
        let asked = request.lowerSolver
        let tolerance = asked.tolerance ?? tolerances.lower
        let isSmooth = built.problem.isSingleLevel || built.problem.lower.isSmooth
        switch asked.name ?? (unrolled || asked.step != nil ? .gradientDescent : isSmooth ? .lbfgs : .fista) {
        case .gradientDescent: return gradientDescent(tolerance, unrolled: unrolled)
        case .fista: return fista(tolerance, unrolled: unrolled)
        case .lbfgs where !isSmooth:
            refuse(
                "lower_solver", "l-bfgs takes no steps along sets or norms, which the lower level has",
                "use fista, or gradient-descent")
            return nil
        case .lbfgs:
            if unrolled {
                refuse(
                    "lower_solver",
                    "itd differentiates through plain steps; the line search and memory of l-bfgs cannot be unrolled",
                    "use gradient-descent, or aid-cg with l-bfgs")
                return nil
            }
            if asked.step != nil {
                refuse("lower_solver/step", "l-bfgs finds its steps by a line search")
                return nil
            }
            return .lbfgs(
                memory: asked.memory ?? 10, steps: asked.steps ?? 2_000,
                tolerance: tolerance ?? innerTolerance)
        }
    }

    private mutating func fista(_ tolerance: Double?, unrolled: Bool) -> LowerSolver? {
        let asked = request.lowerSolver
        if asked.memory != nil { refuse("lower_solver/memory", "only l-bfgs has a memory") }
        if asked.step != nil { refuse("lower_solver/step", "fista finds its steps by backtracking") }
        if unrolled {
            refuse(
                "lower_solver", "itd differentiates through plain steps; fista's momentum and backtracking are none",
                "use gradient-descent, or aid-cg with fista")
            return nil
        }
        return .accelerated(
            steps: asked.steps ?? 100_000,
            tolerance: Tolerance(absolute: tolerance ?? 0.1 * min(outerTolerance, 1e-8)))
    }

    private mutating func gradientDescent(_ tolerance: Double?, unrolled: Bool) -> LowerSolver? {
        let asked = request.lowerSolver
        if asked.memory != nil { refuse("lower_solver/memory", "only l-bfgs has a memory") }
        if unrolled && asked.tolerance != nil {
            refuse("lower_solver/tolerance", "itd takes a fixed number of steps: its derivative is that of those steps")
        }
        let step: LowerStep
        switch asked.step ?? .automatic {
        case .constant(let value): step = .schedule(.constant(value))
        case .power(let initial, let exponent): step = .schedule(.power(initial: initial, exponent: exponent))
        case .automatic: step = .automatic
        case .lineSearch:
            if unrolled {
                refuse("lower_solver/step", "itd cannot differentiate through a line search", "give a number, or auto")
                return nil
            }
            step = .lineSearch
        }
        if unrolled { return .gradientDescent(step: step, steps: asked.steps ?? 100, tolerance: nil) }
        // Steps without a tolerance are taken exactly; without either, the tolerance decides.
        let stops = tolerance ?? (asked.steps == nil ? innerTolerance : nil)
        return .gradientDescent(step: step, steps: asked.steps ?? 100_000, tolerance: stops)
    }

    private mutating func hypergradient(_ preset: Preset, _ lower: LowerSolver) -> HypergradientMode? {
        let asked = request.linearSolver
        switch preset {
        case .itd:
            if asked.isRequested {
                refuse("linear_solver", "itd solves no linear system", "use aid-cg or aid-fixed-point")
                return nil
            }
            return .unrolledReverse(truncation: request.hypergradient.truncate)
        case .aidCG:
            if asked.name == .fixedPoint {
                refuse("linear_solver", "aid-cg solves by cg", "use aid-fixed-point")
                return nil
            }
            if asked.step != nil {
                refuse("linear_solver/step", "cg has no step size")
                return nil
            }
            let tolerance = asked.tolerance ?? tolerances.linear
            return .implicit(
                .conjugateGradients(
                    steps: asked.steps ?? max(1_000, 10 * built.problem.lower.dimension),
                    tolerance: tolerance ?? (asked.steps == nil ? precision.krylovTolerance : 0)))
        case .aidFixedPoint: return fixedPoint(asked, lower)
        case .soba, .implicit: preconditionFailure("\(preset.rawValue) is no double loop")
        }
    }

    private mutating func fixedPoint(_ asked: LinearSolverRequest, _ lower: LowerSolver) -> HypergradientMode? {
        if asked.name == .cg {
            refuse("linear_solver", "aid-fixed-point solves by fixed-point iteration", "use aid-cg")
            return nil
        }
        var step = asked.step
        // The map that is iterated is the lower solver's own gradient step, where it has a constant one.
        if step == nil, case .gradientDescent(.schedule(.constant(let value)), _, _) = lower { step = value }
        let tolerance =
            asked.tolerance ?? tolerances.linear ?? (asked.steps == nil ? precision.fixedPointTolerance : nil)
        return .implicit(.fixedPoint(step: step, steps: asked.steps ?? 100_000, tolerance: tolerance))
    }

    private mutating func upperStep() -> UpperStep? {
        let asked = request.upperStep
        switch asked.step ?? .automatic {
        case .constant(let value):
            return .projectedGradient(schedule: .constant(value), momentum: asked.momentum ?? 0)
        case .power(let initial, let exponent):
            return .projectedGradient(
                schedule: .power(initial: initial, exponent: exponent), momentum: asked.momentum ?? 0)
        case .automatic, .lineSearch:
            if let momentum = asked.momentum, momentum != 0 {
                refuse("upper_step/momentum", "momentum needs steps given in advance", "give upper_step.step a number")
                return nil
            }
            return .lineSearch
        }
    }

    // MARK: - Nested

    private mutating func nested() -> NestedConfiguration? {
        for array in built.problem.data {
            guard case .sparse = array.value else { continue }
            refuse(
                "name", "implicit reads dense arrays in this version, and \(array.name) is sparse",
                "give it with its zeros, \"dense\": true")
        }
        let lower = request.lowerSolver
        for (index, level) in built.problem.levels.enumerated().dropFirst()
        where !level.isSmooth || !level.startFormulas.isEmpty {
            diagnostics.report(
                .error,
                Diagnostic(
                    pointer: "/problem/levels/\(index)", code: .unsupported,
                    message: "implicit solves levels without constraints, nonsmooth terms and starts by formulas"))
        }
        for (field, isAsked) in [
            ("lower_solver", lower.name != nil), ("lower_solver/step", lower.step != nil),
            ("lower_solver/steps", lower.steps != nil), ("lower_solver/memory", lower.memory != nil),
            ("linear_solver", request.linearSolver.isRequested),
        ] where isAsked {
            refuse(
                field, "implicit solves every level by Newton's method and factors or iterates by size",
                "give lower_solver.tolerance and lower_solver.warm_start alone")
        }
        if request.hypergradient.name == .unrolledReverse || request.hypergradient.truncate != nil {
            refuse("hypergradient", "implicit differentiates implicitly", "leave hypergradient out")
        }
        guard let upper = upperStep(), !diagnostics.hasErrors else { return nil }
        return NestedConfiguration(
            tolerance: lower.tolerance ?? tolerances.lower ?? 0.1 * min(outerTolerance, 1e-11), upper: upper,
            warmStarts: lower.warmStart ?? true)
    }

    // MARK: - SOBA

    private mutating func soba() -> SOBAConfiguration? {
        for fault in built.samplingFaults.compactMap({ $0 }) { diagnostics.report(.error, fault) }
        if ProblemFacts(built.problem).lowerSamples == 0 && ProblemFacts(built.problem).upperSamples == 0 {
            refuse("name", "soba draws batches, and the problem has no samples", "use auto")
        }
        if !built.problem.isSingleLevel && !built.problem.lower.isSmooth {
            refuse(
                "name", "soba takes plain steps on the lower level, which has a constraint or nonsmooth terms",
                "use aid-cg")
        }
        let lower = request.lowerSolver
        for (field, isAsked) in [
            ("lower_solver", lower.name != nil), ("lower_solver/steps", lower.steps != nil),
            ("lower_solver/tolerance", lower.tolerance != nil), ("lower_solver/memory", lower.memory != nil),
            ("lower_solver/warm_start", lower.warmStart != nil), ("linear_solver", request.linearSolver.isRequested),
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

    private mutating func schedule(_ step: StepRequest?, _ field: String) -> StepSchedule? {
        switch step ?? .automatic {
        case .constant(let value): return .constant(value)
        case .power(let initial, let exponent): return .power(initial: initial, exponent: exponent)
        case .automatic: return nil
        case .lineSearch:
            refuse(field, "a line search needs exact values, soba only sees batches", "give a number, power, or auto")
            return nil
        }
    }
}

extension LowerSolverRequest {
    /// Whether any of its fields is asked for.
    fileprivate var isRequested: Bool { self != LowerSolverRequest() }
}

extension HypergradientRequest {
    /// Whether any of its fields is asked for.
    fileprivate var isRequested: Bool { self != HypergradientRequest() }
}

extension LinearSolverRequest {
    /// Whether any of its fields is asked for.
    fileprivate var isRequested: Bool { self != LinearSolverRequest() }
}
