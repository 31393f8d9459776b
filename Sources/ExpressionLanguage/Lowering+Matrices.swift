// Matrix products, linear systems and determinants, of matrices and of stacks of them, with NumPy's meaning.
import ExpressionGraph

extension Lowering {
    mutating func lowerMatmul(_ left: Int, _ right: Int, at index: Int) -> LoweredValue? {
        guard let a = factor(left, for: index), let b = factor(right, for: index) else { return nil }
        return product(a, b, left, right, at: index).map(LoweredValue.expression)
    }

    /// dot(a, b): a product with a number, else `a @ b`, which it is up to matrices on the right.
    mutating func dot(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let a = factor(x[0], for: index), let b = factor(x[1], for: index) else { return nil }
        if graph.shape(a.node).rank == 0 || graph.shape(b.node).rank == 0 {
            guard let (a, b) = aligned(x[0], x[1], at: index) else { return nil }
            return combine(a, b, graph.multiply(a.node, b.node), affineIn: .either, at: index)
        }
        guard graph.shape(b.node).rank <= 2 else {
            report(
                index, .unsupported,
                "\(describeOperand(x[1])): dot with a stack of matrices on the right is not computed",
                "write @ for the product of each matrix")
            return nil
        }
        return product(a, b, x[0], x[1], at: index)
    }

    /// `a @ b` with NumPy's rules: a vector on the left is a row, on the right a column; more dimensions are stacks of
    /// matrices that broadcast.
    private mutating func product(
        _ a: Expression, _ b: Expression, _ left: Int, _ right: Int, at index: Int
    ) -> Expression? {
        let shapes = (graph.shape(a.node), graph.shape(b.node))
        guard admitsSparse(a, b, left, right, at: index) else { return nil }
        for (shape, operand) in [(shapes.0, left), (shapes.1, right)] where shape.rank == 0 {
            report(
                index, .shapeMismatch, "\(describeOperand(operand)): a matrix product takes vectors and matrices",
                "use * with numbers")
            return nil
        }
        let inner = (shapes.0[shapes.0.rank - 1], shapes.1[max(shapes.1.rank - 2, 0)])
        guard inner.0 == inner.1 else {
            report(
                index, .shapeMismatch,
                "\(describeOperand(left)) and \(describeOperand(right)): the inner dimensions "
                    + "\(describe(inner.0)) and \(describe(inner.1)) differ")
            return nil
        }
        guard let stack = commonStack(left, right, shapes.0, shapes.1, at: index) else { return nil }
        let rows = shapes.0.rank >= 2 ? [shapes.0[shapes.0.rank - 2]] : []
        let columns = shapes.1.rank >= 2 ? [shapes.1[shapes.1.rank - 1]] : []
        let target = Shape(stack + rows + columns)
        guard fits(target, at: index) else { return nil }
        let x = shapes.0.rank == 1 ? graph.reshape(a.node, to: [.size(1), inner.0]) : a.node
        let y = shapes.1.rank == 1 ? graph.reshape(b.node, to: [inner.1, .size(1)]) : b.node
        let node = graph.reshape(graph.matmul(x, y), to: target)
        var result = combine(a, b, node, affineIn: .either, at: index)
        result.isInteger = false
        guard case .axis(let axis) = inner.0 else { return result }
        return contract(result, result.node, over: [axis], at: index)
    }

    /// Whether a product has at most one sparse factor, and that with one matrix or vector; reports it otherwise.
    private mutating func admitsSparse(
        _ a: Expression, _ b: Expression, _ left: Int, _ right: Int, at index: Int
    ) -> Bool {
        let operands = [(a, left), (b, right)]
        let sparse = operands.filter { graph.isSparse($0.0.node) }
        if sparse.count == 2 {
            report(
                index, .unsupported, "\(describeOperand(left)) and \(describeOperand(right)), and both are sparse",
                "multiply one of them with a dense array first: A @ (B @ w)")
            return false
        }
        guard sparse.count == 1, let stack = operands.first(where: { graph.shape($0.0.node).rank > 2 }) else {
            return true
        }
        report(
            index, .unsupported,
            "\(describeOperand(stack.1)): a sparse matrix is multiplied with one matrix, not with a stack of them",
            "write a product for each matrix")
        return false
    }

    /// The leading dimensions of two stacks of matrices, broadcast.
    private mutating func commonStack(_ left: Int, _ right: Int, _ a: Shape, _ b: Shape, at index: Int) -> [Dimension]?
    {
        let stacks = (Shape(Array(a.dimensions.dropLast(2))), Shape(Array(b.dimensions.dropLast(2))))
        if let common = Shape.broadcast(stacks.0, stacks.1) { return common.dimensions }
        report(
            index, .shapeMismatch,
            "\(describeOperand(left)) and \(describeOperand(right)): the leading dimensions do not broadcast")
        return nil
    }

    // MARK: - Linear systems

    /// solve(A, b) and cholesky_solve(A, b): b is one vector, or matrices of columns.
    mutating func solved(_ function: Function, _ x: BoundArguments, at index: Int) -> Expression? {
        guard let a = expression(x[0], for: index), let b = expression(x[1], for: index),
            squareMatrices(x[0], a, function, at: index)
        else { return nil }
        let shapes = (graph.shape(a.node), graph.shape(b.node))
        let rows = shapes.0[shapes.0.rank - 1]
        guard shapes.1.rank > 0, shapes.1[max(shapes.1.rank - 2, 0)] == rows else {
            let wanted = "\(function.rawValue) wants \(describe(rows)) rows on the right"
            let isStack = shapes.1.rank > 1 && shapes.1.dimensions.last == rows
            report(
                index, .shapeMismatch, "\(describeOperand(x[0])) and \(describeOperand(x[1])): \(wanted)",
                isStack ? "write a vector for each matrix as a column, [.., \(describe(rows)), 1]" : nil)
            return nil
        }
        let isVector = shapes.1.rank == 1
        let columns = isVector ? graph.reshape(b.node, to: [rows, .size(1)]) : b.node
        guard let stack = commonStack(x[0], x[1], shapes.0, graph.shape(columns), at: index) else { return nil }
        let target = Shape(stack + [rows] + (isVector ? [] : [shapes.1[shapes.1.rank - 1]]))
        guard fits(target, at: index) else { return nil }
        let solution =
            function == .choleskySolve ? graph.choleskySolve(a.node, columns) : graph.solve(a.node, columns)
        let node = graph.reshape(solution, to: target)
        var result = combine(b, a, node, affineIn: .first, at: index)
        result.isInteger = false
        return result
    }

    mutating func inverse(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let a = expression(x[0], for: index), squareMatrices(x[0], a, .inverse, at: index) else { return nil }
        return derive(a, graph.inverse(a.node), affine: false, at: index)
    }

    /// log |det A|, one number for each matrix: NumPy's `slogdet(A)[1]`.
    mutating func logDeterminant(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let a = expression(x[0], for: index), squareMatrices(x[0], a, .logdet, at: index) else { return nil }
        return derive(a, graph.logDeterminant(a.node), affine: false, at: index)
    }

    private mutating func squareMatrices(
        _ child: Int, _ x: Expression, _ function: Function, at index: Int
    ) -> Bool {
        let shape = graph.shape(x.node)
        guard shape.rank >= 2, shape[shape.rank - 1] == shape[shape.rank - 2] else {
            report(
                index, .shapeMismatch,
                "\(describeOperand(child)): \(function.rawValue) wants a square matrix, or a stack of them")
            return false
        }
        return true
    }
}
