// Reductions over dimensions, some of which are sample axes: which of them a batch can estimate is decided here.
import ExpressionGraph

extension Lowering {
    /// sum, mean, max, min, prod, logsumexp, norm with NumPy's `axis` and `keepdims`.
    mutating func reduction(_ function: Function, _ x: BoundArguments, at index: Int) -> Expression? {
        if function == .norm { return norm(x, at: index) }
        return reduction(function, x, axis: x.optional(1), keepdims: x.optional(2), at: index)
    }

    /// The root of the sum of squares or, with `ord=1`, the sum of magnitudes. NumPy's other orders, and its norms of
    /// matrices, are refused.
    private mutating func norm(_ x: BoundArguments, at index: Int) -> Expression? {
        let (axis, keepdims) = (x.optional(2), x.optional(3))
        guard let child = x.optional(1), values[child] != LoweredValue.nothing else {
            return reduction(.norm, x, axis: axis, keepdims: keepdims, at: index)
        }
        guard let order = integer(child, "ord"), var operand = expression(x[0], for: index),
            let axes = reducedAxes(axis, of: operand, at: index)
        else { return nil }
        guard order == 1 || order == 2 else {
            report(
                child, .wrongArgument, "norm computes ord=1 and ord=2, came \(order)",
                "write max(abs(x)) for the largest entry, sum(abs(x)^p)^(1/p) for others")
            return nil
        }
        guard axes.count < 2 else {
            report(
                child, .wrongArgument,
                "\(describeOperand(x[0])): as in NumPy the second argument is ord, and norms of matrices by ord are "
                    + "not computed",
                "write norm(x, axis=\(order)) along an axis, sum(abs(x)) or norm(x) over all entries")
            return nil
        }
        guard order == 1 else { return reduction(.norm, x, axis: axis, keepdims: keepdims, at: index) }
        operand = derive(operand, graph.unary(.absolute, operand.node), affine: false, at: index)
        return reduction(.sum, of: operand, axes, keepdims: keepdims, at: index)
    }

    private mutating func reduction(
        _ function: Function, _ x: BoundArguments, axis: Int?, keepdims: Int?, at index: Int
    ) -> Expression? {
        guard let operand = expression(x[0], for: index), let axes = reducedAxes(axis, of: operand, at: index) else {
            return nil
        }
        return reduction(function, of: operand, axes, keepdims: keepdims, at: index)
    }

    private mutating func reduction(
        _ function: Function, of operand: Expression, _ axes: [Int], keepdims: Int?, at index: Int
    ) -> Expression? {
        guard let keeps = flag(keepdims, named: "keepdims") else { return nil }
        let shape = graph.shape(operand.node)
        guard !axes.isEmpty else { return identityReduction(function, operand, at: index) }
        guard checkNonEmpty(function, shape, axes, at: index) else { return nil }
        guard var result = reduce(function, operand, axes, at: index) else { return nil }
        if !keeps {
            let kept = Shape(shape.dimensions.indices.filter { !axes.contains($0) }.map { shape[$0] })
            result.node = graph.reshape(result.node, to: kept)
        }
        return result
    }

    /// Reductions of a single number.
    private mutating func identityReduction(_ function: Function, _ x: Expression, at index: Int) -> Expression {
        function == .norm ? derive(x, graph.unary(.absolute, x.node), affine: false, at: index) : x
    }

    private mutating func checkNonEmpty(_ function: Function, _ shape: Shape, _ axes: [Int], at index: Int) -> Bool {
        guard axes.contains(where: { shape[$0] == .size(0) }), function != .sum, function != .prod, function != .norm
        else { return true }
        report(index, .shapeMismatch, "\(function.rawValue) of no elements is not defined")
        return false
    }

    private mutating func reduce(
        _ function: Function, _ x: Expression, _ axes: [Int], at index: Int
    ) -> Expression? {
        let shape = graph.shape(x.node)
        let samples = axes.compactMap { if case .axis(let axis) = shape[$0] { axis } else { nil } }
        let target = axes.reduce(shape) { $0.replacing($1, with: .size(1)) }
        switch function {
        case .sum: return contract(x, graph.sumTo(x.node, target), over: samples, at: index)
        case .mean:
            let total = contract(x, graph.sumTo(x.node, target), over: samples, at: index)
            return divideByCount(total, shape, axes)
        case .norm:
            let squares = graph.sumTo(graph.unary(.square, x.node), target)
            return derive(
                fullBatch(x, samples, "norm over samples", at: index), safeRoot(squares), affine: false, at: index)
        case .max, .min, .logsumexp:
            let (merged, left) = merged(x.node, axes)
            var node = merged
            for axis in left { node = extremeOrLog(function, node, axis) }
            return derive(
                fullBatch(x, samples, "\(function.rawValue) over samples", at: index),
                graph.reshape(node, to: target), affine: false, at: index)
        case .prod: return productOf(x, axes, at: index)
        default: preconditionFailure("\(function) is not a reduction")
        }
    }

    /// Several dimensions of fixed size as one, so that all elements that attain an extremum share its derivative; and the
    /// dimensions that are then left to reduce.
    private mutating func merged(_ node: NodeID, _ axes: [Int]) -> (NodeID, [Int]) {
        let shape = graph.shape(node)
        guard axes.count > 1, !axes.contains(where: { shape[$0].isAxis }) else { return (node, axes) }
        let kept = (0..<shape.rank).filter { !axes.contains($0) }
        let moved = graph.transpose(node, kept + axes)
        let size = Shape(axes.map { shape[$0] }).elementCount { _ in 1 } ?? 0
        return (graph.reshape(moved, to: Shape(kept.map { shape[$0] } + [.size(size)])), [kept.count])
    }

    private mutating func extremeOrLog(_ function: Function, _ node: NodeID, _ axis: Int) -> NodeID {
        switch function {
        case .max: graph.extremum(.maximum, node, axis: axis)
        case .min: graph.extremum(.minimum, node, axis: axis)
        default: graph.logSumExp(node, axis: axis)
        }
    }

    /// The mean: the count of a sample axis is its number of rows, whatever the batch; the expansion factor makes up
    /// for the rest.
    private mutating func divideByCount(
        _ total: Expression, _ shape: Shape, _ axes: [Int]
    ) -> Expression {
        let rows = graph.axes
        let count = Shape(axes.map { shape[$0] }).elementCount { rows[$0.index].rows } ?? 1
        var result = total
        result.node = graph.scale(1 / Double(count), total.node)
        return result
    }

    /// √s with derivative 0 at 0, the documented selection for a norm.
    private mutating func safeRoot(_ squares: NodeID) -> NodeID {
        let shape = graph.shape(squares)
        let zero = graph.constant(0, shape: shape)
        let one = graph.constant(1, shape: shape)
        let vanishes = graph.binary(.equal, squares, zero)
        let root = graph.unary(.squareRoot, graph.select(vanishes, one, squares))
        return graph.select(vanishes, zero, root)
    }

    /// Marks a result that batches cannot estimate because it needs every sample.
    func fullBatch(_ x: Expression, _ samples: [AxisID], _ what: String, at index: Int) -> Expression {
        guard !samples.isEmpty else { return x }
        var result = x
        if result.samplingFault == nil { result.samplingFault = fullBatchOnly(index, what) }
        return result
    }

    /// A balanced tree of products of halves: exact derivatives also where factors are zero.
    private mutating func productOf(
        _ x: Expression, _ axes: [Int], at index: Int
    ) -> Expression {
        let factors = fixed(x, axes, "prod over samples", at: index)
        var node = factors.node
        for axis in axes { node = halvingProduct(node, axis) }
        return derive(factors, node, affine: false, at: index)
    }

    private mutating func halvingProduct(_ node: NodeID, _ axis: Int) -> NodeID {
        var node = node
        while case .size(let count) = graph.shape(node)[axis], count != 1 {
            if count == 0 { return graph.constant(1, shape: graph.shape(node).replacing(axis, with: .size(1))) }
            let half = count / 2
            let low = part(node, axis, from: 0, count: half)
            let high = part(node, axis, from: half, count: half)
            let product = graph.multiply(low, high)
            node =
                count.isMultiple(of: 2)
                ? product : graph.concatenate([product, part(node, axis, from: count - 1, count: 1)], axis: axis)
        }
        return node
    }

    mutating func part(_ node: NodeID, _ axis: Int, from start: Int, count: Int) -> NodeID {
        var ranges = graph.shape(node).dimensions.map(SliceRange.all)
        ranges[axis] = SliceRange(start: start, step: 1, count: .size(count))
        return graph.slice(node, ranges)
    }

    // MARK: - Along one dimension

    mutating func cumulative(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let operand = expression(x[0], for: index) else { return nil }
        let shape = graph.shape(operand.node)
        // Without an axis NumPy runs over the flattened array.
        guard let node = x.optional(1) else { return flatCumulative(operand, shape, x, at: index) }
        guard let axis = axisNumber(node, rank: shape.rank) else { return nil }
        let samples = shape[axis].isAxis ? shape.axes : []
        let result = graph.cumulativeSum(operand.node, axis: axis)
        let base = fullBatch(operand, samples, "cumsum over samples", at: index)
        return derive(base, result, affine: true, at: index)
    }

    private mutating func flatCumulative(
        _ operand: Expression, _ shape: Shape, _ x: BoundArguments, at index: Int
    ) -> Expression? {
        guard shape.rank <= 1 || shape.axes.isEmpty else {
            report(x[0], .wrongArgument, "\(describeOperand(x[0])): cumsum needs axis= here")
            return nil
        }
        let axes = graph.axes
        let count = shape.elementCount { axes[$0.index].rows } ?? 0
        let flat = shape.rank == 1 ? shape : Shape([.size(count)])
        let node = graph.cumulativeSum(graph.reshape(operand.node, to: flat), axis: 0)
        return derive(fullBatch(operand, shape.axes, "cumsum over samples", at: index), node, affine: true, at: index)
    }

    /// softmax and log_softmax, along the last dimension unless `axis` says otherwise.
    mutating func normalised(_ function: Function, _ x: BoundArguments, at index: Int) -> Expression? {
        guard let operand = expression(x[0], for: index) else { return nil }
        let shape = graph.shape(operand.node)
        guard shape.rank > 0 else {
            report(x[0], .shapeMismatch, "\(function.rawValue) wants an array, came a number")
            return nil
        }
        var axes = [shape.rank - 1]
        if let node = x.optional(1) {
            guard let given = reducedAxes(node, of: operand, at: index) else { return nil }
            axes = given
        }
        let result =
            axes.count == 1
            ? normalised(function, operand.node, axis: axes[0]) : normalised(function, operand.node, axes: axes)
        let samples = axes.contains { shape[$0].isAxis } ? shape.axes : []
        return derive(
            fullBatch(operand, samples, "\(function.rawValue) over samples", at: index), result, affine: false,
            at: index)
    }

    private mutating func normalised(_ function: Function, _ x: NodeID, axis: Int) -> NodeID {
        function == .softmax ? graph.softmax(x, axis: axis) : graph.logSoftmax(x, axis: axis)
    }

    /// Over several dimensions: x − logsumexp(x), and exp of that.
    private mutating func normalised(_ function: Function, _ x: NodeID, axes: [Int]) -> NodeID {
        let (merged, left) = merged(x, axes)
        var total = merged
        for axis in left { total = graph.logSumExp(total, axis: axis) }
        let kept = axes.reduce(graph.shape(x)) { $0.replacing($1, with: .size(1)) }
        let repeated = graph.broadcast(graph.reshape(total, to: kept), to: graph.shape(x))
        let logarithm = graph.subtract(x, repeated)
        return function == .softmax ? graph.unary(.exp, logarithm) : logarithm
    }
}
