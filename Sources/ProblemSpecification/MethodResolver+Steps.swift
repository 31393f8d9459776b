// The lower solver and the upper step of methods with full gradients.
import ExpressionLanguage
import MultilevelOptimization
import Solvers
import Tensors

extension MethodResolver {
    private var isFixedPoint: Bool { !built.problem.isSingleLevel && built.problem.lower.fixedPoint != nil }

    private func defaultSolver(_ preset: Preset, _ family: DoubleLoopFamily) -> LowerSolverName {
        let isSmooth = built.problem.lower.isSmooth
        if preset == .sama { return .adam }
        let isPlain: Bool
        switch family {
        case .rankOne, .valueGap, .zerothOrder: isPlain = isSmooth
        case .implicit, .search: isPlain = request.lowerSolver.step != nil
        case .reverse, .forward, .lastStep, .initialisation, .aggregated, .learnedStart: isPlain = true
        }
        if isFixedPoint { return family.isUnrolled || request.lowerSolver.step != nil ? .fixedPoint : .anderson }
        return isPlain ? .gradientDescent : isSmooth ? .lbfgs : .fista
    }

    /// Steps where the document gives none; `nil`: a tolerance decides.
    private func defaultSteps(_ preset: Preset, _ family: DoubleLoopFamily) -> Int? {
        switch family {
        case .reverse: preset == .maml ? 5 : 100
        case .forward, .aggregated: 100
        case .learnedStart: 20
        case .lastStep: preset == .sama ? 10 : 1
        case .rankOne, .valueGap, .zerothOrder: 10
        case .initialisation: 5
        case .implicit, .search: nil
        }
    }

    mutating func lowerSolver(_ preset: Preset, _ family: DoubleLoopFamily) -> LowerSolver? {
        let name = request.lowerSolver.name ?? defaultSolver(preset, family)
        refuseSolver(name, preset, family)
        refuseSolverFields(name, preset, family)
        guard !diagnostics.hasErrors else { return nil }
        let asked = request.lowerSolver
        let count = asked.steps ?? defaultSteps(preset, family)
        let given = asked.tolerance ?? (family.isUnrolled ? nil : tolerances.lower)
        // Steps without a tolerance are taken exactly; without either, the tolerance decides.
        let stops = family.isUnrolled ? nil : given ?? (count == nil ? innerTolerance : nil)
        switch name {
        case .gradientDescent, .projectedGradient, .proximalGradient, .ista, .fixedPoint:
            return .gradientDescent(step: lowerStep(name), steps: count ?? 100_000, tolerance: stops)
        case .heavyBall:
            return .rule(
                .heavyBall(momentum: asked.momentum ?? 0.9), step: lowerStep(name), steps: count ?? 100_000,
                tolerance: stops)
        case .nesterov:
            return .rule(
                .nesterov(momentum: asked.momentum), step: lowerStep(name), steps: count ?? 100_000, tolerance: stops)
        case .adam:
            return .rule(
                .adam(asked.adam.coefficients), step: lowerStep(name), steps: count ?? 100_000, tolerance: stops)
        case .anderson:
            return .anderson(
                memory: asked.memory ?? 5, step: lowerStep(name), steps: count ?? 10_000, tolerance: stops)
        case .lbfgs:
            return .lbfgs(memory: asked.memory ?? 10, steps: asked.steps ?? 2_000, tolerance: given ?? innerTolerance)
        case .newtonCG: return .newtonCG(steps: asked.steps ?? 200, tolerance: given ?? innerTolerance)
        case .fista:
            return .accelerated(
                steps: asked.steps ?? 100_000,
                tolerance: Tolerance(absolute: given ?? 0.1 * min(outerTolerance, 1e-8)))
        case .closedForm: return .closedForm
        case .sgd: return nil
        }
    }

    /// Refuses solvers that the level or the family does not suit.
    private mutating func refuseSolver(_ name: LowerSolverName, _ preset: Preset, _ family: DoubleLoopFamily) {
        let level = built.problem.lower
        switch name {
        case .sgd:
            refuse("lower_solver", "sgd draws batches, which this method does not", "use gradient-descent, or soba")
            return
        case .fixedPoint:
            if !isFixedPoint {
                refuse(
                    "lower_solver", "the lower level minimizes, it is no fixed point of a map", "use gradient-descent")
            }
        case .anderson, .closedForm: break
        case .gradientDescent, .heavyBall, .nesterov, .adam, .lbfgs, .newtonCG, .proximalGradient, .ista, .fista,
            .projectedGradient:
            if isFixedPoint {
                refuse(
                    "lower_solver", "\(name.rawValue) minimizes an objective, and the lower level is a fixed point",
                    "use fixed-point or anderson")
                return
            }
        }
        switch name {
        case .lbfgs, .heavyBall, .nesterov, .adam, .newtonCG, .anderson, .closedForm:
            if !level.isSmooth {
                refuse(
                    "lower_solver",
                    "\(name.rawValue) takes no steps along sets or norms, which the lower level has",
                    "use fista, or gradient-descent")
            }
        case .projectedGradient:
            if level.constraint == .whole {
                refuse("lower_solver", "the lower level has no constraint to project on", "use gradient-descent")
            }
        case .proximalGradient, .ista:
            if level.norms.isEmpty {
                refuse("lower_solver", "the lower level has no nonsmooth terms", "use gradient-descent")
            }
        case .gradientDescent, .fixedPoint, .fista, .sgd: break
        }
        if name == .closedForm && !MethodResolver.isAffine(built.problem) {
            refuse(
                "lower_solver",
                isFixedPoint
                    ? "closed-form solves one linear system, and the map is not affine in the level's variables"
                    : "closed-form solves one linear system, and the objective is not quadratic in the level's variables",
                isFixedPoint ? "use anderson" : "use newton-cg or l-bfgs")
        }
        guard family.isUnrolled else { return }
        switch name {
        case .lbfgs, .newtonCG, .fista, .anderson, .closedForm:
            refuse(
                "lower_solver",
                "\(preset.rawValue) differentiates through plain steps; those of \(name.rawValue) "
                    + "depend on line searches, memory or inner solves, and cannot be unrolled",
                "use gradient-descent, heavy-ball, nesterov or adam, or aid-cg with \(name.rawValue)")
        case .heavyBall, .nesterov, .adam, .gradientDescent, .projectedGradient, .proximalGradient, .ista, .fixedPoint,
            .sgd:
            break
        }
    }

    /// Whether one linear system solves the lower level.
    private static func isAffine(_ problem: MultilevelProblem) -> Bool { problem.isLowerResidualAffine }

    private mutating func refuseSolverFields(_ name: LowerSolverName, _ preset: Preset, _ family: DoubleLoopFamily) {
        let asked = request.lowerSolver
        if asked.memory != nil && name != .lbfgs && name != .anderson {
            refuse("lower_solver/memory", "only l-bfgs has a memory, and anderson")
        }
        if asked.growth != nil {
            refuse("lower_solver/growth", "only the rounds of sid, bsgm and nsid grow", "leave growth out")
        }
        if asked.momentum != nil && name != .heavyBall && name != .nesterov {
            refuse("lower_solver/momentum", "only heavy-ball and nesterov have momentum")
        }
        if asked.adam != AdamRequest() && name != .adam {
            refuse("lower_solver", "beta1, beta2 and epsilon are parameters of adam, not of \(name.rawValue)")
        }
        if family.isUnrolled && asked.tolerance != nil {
            refuse(
                "lower_solver/tolerance",
                "\(preset.rawValue) takes a fixed number of steps: its derivative is that of those steps")
        }
        refusePenaltyFields(preset, family)
        if name == .closedForm && (asked.steps != nil || asked.tolerance != nil) {
            refuse("lower_solver", "closed-form takes no steps and stops by no tolerance")
        }
        guard let step = asked.step else { return }
        switch name {
        case .lbfgs, .newtonCG: refuse("lower_solver/step", "\(name.rawValue) finds its steps by a line search")
        case .fista: refuse("lower_solver/step", "fista finds its steps by backtracking")
        case .closedForm: refuse("lower_solver/step", "closed-form takes no steps")
        case .gradientDescent, .projectedGradient, .proximalGradient, .ista:
            if step == .lineSearch && family.isUnrolled {
                refuse(
                    "lower_solver/step", "\(preset.rawValue) cannot differentiate through a line search",
                    "give a number, or auto")
            }
        case .heavyBall, .nesterov, .adam, .fixedPoint, .anderson, .sgd:
            if step == .lineSearch {
                refuse("lower_solver/step", "\(name.rawValue) takes steps given in advance", "give a number, or auto")
            }
        }
        if case .polyak = step {
            refuse(
                "lower_solver/step", "the lowest value of the lower objective is not known", "give a number, or auto")
        }
    }

    /// Refuses what methods that carry lower variables of their own from iteration to iteration have no use for.
    private mutating func refusePenaltyFields(_ preset: Preset, _ family: DoubleLoopFamily) {
        let (asked, name) = (request.lowerSolver, preset.rawValue)
        let gap: ValueGapFamily?
        switch family {
        case .valueGap(let own): gap = own
        case .learnedStart: gap = nil
        case .implicit, .reverse, .forward, .lastStep, .rankOne, .aggregated, .zerothOrder, .initialisation, .search:
            return
        }
        if asked.warmStart != nil {
            refuse(
                "lower_solver/warm_start", "\(name) moves its lower variables by steps of their own",
                "leave warm_start out")
        }
        guard gap == .moreauEnvelope || gap == .barrier else { return }
        if asked.name != nil && asked.name != .gradientDescent {
            refuse("lower_solver", "\(name) takes gradient steps", "leave lower_solver out")
        }
        if asked.step != nil && asked.step != .automatic {
            refuse(
                "lower_solver/step", "\(name) finds its steps below from curvature",
                "leave step out; upper_step.step is that of both levels in meha")
        }
        if asked.tolerance != nil { refuse("lower_solver/tolerance", "\(name) stops by no tolerance", "leave it out") }
        if gap == .moreauEnvelope && asked.steps != nil {
            refuse("lower_solver/steps", "meha takes one step below in every iteration", "leave steps out, or use pgdo")
        }
    }

    private func lowerStep(_ name: LowerSolverName) -> LowerStep {
        if let schedule = request.lowerSolver.step?.schedule { return .schedule(schedule) }
        if request.lowerSolver.step == .lineSearch { return .lineSearch }
        // Steps of the map itself; Adam's are lengths, whatever the curvature.
        if isFixedPoint { return .schedule(.constant(1)) }
        return name == .adam ? .schedule(.constant(0.01)) : .automatic
    }

    // MARK: - Upper step

    mutating func upperStep(_ preset: Preset, _ family: DoubleLoopFamily) -> UpperStep? {
        let asked = request.upperStep
        if case .search(let rule) = family { return search(rule, preset) }
        let isJoint: Bool = if case .valueGap(let gap) = family { gap.isJoint } else { false }
        let isFree = asked.step == nil || asked.step == .automatic
        let isOwn = asked.name == nil || asked.name == .projectedGradient
        if isJoint && isFree && isOwn && (asked.momentum ?? 0) == 0 && asked.memory == nil
            && asked.adam == AdamRequest()
        {
            return .joint
        }
        let name = asked.name ?? (asked.step == nil && !family.isGradientOfValues ? .adam : .projectedGradient)
        refuseUpperFields(name, preset, family)
        guard !diagnostics.hasErrors else { return nil }
        switch name {
        case .projectedGradient, .momentum:
            let momentum = asked.momentum ?? (name == .momentum ? 0.9 : 0)
            if let schedule = asked.step?.schedule { return .projectedGradient(schedule: schedule, momentum: momentum) }
            if case .polyak(let target) = asked.step { return .polyak(target: target) }
            return .lineSearch
        case .adam:
            return .adam(
                schedule: asked.step?.schedule ?? .power(initial: 0.1, exponent: 0.5), asked.adam.coefficients)
        case .lbfgs: return .lbfgs(memory: asked.memory ?? 10)
        }
    }

    private mutating func refuseUpperFields(_ name: UpperStepName, _ preset: Preset, _ family: DoubleLoopFamily) {
        let asked = request.upperStep
        let isScheduled = asked.step?.schedule != nil
        let wantsMomentum = asked.momentum.map { $0 != 0 } ?? (name == .momentum)
        switch name {
        case .projectedGradient, .momentum:
            if wantsMomentum && !isScheduled {
                refuse("upper_step/momentum", "momentum needs steps given in advance", "give upper_step.step a number")
            }
            if !isScheduled && !family.isGradientOfValues {
                refuse(
                    "upper_step/step",
                    "the direction of \(preset.rawValue) is not the gradient of its values, which a line search compares",
                    "give a number, or use adam")
            }
        case .adam, .lbfgs:
            if asked.momentum != nil { refuse("upper_step/momentum", "\(name.rawValue) has no momentum of this kind") }
        }
        if name == .adam && asked.step != nil && asked.step != .automatic && !isScheduled {
            refuse("upper_step/step", "adam takes steps given in advance", "give a number, or auto")
        }
        if name == .lbfgs {
            if asked.step != nil && asked.step != .automatic && asked.step != .lineSearch {
                refuse("upper_step/step", "l-bfgs finds its steps by a line search")
            }
            if !family.isGradientOfValues {
                refuse(
                    "upper_step",
                    "the direction of \(preset.rawValue) is not the gradient of its values, which l-bfgs compares",
                    "use adam")
            }
            if built.problem.upper.constraint.bounds(built.problem.upper.dimension) == nil {
                refuse(
                    "upper_step", "l-bfgs moves between bounds, and the upper set is no box", "use projected-gradient")
            }
        }
        if asked.memory != nil && name != .lbfgs { refuse("upper_step/memory", "only l-bfgs has a memory") }
        if asked.adam != AdamRequest() && name != .adam {
            refuse("upper_step", "beta1, beta2 and epsilon are parameters of adam, not of \(name.rawValue)")
        }
    }

    private mutating func search(_ rule: SearchRule, _ preset: Preset) -> UpperStep? {
        if request.upperStep != UpperStepRequest() {
            refuse("upper_step", "\(preset.rawValue) draws points, it takes no steps", "leave upper_step out")
        }
        let box = built.problem.upper.constraint.bounds(built.problem.upper.dimension)
        let isBounded = box.map { ($0.lower + $0.upper).allSatisfy(\.isFinite) } ?? false
        if !isBounded {
            refuse(
                "name", "\(preset.rawValue) draws points of a bounded box, and the upper variables have none",
                "give each a \"constraint\": {\"box\": [low, high]}")
        }
        return diagnostics.hasErrors ? nil : .search(rule)
    }
}

extension StepRequest {
    /// Steps given in advance.
    var schedule: StepSchedule? {
        switch self {
        case .constant(let value): .constant(value)
        case .power(let initial, let exponent): .power(initial: initial, exponent: exponent)
        case .inverse(let initial, let offset): .inverse(initial: initial, offset: offset)
        case .cosine(let initial, let period): .cosine(initial: initial, period: period)
        case .lineSearch, .automatic, .polyak: nil
        }
    }
}

extension AdamRequest {
    /// The published values where none are asked for.
    var coefficients: AdamCoefficients {
        AdamCoefficients(first: first ?? 0.9, second: second ?? 0.999, epsilon: epsilon ?? 1e-8)
    }
}
