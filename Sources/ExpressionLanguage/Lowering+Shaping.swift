// Functions that move elements: transpose, reshape, joining, diagonals, gathering.
import ExpressionGraph

extension Lowering {
    /// `x.T`.
    mutating func lowerAttribute(_ base: Int, _ name: String, at index: Int) -> LoweredValue? {
        guard name == "T" else {
            let hint: String?
            switch name {
            case "t": hint = "did you mean 'T'?"
            case "shape", "size", "ndim": hint = "write the number itself; mean(x) divides by the count"
            default: hint = Function(rawValue: name).map { "write \($0.rawValue)(…)" }
            }
            report(index, .unknownName, "arrays have no attribute \(Printable.quote(name)), only T", hint)
            return nil
        }
        guard let x = factor(base, for: index) else { return nil }
        let rank = graph.shape(x.node).rank
        return .expression(moved(x, graph.transpose(x.node, Array((0..<rank).reversed()))))
    }

    /// The same elements elsewhere: every property is kept.
    func moved(_ x: Expression, _ node: NodeID) -> Expression {
        var result = x
        result.node = node
        return result
    }

    mutating func transposed(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let operand = factor(x[0], for: index) else { return nil }
        let rank = graph.shape(operand.node).rank
        var permutation = Array((0..<rank).reversed())
        if let child = x.optional(1) {
            guard let given = integers(child, "axes") else { return nil }
            permutation = given.map { $0 < 0 ? $0 + rank : $0 }
            guard permutation.sorted() == Array(0..<rank) else {
                report(child, .wrongArgument, "axes must name each of the \(rank) dimensions once")
                return nil
            }
        }
        return moved(operand, graph.transpose(operand.node, permutation))
    }

    /// reshape(x, [2, 3]); one −1 stands for what is left. A leading sample axis stays where it is, written −1.
    mutating func reshaped(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let operand = expression(x[0], for: index), let wanted = integers(x[1], "a shape") else { return nil }
        let source = graph.shape(operand.node)
        if let bad = wanted.first(where: { $0 < -1 }) ?? (wanted.count { $0 == -1 } > 1 ? -1 : nil) {
            report(x[1], .wrongArgument, "a shape holds sizes and at most one −1, came \(bad)")
            return nil
        }
        guard let target = resolveShape(wanted, of: source) else {
            report(index, .shapeMismatch, "\(describeOperand(x[0])), which cannot become \(wanted)")
            return nil
        }
        guard fits(target, at: index) else { return nil }
        return moved(operand, graph.reshape(operand.node, to: target))
    }

    private func resolveShape(_ wanted: [Int], of source: Shape) -> Shape? {
        let fixed = source.dimensions.compactMap { if case .size(let n) = $0 { n } else { nil } }
        guard let count = product(fixed), let given = product(wanted.filter { $0 != -1 }) else { return nil }
        guard let axis = source.dimensions.first(where: \.isAxis) else {
            guard let free = wanted.firstIndex(of: -1) else { return given == count ? Shape(sizes: wanted) : nil }
            guard given > 0, count.isMultiple(of: given) else { return nil }
            var sizes = wanted
            sizes[free] = count / given
            return Shape(sizes: sizes)
        }
        // One leading sample axis keeps its place; the sizes after it may change.
        guard source.axes.count == 1, source[0] == axis, wanted.first == -1, given == count else { return nil }
        return Shape([axis] + wanted.dropFirst().map(Dimension.size))
    }

    private func product(_ sizes: [Int]) -> Int? {
        var result = 1
        for size in sizes {
            let (value, overflow) = result.multipliedReportingOverflow(by: size)
            if overflow { return nil }
            result = value
        }
        return result
    }

    // MARK: - Joining

    private mutating func arrays(_ child: Int, _ function: Function) -> [(index: Int, expression: Expression)]? {
        guard case .list(let items) = values[child], !items.isEmpty else {
            report(child, .wrongArgument, "\(function.rawValue) wants a list of arrays: \(function.rawValue)([a, b])")
            return nil
        }
        var result: [(Int, Expression)] = []
        for item in items {
            guard let value = expression(item, for: child) else { return nil }
            result.append((item, value))
        }
        return result
    }

    mutating func concatenated(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let parts = arrays(x[0], .concatenate) else { return nil }
        let first = graph.shape(parts[0].expression.node)
        guard first.rank > 0 else {
            report(parts[0].index, .shapeMismatch, "concatenate wants arrays, came a number", "use stack for numbers")
            return nil
        }
        var axis = 0
        if let child = x.optional(1) {
            guard let given = axisNumber(child, rank: first.rank) else { return nil }
            axis = given
        }
        for part in parts {
            let shape = graph.shape(part.expression.node)
            if shape.rank == first.rank && shape[axis].isAxis {
                report(part.index, .shapeMismatch, "\(describeOperand(part.index)): a sample axis cannot be joined")
                return nil
            }
            guard shape.rank == first.rank && shape.removing(axis) == first.removing(axis) else {
                report(
                    part.index, .shapeMismatch,
                    "\(describeOperand(parts[0].index)) and \(describeOperand(part.index)): "
                        + "all but dimension \(axis) must agree")
                return nil
            }
        }
        return joined(parts.map(\.expression), graph.concatenate(parts.map(\.expression.node), axis: axis), at: index)
    }

    /// A list that stands where an array does, as in `w + [1, 2, 3]`: its entries along a new first dimension.
    mutating func listed(_ items: [Int], at child: Int) -> Expression? {
        guard !items.isEmpty else {
            report(child, .wrongArgument, "wanted a number or an array, came an empty list")
            return nil
        }
        var parts: [(index: Int, expression: Expression)] = []
        for item in items {
            guard let value = expression(item, for: child) else { return nil }
            parts.append((item, value))
        }
        guard let result = stacked(parts, axis: 0, "a list has entries of equal shapes", at: child) else { return nil }
        values[child] = check(.expression(result), at: child)
        guard case .expression(let array) = values[child] else { return nil }
        return array
    }

    mutating func stacked(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let parts = arrays(x[0], .stack) else { return nil }
        let first = graph.shape(parts[0].expression.node)
        var axis = 0
        if let child = x.optional(1) {
            guard let given = axisNumber(child, rank: first.rank + 1) else { return nil }
            axis = given
        }
        return stacked(parts, axis: axis, "stack wants equal shapes", at: index)
    }

    private mutating func stacked(
        _ parts: [(index: Int, expression: Expression)], axis: Int, _ rule: String, at index: Int
    ) -> Expression? {
        let first = graph.shape(parts[0].expression.node)
        for part in parts where graph.shape(part.expression.node) != first {
            report(
                part.index, .shapeMismatch,
                "\(describeOperand(parts[0].index)) and \(describeOperand(part.index)): \(rule)")
            return nil
        }
        var dimensions = first.dimensions
        dimensions.insert(.size(1), at: axis)
        let nodes = parts.map { graph.reshape($0.expression.node, to: Shape(dimensions)) }
        return joined(parts.map(\.expression), graph.concatenate(nodes, axis: axis), at: index)
    }

    private mutating func joined(_ parts: [Expression], _ node: NodeID, at index: Int) -> Expression {
        var result = parts[0]
        for part in parts.dropFirst() { result = combine(result, part, node, affineIn: .both, at: index) }
        return moved(result, node)
    }

    // MARK: - Matrices

    mutating func outer(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let first = expression(x[0], for: index), let second = expression(x[1], for: index) else { return nil }
        let (a, b) = (flattened(first, at: index), flattened(second, at: index))
        let shapes = (graph.shape(a.node), graph.shape(b.node))
        let target = Shape([shapes.0[0], shapes.1[0]])
        guard fits(target, at: index) else { return nil }
        let column = graph.broadcast(graph.reshape(a.node, to: [shapes.0[0], .size(1)]), to: target)
        let row = graph.broadcast(graph.reshape(b.node, to: [.size(1), shapes.1[0]]), to: target)
        return combine(a, b, graph.multiply(column, row), affineIn: .either, at: index)
    }

    /// The entries in a row, as `outer` and `take` without an axis read them; a vector as it is.
    mutating func flattened(_ x: Expression, at index: Int) -> Expression {
        let shape = graph.shape(x.node)
        if shape.rank == 1 { return x }
        let whole = fixed(x, Array(0..<shape.rank), "samples in a row", at: index)
        let count = shape.dimensions.reduce(1) { $0 * extent($1) }
        return moved(whole, graph.reshape(whole.node, to: Shape(sizes: [count])))
    }

    /// The diagonal of a matrix as a vector: every (columns + 1)-th element.
    private mutating func diagonalVector(
        _ child: Int, _ x: Expression, _ name: String, at index: Int
    ) -> Expression? {
        guard graph.shape(x.node).rank == 2 else {
            report(index, .shapeMismatch, "\(describeOperand(child)): \(name) wants a matrix")
            return nil
        }
        let matrix = fixed(x, [0, 1], "\(name) over samples", at: index)
        let (rows, columns) = (extent(graph.shape(matrix.node)[0]), extent(graph.shape(matrix.node)[1]))
        let flat = graph.reshape(matrix.node, to: Shape(sizes: [rows * columns]))
        let range = SliceRange(start: 0, step: columns + 1, count: .size(min(rows, columns)))
        return moved(matrix, graph.slice(flat, [range]))
    }

    mutating func trace(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let operand = expression(x[0], for: index),
            let diagonal = diagonalVector(x[0], operand, "trace", at: index)
        else { return nil }
        return moved(diagonal, graph.sum(diagonal.node))
    }

    /// A vector on the diagonal of a matrix, or the diagonal of a matrix.
    mutating func diagonal(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let operand = expression(x[0], for: index) else { return nil }
        guard graph.shape(operand.node).rank == 1 else { return diagonalVector(x[0], operand, "diag", at: index) }
        let vector = fixed(operand, [0], "diag over samples", at: index)
        let n = extent(graph.shape(vector.node)[0])
        let target = Shape(sizes: [n, n])
        guard fits(target, at: index) else { return nil }
        let range = SliceRange(start: 0, step: n + 1, count: .size(n))
        let flat = graph.pad(vector.node, [range], to: Shape(sizes: [n * n]))
        return moved(vector, graph.reshape(flat, to: target))
    }

    // MARK: - Classes

    mutating func oneHot(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let labels = expression(x[0], for: index), let classes = integer(x[1], "the number of classes") else {
            return nil
        }
        let shape = graph.shape(labels.node)
        guard classes > 0 else {
            report(x[1], .wrongArgument, "one_hot wants a positive number of classes, came \(classes)")
            return nil
        }
        guard fits(Shape(shape.dimensions + [.size(classes)]), at: index),
            requireIntegers(x[0], labels, below: classes, "one_hot wants classes 0 to \(classes - 1)", at: index)
        else { return nil }
        return moved(labels, graph.oneHot(labels.node, classes: classes))
    }
}
