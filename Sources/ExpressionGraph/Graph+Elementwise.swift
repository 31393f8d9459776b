// Constructors of elementwise nodes, with the simplifications that keep derivatives small.
//
// Operands have the same shape (broadcasting is a node of its own); a mismatch here is a mistake of the caller,
// because lowering has checked the user's shapes before.

extension Graph {
    package mutating func add(_ a: NodeID, _ b: NodeID) -> NodeID { binary(.add, a, b) }
    package mutating func subtract(_ a: NodeID, _ b: NodeID) -> NodeID { binary(.add, a, negate(b)) }
    package mutating func multiply(_ a: NodeID, _ b: NodeID) -> NodeID { binary(.multiply, a, b) }
    package mutating func divide(_ a: NodeID, _ b: NodeID) -> NodeID { binary(.divide, a, b) }
    package mutating func negate(_ a: NodeID) -> NodeID { unary(.negate, a) }

    /// `factor · a`.
    package mutating func scale(_ factor: Double, _ a: NodeID) -> NodeID {
        multiply(constant(factor, shape: shape(a)), a)
    }

    /// `value + a`.
    package mutating func offset(_ value: Double, _ a: NodeID) -> NodeID {
        add(constant(value, shape: shape(a)), a)
    }

    /// Applies an elementwise function.
    package mutating func unary(_ function: UnaryFunction, _ a: NodeID) -> NodeID {
        if let simpler = simplify(function, a) { return simpler }
        if case .broadcast = operation(a) {
            let inner = unary(function, self[a].operands[0])
            return broadcast(inner, to: shape(a))
        }
        return intern(.unary(function), [a], shape(a))
    }

    /// Applies an elementwise function of two operands of one shape.
    package mutating func binary(_ function: BinaryFunction, _ a: NodeID, _ b: NodeID) -> NodeID {
        precondition(shape(a) == shape(b), "elementwise operands of shapes \(shape(a)) and \(shape(b))")
        if let simpler = simplify(function, a, b) { return simpler }
        if let (x, y) = commonBroadcast(a, b) {
            let inner = binary(function, x, y)
            return broadcast(inner, to: shape(a))
        }
        let operands = function.isCommutative && b < a ? [b, a] : [a, b]
        return intern(.binary(function), operands, shape(a))
    }

    /// `condition ≠ 0 ? a : b`, element by element.
    package mutating func select(_ condition: NodeID, _ a: NodeID, _ b: NodeID) -> NodeID {
        precondition(shape(condition) == shape(a) && shape(a) == shape(b), "select operands of different shapes")
        if let value = constantValue(condition) { return value != 0 ? a : b }
        if a == b { return a }
        return intern(.select, [condition, a, b], shape(a))
    }

    // MARK: - Simplification

    private mutating func simplify(_ function: UnaryFunction, _ a: NodeID) -> NodeID? {
        if let value = constantValue(a) {
            return constant(ConstantFolding.value(function, value), shape: shape(a))
        }
        switch (function, operation(a)) {
        case (.negate, .unary(.negate)): return self[a].operands[0]
        case (.negate, .binary(.multiply)):
            guard let factor = constantValue(self[a].operands[0]) else { return nil }
            return scale(-factor, self[a].operands[1])
        case (.absolute, .unary(.negate)), (.square, .unary(.negate)), (.square, .unary(.absolute)):
            return unary(function, self[a].operands[0])
        case (.squareRoot, .unary(.square)): return unary(.absolute, self[a].operands[0])
        case (.log, .unary(.exp)): return self[a].operands[0]
        case (.log, .softmax(let axis)): return logSoftmax(self[a].operands[0], axis: axis)
        case (.log, .unary(.sigmoid)):
            let flipped = negate(self[a].operands[0])
            return negate(unary(.softplus, flipped))
        case (.log1p, let operation): return simplifyLogOfOne(plus: a, operation)
        case (.log, .binary(.add)): return simplifyLogOfSum(self[a].operands)
        default: return nil
        }
    }

    private mutating func simplifyLogOfSum(_ terms: [NodeID]) -> NodeID? {
        for (one, other) in [(terms[0], terms[1]), (terms[1], terms[0])] where constantValue(one) == 1 {
            return simplifyLogOfOne(plus: other, operation(other))
        }
        return nil
    }

    /// log(1 + exp(u)) becomes softplus(u), which does not overflow; log(1 − sigmoid(u)) becomes −softplus(u), which
    /// does not cancel.
    private mutating func simplifyLogOfOne(plus x: NodeID, _ operation: Operation) -> NodeID? {
        switch operation {
        case .unary(.exp): return unary(.softplus, self[x].operands[0])
        case .unary(.negate):
            let inner = self[x].operands[0]
            guard case .unary(.sigmoid) = self.operation(inner) else { return nil }
            return negate(unary(.softplus, self[inner].operands[0]))
        default: return nil
        }
    }

    private mutating func simplify(_ function: BinaryFunction, _ a: NodeID, _ b: NodeID) -> NodeID? {
        if let x = constantValue(a), let y = constantValue(b) {
            return constant(ConstantFolding.value(function, x, y), shape: shape(a))
        }
        return switch function {
        case .add: simplifySum(a, b)
        case .multiply: simplifyProduct(a, b)
        case .divide: simplifyQuotient(a, b)
        case .power: simplifyPower(a, b)
        case .minimum, .maximum: a == b ? a : nil
        case .less, .lessEqual, .equal: nil
        }
    }

    private mutating func simplifySum(_ a: NodeID, _ b: NodeID) -> NodeID? {
        switch (constantValue(a), constantValue(b)) {
        case (0?, nil): return b
        case (nil, 0?): return a
        default: break
        }
        if a == b { return scale(2, a) }
        // x − x stays: it is NaN where x is not finite.
        if case .unary(.negate) = operation(a), case .unary(.negate) = operation(b) {
            let sum = add(self[a].operands[0], self[b].operands[0])
            return negate(sum)
        }
        return sumOfBlocks(a, b) ?? knownSum(a, b)
    }

    private mutating func simplifyProduct(_ a: NodeID, _ b: NodeID) -> NodeID? {
        switch (constantValue(a), constantValue(b)) {
        case (let x?, _): return simplifyScaling(x, of: b, by: a)
        case (nil, .some): return multiply(b, a)
        case (nil, nil): break
        }
        if case .unary(.negate) = operation(a) {
            let product = multiply(self[a].operands[0], b)
            return negate(product)
        }
        if case .unary(.negate) = operation(b) { return multiply(b, a) }
        if let (factor, rest) = scaling(a) { return scale(factor, multiply(rest, b)) }
        if let (factor, rest) = scaling(b) { return scale(factor, multiply(a, rest)) }
        if let known = knownProduct(a, b) { return known }
        return a == b ? unary(.square, a) : nil
    }

    /// A constant factor is kept first, once: `2·(3·x)` is `6·x`.
    private mutating func simplifyScaling(_ factor: Double, of x: NodeID, by node: NodeID) -> NodeID? {
        if factor == 0 { return constant(0, shape: shape(x)) }
        if factor == 1 { return x }
        if factor == -1 { return negate(x) }
        if case .unary(.negate) = operation(x) { return scale(-factor, self[x].operands[0]) }
        if let (inner, rest) = scaling(x) { return scale(factor * inner, rest) }
        if case .broadcast = operation(x) { return nil }
        return intern(.binary(.multiply), [node, x], shape(x))
    }

    /// `(c, x)` when the node is `c · x` with a constant `c`.
    func scaling(_ id: NodeID) -> (factor: Double, rest: NodeID)? {
        guard case .binary(.multiply) = operation(id), let factor = constantValue(self[id].operands[0]) else {
            return nil
        }
        return (factor, self[id].operands[1])
    }

    private mutating func simplifyQuotient(_ a: NodeID, _ b: NodeID) -> NodeID? {
        switch (constantValue(a), constantValue(b)) {
        case (0?, nil): return a
        case (1?, nil): return unary(.reciprocal, b)
        case (nil, 1?): return a
        default: return nil
        }
    }

    /// Small constant exponents become products, which are exact where `pow` rounds and cheap to differentiate.
    private mutating func simplifyPower(_ a: NodeID, _ b: NodeID) -> NodeID? {
        guard let exponent = constantValue(b) else { return nil }
        switch exponent {
        case 0: return constant(1, shape: shape(a))
        case 1: return a
        case 2: return unary(.square, a)
        case 3:
            let square = unary(.square, a)
            return multiply(a, square)
        case 4:
            let square = unary(.square, a)
            return unary(.square, square)
        case 0.5: return unary(.squareRoot, a)
        case -1: return unary(.reciprocal, a)
        case -2:
            let square = unary(.square, a)
            return unary(.reciprocal, square)
        default: return nil
        }
    }

    /// When both operands are broadcast from one shape (constants have every shape), those sources.
    private mutating func commonBroadcast(_ a: NodeID, _ b: NodeID) -> (NodeID, NodeID)? {
        func source(_ id: NodeID) -> NodeID? {
            if case .broadcast = operation(id) { self[id].operands[0] } else { nil }
        }
        switch (source(a), source(b)) {
        case (let x?, let y?) where shape(x) == shape(y): return (x, y)
        case (let x?, nil):
            guard let value = constantValue(b) else { return nil }
            return (x, constant(value, shape: shape(x)))
        case (nil, let y?):
            guard let value = constantValue(a) else { return nil }
            return (constant(value, shape: shape(y)), y)
        default: return nil
        }
    }
}
