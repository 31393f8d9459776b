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
    /// y, v and x: inputs of the program, and its outputs in the same order.
    let variables: [NodeID]
    let program: ProgramPlan

    init(_ problem: MultilevelProblem, draws: SOBADraws) {
        sampled = SampledGraph(problem)
        update = SOBAUpdate(sampled.derivatives, constraint: problem.upper.constraint)
        lowerDraws = Self.sources(sampled.lower, draws.lower)
        upperDraws = Self.sources(sampled.upper, draws.upper)
        variables = sampled.derivatives.y + sampled.derivatives.v + sampled.derivatives.x
        var batchRows: [AxisID: Int] = [:]
        for (axes, sources) in [(sampled.lower.axes, lowerDraws), (sampled.upper.axes, upperDraws)] {
            for (axis, source) in zip(axes, sources) { batchRows[axis.drawn] = source.largestCount }
        }
        let weights = (sampled.lower.axes + sampled.upper.axes).map(\.weight)
        let rows = (sampled.lower.inputs + sampled.upper.inputs).map(\.node)
        let moving = InputSlot.everyRun("iteration", variables + [update.rho, update.gamma] + weights + rows)
        program = ProgramPlan(update.graph, outputs: update.outputs, slots: [moving], batchRows: batchRows)
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

/// y⁺ = y − ρ g_y, v⁺ = v − ρ (Hv + f_y), x⁺ = P(x − γ (Jv + f_x)) as one graph.
struct SOBAUpdate {
    private(set) var graph: Graph
    let rho: NodeID
    let gamma: NodeID
    let outputs: [NodeID]
    private(set) var bounds: [(node: NodeID, values: [Double])] = []

    init(_ d: BilevelGraph, constraint: ConvexSet) {
        var graph = d.graph
        let rho = graph.addInput("lower step", shape: .scalar, role: .value)
        let gamma = graph.addInput("upper step", shape: .scalar, role: .value)
        func moved(_ point: NodeID, _ step: NodeID, _ direction: NodeID) -> NodeID {
            let repeated = graph.broadcast(step, to: graph.shape(point))
            return graph.subtract(point, graph.multiply(repeated, direction))
        }
        let y = zip(d.y, d.lowerGradient).map { moved($0, rho, $1) }
        let v = d.v.indices.map { moved(d.v[$0], rho, graph.add(d.hessianProduct[$0], d.upperGradientY[$0])) }
        var x = d.x.indices.map { moved(d.x[$0], gamma, graph.add(d.mixedProduct[$0], d.upperGradientX[$0])) }
        switch constraint {
        case .whole: break
        case .box(let box):
            var offset = 0
            for index in x.indices {
                let shape = graph.shape(d.x[index])
                let count = shape.elementCount { graph.axes[$0.index].rows } ?? 0
                let low = graph.addInput("lower bound", shape: shape, role: .value)
                let high = graph.addInput("upper bound", shape: shape, role: .value)
                bounds.append((low, Array(box.lower[offset..<(offset + count)])))
                bounds.append((high, Array(box.upper[offset..<(offset + count)])))
                x[index] = graph.binary(.minimum, graph.binary(.maximum, x[index], low), high)
                offset += count
            }
        }
        outputs = y + v + x
        self.rho = rho
        self.gamma = gamma
        self.graph = graph
    }
}
