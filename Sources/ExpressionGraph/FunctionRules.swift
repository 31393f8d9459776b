// Forward and reverse rules of the nodes that carry functions. Their results are such nodes again, with the functions'
// own derivatives, so they nest to any order.
//
// solution, R(c, z) = 0:   A ż = −∂R/∂c ċ and c̄ = −(∂R/∂c)ᵀ A⁻ᵀ z̄, with A = ∂R/∂z at the solution.
// linear system, A(p) x = b:   A ẋ = ḃ − Ȧ x;   b̄ = A⁻ᵀ x̄,  p̄ = −(∂(A(p) x)/∂p)ᵀ b̄.

extension Graph {
    // MARK: - Forward

    /// The tangent of a node that carries functions; `nil` where nothing moves.
    mutating func functionTangent(
        _ function: FunctionOperation, _ id: NodeID, _ tangents: [NodeID?]
    ) -> NodeID? {
        let node = self[id]
        switch function {
        case .call(let function):
            return applyTangent(function, node.operands, tangents)
        case .solution(let equilibrium):
            let arguments = node.operands.dropLast() + [id]
            guard let change = applyTangent(equilibrium.residual, Array(arguments), tangents.dropLast() + [nil])
            else { return nil }
            let (system, kept) = equilibrium.jacobian
            return linearSolve(system, parameters: kept.map { arguments[$0] }, rhs: negate(change))
        case .linearSolve(let system, let transposed):
            let parameters = Array(node.operands.dropLast())
            let product = system.product(transposed: transposed)
            let change = applyTangent(product, parameters + [id], tangents.dropLast() + [nil])
            guard let rhs = difference(tangents[tangents.count - 1], change) else { return nil }
            return linearSolve(system, transposed: transposed, parameters: parameters, rhs: rhs)
        case .loop(let loop, let output): return loopTangent(loop, output, node.operands, tangents)
        }
    }

    private mutating func difference(_ a: NodeID?, _ b: NodeID?) -> NodeID? {
        switch (a, b) {
        case (nil, nil): nil
        case (let a?, nil): a
        case (nil, let b?): negate(b)
        case (let a?, let b?): subtract(a, b)
        }
    }

    /// The tangent of a function's value; `nil` where nothing moves.
    private mutating func applyTangent(
        _ function: GraphFunction, _ arguments: [NodeID], _ tangents: [NodeID?]
    ) -> NodeID? {
        let moving = tangents.indices.filter { tangents[$0] != nil }
        if moving.isEmpty { return nil }
        let (factor, directions) = commonFactor(tangents.compactMap { $0 })
        let change = apply(function.tangent(along: moving), arguments + directions)
        return scale(factor, change)
    }

    /// Takes a sign or a number out of what a function is linear in, so that it is not evaluated for each anew.
    private func commonFactor(_ directions: [NodeID]) -> (factor: Double, rest: [NodeID]) {
        func split(_ id: NodeID) -> (factor: Double, rest: NodeID) {
            if case .unary(.negate) = operation(id) { return (-1, self[id].operands[0]) }
            return scaling(id) ?? (1, id)
        }
        let parts = directions.map(split)
        guard let factor = parts.first?.factor, factor != 0, factor.isFinite,
            parts.allSatisfy({ $0.factor == factor })
        else { return (1, directions) }
        return (factor, parts.map(\.rest))
    }

    // MARK: - Reverse

    /// What a node that carries functions passes on to its wanted operands.
    mutating func functionCotangents(
        _ function: FunctionOperation, _ id: NodeID, _ u: NodeID, _ wanted: Set<NodeID>
    ) -> [(NodeID, NodeID)] {
        let node = self[id]
        switch function {
        case .call(let function):
            return applyCotangent(
                function, node.operands, u, node.operands.indices.filter { wanted.contains(node.operands[$0]) })
        case .solution(let equilibrium):
            let captures = node.operands.dropLast()
            let moving = captures.indices.filter { wanted.contains(captures[$0]) }
            if moving.isEmpty { return [] }
            let arguments = Array(captures) + [id]
            let (system, kept) = equilibrium.jacobian
            let adjoint = linearSolve(system, transposed: true, parameters: kept.map { arguments[$0] }, rhs: u)
            return applyCotangent(equilibrium.residual, arguments, negate(adjoint), moving)
        case .linearSolve(let system, let transposed):
            let parameters = Array(node.operands.dropLast())
            let rhs = node.operands[node.operands.count - 1]
            let adjoint = linearSolve(system, transposed: !transposed, parameters: parameters, rhs: u)
            let moving = parameters.indices.filter { wanted.contains(parameters[$0]) }
            let product = system.product(transposed: transposed)
            let parts = applyCotangent(product, parameters + [id], negate(adjoint), moving)
            return parts + (wanted.contains(rhs) ? [(rhs, adjoint)] : [])
        case .loop(let loop, let output): return loopCotangents(loop, output, node.operands, u, wanted)
        }
    }

    /// The cotangents of the arguments `wanted`.
    private mutating func applyCotangent(
        _ function: GraphFunction, _ arguments: [NodeID], _ u: NodeID, _ wanted: [Int]
    ) -> [(NodeID, NodeID)] {
        if wanted.isEmpty { return [] }
        let derived = function.cotangent(at: wanted)
        let (factor, direction) = commonFactor([u])
        let vector = apply(derived, arguments + direction)
        let parts = cut(vector, into: derived.given.map { function.shape(ofParameter: $0) })
        return zip(derived.given, parts).map { (arguments[$0], scale(factor, $1)) }
    }
}
