// The programs that evaluate a bilevel problem on all of its data: what each computes, and which a method compiles.
import ExpressionGraph

/// One program of a ``BilevelOracle``.
enum OracleProgram: CaseIterable {
    case lowerGradient, lowerValueAndGradient, lowerValue, hessian, mixed, adjoint, upper, upperValue

    /// The programs that a run may compile. The reference evaluation, which opens and closes every run, takes all but
    /// the joint product of the reverse sweep; a single level has neither products nor a lower objective.
    static func compiled(for problem: MultilevelProblem, by configuration: MethodConfiguration) -> [OracleProgram] {
        if problem.isSingleLevel { return [.upper, .upperValue] }
        let unrolls: Bool
        switch configuration.algorithm {
        case .doubleLoop(let axes):
            if case .unrolledReverse = axes.hypergradient { unrolls = true } else { unrolls = false }
        case .soba: unrolls = false
        }
        return unrolls ? allCases : allCases.filter { $0 != .adjoint }
    }
}

extension BilevelGraph {
    /// Plans a program. What moves before every evaluation is the tangent of products, else the lower point (its only
    /// point, where there is one level).
    func plan(_ program: OracleProgram) -> ProgramPlan {
        let slots: [InputSlot]
        switch program {
        case .hessian, .mixed, .adjoint: slots = [.steady("x", x), .steady("y", y), .everyRun("v", v)]
        case .lowerGradient, .lowerValueAndGradient, .lowerValue, .upper, .upperValue:
            slots = y.isEmpty ? [.everyRun("x", x)] : [.steady("x", x), .everyRun("y", y)]
        }
        return ProgramPlan(graph, outputs: outputs(of: program), slots: slots)
    }

    private func outputs(of program: OracleProgram) -> [NodeID] {
        switch program {
        case .lowerGradient: lowerGradient
        case .lowerValueAndGradient: [lowerValue] + lowerGradient
        case .lowerValue: [lowerValue]
        case .hessian: hessianProduct
        case .mixed: mixedProduct
        case .adjoint: hessianProduct + mixedProduct
        case .upper: [upperValue] + upperGradientY + upperGradientX
        case .upperValue: [upperValue]
        }
    }
}
