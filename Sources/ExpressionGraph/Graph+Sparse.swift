// Products with sparse inputs. A sparse input, or its transpose, is read by products alone; only their dense side has
// derivatives.

/// A sparse input as a factor.
package struct SparseFactor: Hashable, Sendable {
    /// The input.
    package let input: NodeID
    package let isTransposed: Bool
}

extension Graph {
    /// The sparse input that a node is, or is the transpose of; `nil` for dense nodes.
    package func sparseFactor(_ id: NodeID) -> SparseFactor? {
        switch operation(id) {
        case .input(let symbol):
            return symbols[symbol.index].isSparse ? SparseFactor(input: id, isTransposed: false) : nil
        case .transpose:
            guard case .input(let symbol) = operation(self[id].operands[0]), symbols[symbol.index].isSparse else {
                return nil
            }
            return SparseFactor(input: self[id].operands[0], isTransposed: true)
        case .constant, .unary, .binary, .select, .broadcast, .sumTo, .extremum, .logSumExp, .softmax, .cumulativeSum,
            .matmul, .sparseProduct, .factor, .factoredSolve, .logDeterminant, .reshape, .slice, .pad, .concatenate,
            .take, .takeAdd, .oneHot, .function:
            return nil
        }
    }

    /// Whether a node is a sparse input or the transpose of one.
    package func isSparse(_ id: NodeID) -> Bool { sparseFactor(id) != nil }

    /// A·B, each transposed first where its flag says so, when one of them is sparse; `nil` when none is.
    ///
    /// - Precondition: not both are sparse.
    mutating func productOfSparse(
        _ a: NodeID, _ b: NodeID, _ transposeA: Bool, _ transposeB: Bool
    ) -> NodeID? {
        if let factor = sparseFactor(a) {
            precondition(!isSparse(b), "a product of two sparse matrices")
            let dense = transposeB ? transpose(b, [1, 0]) : b
            return sparseProduct(factor.input, dense, transposed: factor.isTransposed != transposeA)
        }
        guard let factor = sparseFactor(b) else { return nil }
        // A·B = (Bᵀ·Aᵀ)ᵀ
        let dense = transposeA ? a : transpose(a, [1, 0])
        let product = sparseProduct(factor.input, dense, transposed: factor.isTransposed == transposeB)
        return transpose(product, [1, 0])
    }

    /// op(S)·B for a sparse input S [rows, columns], transposed first if asked, and a dense matrix B.
    package mutating func sparseProduct(_ matrix: NodeID, _ dense: NodeID, transposed: Bool) -> NodeID {
        precondition(shape(dense).rank == 2, "a sparse product takes a matrix")
        precondition(shape(matrix)[transposed ? 0 : 1] == shape(dense)[0], "inner dimensions differ")
        let target = Shape([shape(matrix)[transposed ? 1 : 0], shape(dense)[1]])
        if isZero(dense) { return constant(0, shape: target) }
        if case .unary(.negate) = operation(dense) {
            let inner = sparseProduct(matrix, self[dense].operands[0], transposed: transposed)
            return negate(inner)
        }
        if let (factor, rest) = scaling(dense) {
            let inner = sparseProduct(matrix, rest, transposed: transposed)
            return scale(factor, inner)
        }
        return intern(.sparseProduct(transposed: transposed), [matrix, dense], target)
    }
}
