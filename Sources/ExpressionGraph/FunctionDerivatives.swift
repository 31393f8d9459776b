// Derivatives of closed functions, each made once, in the function's own scope: every parameter is a leaf there.

extension GraphFunction {
    /// A copy of the body to build derivatives in.
    private var derivativeGraph: Graph {
        var copy = graph
        copy.cancelsTerms = true
        return copy
    }

    /// The derivative along tangents of the parameters `moving`: (parameters…, their tangents…) → the output's tangent.
    package func tangent(along moving: [Int]) -> DerivedFunction {
        derive(.tangent(moving)) {
            var graph = derivativeGraph
            let tangents = moving.map { index in
                graph.addInput("tangent \(index)", shape: shape(ofParameter: index), role: .value)
            }
            let along = Dictionary(uniqueKeysWithValues: zip(moving.map { parameters[$0] }, tangents))
            let result = graph.linearize([output], along: along)[0]
            return DerivedFunction(result, of: parameters + tangents, in: graph)
        }
    }

    /// The transposed derivative: (parameters…, the output's cotangent) → the cotangents of the parameters `wanted`, of
    /// those that are not zero everywhere, one after the other as a vector.
    func cotangent(at wanted: [Int]) -> DerivedFunction {
        derive(.cotangent(wanted)) {
            var graph = derivativeGraph
            let cotangent = graph.addInput("cotangent", shape: outputShape, role: .value)
            let parts = graph.transpose([output: cotangent], at: wanted.map { parameters[$0] })
            // Zeros are left out, so that further derivatives do not carry them along.
            let given = wanted.indices.filter { !graph.isZero(parts[$0]) }
            let result = graph.flatten(given.map { parts[$0] })
            return DerivedFunction(
                result, of: parameters + [cotangent], in: graph, given: given.map { wanted[$0] })
        }
    }

    /// The derivative in the last parameter: (parameters…, v) → ∂output/∂last · v. The direction is always kept.
    var product: DerivedFunction {
        derive(.product) {
            var graph = derivativeGraph
            let last = parameters[parameters.count - 1]
            let direction = graph.addInput("direction", shape: graph.shape(last), role: .value)
            let result = graph.linearize([output], along: [last: direction])[0]
            return DerivedFunction(result, of: parameters + [direction], in: graph, keeping: 1)
        }
    }

    /// Of a function that is linear in its last parameter, (parameters…, v) → A v: (parameters…, u) → Aᵀ u.
    var adjoint: GraphFunction {
        derive(.adjoint) {
            var graph = derivativeGraph
            let last = parameters[parameters.count - 1]
            let cotangent = graph.addInput("cotangent", shape: outputShape, role: .value)
            let raw = graph.transpose([output: cotangent], at: [last])[0]
            // A derivative of a linear function does not depend on where it is taken.
            let origin = graph.constant(0, shape: graph.shape(last))
            let result = graph.substitute([raw], [last: origin])[0]
            let inputs = parameters.dropLast() + [cotangent]
            return DerivedFunction(result, of: Array(inputs), in: graph, keeping: inputs.count)
        }.function
    }
}
