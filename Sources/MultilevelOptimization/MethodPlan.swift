// The programs of a method, how often an iteration runs each, and what that costs.
import ExpressionGraph
import Tensors

/// One program of a method.
package struct MethodProgram {
    /// What it computes, as reports call it.
    package let name: String
    /// What its outputs are called, in order.
    package let outputs: [String]
    package let plan: ProgramPlan
    /// Runs in one upper iteration, at the most; 0 for what only certificates need.
    package let runs: Int
    /// Upper and lower points at which one iteration runs it, at the most: all that is not the same for every tangent
    /// is computed once at each.
    package let points: Int

    /// The cost in one upper iteration, at the most; what data alone decide not counted.
    package var iterationCost: Cost {
        guard runs > 0 else { return .none }
        let extra = plan.everyRunCost.times(max(0, runs - points))
        return plan.changingCost.times(min(runs, points)).adding(extra)
    }
}

/// All programs that a method may compile.
package struct MethodPlan {
    package let programs: [MethodProgram]

    /// Plans, without allocating anything: time by the number of operations, none by the sizes of arrays.
    package init(_ problem: MultilevelProblem, _ configuration: MethodConfiguration) {
        if case .nested(let axes) = configuration.algorithm {
            programs = Self.nestedPrograms(problem, axes.responses)
            return
        }
        if case .nestedStochastic(let axes) = configuration.algorithm {
            programs =
                Self.trackedPrograms(problem, axes) + Self.nestedPrograms(problem, problem.implicitResponses, runs: 0)
            return
        }
        let derivatives = BilevelGraph.full(problem)
        let names = OutputNames(problem)
        let usage: [OracleProgram: OracleUsage]
        switch configuration.algorithm {
        case .doubleLoop(let axes):
            usage = OracleUsage.iteration(
                of: axes, isSingleLevel: problem.isSingleLevel,
                isAnchored: BilevelGraph.isWorthAnchoring(derivatives, in: problem.precision))
        case .soba, .stochastic, .nested, .nestedStochastic: usage = [:]
        }
        var programs = OracleProgram.compiled(for: problem, derivatives, by: configuration).map { kind, precision in
            // A method's own programs have the problem's precision; others are for certificates.
            let use = (precision == problem.precision ? usage[kind] : nil) ?? OracleUsage(runs: 0, points: 0)
            return MethodProgram(
                name: kind.name, outputs: names.outputs(of: kind), plan: derivatives.plan(kind, in: precision),
                runs: use.runs, points: use.points)
        }
        if case .soba = configuration.algorithm {
            // The largest draw of an axis does not depend on the seed.
            let plan = SOBAPlan(problem, draws: .seeded(problem, seed: 0))
            programs.insert(
                MethodProgram(
                    name: "soba_iteration", outputs: plan.outputNames, plan: plan.program, runs: 1, points: 1), at: 0)
        }
        if case .stochastic(let axes) = configuration.algorithm {
            let plan = StochasticPlan(problem, axes, seed: 0, given: nil)
            let own = plan.compiled.map { piece, program in
                let runs = axes.runs(of: piece, of: problem)
                return MethodProgram(
                    name: piece.rawValue, outputs: plan.programs.names(piece), plan: program, runs: runs, points: runs)
            }
            programs.insert(contentsOf: own, at: 0)
        }
        self.programs = programs
    }

    /// F with its hypergradient, and F alone for line searches. What best responses take is in the functions that the
    /// steps name, and how often is not known before they are solved.
    private static func nestedPrograms(
        _ problem: MultilevelProblem, _ rules: [ResponseRule], runs: Int = 1
    ) -> [MethodProgram] {
        let nested = NestedGraph(problem, rules)
        let objectives = problem.levels.map { "objective of \($0.name)" }
        let unrolled = zip(problem.responding, nested.residuals).filter { $1 != nil }
        let values =
            objectives + problem.responding.map { "\($0.name)*" } + unrolled.map { "residual of \($0.0.name)" }
        return [
            MethodProgram(
                name: "value_and_hypergradient", outputs: ["hypergradient"] + values,
                plan: NestedEvaluator.plan(nested), runs: runs, points: runs),
            MethodProgram(name: "value", outputs: values, plan: NestedEvaluator.valuePlan(nested), runs: 0, points: 0),
        ]
    }

    /// The steps of every level on whole batches, as often as an iteration takes them at first.
    private static func trackedPrograms(
        _ problem: MultilevelProblem, _ axes: NestedStochasticConfiguration
    ) -> [MethodProgram] {
        let tracked = TrackedGraph(problem, problem.wholeBatches)
        var programs = [
            MethodProgram(
                name: "outer_direction_on_batches", outputs: ["direction of \(problem.upper.name)", "objective"],
                plan: tracked.plan(.outer), runs: 1, points: 1)
        ]
        // Each step of a level is followed by a round of the next, which one round precedes.
        var runs = 1
        for (index, level) in axes.levels.enumerated() {
            let rounds = runs
            runs = rounds.times(level.steps)
            programs.append(
                MethodProgram(
                    name: "step_of_level_\(index + 1)_on_batches", outputs: [problem.levels[index + 1].name],
                    plan: tracked.plan(.step(level: index + 1)), runs: runs, points: runs))
            runs = runs.adding(rounds)
        }
        return programs
    }

    /// One upper iteration, at the most.
    package var iterationCost: Cost { programs.reduce(.none) { $0.adding($1.iterationCost) } }

    /// Every program with its steps, as text.
    package var text: String {
        var lines: [String] = []
        for program in programs {
            let listing = PlanListing(program.plan, outputs: program.outputs)
            lines.append(
                "\(program.name): \(program.usage), \(program.plan.precision.name); \(listing.memoryBytes.grouped) bytes of memory"
            )
            lines += listing.lines
            lines.append("")
        }
        lines.append("an iteration, at the most: \(iterationCost.text)")
        return lines.joined(separator: "\n") + "\n"
    }
}

extension MethodProgram {
    fileprivate var usage: String {
        switch runs {
        case 0: "for certificates"
        case 1: "1 run an iteration"
        default: "at most \(runs.grouped) runs an iteration"
        }
    }
}

/// How often an iteration evaluates one program.
private struct OracleUsage {
    let runs: Int
    let points: Int

    /// Counts of one hypergradient, the line search of the upper step not counted: it rarely needs a second.
    static func iteration(
        of axes: DoubleLoopConfiguration, isSingleLevel: Bool, isAnchored: Bool
    ) -> [OracleProgram: OracleUsage] {
        var usage: [OracleProgram: OracleUsage] = [.upper: OracleUsage(runs: 1, points: 1)]
        if isSingleLevel { return usage }
        var lower = Self.lowerSolve(axes.lower, isAnchored: isAnchored)
        if case .zerothOrder(let directions, _) = axes.hypergradient {
            lower = lower.mapValues {
                OracleUsage(runs: $0.runs.times(directions + 1), points: $0.points.times(directions + 1))
            }
        }
        usage.merge(lower) { first, second in
            OracleUsage(runs: first.runs.adding(second.runs), points: first.points.adding(second.points))
        }
        // The residual takes one gradient more.
        usage.merge([.lowerGradient: OracleUsage(runs: 1, points: 1)]) { first, second in
            OracleUsage(runs: first.runs.adding(second.runs), points: first.points.adding(second.points))
        }
        usage.merge(Self.derivatives(axes)) { first, second in
            OracleUsage(runs: first.runs.adding(second.runs), points: first.points.adding(second.points))
        }
        return usage
    }

    /// One solve of the lower level.
    private static func lowerSolve(_ solver: LowerSolver, isAnchored: Bool) -> [OracleProgram: OracleUsage] {
        func each(_ count: Int) -> OracleUsage { OracleUsage(runs: count, points: count) }
        let (gradient, value, both): (OracleProgram, OracleProgram, OracleProgram) =
            isAnchored
            ? (.anchoredGradient, .anchoredValue, .anchoredValueAndGradient)
            : (.lowerGradient, .lowerValue, .lowerValueAndGradient)
        switch solver {
        case .gradientDescent(let step, let steps, _):
            return step == .lineSearch ? [gradient: each(steps), value: each(steps)] : [gradient: each(steps)]
        case .rule(_, _, let steps, _), .anderson(_, _, let steps, _): return [gradient: each(steps)]
        case .accelerated(let steps, _): return [gradient: each(steps), both: each(steps), value: each(steps)]
        case .lbfgs(_, let steps, _): return [both: each(steps)]
        case .newtonCG(let steps, _):
            return [both: each(steps.adding(1)), .hessian: OracleUsage(runs: steps.times(20), points: steps)]
        case .closedForm: return [.lowerGradient: each(3), .tangent: each(1), .hessian: each(1)]
        }
    }

    /// What the hypergradient takes at the lower solution.
    private static func derivatives(_ axes: DoubleLoopConfiguration) -> [OracleProgram: OracleUsage] {
        switch axes.hypergradient {
        case .implicit(let solver):
            var usage: [OracleProgram: OracleUsage] = [
                .hessian: OracleUsage(runs: solver.products, points: 1), .mixed: OracleUsage(runs: 1, points: 1),
            ]
            if case .normalEquations(let steps, _) = solver {
                usage[.tangent] = OracleUsage(runs: steps, points: 1)
            }
            return usage
        case .unrolledReverse(let truncation, let memory):
            let kept = min(truncation ?? axes.lower.steps, axes.lower.steps)
            let again = memory == .everything ? 0 : kept
            return [
                .adjoint: OracleUsage(runs: kept, points: kept),
                .lowerGradient: OracleUsage(runs: again, points: again),
            ]
        // As many tangents as there are upper variables, at every step.
        case .unrolledForward: return [.tangent: OracleUsage(runs: axes.lower.steps, points: axes.lower.steps)]
        case .rankOne: return [.lowerGradientX: OracleUsage(runs: 1, points: 1)]
        case .differenced: return [.lowerGradientX: OracleUsage(runs: 2, points: 2)]
        case .valueGap:
            return [
                .lowerGradient: OracleUsage(runs: 1, points: 1), .lowerGradientX: OracleUsage(runs: 2, points: 2),
                .upperValue: OracleUsage(runs: 1, points: 1),
            ]
        case .moreauEnvelope:
            return [
                .lowerGradient: OracleUsage(runs: 3, points: 3), .lowerGradientX: OracleUsage(runs: 2, points: 2),
                .upper: OracleUsage(runs: 1, points: 1),
            ]
        // Two problems, each with steps that rarely go back.
        case .barrier:
            let runs = axes.lower.steps.times(2)
            return [
                .lowerValueAndGradient: OracleUsage(runs: runs, points: runs),
                .upper: OracleUsage(runs: axes.lower.steps, points: axes.lower.steps),
                .lowerGradientX: OracleUsage(runs: 2, points: 2), .lowerValue: OracleUsage(runs: 1, points: 1),
            ]
        case .aggregated:
            let each = OracleUsage(runs: axes.lower.steps, points: axes.lower.steps)
            return [.adjoint: each, .upperAdjoint: each, .upper: each]
        case .learnedStart:
            let each = OracleUsage(runs: axes.lower.steps, points: axes.lower.steps)
            return [.adjoint: each, .upperValue: each, .upper: OracleUsage(runs: 1, points: 1)]
        case .zerothOrder, .initialisation: return [:]
        }
    }
}

extension LowerSolver {
    /// Steps at the most.
    var steps: Int {
        switch self {
        case .gradientDescent(_, let steps, _), .rule(_, _, let steps, _), .lbfgs(_, let steps, _),
            .accelerated(let steps, _), .newtonCG(let steps, _), .anderson(_, _, let steps, _):
            steps
        case .closedForm: 1
        }
    }
}

extension LinearSystemSolver {
    /// Products with H at the most; of factored matrices, as many as there are unknowns.
    fileprivate var products: Int {
        switch self {
        case .conjugateGradients(let steps, _), .fixedPoint(_, let steps, _), .normalEquations(let steps, _),
            .minres(let steps, _), .gmres(_, let steps, _), .automatic(let steps, _):
            steps
        case .bicgstab(let steps, _): steps.times(2)
        case .neumann(_, let terms): terms.adding(1)
        case .cholesky, .lu: LinearSystemSolver.directLimit
        }
    }
}

extension OracleProgram {
    /// The name in reports.
    var name: String {
        switch self {
        case .lowerGradient: "lower_gradient"
        case .lowerValueAndGradient: "lower_value_and_gradient"
        case .lowerValue: "lower_value"
        case .hessian: "hessian_product"
        case .mixed: "mixed_product"
        case .adjoint: "adjoint_products"
        case .upper: "upper_value_and_gradients"
        case .upperValue: "upper_value"
        case .anchoredGradient: "anchored_gradient"
        case .anchoredValueAndGradient: "anchored_value_and_gradient"
        case .anchoredValue: "anchored_value"
        case .tangent: "tangent_product"
        case .lowerGradientX: "lower_gradient_in_upper"
        case .upperAdjoint: "upper_adjoint_products"
        }
    }
}

/// What the outputs of programs are called.
private struct OutputNames {
    let upper: [String]
    let lower: [String]

    init(_ problem: MultilevelProblem) {
        upper = problem.upper.variables.map(\.name)
        lower = problem.isSingleLevel ? [] : problem.lower.variables.map(\.name)
    }

    func outputs(of program: OracleProgram) -> [String] {
        let gradient = lower.map { "g_\($0)" }
        let hessian = lower.map { "Hv_\($0)" }
        let mixed = upper.map { "Jv_\($0)" }
        return switch program {
        case .lowerGradient, .anchoredGradient: gradient
        case .lowerValueAndGradient, .anchoredValueAndGradient: ["g"] + gradient
        case .lowerValue, .anchoredValue: ["g"]
        case .hessian: hessian
        case .mixed: mixed
        case .adjoint, .upperAdjoint: hessian + mixed
        case .upper: ["f"] + (lower + upper).map { "f_\($0)" }
        case .upperValue: ["f"]
        case .tangent: hessian
        case .lowerGradientX: upper.map { "g_\($0)" }
        }
    }
}
