// Methods for any number of levels: how every level below the outermost responds, from the method's own axes and from
// what "levels" says of single ones.
import ExpressionLanguage
import MultilevelOptimization
import Solvers

extension MethodResolver {
    /// The configuration of `implicit`, or of `unrolled`.
    mutating func nested(isUnrolled: Bool) -> NestedConfiguration? {
        let lower = request.lowerSolver
        let name = isUnrolled ? "unrolled" : "implicit"
        refuseSets(name)
        for (field, isAsked) in [
            ("lower_solver/memory", lower.memory != nil), ("linear_solver", request.linearSolver.isRequested),
            ("lower_solver/growth", lower.growth != nil),
            ("lower_solver/momentum", lower.momentum != nil), ("lower_solver", lower.adam != AdamRequest()),
        ] where isAsked {
            refuse(field, "\(name) has no such choice", "leave \(field.replacing("/", with: ".")) out")
        }
        if request.hypergradient != HypergradientRequest(name: request.hypergradient.name) {
            refuse(
                "hypergradient", "\(name) goes through all steps of all levels", "give its name alone, or leave it out")
        }
        if isUnrolled {
            if let asked = request.hypergradient.name, asked != .unrolledReverse {
                refuse("hypergradient", "unrolled differentiates through every level's steps", "use implicit")
            }
            if lower.name != nil && lower.name != .gradientDescent {
                refuse("lower_solver", "unrolled follows plain gradient steps", "use gradient-descent, or implicit")
            }
            for (field, isAsked) in [
                ("lower_solver/tolerance", lower.tolerance != nil), ("lower_solver/warm_start", lower.warmStart != nil),
            ] where isAsked {
                refuse(field, "unrolled takes a fixed number of steps from the start: its derivative is that of those")
            }
        } else {
            for (field, isAsked) in [
                ("lower_solver", lower.name != nil), ("lower_solver/step", lower.step != nil),
                ("lower_solver/steps", lower.steps != nil),
            ] where isAsked {
                refuse(
                    field, "implicit solves every level by Newton's method and factors or iterates by size",
                    "give lower_solver.tolerance and lower_solver.warm_start alone, or single levels' steps in levels")
            }
            if let asked = request.hypergradient.name, asked != .implicit {
                refuse(
                    "hypergradient", "implicit differentiates implicitly", "use unrolled, or single levels' in levels")
            }
        }
        guard let responses = responses(isUnrolled: isUnrolled),
            let upper = upperStep(isUnrolled ? .unrolled : .implicit, .implicit), !diagnostics.hasErrors
        else {
            return nil
        }
        return NestedConfiguration(
            tolerance: lower.tolerance ?? tolerances.lower ?? 0.1 * min(outerTolerance, 1e-11),
            followsProgress: lower.tolerance == nil && tolerances.lower == nil, upper: upper,
            warmStarts: lower.warmStart ?? true, responses: responses)
    }

    /// Refuses sets whose projection has no graph.
    mutating func refuseSets(_ name: String) {
        for (index, level) in built.problem.levels.enumerated().dropFirst() {
            guard let fault = level.constraint.graphFault(count: level.dimension) else { continue }
            diagnostics.report(
                .error,
                Diagnostic(
                    pointer: "/problem/levels/\(index)", code: .unsupported,
                    message: "\(name) does not differentiate projections onto \(fault)",
                    hint: "use boxes, balls, simplices of at most \(ConvexSet.pairLimit) entries, or affine sets"))
        }
    }

    // MARK: - Levels

    /// The entries of `levels`, one for each responding level; none where the document has none, `nil` for a wrong number.
    mutating func levelEntries() -> [LevelMethodRequest]? {
        let responding = Array(built.problem.responding)
        var asked = request.levels ?? []
        // An entry for the outermost level has nothing to say.
        if asked.count == responding.count + 1, let first = asked.first {
            if !first.isEmpty {
                report(first.pointer, "the outermost level moves by upper_step", "leave the entry empty: {}")
                return nil
            }
            asked.removeFirst()
        }
        if request.levels != nil && asked.count != responding.count {
            refuse(
                "levels", "levels has \(request.levels?.count ?? 0) entries, and \(responding.count) levels respond",
                "give one entry for each level below the outermost, outer ones first; {} for what the method does anyway"
            )
            return nil
        }
        return asked
    }

    private mutating func responses(isUnrolled: Bool) -> [ResponseRule]? {
        guard let asked = levelEntries() else { return nil }
        var rules: [ResponseRule] = []
        for (index, level) in built.problem.responding.enumerated() {
            let entry = asked.isEmpty ? nil : asked[index]
            guard let rule = rule(entry, level, isUnrolled: isUnrolled) else { return nil }
            rules.append(rule)
        }
        return rules
    }

    mutating func report(_ pointer: String, _ message: String, _ hint: String) {
        diagnostics.report(.error, Diagnostic(pointer: pointer, code: .wrongArgument, message: message, hint: hint))
    }

    private mutating func rule(_ entry: LevelMethodRequest?, _ level: Level, isUnrolled: Bool) -> ResponseRule? {
        let wantsUnrolled: Bool
        if let other = entry?.hypergradient, other != .implicit, other != .unrolledReverse {
            report(
                entry?.pointer ?? "", "\(other.rawValue) is for two levels", "use implicit, or unrolled-reverse")
            return nil
        }
        switch (entry?.hypergradient, entry?.solver) {
        case (.implicit?, .gradientDescent?), (.implicit?, .fixedPoint?), (.unrolledReverse?, .newton?):
            report(
                entry?.pointer ?? "",
                "level \(level.name) cannot have both: newton is differentiated implicitly, "
                    + "steps are unrolled", "leave out one of solver and hypergradient")
            return nil
        case (.implicit?, _), (nil, .newton?): wantsUnrolled = false
        case (_?, _), (nil, .gradientDescent?), (nil, .fixedPoint?): wantsUnrolled = true
        // Whoever gives steps wants them followed.
        case (nil, nil): wantsUnrolled = isUnrolled || entry?.step != nil || entry?.steps != nil
        }
        let pointer = entry?.pointer ?? request.pointer
        if !wantsUnrolled {
            guard entry?.step == nil, entry?.steps == nil else {
                report(pointer, "level \(level.name) is solved to tolerance, it has no steps", "use gradient-descent")
                return nil
            }
            return .implicit
        }
        let steps = entry?.steps ?? request.lowerSolver.steps ?? 100
        guard steps <= LevelMethodRequest.stepLimit else {
            refuse(
                "lower_solver/steps",
                "a level follows at most \(LevelMethodRequest.stepLimit) steps, \(steps) are asked for",
                "use implicit, which solves levels without counting steps")
            return nil
        }
        if level.fixedPoint != nil {
            guard entry?.step == nil, entry?.solver != .gradientDescent else {
                report(pointer, "level \(level.name) repeats its map, which has no step size", "use fixed-point")
                return nil
            }
            return .unrolled(step: .constant(1), steps: steps)
        }
        if entry?.solver == .fixedPoint {
            report(pointer, "level \(level.name) has an objective, no map", "use gradient-descent")
            return nil
        }
        guard let schedule = (entry?.step ?? request.lowerSolver.step)?.schedule else {
            report(
                pointer, "the steps of level \(level.name) are differentiated, so their size must be given",
                "give solver.step a number below 2 / its largest curvature, or {\"power\": …}")
            return nil
        }
        return .unrolled(step: schedule, steps: steps)
    }
}
