// An n-level problem as one graph: every level's best response, or what its steps lead to, is a node, so that F and its
// hypergradient are functions of the outermost variables alone. Made from the innermost level outwards.
import ExpressionGraph
import Solvers
import Tensors

/// F, ∇F and all responses as nodes of one graph over the outermost variables.
struct NestedGraph {
    private(set) var graph = Graph()
    /// The outermost variables as one vector, [p].
    let upper: NodeID
    /// The responses of levels 1 … n−1, each a vector.
    let responses: [NodeID]
    /// Of the levels that are solved; `nil` for those whose steps are followed.
    let equilibria: [Equilibrium?]
    let value: NodeID
    /// ∇F, [p].
    let hypergradient: NodeID
    /// Every level's own objective at the responses, norms included.
    let objectives: [NodeID]
    /// Of each unrolled level, ‖P(x − ∇f) − x‖₂, or ‖P(Φ(x)) − x‖₂ of a fixed point, with the levels below as they
    /// respond; `nil` for levels that are solved, whose solver knows it.
    let residuals: [NodeID?]
    /// The objectives, the responses, and the residuals of unrolled levels: what an evaluation reads.
    var values: [NodeID] { objectives + responses + residuals.compactMap { $0 } }
    /// Levels whose responses depend on nothing that the outermost level decides.
    let fixedLevels: Set<Int>
    /// Levels whose followed steps are ``AnchoredSteps``.
    let anchoredLevels: Set<Int>
    /// Inputs and the arrays they read in place: data, and starts that are not one number throughout.
    let shared: [(node: NodeID, memory: DataMemory)]

    init(_ problem: MultilevelProblem, _ rules: [ResponseRule]) {
        let whole = WholeProblem(problem, rules)
        var graph = whole.graph
        var functions: [Int: LevelFunction] = [:]
        // From the innermost level outwards: the response to the levels above as a function of theirs.
        for level in stride(from: problem.levels.count - 1, through: 1, by: -1) {
            let deeper = Self.respond(whole, functions, in: &graph, below: level)
            functions[level] = LevelFunction(whole, level, deeper, in: &graph)
        }
        let responses = Self.respond(whole, functions, in: &graph, below: 0)
        let values = graph.substitute(whole.objectives, responses)
        upper = whole.variables[0]
        self.responses = (1..<problem.levels.count).map { responses[whole.variables[$0]] ?? whole.variables[$0] }
        equilibria = (1..<problem.levels.count).map { functions[$0]?.equilibrium }
        residuals = (1..<problem.levels.count).map { level in
            guard let difference = functions[level]?.residual else { return nil }
            let residual = graph.substitute([difference], responses)[0]
            let square = graph.dot(residual, residual)
            return graph.unary(.squareRoot, square)
        }
        let moves = graph.dependents(of: [upper])
        let nodes = self.responses
        fixedLevels = Set((1..<problem.levels.count).filter { !moves[nodes[$0 - 1].index] })
        anchoredLevels = Set((1..<problem.levels.count).filter { functions[$0]?.isAnchored ?? false })
        value = values[0]
        objectives = values
        graph.cancelsTerms = true
        hypergradient = graph.gradient(of: values[0], at: [upper])[0]
        shared = whole.shared
        self.graph = graph
    }

    /// The responses of all levels below one, given the variables of the levels down to it.
    static func respond(
        _ whole: WholeProblem, _ functions: [Int: LevelFunction], in graph: inout Graph, below level: Int
    ) -> [NodeID: NodeID] {
        var responses: [NodeID: NodeID] = [:]
        for deeper in (level + 1)..<max(whole.variables.count, level + 1) {
            guard let function = functions[deeper] else { continue }
            let captures = graph.substitute(function.captures, responses)
            let start = graph.substitute([whole.starts[deeper]], responses)[0]
            responses[whole.variables[deeper]] = function.respond(captures, from: start, whole, deeper, in: &graph)
        }
        return responses
    }
}

/// One level as a function of what it captures.
struct LevelFunction {
    /// Nodes over data and the variables of the levels above.
    let captures: [NodeID]
    /// Of a level that is solved.
    let equilibrium: Equilibrium?
    /// The steps of a level that is not.
    private let loop: Loop?
    /// Whether these are ``AnchoredSteps``.
    let isAnchored: Bool
    /// What vanishes where a level whose steps are followed is solved, in the graph.
    let residual: NodeID?

    /// - Parameter deeper: the responses of the levels below.
    init(_ whole: WholeProblem, _ level: Int, _ deeper: [NodeID: NodeID], in graph: inout Graph) {
        let own = whole.variables[level]
        let objective = graph.substitute([whole.smooth[level]], deeper)[0]
        let map = whole.maps[level].map { graph.substitute([$0], deeper)[0] }
        let length = graph.addInput("step of \(level)", shape: .scalar, role: .value)
        let isMinimised = map == nil && whole.isSmooth[level]
        switch whole.rules[level] {
        case .implicit where isMinimised:
            (loop, residual, isAnchored) = (nil, nil, false)
            captures = graph.captures(of: [objective], besides: [own])
            equilibrium = Equilibrium(
                minimising: GraphFunction(objective, of: captures + [own], in: graph), level: level)
        case .implicit:
            (loop, residual, isAnchored) = (nil, nil, false)
            let step = Self.step(whole, level, objective, map, length: length, in: &graph)
            if map != nil {
                captures = graph.captures(of: [step], besides: [own])
                equilibrium = Equilibrium(
                    fixedPointOf: GraphFunction(step, of: captures + [own], in: graph), level: level)
            } else {
                let total = whole.addNorms(ofLevel: level, to: objective, in: &graph)
                captures = graph.captures(of: [total, step], besides: [own, length])
                equilibrium = Equilibrium(
                    minimising: GraphFunction(total, of: captures + [own], in: graph),
                    bySteps: GraphFunction(step, of: captures + [length, own], in: graph), level: level)
            }
        case .unrolled(_, let steps):
            let step = Self.step(whole, level, objective, map, length: length, in: &graph)
            let one = graph.constant(1)
            residual = graph.subtract(own, graph.substitute([step], [length: one])[0])
            equilibrium = nil
            var anchored: AnchoredSteps?
            if map == nil {
                let gradient = Self.gradient(whole, level, objective, in: &graph)
                anchored = AnchoredSteps(
                    whole, level, gradient: gradient, written: step, length: length, count: steps, in: &graph)
            }
            isAnchored = anchored != nil
            let taken = anchored?.step ?? step
            let parameters = graph.captures(of: [taken], besides: [own, length])
            captures = graph.substitute(parameters, anchored?.parts ?? [:])
            // The row of a step holds its length.
            let row = graph.addInput("row of \(level)", shape: Shape(sizes: [1]), role: .value)
            let number = graph.reshape(row, to: .scalar)
            let body = graph.substitute([taken], [length: number])[0]
            loop = Loop(
                body: GraphFunction(body, of: parameters + [row, own], in: graph), count: steps, level: level)
        }
    }

    /// x ← prox(x − t ∇f), or x ← P(Φ(x)).
    static func step(
        _ whole: WholeProblem, _ level: Int, _ objective: NodeID, _ map: NodeID?, length: NodeID, in graph: inout Graph
    ) -> NodeID {
        if let map { return graph.project(map, onto: whole.sets[level]) }
        let gradient = gradient(whole, level, objective, in: &graph)
        return step(whole, level, along: gradient, length: length, in: &graph)
    }

    /// ∇f, terms that cancel left out.
    private static func gradient(
        _ whole: WholeProblem, _ level: Int, _ objective: NodeID, in graph: inout Graph
    ) -> NodeID {
        graph.cancelsTerms = true
        defer { graph.cancelsTerms = false }
        return graph.gradient(of: objective, at: [whole.variables[level]])[0]
    }

    /// x ← prox(x − t d).
    static func step(
        _ whole: WholeProblem, _ level: Int, along direction: NodeID, length: NodeID, in graph: inout Graph
    ) -> NodeID {
        let own = whole.variables[level]
        let scaled = graph.multiply(graph.broadcast(length, to: graph.shape(own)), direction)
        let moved = graph.subtract(own, scaled)
        let shrunk = whole.norms[level].reduce(moved) { graph.shrink($0, by: $1, step: length) }
        return graph.project(shrunk, onto: whole.sets[level])
    }

    /// The response to these captures.
    func respond(
        _ captures: [NodeID], from start: NodeID, _ whole: WholeProblem, _ level: Int, in graph: inout Graph
    ) -> NodeID {
        if let equilibrium { return graph.solution(equilibrium, captures: captures, start: start) }
        guard let loop else { preconditionFailure("a level is solved, or its steps are followed") }
        let first = graph.project(start, onto: whole.sets[level])
        return graph.loop(
            loop, .final(0..<loop.carryCount), captures: captures, rows: whole.lengths[level], start: first)
    }
}

/// The problem with one vector for each level and no sample axes: on all of its data, or on some rows for each level.
struct WholeProblem {
    private(set) var graph = Graph()
    /// How each level responds; of the outermost, nothing is read.
    let rules: [ResponseRule]
    /// One vector for each level.
    private(set) var variables: [NodeID] = []
    /// Without norms, and with them.
    private(set) var smooth: [NodeID] = []
    private(set) var objectives: [NodeID] = []
    /// The flattened map of each level that is a fixed point.
    private(set) var maps: [Int: NodeID] = [:]
    private(set) var norms: [[NormNodes]] = []
    let sets: [ConvexSet]
    let isSmooth: [Bool]
    private(set) var starts: [NodeID] = []
    /// The lengths of each unrolled level's steps, [steps, 1].
    private(set) var lengths: [NodeID] = []
    private(set) var shared: [(node: NodeID, memory: DataMemory)] = []
    /// What shows a level the rows that it draws.
    private(set) var drawn: [DrawnInput] = []

    /// - Parameter rows: by level, how many rows of each sample axis its objective sees; all where an axis is missing.
    init(_ problem: MultilevelProblem, _ rules: [ResponseRule], rows: [[AxisID: Int]] = []) {
        precondition(rules.count == problem.levels.count - 1, "one rule for each level below the outermost")
        self.rules = [.implicit] + rules
        sets = problem.levels.map(\.constraint)
        isSmooth = problem.levels.map(\.isSmooth)
        var axes: [AxisID: Dimension] = [:]
        for axis in problem.axes { axes[axis.id] = .size(axis.rows) }
        var image: [NodeID: NodeID] = [:]
        for axis in problem.axes { image[axis.expansion] = graph.constant(1) }
        for array in problem.data {
            let node = graph.addInput(
                array.name, shape: Shape(sizes: array.value.shape), role: .data,
                storage: problem.graph.storage(ofInput: array.node))
            image[array.node] = node
            shared.append((node, array.value.memory(in: .float64)))
        }
        for level in problem.levels { addVariables(level, &image) }
        for (index, level) in problem.levels.enumerated() {
            let copied = { (graph: inout Graph, nodes: [NodeID]) in
                graph.copy(nodes, from: problem.graph, image: image, axes: axes)
            }
            addStart(level, copied(&graph, level.startFormulas.map(\.node)))
            let weights = copied(&graph, level.norms.map(\.weight))
            norms.append(
                zip(level.norms, weights).map { norm, weight in
                    NormNodes(
                        entries: level.entries(of: norm.variable), norm: norm.norm, weights: graph.flatten([weight]))
                })
            let objective =
                rows.indices.contains(index) && !rows[index].isEmpty
                ? sampled(problem, index, rows[index], image, axes) : copied(&graph, [level.objective])[0]
            smooth.append(objective)
            objectives.append(addNorms(ofLevel: index, to: smooth[index], in: &graph))
            addLengths(level, self.rules[index])
            if let map = level.fixedPoint { maps[index] = graph.flatten(copied(&graph, map)) }
        }
    }

    /// A level's objective on drawn rows, which inputs of its own show.
    private mutating func sampled(
        _ problem: MultilevelProblem, _ index: Int, _ rows: [AxisID: Int], _ image: [NodeID: NodeID],
        _ axes: [AxisID: Dimension]
    ) -> NodeID {
        var (image, axes) = (image, axes)
        for axis in problem.axes {
            guard let count = rows[axis.id] else { continue }
            axes[axis.id] = .size(count)
            image[axis.expansion] = graph.constant(Double(axis.batchCount))
        }
        let objective = problem.levels[index].objective
        for (number, array) in problem.data.enumerated() {
            let shape = problem.graph.shape(array.node)
            guard let axis = shape.axes.first(where: { rows[$0] != nil }) else { continue }
            let node = graph.addInput(
                "\(array.name) of \(problem.levels[index].name)", shape: shape.replacingAxes(axes), role: .data,
                storage: problem.graph.storage(ofInput: array.node))
            image[array.node] = node
            drawn.append(DrawnInput(node: node, level: index, axis: axis, array: number))
        }
        for variable in problem.levels.flatMap(\.variables) {
            guard let axis = variable.axis, let count = rows[axis], let whole = image[variable.node] else { continue }
            let places = graph.addInput("rows of \(variable.name)", shape: Shape(sizes: [count]), role: .data)
            image[variable.node] = graph.take(whole, indices: places, axis: 0)
            drawn.append(DrawnInput(node: places, level: index, axis: axis, array: nil))
        }
        return graph.copy([objective], from: problem.graph, image: image, axes: axes)[0]
    }

    private mutating func addVariables(_ level: Level, _ image: inout [NodeID: NodeID]) {
        let vector = graph.addInput(level.name, shape: Shape(sizes: [level.dimension]), role: .value)
        variables.append(vector)
        let parts = graph.cut(vector, into: level.variables.map { Shape(sizes: $0.shape) })
        for (variable, part) in zip(level.variables, parts) { image[variable.node] = part }
    }

    /// A level's objective with its norms.
    func addNorms(ofLevel index: Int, to smooth: NodeID, in graph: inout Graph) -> NodeID {
        norms[index].reduce(smooth) { sum, norm in
            let value = graph.value(of: norm, at: variables[index])
            return graph.add(sum, value)
        }
    }

    /// Where the level's solver begins: numbers, but for the variables whose start is a formula.
    private mutating func addStart(_ level: Level, _ formulas: [NodeID]) {
        let numbers = array("start of \(level.name)", level.start, Shape(sizes: [level.dimension]))
        if formulas.isEmpty { return starts.append(numbers) }
        var parts = graph.cut(numbers, into: level.variables.map { Shape(sizes: $0.shape) })
        for (formula, node) in zip(level.startFormulas, formulas) { parts[formula.variable] = node }
        starts.append(graph.flatten(parts))
    }

    private mutating func addLengths(_ level: Level, _ rule: ResponseRule) {
        switch rule {
        case .implicit: lengths.append(graph.constant(0))
        case .unrolled(let schedule, let steps):
            let values = (0..<steps).map { schedule.value(at: $0) }
            lengths.append(array("steps of \(level.name)", values, Shape(sizes: [steps, 1])))
        }
    }

    /// Numbers as a constant where they are all the same, else as an input that reads them.
    private mutating func array(_ name: String, _ values: [Double], _ shape: Shape) -> NodeID {
        if let first = values.first, values.allSatisfy({ $0.bitPattern == first.bitPattern }) {
            return graph.constant(first, shape: shape)
        }
        let node = graph.addInput(name, shape: shape, role: .data)
        shared.append((node, .dense(AlignedBuffer(values))))
        return node
    }
}

/// An input that shows a level the rows it draws.
struct DrawnInput {
    let node: NodeID
    let level: Int
    let axis: AxisID
    /// The array whose rows it holds; `nil` where it holds their numbers.
    let array: Int?
}

extension SampleAxis {
    /// K, the number of batches.
    var batchCount: Int { (rows + max(1, min(batch, rows)) - 1) / max(1, min(batch, rows)) }
}
