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
    case tangent, lowerGradientX, upperAdjoint

    /// What minimising and implicit differentiation take.
    private static let basic: [OracleProgram] = [
        .lowerGradient, .lowerValueAndGradient, .lowerValue, .hessian, .mixed, .upper, .upperValue,
    ]

    /// The programs that a run may compile, in the precision of each. The reference evaluation, which opens and closes
    /// every run in float64, takes the basic ones; a single level has neither products nor a lower objective, and the
    /// reference of nested problems has programs of its own. Double loops take the same in their own precision, and
    /// what their axes ask for; SOBA has a program of its own.
    static func compiled(
        for problem: MultilevelProblem, _ derivatives: BilevelGraph, by configuration: MethodConfiguration
    ) -> [(program: OracleProgram, precision: Precision)] {
        let usual: [OracleProgram] = problem.isSingleLevel ? [.upper, .upperValue] : basic
        func steps(_ precision: Precision) -> [OracleProgram] {
            BilevelGraph.isWorthAnchoring(derivatives, in: precision) ? anchored : []
        }
        let reference = problem.isNested ? [] : usual + steps(.float64)
        var own: [OracleProgram] = []
        switch configuration.algorithm {
        case .doubleLoop(let axes):
            let isOther = problem.precision != .float64 || problem.isNested
            own = isOther ? usual + steps(problem.precision) : []
            if !problem.isSingleLevel { own += special(axes) }
        case .soba, .stochastic, .nested, .nestedStochastic: break
        }
        return reference.map { ($0, .float64) } + own.map { ($0, problem.precision) }
    }

    /// What only some choices take.
    private static func special(_ axes: DoubleLoopConfiguration) -> [OracleProgram] {
        var programs: [OracleProgram] = []
        switch axes.hypergradient {
        case .unrolledReverse, .learnedStart: programs.append(.adjoint)
        case .aggregated: programs += [.adjoint, .upperAdjoint]
        case .unrolledForward: programs.append(.tangent)
        case .implicit(.normalEquations), .implicit(.automatic): programs.append(.tangent)
        case .rankOne, .differenced, .valueGap, .moreauEnvelope, .barrier: programs.append(.lowerGradientX)
        case .implicit, .initialisation, .zerothOrder: break
        }
        if case .closedForm = axes.lower, !programs.contains(.tangent) { programs.append(.tangent) }
        return programs
    }
}

extension BilevelGraph {
    /// Plans a program. What moves before every evaluation is the tangent of products, else the lower point (its only
    /// point, where there is one level).
    func plan(_ program: OracleProgram, in precision: Precision) -> ProgramPlan {
        let slots: [InputSlot]
        switch program {
        case .hessian, .mixed, .adjoint, .upperAdjoint: slots = [.steady("x", x), .steady("y", y), .everyRun("v", v)]
        case .tangent: slots = [.steady("x", x), .steady("y", y), .everyRun("v", v + u)]
        case .lowerGradient, .lowerValueAndGradient, .lowerValue, .upper, .upperValue, .lowerGradientX:
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
        case .tangent: tangentProduct
        case .lowerGradientX: lowerGradientX
        case .upperAdjoint: upperHessianProduct + upperMixedProduct
        }
    }
}
