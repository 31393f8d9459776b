// SOBA's iteration as one graph, and its program before anything is allocated.
// Dagréou, Ablin, Vaiter, Moreau, NeurIPS 2022, Algorithm 1.
import ExpressionGraph
import Solvers

/// The program of one sampled iteration, with what its inputs mean.
struct SOBAPlan {
    let sampled: SampledGraph
    let update: SOBAUpdate
    let lowerDraws: [DrawSource]
    let upperDraws: [DrawSource]
    /// y, v and those of x that have no rows: inputs of the program, and its first outputs in the same order.
    let variables: [NodeID]
    let program: ProgramPlan

    init(_ problem: MultilevelProblem, draws: SOBADraws) {
        sampled = SampledGraph(problem)
        update = SOBAUpdate(sampled, problem.upper)
        lowerDraws = Self.sources(sampled.lower, draws.lower)
        upperDraws = Self.sources(sampled.upper, draws.upper)
        let leaves = sampled.leaves
        variables =
            sampled.derivatives.y + sampled.derivatives.v + leaves.filter { $0.rows == nil }.map(\.node)
        let rows = leaves.filter { $0.rows != nil }.map(\.node)
        var batchRows: [AxisID: Int] = [:]
        for (axes, sources) in [(sampled.lower.axes, lowerDraws), (sampled.upper.axes, upperDraws)] {
            for (axis, source) in zip(axes, sources) { batchRows[axis.drawn] = source.largestCount }
        }
        let weights = (sampled.lower.axes + sampled.upper.axes).map(\.weight)
        let drawn = (sampled.lower.inputs + sampled.upper.inputs).map(\.node)
        let moving = InputSlot.everyRun("iteration", variables + rows + [update.rho, update.gamma] + drawn)
        // Batches of one size have one weight.
        let seldom = InputSlot.steady("weight", weights)
        program = ProgramPlan(
            update.graph, outputs: update.outputs, slots: [seldom, moving], batchRows: batchRows,
            precision: problem.precision)
    }

    /// What the program's outputs are called, in order.
    var outputNames: [String] {
        func names(_ nodes: [NodeID]) -> [String] { nodes.map { update.graph.formula($0, depth: 0) } }
        let rows = sampled.leaves.filter { $0.rows != nil }.map(\.node)
        return names(variables).map { "next_\($0)" } + names(rows).map { "step_of_\($0)" }
    }

    private static func sources(_ draw: LevelDraw, _ sources: [String: DrawSource]) -> [DrawSource] {
        draw.axes.map { axis in
            guard let source = sources[axis.source.name] else {
                preconditionFailure("no draws for the samples \(axis.source.name)")
            }
            return source
        }
    }
}

/// y⁺ = y − ρ g_y, v⁺ = v − ρ (Hv + f_y), x⁺ = P(x − γ (Jv + f_x)) as one graph. Where x has rows, of which several
/// draws may show some, the graph ends with γ (Jv + f_x) for each draw.
struct SOBAUpdate {
    private(set) var graph: Graph
    let rho: NodeID
    let gamma: NodeID
    private(set) var outputs: [NodeID] = []
    private(set) var bounds: [(node: NodeID, values: [Double])] = []

    init(_ sampled: SampledGraph, _ upper: Level) {
        let d = sampled.derivatives
        graph = d.graph
        rho = graph.addInput("rho", shape: .scalar, role: .value)
        gamma = graph.addInput("gamma", shape: .scalar, role: .value)
        let y = zip(d.y, d.lowerGradient).map { graph.subtract($0, scaled(rho, $1)) }
        let v = d.v.indices.map { index in
            let direction = graph.add(d.hessianProduct[index], d.upperGradientY[index])
            return graph.subtract(d.v[index], scaled(rho, direction))
        }
        var x: [NodeID] = []
        var rowSteps: [NodeID] = []
        for (index, leaf) in sampled.leaves.enumerated() {
            let step = scaled(gamma, graph.add(d.mixedProduct[index], d.upperGradientX[index]))
            if leaf.rows == nil {
                let moved = graph.subtract(leaf.node, step)
                x.append(confined(moved, upper.constraint.restricted(to: upper.entries(of: leaf.variable))))
            } else {
                rowSteps.append(step)
            }
        }
        outputs = y + v + x + rowSteps
    }

    private mutating func scaled(_ step: NodeID, _ direction: NodeID) -> NodeID {
        let repeated = graph.broadcast(step, to: graph.shape(direction))
        return graph.multiply(repeated, direction)
    }

    private mutating func confined(_ x: NodeID, _ set: ConvexSet) -> NodeID {
        switch set {
        case .whole: return x
        case .box(let box):
            let low = graph.addInput("lowest", shape: graph.shape(x), role: .value)
            let high = graph.addInput("highest", shape: graph.shape(x), role: .value)
            bounds.append((low, box.lower))
            bounds.append((high, box.upper))
            return graph.binary(.minimum, graph.binary(.maximum, x, low), high)
        // Projected once the program has run.
        case .simplex, .l1Ball, .l2Ball, .affine, .halfspace, .spectralBall, .rows, .intersection, .product: return x
        }
    }
}
