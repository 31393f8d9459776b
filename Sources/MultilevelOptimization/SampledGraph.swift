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
    /// Inputs for the drawn rows of the outermost level's variables: the variable's index, and that of its axis.
    var rows: [(node: NodeID, variable: Int, axis: Int)] = []
}

/// An upper variable, or the rows of one that a draw shows: what a sampled iteration differentiates at.
struct UpperLeaf {
    /// Which draw, and which of its axes.
    struct Rows {
        let isLower: Bool
        let axis: Int
    }
    let node: NodeID
    /// The variable's index in its level.
    let variable: Int
    /// The rows that the node holds; `nil` for a variable without.
    let rows: Rows?
}

/// A bilevel problem with one draw for each level.
struct SampledGraph {
    let derivatives: BilevelGraph
    let lower: LevelDraw
    let upper: LevelDraw
    /// What ``BilevelGraph/x`` of the derivatives stands for.
    let leaves: [UpperLeaf]

    /// - Parameter rowRole: of the inputs for drawn rows of variables: `.data` for views of all rows, `.value` for the
    ///   drawn ones alone.
    init(_ problem: MultilevelProblem, rowRole: SymbolRole = .data) {
        var graph = problem.graph
        let lower = Self.sample(problem, level: 1, rowRole, in: &graph)
        let upper = Self.sample(problem, level: 0, rowRole, in: &graph)
        leaves = Self.leaves(problem, lower.draw, upper.draw)
        derivatives = BilevelGraph(
            graph, lower: lower.objective, upper: upper.objective, x: leaves.map(\.node),
            y: problem.lower.variables.map(\.node), map: lower.map)
        self.lower = lower.draw
        self.upper = upper.draw
    }

    private static func leaves(_ problem: MultilevelProblem, _ lower: LevelDraw, _ upper: LevelDraw) -> [UpperLeaf] {
        var result: [UpperLeaf] = []
        for (index, variable) in problem.upper.variables.enumerated() where variable.axis == nil {
            result.append(UpperLeaf(node: variable.node, variable: index, rows: nil))
        }
        for (draw, isLower) in [(lower, true), (upper, false)] {
            for rows in draw.rows {
                result.append(
                    UpperLeaf(
                        node: rows.node, variable: rows.variable,
                        rows: UpperLeaf.Rows(isLower: isLower, axis: rows.axis)))
            }
        }
        return result
    }

    /// Rebuilds a level's objective, and its map where it is a fixed point, on drawn rows. Sums that involve no variable
    /// keep all rows: they are data.
    private static func sample(
        _ problem: MultilevelProblem, level: Int, _ rowRole: SymbolRole, in graph: inout Graph
    ) -> (objective: NodeID, map: [NodeID]?, draw: LevelDraw) {
        let objective = problem.levels[level].objective
        var draw = LevelDraw()
        var replacements: [NodeID: NodeID] = [:]
        var axes: [AxisID: Dimension] = [:]
        for axis in problem.axes(ofLevel: level) {
            let drawn = graph.addAxis(name: axis.name, rows: axis.rows)
            let weight = graph.addInput("weight_\(axis.name)", shape: .scalar, role: .value)
            axes[axis.id] = .axis(drawn)
            replacements[axis.expansion] = weight
            draw.axes.append(LevelDraw.Axis(source: axis, drawn: drawn, weight: weight))
        }
        for array in problem.data where graph.shape(array.node).axes.contains(where: { axes[$0] != nil }) {
            let shape = graph.shape(array.node).replacingAxes(axes)
            let node = graph.addInput(
                array.name, shape: shape, role: .data, storage: problem.graph.storage(ofInput: array.node))
            replacements[array.node] = node
            draw.inputs.append((node, array))
        }
        let used = Set(graph.inputs(of: [objective]))
        for (index, variable) in problem.upper.variables.enumerated() where used.contains(variable.node) {
            guard let axis = draw.axes.firstIndex(where: { $0.source.id == variable.axis }) else { continue }
            let shape = graph.shape(variable.node).replacingAxes(axes)
            let node = graph.addInput(variable.name, shape: shape, role: rowRole)
            replacements[variable.node] = node
            draw.rows.append((node, index, axis))
        }
        for id in dataSums(problem, objective) { replacements[id] = id }
        let map = problem.levels[level].fixedPoint
        let drawn = graph.substitute([objective] + (map ?? []), replacements, axes: axes)
        return (drawn[0], map == nil ? nil : Array(drawn.dropFirst()), draw)
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
