// Arrays of indices in subscripts and in `take`: NumPy's advanced indexing, without masks.
import ExpressionGraph

extension Lowering {
    /// take(x, indices, axis): indices are integer data or a list of integers; without an axis, into all entries in a row.
    mutating func taken(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let operand = expression(x[0], for: index) else { return nil }
        let shape = graph.shape(operand.node)
        guard shape.rank > 0 else {
            report(x[0], .shapeMismatch, "take wants an array, came a number")
            return nil
        }
        var axis = 0
        var source = flattened(operand, at: index)
        if let child = x.optional(2), values[child] != LoweredValue.nothing {
            guard let given = axisNumber(child, rank: shape.rank) else { return nil }
            (axis, source) = (given, operand)
        }
        let operandOfFixedSize = fixed(source, [axis], "picking samples by index", at: index)
        guard let indices = indices(x[1], of: operandOfFixedSize, axis: axis, at: index) else { return nil }
        return picked(operandOfFixedSize, indices, axis: axis, at: index)
    }

    /// Applies the arrays among the subscripts; numbers and ranges have been applied to `x` before.
    ///
    /// As in NumPy, the arrays broadcast to one shape, which replaces their dimensions where those (and numbers) stand
    /// side by side, and stands in front where a range is between them.
    mutating func gather(
        _ x: Expression, _ subscripts: [Subscript], _ kinds: [SubscriptKind], at index: Int
    ) -> Expression? {
        var dimension = 0
        var arrays: [(dimension: Int, child: Int)] = []
        for (entry, kind) in zip(subscripts, kinds) {
            if kind == .array { arrays.append((dimension, entry.children[0])) }
            if kind != .number { dimension += 1 }
        }
        var operand = fixed(x, arrays.map(\.dimension), "picking samples by index", at: index)
        var all: [Expression] = []
        for array in arrays {
            guard let indices = indices(array.child, of: operand, axis: array.dimension, at: index) else { return nil }
            all.append(indices)
        }
        let first = kinds.firstIndex { $0 != .range } ?? 0
        let last = kinds.lastIndex { $0 != .range } ?? 0
        let place = kinds[first...last].contains(.range) ? 0 : arrays[0].dimension
        operand = gathered(operand, arrays.map(\.dimension), at: place)
        guard let combined = combined(all, graph.shape(operand.node), place, at: index) else {
            return nil
        }
        let merged = merged(operand, place, arrays.count)
        return picked(merged, combined, axis: place, at: index)
    }

    /// Sample axes among `dimensions` taken whole, as sizes: what follows works on a full batch only.
    mutating func fixed(_ x: Expression, _ dimensions: [Int], _ what: String, at index: Int) -> Expression {
        let shape = graph.shape(x.node)
        let samples = dimensions.filter { shape[$0].isAxis }
        guard !samples.isEmpty else { return x }
        var ranges = shape.dimensions.map(SliceRange.all)
        for dimension in samples {
            ranges[dimension] = SliceRange(start: 0, step: 1, count: .size(extent(shape[dimension])))
        }
        return fullBatch(moved(x, graph.slice(x.node, ranges)), shape.axes, what, at: index)
    }

    private mutating func picked(_ x: Expression, _ indices: Expression, axis: Int, at index: Int) -> Expression? {
        let dimensions = graph.shape(x.node).dimensions
        let shape = Shape(dimensions[..<axis] + graph.shape(indices.node).dimensions + dimensions[(axis + 1)...])
        guard fits(shape, at: index) else { return nil }
        return combine(x, indices, graph.take(x.node, indices: indices.node, axis: axis), affineIn: .first, at: index)
    }

    // MARK: - Indices

    /// Indices into one dimension: integers written out, negative ones counted from the end, or integer data.
    private mutating func indices(_ child: Int, of x: Expression, axis: Int, at index: Int) -> Expression? {
        let count = extent(graph.shape(x.node)[axis])
        if case .list(let items) = values[child] {
            guard let written = positions(items, of: count, at: child) else { return nil }
            let parts = written.values.map { graph.constant(Double($0), shape: [.size(1)]) }
            let row = parts.isEmpty ? graph.constant(0, shape: [.size(0)]) : graph.concatenate(parts, axis: 0)
            return Expression(node: graph.reshape(row, to: Shape(sizes: written.shape)), isInteger: true)
        }
        guard let indices = expression(child, for: index) else { return nil }
        if isTruthValue(indices.node) {
            report(
                child, .unsupported, "\(describeOperand(child)): truth values do not pick elements",
                "write where(condition, x, 0), or a product with the condition")
            return nil
        }
        let isSound = requireIntegers(
            child, indices, below: count, "indices must be integers from 0 to \(count - 1)", at: index)
        return isSound ? indices : nil
    }

    /// The positions that a list of integers names in a dimension of size `count`, in a row, and the list's shape; a list
    /// of lists has rows of one shape, as in NumPy.
    private mutating func positions(
        _ items: [Int], of count: Int, at child: Int
    ) -> (values: [Int], shape: [Int])? {
        var all: [Int] = []
        var row: [Int]?
        for item in items {
            var part: (values: [Int], shape: [Int])
            if case .list(let inner) = values[item] {
                guard let inner = positions(inner, of: count, at: item) else { return nil }
                part = inner
            } else {
                guard let value = integer(item, "an index"), let place = position(value, of: count, at: child) else {
                    return nil
                }
                part = ([place], [])
            }
            guard row == nil || row == part.shape else {
                let came = row == [] || part.shape == [] ? "numbers beside lists" : "\(row ?? []) and \(part.shape)"
                report(child, .shapeMismatch, "the rows of a list of indices have one shape, came \(came)")
                return nil
            }
            row = part.shape
            all += part.values
        }
        return (all, [items.count] + (row ?? []))
    }

    private func isTruthValue(_ id: NodeID) -> Bool {
        switch graph.operation(id) {
        case .binary(.less), .binary(.lessEqual), .binary(.equal), .unary(.isPositive): true
        default: false
        }
    }

    // MARK: - Several arrays

    /// The dimensions moved side by side, the first of them to `place`.
    private mutating func gathered(_ x: Expression, _ dimensions: [Int], at place: Int) -> Expression {
        var order = (0..<graph.shape(x.node).rank).filter { !dimensions.contains($0) }
        order.insert(contentsOf: dimensions, at: place)
        return moved(x, graph.transpose(x.node, order))
    }

    /// `count` neighbouring dimensions as one.
    private mutating func merged(_ x: Expression, _ place: Int, _ count: Int) -> Expression {
        let dimensions = graph.shape(x.node).dimensions
        let size = dimensions[place..<place + count].reduce(1) { $0 * extent($1) }
        return moved(
            x, graph.reshape(x.node, to: Shape(dimensions[..<place] + [.size(size)] + dimensions[(place + count)...])))
    }

    /// One array of indices into the merged dimensions.
    private mutating func combined(
        _ arrays: [Expression], _ shape: Shape, _ place: Int, at index: Int
    ) -> Expression? {
        var result = arrays[0]
        for (offset, array) in arrays.enumerated().dropFirst() {
            let shapes = (graph.shape(result.node), graph.shape(array.node))
            guard let common = Shape.broadcast(shapes.0, shapes.1) else {
                report(
                    index, .shapeMismatch,
                    "the indices are \(describe(shapes.0)) and \(describe(shapes.1)): the shapes do not broadcast")
                return nil
            }
            guard fits(common, at: index) else { return nil }
            let upper = graph.scale(Double(extent(shape[place + offset])), graph.broadcast(result.node, to: common))
            let node = graph.add(upper, graph.broadcast(array.node, to: common))
            result = combine(result, array, node, affineIn: .both, at: index)
        }
        return result
    }
}
