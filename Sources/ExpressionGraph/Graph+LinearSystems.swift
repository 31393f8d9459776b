// Linear systems and determinants as nodes, with their derivatives (Giles 2008, "Collected matrix derivative results").
// A factor node is read by every solution with its matrix, in values and in derivatives of any order.
import Tensors

extension Shape {
    /// The shape of the factors of matrices of this shape.
    func factors(_ kind: Factorization) -> Shape {
        Shape(stack + [.size(kind.planes), matrixRows, matrixColumns])
    }
}

extension Graph {
    /// The factors of square matrices [.., n, n]; Cholesky factors are those of the symmetric part.
    mutating func factor(_ kind: Factorization, _ a: NodeID) -> NodeID {
        precondition(shape(a).rank >= 2 && shape(a).matrixRows == shape(a).matrixColumns, "factors of square matrices")
        return intern(.factor(kind), [a], shape(a).factors(kind))
    }

    /// The solutions X of A X = B for square A [.., n, n] and B [.., n, k], leading dimensions under NumPy's rules.
    ///
    /// - Returns: NaN for matrices that are singular to working precision.
    package mutating func solve(_ a: NodeID, _ b: NodeID) -> NodeID { solve(.lu, a, b) }

    /// The solutions X of (A + Aᵀ)/2 X = B, as in ``solve(_:_:)``; NaN for matrices that are not positive definite.
    package mutating func choleskySolve(_ a: NodeID, _ b: NodeID) -> NodeID { solve(.cholesky, a, b) }

    private mutating func solve(_ kind: Factorization, _ a: NodeID, _ b: NodeID) -> NodeID {
        let (matrices, rhs) = alignedStacks(a, b)
        let factors = factor(kind, matrices)
        return solve(factors: factors, rhs, transposed: false)
    }

    /// The inverses of square matrices; NaN for singular ones.
    package mutating func inverse(_ a: NodeID) -> NodeID {
        let one = identity(like: shape(a))
        return solve(.lu, a, one)
    }

    /// log |det A| of square matrices, [.., n, n] → [..]: −∞ for singular ones.
    package mutating func logDeterminant(_ a: NodeID) -> NodeID {
        let factors = factor(.lu, a)
        return logDeterminant(factors: factors)
    }

    // MARK: - On factors

    mutating func solve(factors: NodeID, _ b: NodeID, transposed: Bool) -> NodeID {
        guard case .factor(let kind) = operation(factors) else { preconditionFailure("solutions need factors") }
        let matrix = shape(self[factors].operands[0])
        guard let stack = Shape.commonStack(matrix, shape(b)) else { preconditionFailure("stacks differ") }
        let target = Shape(stack + [shape(b).matrixRows, shape(b).matrixColumns])
        if isZero(b) { return constant(0, shape: target) }
        if case .unary(.negate) = operation(b) {
            return negate(solve(factors: factors, self[b].operands[0], transposed: transposed))
        }
        if let (factor, rest) = scaling(b) {
            return scale(factor, solve(factors: factors, rest, transposed: transposed))
        }
        let isTransposed = transposed && kind == .lu
        return intern(.factoredSolve(kind, transposed: isTransposed), [factors, b], target)
    }

    mutating func logDeterminant(factors: NodeID) -> NodeID {
        intern(.logDeterminant, [factors], Shape(shape(self[factors].operands[0]).stack))
    }

    /// Unit matrices [.., n, n]; n may be a sample axis.
    private mutating func identity(like target: Shape) -> NodeID {
        let n = target.matrixRows
        let positions = cumulativeSum(constant(1, shape: [n]), axis: 0)
        let column = broadcast(reshape(positions, to: [n, .size(1)]), to: [n, n])
        let row = broadcast(positions, to: [n, n])
        let unit = binary(.equal, column, row)
        return reshape(unit, to: Shape(target.stack.map { _ in .size(1) } + [n, n]))
    }

    // MARK: - Derivatives

    /// A⁻ᵀ, with the shape of A.
    mutating func inverseTransposed(_ factors: NodeID) -> NodeID {
        let matrix = shape(self[factors].operands[0])
        let one = identity(like: matrix)
        return solve(factors: factors, one, transposed: true)
    }

    /// What a tangent or cotangent of A is to the matrix that was factored: both maps are their own transpose.
    mutating func factorTangent(_ kind: Factorization, _ a: NodeID) -> NodeID {
        switch kind {
        case .lu: return a
        case .cholesky:
            let sum = add(a, transposedMatrices(a))
            return scale(0.5, sum)
        }
    }

    private mutating func transposedMatrices(_ a: NodeID) -> NodeID {
        let rank = shape(a).rank
        return transpose(a, Array(0..<rank - 2) + [rank - 1, rank - 2])
    }

    /// A X = B: dX = A⁻¹ (dB − dA X).
    mutating func solveTangent(_ id: NodeID, _ transposed: Bool, _ moving: [NodeID?]) -> NodeID? {
        let factors = self[id].operands[0]
        var change = moving[1]
        if let matrix = moving[0] {
            let product = matmul(matrix, id, transposed, false, addsStack: false)
            change = change.map { subtract(broadcast($0, to: shape(product)), product) } ?? negate(product)
        }
        return change.map { solve(factors: factors, $0, transposed: transposed) }
    }

    /// A X = B: B̄ = A⁻ᵀ X̄ and Ā = −B̄ Xᵀ; for Aᵀ X = B, Ā is the transpose of that.
    mutating func solveCotangents(
        _ id: NodeID, _ u: NodeID, _ transposed: Bool, _ wanted: Set<NodeID>
    ) -> [(NodeID, NodeID)] {
        let (factors, b) = (self[id].operands[0], self[id].operands[1])
        let rhs = solve(factors: factors, u, transposed: !transposed)
        var result: [(NodeID, NodeID)] = []
        if wanted.contains(factors) {
            let isShared = isShared(self[factors].operands[0], by: self[id])
            let product =
                transposed
                ? matmul(id, rhs, false, true, addsStack: isShared) : matmul(rhs, id, false, true, addsStack: isShared)
            result.append((factors, negate(product)))
        }
        if wanted.contains(b) { result.append((b, sumTo(rhs, shape(b)))) }
        return result
    }
}
