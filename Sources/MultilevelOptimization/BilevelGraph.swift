// The derivatives of a bilevel problem as graphs: everything that the methods' formulas name.
import ExpressionGraph

/// Nodes of g, f and their derivatives. With several variables a level's quantities are lists, in variable order.
struct BilevelGraph {
    private(set) var graph: Graph
    /// Upper and lower variables.
    let x: [NodeID]
    let y: [NodeID]
    /// Tangents of the lower variables.
    let v: [NodeID]
    /// Lower objective g and its gradient in y.
    let lowerValue: NodeID
    let lowerGradient: [NodeID]
    /// H v = ∇²_yy g · v.
    let hessianProduct: [NodeID]
    /// J v = ∇²_xy g · v, shaped as x.
    let mixedProduct: [NodeID]
    /// Upper objective f and its gradients.
    let upperValue: NodeID
    let upperGradientY: [NodeID]
    let upperGradientX: [NodeID]
    /// g seen from a fixed point, where it is quadratic in y.
    let anchored: AnchoredLevel?

    /// - Parameters:
    ///   - lower, upper: the objectives in `graph`.
    init(_ graph: Graph, lower: NodeID, upper: NodeID, x: [NodeID], y: [NodeID]) {
        var graph = graph
        let tangents = y.map { node in
            graph.addInput("v_\(graph.formula(node, depth: 0))", shape: graph.shape(node), role: .value)
        }
        let gradient = graph.gradient(of: lower, at: y)
        hessianProduct = graph.linearize(gradient, along: Dictionary(uniqueKeysWithValues: zip(y, tangents)))
        // Equal gradients of two variables are one node; their cotangents add.
        var cotangents: [NodeID: NodeID] = [:]
        for (component, tangent) in zip(gradient, tangents) {
            cotangents[component] = cotangents[component].map { graph.add($0, tangent) } ?? tangent
        }
        mixedProduct = graph.transpose(cotangents, at: x)
        upperGradientY = graph.gradient(of: upper, at: y)
        upperGradientX = graph.gradient(of: upper, at: x)
        anchored =
            y.isEmpty
            ? nil
            : AnchoredLevel(
                &graph, value: lower, gradient: gradient, products: hessianProduct, y: y, v: tangents)
        lowerGradient = gradient
        lowerValue = lower
        upperValue = upper
        v = tangents
        self.x = x
        self.y = y
        self.graph = graph
    }

    /// The problem on all of its data: every expansion factor is 1.
    static func full(_ problem: MultilevelProblem) -> BilevelGraph {
        var graph = problem.graph
        var ones: [NodeID: NodeID] = [:]
        for axis in problem.axes { ones[axis.expansion] = graph.constant(1, shape: graph.shape(axis.expansion)) }
        let objectives = graph.substitute([problem.lower.objective, problem.upper.objective], ones)
        return BilevelGraph(
            graph, lower: objectives[0], upper: objectives[1], x: problem.upper.variables.map(\.node),
            y: problem.isSingleLevel ? [] : problem.lower.variables.map(\.node))
    }
}
