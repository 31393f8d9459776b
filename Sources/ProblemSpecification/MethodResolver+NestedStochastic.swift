// Steps on batches at every level: the method's own axes, what "levels" says of single ones, and refusals.
import ExpressionLanguage
import MultilevelOptimization
import Solvers

extension MethodResolver {
    /// The configuration of `tsg`.
    mutating func nestedStochastic(_ reason: String) -> MethodConfiguration? {
        let name = Preset.tsg.rawValue
        let facts = ProblemFacts(built.problem)
        guard facts.nesting != nil || facts.isFixedPoint else {
            let count = built.problem.levels.count == 1 ? "one level" : "two levels with objectives"
            refuse(
                "name", "the problem has \(count), and \(name) is for three or more, or for a fixed point",
                built.problem.isSingleLevel ? "use auto" : "use stocbio, amigo, soba or saba")
            return nil
        }
        refuseSets(name)
        refuseBatches()
        refuseOtherChoices(name)
        guard let levels = levelSteps(name) else { return nil }
        let inverse = inverse(name)
        let upper = batchUpperStep(name)
        guard let inverse, let upper, !diagnostics.hasErrors else { return nil }
        return MethodConfiguration(
            name: name, reason: reason,
            algorithm: .nestedStochastic(
                NestedStochasticConfiguration(levels: levels, inverse: inverse, upper: upper)))
    }

    /// What batches cannot estimate. A map is always taken on all rows.
    private mutating func refuseBatches() {
        for (level, fault) in zip(built.problem.levels, built.samplingFaults) where level.fixedPoint == nil {
            if let fault { diagnostics.report(.error, fault) }
        }
        for fault in built.batchFaults { diagnostics.report(.error, fault) }
    }

    private mutating func refuseOtherChoices(_ name: String) {
        let (lower, upper, linear) = (request.lowerSolver, request.upperStep, request.linearSolver)
        for (field, isAsked) in [
            ("lower_solver", lower.name != nil && lower.name != .sgd), ("lower_solver/memory", lower.memory != nil),
            ("lower_solver/tolerance", lower.tolerance != nil), ("lower_solver/momentum", lower.momentum != nil),
            ("lower_solver/growth", lower.growth != nil),
            ("lower_solver/warm_start", lower.warmStart == false), ("lower_solver", lower.adam != AdamRequest()),
            ("linear_solver/tolerance", linear.tolerance != nil), ("linear_solver/restart", linear.restart != nil),
            ("linear_solver/warm_start", linear.warmStart == true),
            ("upper_step/momentum", (upper.momentum ?? 0) != 0), ("upper_step/memory", upper.memory != nil),
            ("upper_step", upper.adam != AdamRequest() || (upper.name != nil && upper.name != .projectedGradient)),
        ] where isAsked {
            refuse(
                field, "\(name) takes given numbers of plain steps on batches",
                "see its parameters in `stackelberg methods`")
        }
        if let other = request.hypergradient.name, other != .implicit {
            refuse("hypergradient", "\(name) differentiates implicitly", "use unrolled to follow steps")
        } else if request.hypergradient != HypergradientRequest(name: request.hypergradient.name) {
            refuse("hypergradient", "\(name) differentiates implicitly", "give its name alone, or leave it out")
        }
        if let estimator = request.estimator, estimator != .sgd {
            refuse("estimator", "\(name) takes the batches' own gradients", "use sgd, or leave estimator out")
        }
        refuseEstimation(beside: nil)
    }

    private mutating func levelSteps(_ name: String) -> [LevelSteps]? {
        guard let asked = levelEntries() else { return nil }
        var result: [LevelSteps] = []
        for (index, level) in built.problem.responding.enumerated() {
            let entry = asked.isEmpty ? nil : asked[index]
            if let entry, (entry.hypergradient ?? .implicit) != .implicit || entry.solver == .newton {
                report(
                    entry.pointer, "\(name) takes steps at level \(level.name) and differentiates implicitly",
                    "give solver.step and solver.steps alone, or use implicit")
                return nil
            }
            let isMap = level.fixedPoint != nil
            if let entry, let solver = entry.solver, (solver == .fixedPoint) != isMap {
                report(
                    entry.pointer, "level \(level.name) has \(isMap ? "a map, no objective" : "an objective, no map")",
                    "use \(isMap ? "fixed-point" : "gradient-descent")")
                return nil
            }
            let step = entry?.step ?? request.lowerSolver.step
            let field = entry?.step == nil ? "lower_solver/step" : "levels"
            let rule = stepRule(step, field, exponent: NestedStochasticConfiguration.lowerExponent)
            guard let rule else { return nil }
            result.append(LevelSteps(step: rule, steps: entry?.steps ?? request.lowerSolver.steps ?? 1))
        }
        return result
    }

    private mutating func stepRule(_ step: StepRequest?, _ field: String, exponent: Double) -> StepRule? {
        guard let step, step != .automatic else { return .automatic(exponent: exponent) }
        return schedule(step, field).map(StepRule.given)
    }

    private mutating func inverse(_ name: String) -> BatchInverse? {
        let asked = request.linearSolver
        let steps = asked.steps ?? NestedStochasticConfiguration.defaultProducts
        switch asked.name {
        case nil, .cg, .gmres:
            if asked.step != nil {
                refuse("linear_solver/step", "only a Neumann series has a step", "use neumann, or leave step out")
                return nil
            }
            return .krylov(steps: steps)
        case .neumann: return .neumann(step: asked.step, terms: steps)
        case .fixedPoint, .normalEquations, .minres, .bicgstab, .cholesky, .lu, .identity, .rankOne, .adamIdentity,
            .randomisedNeumann, .sgd:
            refuse(
                "linear_solver",
                "\(name) has conjugate gradients (GMRES where a matrix is not symmetric) and Neumann series",
                "use cg or neumann, or leave linear_solver out")
            return nil
        }
    }

    private mutating func batchUpperStep(_ name: String) -> BatchUpperStep? {
        if request.upperStep.step == .lineSearch { return .lineSearch }
        let rule = stepRule(
            request.upperStep.step, "upper_step/step", exponent: NestedStochasticConfiguration.upperExponent)
        return rule.map(BatchUpperStep.schedule)
    }
}
