// Constructors of matrix products, of matrices and of stacks of them along leading dimensions.

extension Shape {
    /// The dimensions before the last two, along which matrices are stacked.
    var stack: [Dimension] { Array(dimensions.dropLast(2)) }
    var matrixRows: Dimension { dimensions[rank - 2] }
    var matrixColumns: Dimension { dimensions[rank - 1] }

    /// The same stack of matrices of another size.
    func withMatrix(_ rows: Dimension, _ columns: Dimension) -> Shape { Shape(stack + [rows, columns]) }

    /// One matrix in place of the stack, the rank kept.
    var withoutStack: Shape { Shape(stack.map { _ in .size(1) } + [matrixRows, matrixColumns]) }

    /// The stack of two operands of one rank: they agree, or one of them is a single matrix; else `nil`.
    static func commonStack(_ a: Shape, _ b: Shape) -> [Dimension]? {
        if a.stack == b.stack || b.stack.allSatisfy(\.isOne) { return a.stack }
        return a.stack.allSatisfy(\.isOne) ? b.stack : nil
    }
}

extension Graph {
    /// The product of matrices, each transposed first where its flag says so; of stacks of matrices under NumPy's rules,
    /// leading dimensions of 1 and missing ones repeated.
    ///
    /// The caller has checked that the inner dimensions agree and that the leading ones broadcast.
    package mutating func matmul(
        _ a: NodeID, _ b: NodeID, transposeA: Bool = false, transposeB: Bool = false
    ) -> NodeID {
        if let product = productOfSparse(a, b, transposeA, transposeB) { return product }
        let (x, y) = alignedStacks(a, b)
        return matmul(x, y, transposeA, transposeB, addsStack: false)
    }

    /// Stacks of one rank that agree, or of which one is a single matrix.
    mutating func alignedStacks(_ a: NodeID, _ b: NodeID) -> (NodeID, NodeID) {
        precondition(shape(a).rank >= 2 && shape(b).rank >= 2, "matrices have two dimensions")
        guard let stack = Shape.broadcast(Shape(shape(a).stack), Shape(shape(b).stack))?.dimensions else {
            preconditionFailure("stacks \(shape(a)) and \(shape(b)) do not broadcast")
        }
        return (aligned(a, stack), aligned(b, stack))
    }

    private mutating func aligned(_ x: NodeID, _ stack: [Dimension]) -> NodeID {
        let source = shape(x)
        let matrix = [source.matrixRows, source.matrixColumns]
        let padding = [Dimension](repeating: .size(1), count: stack.count - source.stack.count)
        let padded = reshape(x, to: Shape(padding + source.dimensions))
        if source.stack.allSatisfy(\.isOne) { return padded }
        return broadcast(padded, to: Shape(stack + matrix))
    }

    /// Whether a product adds up its stack.
    func addsStack(_ node: Node) -> Bool {
        node.shape.stack.allSatisfy(\.isOne) && !shape(node.operands[0]).stack.allSatisfy(\.isOne)
    }

    /// Whether a product uses one matrix for a whole stack.
    func isShared(_ operand: NodeID, by node: Node) -> Bool {
        shape(operand).stack.allSatisfy(\.isOne) && !node.shape.stack.allSatisfy(\.isOne)
    }

    /// A product of operands whose stacks are aligned.
    ///
    /// - Parameter addsStack: give the sum of the stack's products instead, with leading dimensions of 1.
    mutating func matmul(
        _ a: NodeID, _ b: NodeID, _ transposeA: Bool, _ transposeB: Bool, addsStack: Bool
    ) -> NodeID {
        let (left, right) = (shape(a), shape(b))
        let inner = transposeA ? left.matrixRows : left.matrixColumns
        precondition(left.rank == right.rank, "operands of different ranks")
        precondition(inner == (transposeB ? right.matrixColumns : right.matrixRows), "inner dimensions differ")
        guard let stack = Shape.commonStack(left, right) else { preconditionFailure("stacks differ") }
        let whole = Shape(
            stack + [
                transposeA ? left.matrixColumns : left.matrixRows, transposeB ? right.matrixRows : right.matrixColumns,
            ])
        let target = addsStack ? whole.withoutStack : whole
        if isZero(a) || isZero(b) { return constant(0, shape: target) }
        if left.rank > 2 {
            if stack.allSatisfy(\.isOne) { return singleProduct(a, b, transposeA, transposeB, target) }
            if addsStack && left.stack != right.stack {
                return sumTo(matmul(a, b, transposeA, transposeB, addsStack: false), target)
            }
        }
        if let pulled = pullFactors(a, b, transposeA, transposeB, addsStack) { return pulled }
        if let source = untransposed(a) { return matmul(source, b, !transposeA, transposeB, addsStack: addsStack) }
        if let source = untransposed(b) { return matmul(a, source, transposeA, !transposeB, addsStack: addsStack) }
        if left.rank == 2 && target.isSingleElement { return innerProduct(a, b, inner) }
        if !addsStack, left.stack == right.stack {
            if let source = unrepeated(a) { return matmul(source, b, transposeA, transposeB, addsStack: false) }
            if let source = unrepeated(b) { return matmul(a, source, transposeA, transposeB, addsStack: false) }
        }
        return intern(.matmul(transposeA: transposeA, transposeB: transposeB), [a, b], target)
    }

    /// A stack of one matrix is that matrix.
    private mutating func singleProduct(
        _ a: NodeID, _ b: NodeID, _ transposeA: Bool, _ transposeB: Bool, _ target: Shape
    ) -> NodeID {
        let x = reshape(a, to: [shape(a).matrixRows, shape(a).matrixColumns])
        let y = reshape(b, to: [shape(b).matrixRows, shape(b).matrixColumns])
        let product = matmul(x, y, transposeA, transposeB, addsStack: false)
        return reshape(product, to: target)
    }

    /// The operand of a node that transposes matrices.
    private func untransposed(_ id: NodeID) -> NodeID? {
        guard case .transpose(let permutation) = operation(id) else { return nil }
        let rank = permutation.count
        let swapped = Array(0..<rank - 2) + [rank - 1, rank - 2]
        return permutation == swapped ? self[id].operands[0] : nil
    }

    /// The matrix that a node repeats along a stack.
    private func unrepeated(_ id: NodeID) -> NodeID? {
        guard case .broadcast = operation(id) else { return nil }
        let source = self[id].operands[0]
        return shape(source) == shape(id).withoutStack && shape(source) != shape(id) ? source : nil
    }

    /// Signs and constant factors leave a product; other numbers do where the result is not the larger array.
    private mutating func pullFactors(
        _ a: NodeID, _ b: NodeID, _ transposeA: Bool, _ transposeB: Bool, _ addsStack: Bool
    ) -> NodeID? {
        if case .unary(.negate) = operation(a) {
            return negate(matmul(self[a].operands[0], b, transposeA, transposeB, addsStack: addsStack))
        }
        if case .unary(.negate) = operation(b) {
            return negate(matmul(a, self[b].operands[0], transposeA, transposeB, addsStack: addsStack))
        }
        if let (factor, rest) = scaling(a) {
            return scale(factor, matmul(rest, b, transposeA, transposeB, addsStack: addsStack))
        }
        if let (factor, rest) = scaling(b) {
            return scale(factor, matmul(a, rest, transposeA, transposeB, addsStack: addsStack))
        }
        let inner = transposeA ? shape(a).matrixRows : shape(a).matrixColumns
        let columns = transposeB ? shape(b).matrixRows : shape(b).matrixColumns
        if let (number, rest) = repeatedFactor(a), isAtMost(columns, inner) {
            let product = matmul(rest, b, transposeA, transposeB, addsStack: addsStack)
            return multiply(broadcast(number, to: shape(product)), product)
        }
        let rows = transposeA ? shape(a).matrixColumns : shape(a).matrixRows
        if let (number, rest) = repeatedFactor(b), isAtMost(rows, inner) {
            let product = matmul(a, rest, transposeA, transposeB, addsStack: addsStack)
            return multiply(broadcast(number, to: shape(product)), product)
        }
        return nil
    }

    /// `(s, x)` when the node is `s · x` with a single number `s` in every element.
    private func repeatedFactor(_ id: NodeID) -> (number: NodeID, rest: NodeID)? {
        guard case .binary(.multiply) = operation(id) else { return nil }
        let factors = self[id].operands
        for (repeated, rest) in [(factors[0], factors[1]), (factors[1], factors[0])] {
            guard case .broadcast = operation(repeated) else { continue }
            let source = self[repeated].operands[0]
            if shape(source).isSingleElement { return (source, rest) }
        }
        return nil
    }

    private func isAtMost(_ a: Dimension, _ b: Dimension) -> Bool {
        if case .size(let m) = a, case .size(let n) = b { return m <= n }
        return a == b || a.isOne
    }

    /// A 1×k by k×1 product as a dot product of vectors, which fuses with what computes them.
    private mutating func innerProduct(_ a: NodeID, _ b: NodeID, _ inner: Dimension) -> NodeID {
        let x = reshape(a, to: [inner])
        let y = reshape(b, to: [inner])
        let product = dot(x, y)
        return reshape(product, to: Shape(sizes: [1, 1]))
    }
}
