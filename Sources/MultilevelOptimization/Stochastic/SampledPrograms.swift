// The programs that methods on batches compile: one for each combination of directions that is wanted together.
import ExpressionGraph
import Solvers
import Tensors

/// What one program computes on a batch.
enum SampledPiece: String, CaseIterable {
    /// g_y.
    case lowerGradient = "lower_gradient_on_a_batch"
    /// g_y and g_x.
    case lowerGradients = "lower_gradients_on_a_batch"
    /// Hv.
    case hessian = "hessian_product_on_a_batch"
    /// Jv.
    case mixed = "mixed_product_on_a_batch"
    /// g_y, Hv and Jv.
    case directions = "lower_directions_on_a_batch"
    /// f_y and f_x.
    case upper = "upper_gradients_on_a_batch"
    /// y − ρ g_y.
    case lowerStep = "lower_step_on_a_batch"
    /// v − η(Hv + b).
    case linearStep = "linear_step_on_a_batch"
    /// v − ηHv, and the sum s with that.
    case seriesStep = "series_step_on_a_batch"

    var isOfLowerLevel: Bool { self != .upper }

    /// Vectors of the lower dimension that it yields; those of the upper dimension come after them.
    var lowerVectors: Int {
        switch self {
        case .lowerGradient, .lowerGradients, .hessian, .upper, .lowerStep, .linearStep: 1
        case .mixed: 0
        case .directions, .seriesStep: 2
        }
    }

    var hasUpperVector: Bool {
        switch self {
        case .lowerGradient, .hessian, .lowerStep, .linearStep, .seriesStep: false
        case .lowerGradients, .mixed, .directions, .upper: true
        }
    }

    /// One evaluation on a batch.
    func count(samples: Int) -> OracleCounts {
        var counts = OracleCounts()
        switch self {
        case .lowerGradient, .lowerStep: counts.lowerGradient = 1
        // Both derivatives come of one reverse sweep.
        case .lowerGradients: counts.lowerGradient = 1
        case .hessian, .linearStep, .seriesStep: counts.hessianProduct = 1
        case .mixed: counts.mixedProduct = 1
        case .directions:
            counts.lowerGradient = 1
            counts.hessianProduct = 1
            counts.mixedProduct = 1
        case .upper: counts.upperGradient = 1
        }
        counts.samples = samples
        return counts
    }
}

/// The graph of one batch of each level, and the plans of programs over it.
struct SampledPrograms {
    let sampled: SampledGraph
    private let graph: Graph
    /// g_x at ``SampledGraph/leaves``.
    private let lowerGradientX: [NodeID]
    /// The steps of y and v, with their inputs.
    let steps: SampledSteps
    private let precision: Precision

    /// - Parameter withLowerGradientX: whether g_x is wanted.
    init(_ problem: MultilevelProblem, withLowerGradientX: Bool) {
        sampled = SampledGraph(problem, rowRole: .value)
        var graph = sampled.derivatives.graph
        lowerGradientX =
            withLowerGradientX
            ? graph.gradient(of: sampled.derivatives.lowerValue, at: sampled.derivatives.x) : []
        steps = SampledSteps(sampled.derivatives, in: &graph)
        self.graph = graph
        precision = problem.precision
    }

    /// The nodes of one piece: vectors of y, one after the other, then one node for every leaf of x.
    func outputs(_ piece: SampledPiece) -> [NodeID] {
        let d = sampled.derivatives
        return switch piece {
        case .lowerGradient: d.lowerGradient
        case .lowerGradients: d.lowerGradient + lowerGradientX
        case .hessian: d.hessianProduct
        case .mixed: d.mixedProduct
        case .directions: d.lowerGradient + d.hessianProduct + d.mixedProduct
        case .upper: d.upperGradientY + d.upperGradientX
        case .lowerStep: steps.lower
        case .linearStep: steps.linear
        case .seriesStep: steps.series + steps.seriesSum
        }
    }

    /// Whether a node is 0 whatever the point.
    func isZero(_ node: NodeID) -> Bool { graph.isZero(node) }

    /// - Parameter largestCounts: rows of the largest draw of every drawn axis.
    func plan(_ piece: SampledPiece, largestCounts: [AxisID: Int]) -> ProgramPlan {
        let d = sampled.derivatives
        let drawn = (sampled.lower.inputs + sampled.upper.inputs).map(\.node)
        let rows = sampled.leaves.filter { $0.rows != nil }.map(\.node)
        let still = sampled.leaves.filter { $0.rows == nil }.map(\.node) + [steps.length] + steps.offset
        let slots: [InputSlot] =
            switch piece {
            case .lowerGradient, .lowerGradients, .hessian, .mixed, .directions, .upper:
                [.everyRun("evaluation", d.x + d.y + d.v + drawn)]
            case .lowerStep: [.steady("point", still), .everyRun("evaluation", d.y + rows + drawn)]
            case .linearStep, .seriesStep:
                [.steady("point", still + d.y), .everyRun("evaluation", d.v + steps.sum + rows + drawn)]
            }
        // Batches of one size have one weight.
        let weights = InputSlot.steady("weight", (sampled.lower.axes + sampled.upper.axes).map(\.weight))
        return ProgramPlan(
            graph, outputs: outputs(piece), slots: [weights] + slots, batchRows: largestCounts, precision: precision)
    }

    /// Names of the outputs, for listings.
    func names(_ piece: SampledPiece) -> [String] {
        func named(_ prefix: String, _ nodes: [NodeID]) -> [String] {
            nodes.map { "\(prefix)\(graph.formula($0, depth: 0))" }
        }
        let d = sampled.derivatives
        return switch piece {
        case .lowerGradient: named("g_", d.y)
        case .lowerGradients: named("g_", d.y) + named("g_", d.x)
        case .hessian: named("Hv_", d.y)
        case .mixed: named("Jv_", d.x)
        case .directions: named("g_", d.y) + named("Hv_", d.y) + named("Jv_", d.x)
        case .upper: named("f_", d.y) + named("f_", d.x)
        case .lowerStep: named("next_", d.y)
        case .linearStep: named("next_", d.v)
        case .seriesStep: named("next_", d.v) + named("next_", steps.sum)
        }
    }
}

/// The steps of y and of v as nodes.
struct SampledSteps {
    /// ρ or η, a number.
    let length: NodeID
    /// b and s, shaped as v.
    let offset: [NodeID]
    let sum: [NodeID]
    /// y − ρ g_y.
    let lower: [NodeID]
    /// v − η(Hv + b).
    let linear: [NodeID]
    /// v − ηHv, and s + v − ηHv.
    let series: [NodeID]
    let seriesSum: [NodeID]

    init(_ d: BilevelGraph, in graph: inout Graph) {
        let length = graph.addInput("length", shape: .scalar, role: .value)
        func inputs(_ name: String) -> [NodeID] {
            d.v.map { graph.addInput("\(name)_\(graph.formula($0, depth: 0))", shape: graph.shape($0), role: .value) }
        }
        let (offset, sum) = (inputs("b"), inputs("s"))
        func moved(_ point: NodeID, _ direction: NodeID) -> NodeID {
            let step = graph.multiply(graph.broadcast(length, to: graph.shape(point)), direction)
            return graph.subtract(point, step)
        }
        lower = zip(d.y, d.lowerGradient).map { moved($0, $1) }
        linear = d.v.indices.map { moved(d.v[$0], graph.add(d.hessianProduct[$0], offset[$0])) }
        let series = zip(d.v, d.hessianProduct).map { moved($0, $1) }
        seriesSum = zip(sum, series).map { graph.add($0, $1) }
        (self.length, self.offset, self.sum, self.series) = (length, offset, sum, series)
    }
}
