// A quadratic lower objective seen from a fixed point: ∇g(y) = ∇g(a) + H (y − a), so that a step costs one product by H.
import ExpressionGraph
import Tensors

/// g and its gradient in terms of an anchor a, where g is quadratic in y:
///
///     ∇g(y) = ∇g(a) + H s,  g(y) = g(a) + ⟨∇g(a) + ½ H s, s⟩,  s = y − a.
///
/// Where H is a small matrix that data alone determine, as XᵀX of many rows is, a gradient no longer reads the data. The
/// gradient at the anchor keeps the form it was written in. A residual Xᵀ(Xa − b) is not expanded, which would cost
/// digits; what rounding adds is relative to ‖s‖, and vanishes when solves begin near their solutions.
package struct AnchoredLevel {
    /// a, shaped as y.
    package let anchor: [NodeID]
    /// g(y).
    package let value: NodeID
    /// ∇g(y), shaped as y.
    package let gradient: [NodeID]

    /// The form of a level in `graph`, to which its nodes are added; `nil` where g is not quadratic in y.
    ///
    /// - Parameters:
    ///   - products: H v for the tangents `v`.
    /// - Complexity: linear in the graph.
    package init?(
        _ graph: inout Graph, value: NodeID, gradient: [NodeID], products: [NodeID], y: [NodeID], v: [NodeID]
    ) {
        guard Self.isAffine(graph, gradient, products, in: Set(y)) else { return nil }
        let anchor = y.map { node in
            graph.addInput("anchor_\(graph.formula(node, depth: 0))", shape: graph.shape(node), role: .value)
        }
        let steps = zip(y, anchor).map { graph.subtract($0, $1) }
        let atAnchor = graph.substitute([value] + gradient, Dictionary(uniqueKeysWithValues: zip(y, anchor)))
        let changes = graph.substitute(products, Dictionary(uniqueKeysWithValues: zip(v, steps)))
        var result = atAnchor[0]
        var moved: [NodeID] = []
        for (index, step) in steps.enumerated() {
            let first = atAnchor[index + 1]
            moved.append(graph.add(first, changes[index]))
            result = graph.add(result, graph.dot(graph.add(first, graph.scale(0.5, changes[index])), step))
        }
        self.anchor = anchor
        self.value = result
        self.gradient = moved
    }

    /// Whether a gradient is affine in y: its derivative does not depend on y, and nothing of it jumps.
    static func isAffine(
        _ graph: Graph, _ gradient: [NodeID], _ products: [NodeID], in y: Set<NodeID>
    ) -> Bool {
        if graph.reachable(from: products).contains(where: y.contains) { return false }
        var moving = y
        for id in graph.reachable(from: gradient) {
            let node = graph[id]
            guard node.operands.contains(where: moving.contains) else { continue }
            if jumps(node.operation) { return false }
            moving.insert(id)
        }
        return true
    }

    /// Whether an operation has pieces, whose changes derivatives do not show.
    private static func jumps(_ operation: Operation) -> Bool {
        switch operation {
        case .unary(let function):
            switch function {
            case .absolute, .sign, .relu, .isPositive: true
            case .negate, .squareRoot, .square, .reciprocal, .exp, .expm1, .log, .log1p, .sin, .cos, .tan, .tanh,
                .sigmoid, .softplus, .erf:
                false
            }
        case .binary(let function):
            switch function {
            case .minimum, .maximum, .less, .lessEqual, .equal: true
            case .add, .multiply, .divide, .power: false
            }
        case .select, .extremum, .oneHot, .take, .takeAdd, .function: true
        case .input, .constant, .broadcast, .sumTo, .logSumExp, .softmax, .cumulativeSum, .matmul, .factor,
            .factoredSolve, .logDeterminant, .sparseProduct, .transpose, .reshape, .slice, .pad, .concatenate:
            false
        }
    }
}

extension BilevelGraph {
    /// Whether steps from an anchor take less than half of what steps do that evaluate the gradient as it was written.
    static func isWorthAnchoring(_ derivatives: BilevelGraph, in precision: Precision) -> Bool {
        guard derivatives.anchored != nil else { return false }
        let written = derivatives.plan(.lowerGradient, in: precision).everyRunCost
        let anchored = derivatives.plan(.anchoredGradient, in: precision).everyRunCost
        return anchored.operations.times(2) <= written.operations && anchored.bytes.times(2) <= written.bytes
    }
}

extension BilevelOracle {
    /// Fixes the anchor of the steps that follow, until the upper point moves.
    package func beginSteps(at anchor: [Double]) { setAnchor(anchor) }

    /// g, as ``stepGradient(into:)`` sees it.
    package func stepValue() -> Double {
        guard isAnchored else { return lowerValue() }
        countLower(values: 1, gradients: 0)
        return run(.anchoredValue).scalar(0)
    }

    /// ∇_y g, [d], of steps from the anchor: to rounding relative to the distance from there.
    package func stepGradient(into gradient: inout [Double]) {
        guard isAnchored else { return lowerGradient(into: &gradient) }
        countLower(values: 0, gradients: 1)
        read(run(.anchoredGradient), 0..<lowerVariableCount, into: &gradient)
    }

    /// Both.
    package func stepValueAndGradient(into gradient: inout [Double]) -> Double {
        guard isAnchored else { return lowerValueAndGradient(into: &gradient) }
        countLower(values: 1, gradients: 1)
        let program = run(.anchoredValueAndGradient)
        read(program, 1..<(lowerVariableCount + 1), into: &gradient)
        return program.scalar(0)
    }
}
