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
    /// Tangents of the upper variables.
    let u: [NodeID]
    /// Lower objective g and its gradient in y, the residual r that the level's solution makes zero. Of a fixed point:
    /// r = y − Φ(y, x) and g = ½‖r‖².
    let lowerValue: NodeID
    let lowerGradient: [NodeID]
    /// (∂r/∂y)ᵀ v, which is H v = ∇²_yy g · v where the level minimises.
    let hessianProduct: [NodeID]
    /// J v = (∂r/∂x)ᵀ v = ∇²_xy g · v, shaped as x.
    let mixedProduct: [NodeID]
    /// (∂r/∂y) v + (∂r/∂x) u, shaped as y.
    let tangentProduct: [NodeID]
    /// ∇_x g, shaped as x.
    let lowerGradientX: [NodeID]
    /// Whether r is affine in y, so that one linear system solves the level.
    let isAffine: Bool
    /// Upper objective f and its gradients.
    let upperValue: NodeID
    let upperGradientY: [NodeID]
    let upperGradientX: [NodeID]
    /// ∇²_yy f · v and ∇²_xy f · v, of methods whose steps go along f too.
    let upperHessianProduct: [NodeID]
    let upperMixedProduct: [NodeID]
    /// g seen from a fixed point, where it is quadratic in y.
    let anchored: AnchoredLevel?

    /// - Parameters:
    ///   - lower, upper: the objectives in `graph`.
    ///   - map: Φ, one node for each of `y`, where the lower level is a fixed point.
    init(_ graph: Graph, lower: NodeID, upper: NodeID, x: [NodeID], y: [NodeID], map: [NodeID]? = nil) {
        var graph = graph
        let tangents = y.map { node in
            graph.addInput("v_\(graph.formula(node, depth: 0))", shape: graph.shape(node), role: .value)
        }
        let upperTangents = x.map { node in
            graph.addInput("u_\(graph.formula(node, depth: 0))", shape: graph.shape(node), role: .value)
        }
        let gradient =
            map.map { map in zip(y, map).map { graph.subtract($0, $1) } } ?? graph.gradient(of: lower, at: y)
        let along = Dictionary(uniqueKeysWithValues: zip(y, tangents))
        let product = graph.linearize(gradient, along: along)
        tangentProduct = graph.linearize(
            gradient, along: along.merging(zip(x, upperTangents)) { first, _ in first })
        let cotangents = Self.cotangents(of: gradient, tangents, &graph)
        mixedProduct = graph.transpose(cotangents, at: x)
        hessianProduct = map == nil ? product : graph.transpose(cotangents, at: y)
        isAffine = AnchoredLevel.isAffine(graph, gradient, product, in: Set(y))
        lowerGradientX = graph.gradient(of: lower, at: x)
        upperGradientY = graph.gradient(of: upper, at: y)
        upperGradientX = graph.gradient(of: upper, at: x)
        let upperProducts = graph.transpose(Self.cotangents(of: upperGradientY, tangents, &graph), at: y + x)
        upperHessianProduct = Array(upperProducts.prefix(y.count))
        upperMixedProduct = Array(upperProducts.dropFirst(y.count))
        anchored =
            y.isEmpty || map != nil
            ? nil
            : AnchoredLevel(
                &graph, value: lower, gradient: gradient, products: hessianProduct, y: y, v: tangents)
        lowerGradient = gradient
        lowerValue = lower
        upperValue = upper
        v = tangents
        u = upperTangents
        self.x = x
        self.y = y
        self.graph = graph
    }

    /// Equal gradients of two variables are one node; their cotangents add.
    private static func cotangents(
        of gradient: [NodeID], _ tangents: [NodeID], _ graph: inout Graph
    ) -> [NodeID: NodeID] {
        var cotangents: [NodeID: NodeID] = [:]
        for (component, tangent) in zip(gradient, tangents) {
            cotangents[component] = cotangents[component].map { graph.add($0, tangent) } ?? tangent
        }
        return cotangents
    }

    /// The problem on all of its data: every expansion factor is 1.
    static func full(_ problem: MultilevelProblem) -> BilevelGraph {
        var graph = problem.graph
        var ones: [NodeID: NodeID] = [:]
        for axis in problem.axes { ones[axis.expansion] = graph.constant(1, shape: graph.shape(axis.expansion)) }
        let map = problem.isSingleLevel ? nil : problem.lower.fixedPoint
        let nodes = graph.substitute([problem.lower.objective, problem.upper.objective] + (map ?? []), ones)
        return BilevelGraph(
            graph, lower: nodes[0], upper: nodes[1], x: problem.upper.variables.map(\.node),
            y: problem.isSingleLevel ? [] : problem.lower.variables.map(\.node),
            map: map == nil ? nil : Array(nodes.dropFirst(2)))
    }
}

extension MultilevelProblem {
    /// Whether what the lower of two levels makes zero is affine in its variables: its objective quadratic, its map
    /// affine. O(operations).
    package var isLowerResidualAffine: Bool { levels.count == 2 && lower.isSmooth && BilevelGraph.full(self).isAffine }
}
