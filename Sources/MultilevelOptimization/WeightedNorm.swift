// What a level's problem takes from the levels above besides its objective: the weights of norms, and starts.
import ExpressionGraph
import Solvers
import Tensors

/// A norm of one variable that a level adds to its objective; its weight is a formula of data and shallower variables.
package struct WeightedNorm: Sendable, Equatable {
    /// The variable's index in the level.
    package let variable: Int
    package let norm: ProximalTerm.Norm
    /// One number for each entry of the variable, or for each group.
    package let weight: NodeID

    package init(variable: Int, norm: ProximalTerm.Norm, weight: NodeID) {
        self.variable = variable
        self.norm = norm
        self.weight = weight
    }
}

/// A start that is a formula of data and shallower variables.
package struct StartFormula: Sendable, Equatable {
    /// The variable's index in the level.
    package let variable: Int
    /// Of the variable's shape.
    package let node: NodeID

    package init(variable: Int, node: NodeID) {
        self.variable = variable
        self.node = node
    }
}

/// Formulas of the outermost variables x as one function, with the transpose of its derivative. Compiled on first use.
/// Not thread-safe.
final class UpperFormulas {
    private let problem: MultilevelProblem
    private let graph: Graph
    private let nodes: [NodeID]
    private let cotangents: [NodeID]
    private let products: [NodeID]
    private var forward: Program?
    private var reverse: Program?

    /// - Parameter nodes: of the problem's graph, depending on x and data alone.
    init(_ problem: MultilevelProblem, _ nodes: [NodeID]) {
        var graph = problem.graph
        var ones: [NodeID: NodeID] = [:]
        for axis in problem.axes { ones[axis.expansion] = graph.constant(1, shape: graph.shape(axis.expansion)) }
        let values = graph.substitute(nodes, ones)
        let cotangents = values.map { node in
            graph.addInput("cotangent of \(node.index)", shape: graph.shape(node), role: .value)
        }
        var seeds: [NodeID: NodeID] = [:]
        for (value, cotangent) in zip(values, cotangents) {
            seeds[value] = seeds[value].map { graph.add($0, cotangent) } ?? cotangent
        }
        products = graph.transpose(seeds, at: problem.upper.variables.map(\.node))
        self.problem = problem
        self.nodes = values
        self.cotangents = cotangents
        self.graph = graph
    }

    /// Bytes of both programs, planned and forgotten.
    var memoryBytes: Int {
        [nodes, products].reduce(0) { $0.adding(ProgramPlan(graph, outputs: $1).memoryBytes) }
    }

    /// Bytes of the programs compiled so far.
    var compiledBytes: Int { [forward, reverse].compactMap { $0?.plan.memoryBytes }.reduce(0, +) }

    /// What each formula's value is at x.
    func values(at x: [Double]) -> [[Double]] {
        let program = forward ?? compile(nodes)
        forward = program
        write(x, to: program)
        program.run()
        return nodes.indices.map { Array(program.result($0)) }
    }

    /// result += Σ (∂formula/∂x)ᵀ cotangent at x.
    func addTransposed(_ cotangents: [[Double]], at x: [Double], to result: inout [Double]) {
        let program = reverse ?? compile(products)
        reverse = program
        write(x, to: program)
        for (node, values) in zip(self.cotangents, cotangents) { program.write(values, to: node) }
        program.run()
        for index in products.indices {
            let first = problem.upper.entries(of: index).lowerBound
            for (offset, value) in program.result(index).enumerated() { result[first + offset] += value }
        }
    }

    private func compile(_ outputs: [NodeID]) -> Program {
        let program = Program(graph, outputs: outputs)
        for array in problem.data { program.bind(array.node, to: array.value.memory(in: .float64)) }
        return program
    }

    private func write(_ x: [Double], to program: Program) {
        for (variable, values) in problem.upper.parts(of: x) { program.write(Array(values), to: variable.node) }
    }
}
