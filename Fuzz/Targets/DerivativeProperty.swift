// Derivatives and compilation of any formula: graphs and plans keep their rules, the fused plan computes the bits of the
// plain one, both modes of differentiation agree, and second derivatives are symmetric.
import ExpressionGraph
import ExpressionLanguage

struct DerivativeProperty {
    let scope: FuzzScope
    private var graph: Graph
    /// Numbers of the directions below.
    private var extra: [NodeID: [Double]] = [:]
    /// Both directions in every variable that matters.
    private var first: [NodeID: NodeID] = [:]
    private var second: [NodeID: NodeID] = [:]

    init(scope: FuzzScope, graph: Graph) {
        self.scope = scope
        self.graph = graph
    }

    mutating func check(_ expression: Expression) throws(Violation) {
        let objective = graph.sum(expression.node)
        let inputs = Set(graph.inputs(of: [objective]))
        let variables = scope.variables.filter(inputs.contains)
        for (index, variable) in variables.enumerated() {
            first[variable] = addDirection(variable, frequency: 0.7 + Double(index))
            second[variable] = addDirection(variable, frequency: 1.3 + Double(index))
        }
        let gradient = graph.gradient(of: objective, at: variables)
        try FormulaTarget.checkGraph(graph, "gradient")
        let slope = graph.linearize([objective], along: first)[0]
        let hessianFirst = graph.linearize(gradient, along: first)
        let hessianSecond = graph.linearize(gradient, along: second)
        try FormulaTarget.checkGraph(graph, "linearisation")
        let pairs = [
            (slope, inner(gradient, first, variables)),
            (inner(hessianFirst, second, variables), inner(hessianSecond, first, variables)),
        ]
        let outputs = [expression.node, objective] + gradient + hessianFirst + pairs.flatMap { [$0.0, $0.1] }
        let numbers = GraphNumbers(scope, graph, outputs: outputs, extra: extra)
        try checkPlans(outputs, numbers)
        guard let numbers, numbers.areFinite else { return }
        for (index, pair) in pairs.enumerated() where pair.0 != pair.1 {
            let values = (numbers.values(of: pair.0)[0], numbers.values(of: pair.1)[0])
            try require(
                (values.0 - values.1).magnitude <= 1e-6 * max(numbers.largest, 1e-250),
                (index == 0 ? "forward and reverse disagree: " : "the Hessian is not symmetric: ")
                    + "\(values.0) and \(values.1), largest number \(numbers.largest)")
        }
    }

    private mutating func addDirection(_ variable: NodeID, frequency: Double) -> NodeID {
        let shape = graph.shape(variable)
        let node = graph.addInput("direction", shape: shape, role: .value)
        // A deterministic spread of signs and sizes.
        extra[node] = (0..<scope.elementCount(shape)).map {
            let phase = frequency * Double($0 + 1)
            return phase.truncatingRemainder(dividingBy: 2) - 1.05
        }
        return node
    }

    private mutating func inner(
        _ values: [NodeID], _ directions: [NodeID: NodeID], _ variables: [NodeID]
    ) -> NodeID {
        var total = graph.constant(0)
        for (value, variable) in zip(values, variables) {
            guard let direction = directions[variable] else { continue }
            total = graph.add(total, graph.sum(graph.multiply(value, direction)))
        }
        return total
    }

    /// Both ways of compiling keep the rules of plans, and compute the same numbers where rounding does not decide.
    private func checkPlans(_ outputs: [NodeID], _ numbers: GraphNumbers?) throws(Violation) {
        let fused = ProgramPlan(graph, outputs: outputs)
        let plain = ProgramPlan(
            graph, outputs: outputs, options: CompilationOptions(fuses: false, pairsProducts: false))
        // The verifier looks at every place in memory.
        guard scope.canRun(fused), scope.canRun(plain) else { return }
        for plan in [fused, plain] {
            try require(plan.violations().isEmpty, "the plan: \(plan.violations().prefix(3))")
        }
        let values = scope.run(fused, extra: extra)
        let others = scope.run(plain, extra: extra)
        guard let numbers, numbers.areFinite, !numbers.dependOnRounding else { return }
        // What a last digit of every input is worth: functions such as sin(1e9 x) make much of it.
        let moved = scope.run(plain, extra: extra, factor: 1 + 1e-13)
        for index in outputs.indices {
            let worth = largestDifference(others[index], moved[index])
            let difference = largestDifference(values[index], others[index])
            try require(
                difference <= 1e3 * worth + 1e-9 * numbers.largest,
                "fused and plain differ: \(values[index]) and \(others[index])")
        }
    }

    private func largestDifference(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).map { ($0 - $1).magnitude }.max() ?? 0
    }
}
