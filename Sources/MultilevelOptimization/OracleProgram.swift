// The programs that evaluate a bilevel problem on all of its data: what each computes, and which a method compiles.
import ExpressionGraph
import Tensors

/// One program of a ``BilevelOracle``.
enum OracleProgram: CaseIterable {
    case lowerGradient, lowerValueAndGradient, lowerValue, hessian, mixed, adjoint, upper, upperValue
    /// Of steps from an anchor, where that pays.
    case anchoredGradient, anchoredValueAndGradient, anchoredValue

    static let anchored: [OracleProgram] = [.anchoredGradient, .anchoredValueAndGradient, .anchoredValue]

    var isAnchored: Bool { Self.anchored.contains(self) }

    /// The programs that a run may compile, in the precision of each. The reference evaluation, which opens and closes
    /// every run in float64, takes all but the joint product of the reverse sweep; a single level has neither products
    /// nor a lower objective. Double loops take the same in their own precision; SOBA has a program of its own.
    static func compiled(
        for problem: MultilevelProblem, _ derivatives: BilevelGraph, by configuration: MethodConfiguration
    ) -> [(program: OracleProgram, precision: Precision)] {
        if problem.isNested { return [] }
        let seldom = [.adjoint] + (BilevelGraph.isWorthAnchoring(derivatives, in: .float64) ? [] : anchored)
        let reference = problem.isSingleLevel ? [.upper, .upperValue] : allCases.filter { !seldom.contains($0) }
        var own: [OracleProgram] = []
        switch configuration.algorithm {
        case .doubleLoop(let axes):
            own = problem.precision == .float64 ? [] : reference.filter { !$0.isAnchored }
            if problem.precision != .float64 && BilevelGraph.isWorthAnchoring(derivatives, in: problem.precision) {
                own += anchored
            }
            if case .unrolledReverse = axes.hypergradient, !problem.isSingleLevel { own.append(.adjoint) }
        case .soba, .nested: break
        }
        return reference.map { ($0, .float64) } + own.map { ($0, problem.precision) }
    }
}

extension BilevelGraph {
    /// Plans a program. What moves before every evaluation is the tangent of products, else the lower point (its only
    /// point, where there is one level).
    func plan(_ program: OracleProgram, in precision: Precision) -> ProgramPlan {
        let slots: [InputSlot]
        switch program {
        case .hessian, .mixed, .adjoint: slots = [.steady("x", x), .steady("y", y), .everyRun("v", v)]
        case .lowerGradient, .lowerValueAndGradient, .lowerValue, .upper, .upperValue:
            slots = y.isEmpty ? [.everyRun("x", x)] : [.steady("x", x), .everyRun("y", y)]
        case .anchoredGradient, .anchoredValueAndGradient, .anchoredValue:
            slots = [.steady("x", x), .steady("anchor", anchored?.anchor ?? []), .everyRun("y", y)]
        }
        return ProgramPlan(graph, outputs: outputs(of: program), slots: slots, precision: precision)
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
        case .anchoredGradient: anchored?.gradient ?? lowerGradient
        case .anchoredValueAndGradient: anchored.map { [$0.value] + $0.gradient } ?? [lowerValue] + lowerGradient
        case .anchoredValue: [anchored?.value ?? lowerValue]
        }
    }
}
