// Operators: NumPy's broadcasting and matrix products, over shapes with sample axes.
import ExpressionGraph

extension Lowering {
    mutating func lowerUnary(_ op: UnaryOperator, _ operand: Int, at index: Int) -> LoweredValue? {
        switch op {
        case .plus: return factor(operand, for: index).map(LoweredValue.expression)
        case .negate:
            guard let x = expression(operand, for: index) else { return nil }
            var result = x
            result.node = graph.negate(x.node)
            return .expression(result)
        }
    }

    mutating func lowerBinary(_ op: BinaryOperator, _ left: Int, _ right: Int, at index: Int) -> LoweredValue? {
        if op == .matmul { return lowerMatmul(left, right, at: index) }
        guard let (a, b) = aligned(left, right, at: index) else { return nil }
        switch op {
        case .add: return .expression(combine(a, b, graph.add(a.node, b.node), affineIn: .both, at: index))
        case .subtract:
            return .expression(combine(a, b, graph.subtract(a.node, b.node), affineIn: .both, at: index))
        case .multiply:
            return .expression(combine(a, b, graph.multiply(a.node, b.node), affineIn: .either, at: index))
        case .divide:
            var result = combine(a, b, graph.divide(a.node, b.node), affineIn: .first, at: index)
            result.isInteger = false
            return .expression(result)
        case .power:
            var result = combine(a, b, graph.binary(.power, a.node, b.node), affineIn: powerRule(b), at: index)
            result.isInteger = false
            return .expression(result)
        case .less: return comparison(.less, a, b, at: index)
        case .lessEqual: return comparison(.lessEqual, a, b, at: index)
        case .greater: return comparison(.less, b, a, at: index)
        case .greaterEqual: return comparison(.lessEqual, b, a, at: index)
        case .equal: return comparison(.equal, a, b, at: index)
        case .notEqual:
            guard case .expression(let same) = comparison(.equal, a, b, at: index) else { return nil }
            var result = same
            result.node = graph.offset(1, graph.negate(same.node))
            return .expression(result)
        case .matmul: preconditionFailure("handled above")
        }
    }

    /// `e ^ 1` is affine in `e`; every other power is not.
    private func powerRule(_ exponent: Expression) -> Affinity {
        graph.constantValue(exponent.node) == 1 ? .first : .neither
    }

    mutating func comparison(
        _ function: BinaryFunction, _ a: Expression, _ b: Expression, at index: Int
    ) -> LoweredValue? {
        var result = combine(a, b, graph.binary(function, a.node, b.node), affineIn: .neither, at: index)
        result.isInteger = true
        return .expression(result)
    }

    // MARK: - Operands

    /// The dense expression at a child node; `nil` when it has a fault already, or is sparse (then reported).
    mutating func expression(_ child: Int, for index: Int) -> Expression? {
        guard let operand = factor(child, for: index) else { return nil }
        if isDense(operand, child) { return operand }
        return nil
    }

    /// The expression at a child node, dense or sparse; `nil` when it has a fault already.
    mutating func factor(_ child: Int, for index: Int) -> Expression? {
        switch values[child] {
        case .expression(let expression): return expression
        case .list(let items): return listed(items, at: child)
        case .nothing:
            report(
                child, .wrongArgument, "wanted a number or an array, came None", "None stands in subscripts: x[:, None]"
            )
            return nil
        case nil: return nil
        }
    }

    /// Two operands broadcast to one shape.
    mutating func aligned(_ left: Int, _ right: Int, at index: Int) -> (Expression, Expression)? {
        guard let a = expression(left, for: index), let b = expression(right, for: index) else { return nil }
        let shapes = (graph.shape(a.node), graph.shape(b.node))
        guard let common = Shape.broadcast(shapes.0, shapes.1) else {
            report(index, .shapeMismatch, mismatch(left, right, shapes.0, shapes.1))
            return nil
        }
        guard fits(common, at: index) else { return nil }
        return (broadcast(a, to: common), broadcast(b, to: common))
    }

    func mismatch(_ left: Int, _ right: Int, _ a: Shape, _ b: Shape) -> String {
        let operands = "\(describeOperand(left)) and \(describeOperand(right))"
        let names = Set(a.axes).union(b.axes)
        if Set(a.axes).isDisjoint(with: b.axes), names.count > 1 {
            return "\(operands): they run over different samples, so one must be reduced first"
        }
        return "\(operands): the shapes do not broadcast"
    }

    mutating func broadcast(_ expression: Expression, to shape: Shape) -> Expression {
        var result = expression
        result.node = graph.broadcast(expression.node, to: shape)
        return result
    }

    /// Refuses a shape that holds too many numbers before any node of it exists.
    mutating func fits(_ shape: Shape, at index: Int) -> Bool {
        let axes = graph.axes
        let count = shape.elementCount { axes[$0.index].rows }
        if let count, count <= Self.elementLimit { return true }
        let came = count.map { "\($0) numbers" } ?? "more numbers than can be counted"
        report(
            index, .shapeOverflow,
            "the result would be \(describe(shape)), which holds \(came); at most \(Self.elementLimit) are allowed")
        return false
    }

    // MARK: - Sampling

    /// In which operands a function is affine, the others held fixed.
    enum Affinity {
        /// Jointly affine: sums and differences.
        case both
        /// Affine in each while the other contains no expectation: products.
        case either
        case first
        case neither
    }

    /// The sampling properties of a function of two expressions.
    mutating func combine(
        _ a: Expression, _ b: Expression, _ node: NodeID, affineIn affinity: Affinity, at index: Int
    ) -> Expression {
        var result = Expression(
            node: node, isInteger: a.isInteger && b.isInteger,
            dependsOnVariables: a.dependsOnVariables || b.dependsOnVariables,
            hasExpectation: a.hasExpectation || b.hasExpectation, samplingFault: a.samplingFault ?? b.samplingFault)
        let sound: Bool
        switch affinity {
        case .both: sound = true
        case .either: sound = !(a.hasExpectation && b.hasExpectation)
        case .first: sound = !b.hasExpectation
        case .neither: sound = !a.hasExpectation && !b.hasExpectation
        }
        if !sound && result.samplingFault == nil { result.samplingFault = notAffine(index) }
        return result
    }

    /// The sampling properties of a function of one expression.
    mutating func derive(_ x: Expression, _ node: NodeID, affine: Bool, at index: Int) -> Expression {
        var result = x
        result.node = node
        result.isInteger = false
        if !affine && x.hasExpectation && result.samplingFault == nil { result.samplingFault = notAffine(index) }
        return result
    }

    func notAffine(_ index: Int) -> Diagnostic {
        fault(
            index, .notAffineInExpectations,
            "this is not affine in a sum or mean over samples, so batches would give a biased estimate of it",
            "use a full-batch method, or write the objective as a sum or mean over samples")
    }

    func fullBatchOnly(_ index: Int, _ what: String) -> Diagnostic {
        fault(
            index, .samplingError, "\(what) needs all samples at once, so it cannot be estimated from batches",
            "use a full-batch method such as aid-cg")
    }

    /// A sum over sample axes: typed as an expectation, scaled so that a batch estimates it without bias.
    ///
    /// Where no variable is involved the sum is data, computed over all rows; unless it still runs over samples, and
    /// would be formed again from the rows of a batch.
    mutating func contract(_ x: Expression, _ node: NodeID, over axes: [AxisID], at index: Int) -> Expression {
        var result = x
        result.node = node
        result.isInteger = false
        guard !axes.isEmpty else { return result }
        guard x.dependsOnVariables else {
            let rest = graph.shape(node).axes
            return rest.isEmpty ? result : fullBatch(result, rest, "a sum of data for each sample", at: index)
        }
        if x.hasExpectation && result.samplingFault == nil { result.samplingFault = notAffine(index) }
        result.hasExpectation = true
        for axis in axes {
            guard let factor = scope.expansion[axis] else { continue }
            let repeated = graph.broadcast(factor, to: graph.shape(result.node))
            result.node = graph.multiply(repeated, result.node)
        }
        return result
    }

    func describe(_ dimension: Dimension) -> String {
        switch dimension {
        case .size(let n): "\(n)"
        case .axis(let axis): graph.axes[axis.index].name
        }
    }
}
