// Where a problem's start sits exactly on a kink: an abs of 0, a maximum of equals. Derivatives there are a documented
// choice and not a limit of difference quotients.
import ExpressionGraph
import Tensors

/// A function with a kink, and how many of its entries are on it.
package struct Kink: Sendable, Equatable {
    /// The level whose objective holds the function.
    package let level: Int
    /// The function, as formulas spell it.
    package let function: String
    /// The function with what it is applied to, shortened.
    package let formula: String
    package let entries: Int
    /// Entries exactly on the kink.
    package let ties: Int

    package init(level: Int, function: String, formula: String, entries: Int, ties: Int) {
        self.level = level
        self.function = function
        self.formula = formula
        self.entries = entries
        self.ties = ties
    }
}

/// Looks for kinks under the objectives of all levels.
package enum KinkSurvey {
    /// Every function with a kink that has entries on it: counted in one pass over each array, the entries on a kink.
    ///
    /// - Parameters:
    ///   - points: of every level.
    ///   - memoryBytes: what the evaluation may take; `operations`: how long it may take.
    package static func run(
        _ problem: MultilevelProblem, at points: [[Double]], memoryBytes: Int, operations: Int
    ) -> Measurement<[Kink]> {
        var graph = problem.graph
        let watched = problem.levels.indices.flatMap { watchedNodes(problem, level: $0, &graph) }
        if watched.isEmpty { return .value([]) }
        let plan = ProgramPlan(graph, outputs: watched.map(\.ties))
        guard plan.memoryBytes <= memoryBytes else {
            return .skipped("takes \(plan.memoryBytes) bytes of memory, more than the \(memoryBytes) that are left")
        }
        guard plan.cost.operations <= operations else {
            return .skipped("takes \(plan.cost.operations) operations, more than the \(operations) that are left")
        }
        let program = Program(plan)
        for array in problem.data { program.bind(array.node, to: array.value.memory(in: .float64)) }
        for axis in problem.axes { program.write(1, to: axis.expansion) }
        for (level, point) in zip(problem.levels, points) {
            for part in level.parts(of: point) { program.write(Array(part.values), to: part.variable.node) }
        }
        program.run()
        let found = watched.enumerated().compactMap { index, kink -> Kink? in
            let ties = Int(program.scalar(index))
            guard ties > 0 else { return nil }
            let entries = graph.shape(kink.operand).elementCount { graph.axes[$0.index].rows } ?? .max
            return Kink(
                level: kink.level, function: kink.name, formula: graph.formula(kink.node, depth: formulaDepth),
                entries: entries, ties: ties)
        }
        return .value(found)
    }

    private static let formulaDepth = 4

    private struct Watched {
        let level: Int
        let node: NodeID
        let name: String
        let operand: NodeID
        /// The number of entries on the kink.
        let ties: NodeID
    }

    /// Kinked functions of variables under a level's objective.
    private static func watchedNodes(_ problem: MultilevelProblem, level: Int, _ graph: inout Graph) -> [Watched] {
        let varies = problem.graph.dependents(of: problem.levels.flatMap(\.variables).map(\.node))
        var result: [Watched] = []
        for id in problem.graph.reachable(from: [problem.levels[level].objective]) where varies[id.index] {
            guard let kind = KinkKind(graph.operation(id)),
                graph[id].operands.contains(where: { varies[$0.index] })
            else { continue }
            result.append(
                Watched(
                    level: level, node: id, name: kind.name, operand: graph[id].operands[0],
                    ties: kind.ties(of: id, &graph)))
        }
        return result
    }
}

/// How a function is kinked.
private enum KinkKind {
    /// At 0.
    case zero(String)
    /// Where two arguments are equal.
    case equal(String)
    /// Where more than one entry along a dimension is the largest or smallest.
    case extremum(String)

    init?(_ operation: Operation) {
        switch operation {
        case .unary(.absolute): self = .zero("abs")
        case .unary(.relu): self = .zero("relu")
        case .unary(.sign): self = .zero("sign")
        case .unary(.squareRoot): self = .zero("sqrt")
        case .unary(.isPositive): self = .zero("> 0")
        case .binary(.minimum): self = .equal("minimum")
        case .binary(.maximum): self = .equal("maximum")
        case .binary(.less): self = .equal("<")
        case .binary(.lessEqual): self = .equal("<=")
        case .binary(.equal): self = .equal("==")
        case .extremum(.maximum, _): self = .extremum("max")
        case .extremum(.minimum, _): self = .extremum("min")
        case .unary(.negate), .unary(.square), .unary(.reciprocal), .unary(.exp), .unary(.expm1), .unary(.log),
            .unary(.log1p), .unary(.sin), .unary(.cos), .unary(.tan), .unary(.tanh), .unary(.sigmoid),
            .unary(.softplus), .unary(.erf), .binary(.add), .binary(.multiply), .binary(.divide), .binary(.power),
            .input, .constant, .select, .broadcast, .sumTo, .logSumExp, .softmax, .cumulativeSum, .matmul,
            .sparseProduct, .factor, .factoredSolve, .logDeterminant, .transpose, .reshape, .slice, .pad, .concatenate,
            .take, .takeAdd, .oneHot, .function:
            return nil
        }
    }

    var name: String {
        switch self {
        case .zero(let name), .equal(let name), .extremum(let name): name
        }
    }

    /// Σ of 1 over the entries on the kink of `node`. NaN is on none.
    func ties(of node: NodeID, _ graph: inout Graph) -> NodeID {
        let operands = graph[node].operands
        let shape = graph.shape(operands[0])
        switch self {
        case .zero:
            let zero = graph.constant(0, shape: shape)
            return count(graph.binary(.equal, operands[0], zero), &graph)
        case .equal: return count(graph.binary(.equal, operands[0], operands[1]), &graph)
        case .extremum:
            // Each extremum is attained once without being a tie.
            let best = graph.broadcast(node, to: shape)
            let attained = count(graph.binary(.equal, operands[0], best), &graph)
            let expected = count(graph.binary(.equal, node, node), &graph)
            return graph.subtract(attained, expected)
        }
    }

    private func count(_ marks: NodeID, _ graph: inout Graph) -> NodeID { graph.sum(marks) }
}
