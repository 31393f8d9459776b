// The directions of all levels at points that follow their levels instead of solving them: the graph of nested best
// responses, in which a response has its present value and, there, the derivative of a solution.
import ExpressionGraph
import Solvers
import Tensors

/// By level, how many rows of every sample axis its objective sees.
struct RowCounts: Hashable {
    let counts: [[AxisID: Int]]
}

/// G_i, the step of each level, and products with dG_i/dx_i, as nodes.
///
/// `solution` nodes begin at an input, their level's present point, which ``TrackedSolver`` takes for the solution. So
/// G_i = ∂f_i/∂x_i + Σ_{l > i} (dx_l/dx_i)ᵀ ∂f_i/∂x_l with dx_l/dx_i by linear solves at the present points, third and
/// higher derivatives included.
struct TrackedGraph {
    private(set) var graph: Graph
    /// The variables of each level, where directions are taken; and the present points of levels 1 … n−1.
    let variables: [NodeID]
    let present: [NodeID]
    /// G_i; of a fixed point, x_i − Φ(x_i).
    let directions: [NodeID]
    /// x_i after a step of length ``length``, of levels 1 … n−1; of a fixed point, P(Φ(x_i)).
    let moved: [NodeID]
    let length: NodeID
    /// Of levels 1 … n−1.
    let equilibria: [Equilibrium]
    /// f_0 at the present points.
    let value: NodeID
    /// Data, and starts that are not one number throughout.
    let shared: [(node: NodeID, memory: DataMemory)]
    /// What shows levels the rows that they draw.
    let drawn: [DrawnInput]

    init(_ problem: MultilevelProblem, _ rows: RowCounts) {
        let whole = WholeProblem(problem, problem.implicitResponses, rows: rows.counts)
        var graph = whole.graph
        let count = problem.levels.count
        let present = whole.variables.dropFirst().map { variable in
            graph.addInput("present \(variable)", shape: graph.shape(variable), role: .value)
        }
        let length = graph.addInput("length", shape: .scalar, role: .value)
        var functions: [Int: LevelFunction] = [:]
        var directions: [NodeID] = []
        var moved: [NodeID] = []
        var value = whole.objectives[0]
        for level in stride(from: count - 1, through: 0, by: -1) {
            let deeper = Self.respond(whole, functions, present, in: &graph, below: level)
            let own = whole.variables[level]
            let objective = graph.substitute([whole.smooth[level]], deeper)[0]
            let map = whole.maps[level].map { graph.substitute([$0], deeper)[0] }
            if let map {
                directions.append(graph.subtract(own, map))
            } else {
                graph.cancelsTerms = true
                directions.append(graph.gradient(of: objective, at: [own])[0])
                graph.cancelsTerms = false
            }
            if level == 0 {
                value = objective
            } else {
                moved.append(LevelFunction.step(whole, level, objective, map, length: length, in: &graph))
                functions[level] = LevelFunction(whole, level, deeper, in: &graph)
            }
        }
        equilibria = (1..<count).compactMap { functions[$0]?.equilibrium }
        self.graph = graph
        variables = whole.variables
        self.present = present
        self.directions = directions.reversed()
        self.moved = moved.reversed()
        self.length = length
        self.value = value
        shared = whole.shared
        drawn = whole.drawn
    }

    /// The responses of all levels below one, at their present points.
    private static func respond(
        _ whole: WholeProblem, _ functions: [Int: LevelFunction], _ present: [NodeID], in graph: inout Graph,
        below level: Int
    ) -> [NodeID: NodeID] {
        var responses: [NodeID: NodeID] = [:]
        for deeper in (level + 1)..<max(whole.variables.count, level + 1) {
            guard let function = functions[deeper] else { continue }
            let captures = graph.substitute(function.captures, responses)
            responses[whole.variables[deeper]] = function.respond(
                captures, from: present[deeper - 1], whole, deeper, in: &graph)
        }
        return responses
    }

    /// One program's outputs: a level's direction and what else its step takes.
    func plan(_ task: TrackedTask) -> ProgramPlan {
        var graph = graph
        let inputs = variables + present
        switch task {
        case .outer:
            return ProgramPlan(graph, outputs: [directions[0], value], slots: [.everyRun("points", inputs)])
        case .value: return ProgramPlan(graph, outputs: [value], slots: [.everyRun("points", inputs)])
        case .step(let level):
            return ProgramPlan(graph, outputs: [moved[level - 1]], slots: [.everyRun("points", inputs + [length])])
        case .product(let level):
            let own = variables[level]
            let tangent = graph.addInput("tangent", shape: graph.shape(own), role: .value)
            let product = graph.linearize([directions[level]], along: [own: tangent])[0]
            return ProgramPlan(graph, outputs: [product], slots: [.everyRun("points", inputs + [tangent])])
        }
    }

    /// The input that ``plan(_:)`` adds for tangents: the first after all that the graph has.
    var tangent: NodeID {
        var graph = graph
        return graph.addInput("tangent", shape: .scalar, role: .value)
    }
}

/// What is evaluated on batches.
enum TrackedTask: Hashable {
    /// G_0 and f_0.
    case outer
    /// f_0.
    case value
    /// The point after a step of a level below.
    case step(level: Int)
    /// dG_i/dx_i v, for step sizes.
    case product(level: Int)
}
