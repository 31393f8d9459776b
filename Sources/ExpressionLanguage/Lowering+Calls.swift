// Calls: elementwise functions and losses. Reductions and shape functions have files of their own.
import ExpressionGraph

extension Lowering {
    mutating func lowerCall(_ name: String, _ arguments: [Argument], at index: Int) -> LoweredValue? {
        guard let function = Function(rawValue: name) else {
            reportUnknownFunction(name, at: index)
            return nil
        }
        guard let bound = bind(arguments, to: function, at: index) else { return nil }
        if bound.nodes.contains(where: { $0.map { values[$0] == nil } ?? false }) { return nil }
        return apply(function, bound, at: index).map(LoweredValue.expression)
    }

    private mutating func reportUnknownFunction(_ name: String, at index: Int) {
        if scope.names[name] != nil || scope.definitions[name] != nil {
            report(
                index, .unknownFunction, "\(name) is not a function",
                "write \(name)[…] for entries, \(name) * (…) for a product")
            return
        }
        report(
            index, .unknownFunction, "there is no function called \(Printable.quote(name))", Function.hint(for: name))
    }

    private mutating func apply(_ function: Function, _ x: BoundArguments, at index: Int) -> Expression? {
        switch function {
        case .exp: return elementwise(.exp, x, at: index)
        case .log: return elementwise(.log, x, at: index)
        case .log1p: return elementwise(.log1p, x, at: index)
        case .expm1: return elementwise(.expm1, x, at: index)
        case .sqrt: return elementwise(.squareRoot, x, at: index)
        case .square: return elementwise(.square, x, at: index)
        case .abs: return elementwise(.absolute, x, at: index)
        case .sign: return elementwise(.sign, x, at: index)
        case .sin: return elementwise(.sin, x, at: index)
        case .cos: return elementwise(.cos, x, at: index)
        case .tan: return elementwise(.tan, x, at: index)
        case .tanh: return elementwise(.tanh, x, at: index)
        case .sigmoid: return elementwise(.sigmoid, x, at: index)
        case .softplus: return elementwise(.softplus, x, at: index)
        case .relu: return elementwise(.relu, x, at: index)
        case .erf: return elementwise(.erf, x, at: index)
        case .gelu: return gelu(x, at: index)
        case .minimum: return pairwise(.minimum, x, at: index)
        case .maximum: return pairwise(.maximum, x, at: index)
        case .clip: return clip(x, at: index)
        case .where: return choose(x, at: index)
        case .sum, .mean, .max, .min, .prod, .logsumexp, .norm: return reduction(function, x, at: index)
        case .cumsum: return cumulative(x, at: index)
        case .softmax, .logSoftmax: return normalised(function, x, at: index)
        case .dot: return dot(x, at: index)
        case .outer: return outer(x, at: index)
        case .trace: return trace(x, at: index)
        case .diag: return diagonal(x, at: index)
        case .transpose: return transposed(x, at: index)
        case .reshape: return reshaped(x, at: index)
        case .concatenate: return concatenated(x, at: index)
        case .stack: return stacked(x, at: index)
        case .take: return taken(x, at: index)
        case .oneHot: return oneHot(x, at: index)
        case .logisticLoss: return logisticLoss(x, at: index)
        case .binaryCrossEntropy: return binaryCrossEntropy(x, at: index)
        case .crossEntropy: return crossEntropy(x, at: index)
        case .squaredHinge: return squaredHinge(x, at: index)
        case .huber: return huber(x, at: index)
        case .solve, .choleskySolve: return solved(function, x, at: index)
        case .inverse: return inverse(x, at: index)
        case .logdet: return logDeterminant(x, at: index)
        case .conv2d, .maxPool2d, .averagePool2d:
            report(index, .unsupported, "\(function.rawValue) is part of the language but not computed by this version")
            return nil
        }
    }

    // MARK: - Elementwise

    private mutating func elementwise(_ function: UnaryFunction, _ x: BoundArguments, at index: Int) -> Expression? {
        guard let operand = expression(x[0], for: index) else { return nil }
        return derive(operand, graph.unary(function, operand.node), affine: false, at: index)
    }

    /// x/2 · (1 + erf(x/√2)): the exact form, not the tanh approximation.
    private mutating func gelu(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let operand = expression(x[0], for: index) else { return nil }
        let scaled = graph.scale(0.5.squareRoot(), operand.node)
        let factor = graph.offset(1, graph.unary(.erf, scaled))
        let node = graph.scale(0.5, graph.multiply(operand.node, factor))
        return derive(operand, node, affine: false, at: index)
    }

    private mutating func pairwise(_ function: BinaryFunction, _ x: BoundArguments, at index: Int) -> Expression? {
        guard let (a, b) = aligned(x[0], x[1], at: index) else { return nil }
        return combine(a, b, graph.binary(function, a.node, b.node), affineIn: .neither, at: index)
    }

    /// minimum(maximum(x, low), high), as NumPy computes it.
    private mutating func clip(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let (value, low, high) = aligned3(x[0], x[1], x[2], at: index) else { return nil }
        let raised = graph.binary(.maximum, value.node, low.node)
        let bounds = combine(low, high, raised, affineIn: .both, at: index)
        return combine(value, bounds, graph.binary(.minimum, raised, high.node), affineIn: .neither, at: index)
    }

    private mutating func choose(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let (condition, a, b) = aligned3(x[0], x[1], x[2], at: index) else { return nil }
        let node = graph.select(condition.node, a.node, b.node)
        let branches = combine(a, b, node, affineIn: .both, at: index)
        let rule: Affinity = condition.hasExpectation ? .neither : .either
        return combine(branches, condition, node, affineIn: rule, at: index)
    }

    /// Three operands broadcast to one shape.
    private mutating func aligned3(
        _ first: Int, _ second: Int, _ third: Int, at index: Int
    ) -> (Expression, Expression, Expression)? {
        guard let (a, b) = aligned(first, second, at: index), let c = expression(third, for: index) else { return nil }
        let shapes = (graph.shape(a.node), graph.shape(c.node))
        guard let common = Shape.broadcast(shapes.0, shapes.1) else {
            report(index, .shapeMismatch, mismatch(first, third, shapes.0, shapes.1))
            return nil
        }
        guard fits(common, at: index) else { return nil }
        return (broadcast(a, to: common), broadcast(b, to: common), broadcast(c, to: common))
    }

    // MARK: - Losses, one value per sample

    /// log(1 + exp(−y·margin)), y in {−1, 1}.
    private mutating func logisticLoss(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let (margin, y) = aligned(x[0], x[1], at: index) else { return nil }
        guard requireLabels(x, margin, y, .logisticLoss, .signs, "−1 and 1") else { return nil }
        let product = graph.negate(graph.multiply(y.node, margin.node))
        return combine(margin, y, graph.unary(.softplus, product), affineIn: .neither, at: index)
    }

    /// softplus(z) − y·z, y in {0, 1}: −log of the probability that sigmoid(z) gives to y.
    private mutating func binaryCrossEntropy(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let (logits, y) = aligned(x[0], x[1], at: index) else { return nil }
        guard requireLabels(x, logits, y, .binaryCrossEntropy, .zeroOrOne, "0 and 1") else { return nil }
        let linear = graph.multiply(y.node, logits.node)
        let node = graph.subtract(graph.unary(.softplus, logits.node), linear)
        return combine(logits, y, node, affineIn: .neither, at: index)
    }

    /// max(0, 1 − y·margin)², y in {−1, 1}.
    private mutating func squaredHinge(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let (margin, y) = aligned(x[0], x[1], at: index) else { return nil }
        guard requireLabels(x, margin, y, .squaredHinge, .signs, "−1 and 1") else { return nil }
        let slack = graph.offset(1, graph.negate(graph.multiply(y.node, margin.node)))
        let node = graph.unary(.square, graph.unary(.relu, slack))
        return combine(margin, y, node, affineIn: .neither, at: index)
    }

    /// r²/2 where |r| ≤ δ, δ(|r| − δ/2) elsewhere.
    private mutating func huber(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let (r, delta) = aligned(x[0], x[1], at: index) else { return nil }
        if case .expression(let given) = values[x[1]], let value = graph.constantValue(given.node), value <= 0 {
            report(x[1], .wrongArgument, "huber wants a delta above 0, came \(Printable.number(value))")
            return nil
        }
        let size = graph.unary(.absolute, r.node)
        let inside = graph.scale(0.5, graph.unary(.square, r.node))
        let outside = graph.multiply(delta.node, graph.subtract(size, graph.scale(0.5, delta.node)))
        let node = graph.select(graph.binary(.lessEqual, size, delta.node), inside, outside)
        return combine(r, delta, node, affineIn: .neither, at: index)
    }

    /// logsumexp(z) − z[label] for every row of logits [.., classes] and integer labels [..].
    private mutating func crossEntropy(_ x: BoundArguments, at index: Int) -> Expression? {
        guard let logits = expression(x[0], for: index), let labels = expression(x[1], for: index) else { return nil }
        let shapes = (graph.shape(logits.node), graph.shape(labels.node))
        guard shapes.0.dimensions.dropLast() == shapes.1.dimensions[...],
            case .size(let classes)? = shapes.0.dimensions.last
        else {
            report(
                index, .shapeMismatch,
                "cross_entropy wants logits [.., classes] and labels [..]; \(describeOperand(x[0])) and "
                    + describeOperand(x[1]))
            return nil
        }
        guard
            requireIntegers(x[1], labels, below: classes, "cross_entropy wants classes 0 to \(classes - 1)", at: index)
        else { return nil }
        let chosen = graph.multiply(logits.node, graph.oneHot(labels.node, classes: classes))
        let last = shapes.1.rank
        let picked = graph.reshape(graph.sumTo(chosen, shapes.0.replacing(last, with: .size(1))), to: shapes.1)
        let total = graph.reshape(graph.logSumExp(logits.node, axis: last), to: shapes.1)
        return combine(logits, labels, graph.subtract(total, picked), affineIn: .neither, at: index)
    }

    /// Notes the set that labels must lie in; refuses arguments that came in the wrong order.
    private mutating func requireLabels(
        _ x: BoundArguments, _ prediction: Expression, _ y: Expression, _ function: Function,
        _ kind: DataRequirement.Kind, _ set: String
    ) -> Bool {
        let name = function.rawValue
        guard !y.dependsOnVariables || prediction.dependsOnVariables else {
            report(
                x[1], .wrongArgument,
                "\(name)(\(function.signature.parameters.joined(separator: ", "))) takes the labels last; these depend "
                    + "on variables, and the \(function.signature.parameters[0]) on none",
                "put the two the other way round")
            return false
        }
        guard case .expression(let labels) = values[x[1]] else { return false }
        require(labels, kind, fault(x[1], .labelOutsideSet, "\(name) wants labels \(set)"))
        return true
    }

    /// Refuses labels or indices that are not integers by construction, and notes the range that data must keep.
    mutating func requireIntegers(
        _ child: Int, _ labels: Expression, below count: Int, _ message: String, at index: Int
    ) -> Bool {
        guard !labels.dependsOnVariables else {
            report(child, .wrongArgument, "\(message); labels and indices cannot depend on variables")
            return false
        }
        require(labels, .integers(below: count), fault(child, .labelOutsideSet, message))
        return true
    }
}
