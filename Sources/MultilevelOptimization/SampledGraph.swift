// One batch of each level's samples in place of all: the graph that a stochastic iteration computes.
import ExpressionGraph
import Solvers

/// The axes, data and weights of one level under its own draw.
struct LevelDraw {
    /// For every axis the level samples: the drawn axis and the input of its weight.
    struct Axis {
        let source: SampleAxis
        let drawn: AxisID
        let weight: NodeID
    }
    var axes: [Axis] = []
    /// Inputs for the drawn rows of data arrays, and the arrays they view.
    var inputs: [(node: NodeID, array: DataArray)] = []
}

/// A bilevel problem with one draw for each level.
struct SampledGraph {
    let derivatives: BilevelGraph
    let lower: LevelDraw
    let upper: LevelDraw

    init(_ problem: MultilevelProblem) {
        var graph = problem.graph
        let lower = Self.sample(problem, level: 1, in: &graph)
        let upper = Self.sample(problem, level: 0, in: &graph)
        derivatives = BilevelGraph(
            graph, lower: lower.objective, upper: upper.objective, x: problem.upper.variables.map(\.node),
            y: problem.lower.variables.map(\.node))
        self.lower = lower.draw
        self.upper = upper.draw
    }

    /// Rebuilds a level's objective on drawn rows. Sums that involve no variable keep all rows: they are data.
    private static func sample(
        _ problem: MultilevelProblem, level: Int, in graph: inout Graph
    ) -> (objective: NodeID, draw: LevelDraw) {
        let objective = problem.levels[level].objective
        var draw = LevelDraw()
        var replacements: [NodeID: NodeID] = [:]
        var axes: [AxisID: AxisID] = [:]
        for axis in problem.axes(ofLevel: level) {
            let drawn = graph.addAxis(name: axis.name, rows: axis.rows)
            let weight = graph.addInput("weight of \(axis.name)", shape: .scalar, role: .value)
            axes[axis.id] = drawn
            replacements[axis.expansion] = weight
            draw.axes.append(LevelDraw.Axis(source: axis, drawn: drawn, weight: weight))
        }
        for array in problem.data where graph.shape(array.node).axes.contains(where: { axes[$0] != nil }) {
            let shape = graph.shape(array.node).replacingAxes(axes)
            let node = graph.addInput(array.name, shape: shape, role: .data)
            replacements[array.node] = node
            draw.inputs.append((node, array))
        }
        for id in dataSums(problem, objective) { replacements[id] = id }
        return (graph.substitute([objective], replacements, axes: axes)[0], draw)
    }

    /// Nodes without a sample axis that depend on data arrays alone.
    private static func dataSums(_ problem: MultilevelProblem, _ objective: NodeID) -> [NodeID] {
        let graph = problem.graph
        let data = Set(problem.data.map(\.node))
        let others = graph.inputs(of: [objective]).filter { !data.contains($0) }
        let varies = graph.dependents(of: others)
        let fromData = graph.dependents(of: Array(data))
        return graph.reachable(from: [objective]).filter {
            fromData[$0.index] && !varies[$0.index] && graph.shape($0).axes.isEmpty
                && !graph.operation($0).isLeaf
        }
    }
}
