// An n-level problem as one graph: every level's best response is a node, so that F and its hypergradient are functions
// of the outermost variables alone. Residuals are made from the innermost level outwards.
import ExpressionGraph
import Tensors

/// F, ∇F and all responses as nodes of one graph over the outermost variables.
struct NestedGraph {
    private(set) var graph = Graph()
    /// The outermost variables as one vector, [p].
    let upper: NodeID
    /// The best responses of levels 1 … n−1, each a vector.
    let responses: [NodeID]
    let equilibria: [Equilibrium]
    let value: NodeID
    /// ∇F, [p].
    let hypergradient: NodeID
    /// Every level's own objective at the responses.
    let objectives: [NodeID]
    /// Inputs and the arrays they read in place: data, and starts that are not one number throughout.
    let shared: [(node: NodeID, buffer: AlignedBuffer)]

    init(_ problem: MultilevelProblem) {
        let whole = WholeProblem(problem)
        var graph = whole.graph
        var made: [Equilibrium] = []
        // From the innermost level outwards: the response to the levels above as a function of theirs.
        var functions: [Int: LevelFunction] = [:]
        for level in stride(from: problem.levels.count - 1, through: 1, by: -1) {
            let deeper = Self.respond(whole, functions, in: &graph, below: level)
            let function = LevelFunction(whole, level, deeper, in: &graph)
            functions[level] = function
            made.insert(function.equilibrium, at: 0)
        }
        let responses = Self.respond(whole, functions, in: &graph, below: 0)
        let values = graph.substitute(whole.objectives, responses)
        upper = whole.variables[0]
        self.responses = (1..<problem.levels.count).map { responses[whole.variables[$0]] ?? whole.variables[$0] }
        equilibria = made
        value = values[0]
        objectives = values
        graph.cancelsTerms = true
        hypergradient = graph.gradient(of: values[0], at: [upper])[0]
        shared = whole.shared
        self.graph = graph
    }

    /// The responses of all levels below one, given the variables of the levels down to it.
    private static func respond(
        _ whole: WholeProblem, _ functions: [Int: LevelFunction], in graph: inout Graph, below level: Int
    ) -> [NodeID: NodeID] {
        var responses: [NodeID: NodeID] = [:]
        for deeper in (level + 1)..<max(whole.variables.count, level + 1) {
            guard let function = functions[deeper] else { continue }
            let captures = function.captures.map { responses[$0] ?? $0 }
            responses[whole.variables[deeper]] = graph.solution(
                function.equilibrium, captures: captures, start: whole.starts[deeper])
        }
        return responses
    }

    /// One level's equilibrium as a function of what it captures.
    private struct LevelFunction {
        let captures: [NodeID]
        let equilibrium: Equilibrium

        init(_ whole: WholeProblem, _ level: Int, _ deeper: [NodeID: NodeID], in graph: inout Graph) {
            let own = whole.variables[level]
            let output = graph.substitute([whole.maps[level] ?? whole.objectives[level]], deeper)[0]
            captures = graph.captures(of: [output], besides: [own])
            let function = GraphFunction(output, of: captures + [own], in: graph)
            equilibrium =
                whole.maps[level] == nil ? Equilibrium(minimising: function) : Equilibrium(fixedPointOf: function)
        }
    }
}

/// The problem on all of its data, with one vector for each level and no sample axes.
private struct WholeProblem {
    private(set) var graph = Graph()
    /// One vector for each level.
    private(set) var variables: [NodeID] = []
    private(set) var objectives: [NodeID] = []
    /// The flattened map of each level that is a fixed point.
    private(set) var maps: [Int: NodeID] = [:]
    private(set) var starts: [NodeID] = []
    private(set) var shared: [(node: NodeID, buffer: AlignedBuffer)] = []

    init(_ problem: MultilevelProblem) {
        var axes: [AxisID: Dimension] = [:]
        for axis in problem.axes { axes[axis.id] = .size(axis.rows) }
        var image: [NodeID: NodeID] = [:]
        for axis in problem.axes { image[axis.expansion] = graph.constant(1) }
        for array in problem.data {
            let node = graph.addInput(array.name, shape: Shape(sizes: array.value.shape), role: .data)
            image[array.node] = node
            shared.append((node, array.value.denseStorage()))
        }
        for level in problem.levels { addVariables(level, &image) }
        for level in problem.levels { addStart(level) }
        for (index, level) in problem.levels.enumerated() {
            objectives += graph.copy([level.objective], from: problem.graph, image: image, axes: axes)
            guard let map = level.fixedPoint else { continue }
            let parts = graph.copy(map, from: problem.graph, image: image, axes: axes)
            maps[index] = graph.flatten(parts)
        }
    }

    private mutating func addVariables(_ level: Level, _ image: inout [NodeID: NodeID]) {
        let vector = graph.addInput(level.name, shape: Shape(sizes: [level.dimension]), role: .value)
        variables.append(vector)
        let parts = graph.cut(vector, into: level.variables.map { Shape(sizes: $0.shape) })
        for (variable, part) in zip(level.variables, parts) { image[variable.node] = part }
    }

    private mutating func addStart(_ level: Level) {
        let shape = Shape(sizes: [level.dimension])
        if let first = level.start.first, level.start.allSatisfy({ $0.bitPattern == first.bitPattern }) {
            starts.append(graph.constant(first, shape: shape))
        } else {
            let node = graph.addInput("start of \(level.name)", shape: shape, role: .data)
            starts.append(node)
            shared.append((node, AlignedBuffer(level.start)))
        }
    }
}
