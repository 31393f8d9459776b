// Partial derivatives of the elementwise functions, as graphs. Forward and reverse mode share them: both multiply by
// the same factor. At kinks they state the documented selection (abs: 0 at 0; relu: 0 at 0; min, max: first operand).

extension Graph {
    /// dy/dx of `y = function(x)`, written in terms of `y` where that saves work; `nil` where it is zero everywhere.
    mutating func partial(_ function: UnaryFunction, of x: NodeID, result y: NodeID) -> NodeID? {
        switch function {
        case .negate: return constant(-1, shape: shape(x))
        case .absolute: return unary(.sign, x)
        case .sign, .isPositive: return nil
        case .squareRoot:
            let inverse = unary(.reciprocal, y)
            return scale(0.5, inverse)
        case .square: return scale(2, x)
        case .reciprocal:
            let square = unary(.square, y)
            return negate(square)
        case .exp: return y
        case .expm1: return offset(1, y)
        case .log: return unary(.reciprocal, x)
        case .log1p:
            let argument = offset(1, x)
            return unary(.reciprocal, argument)
        case .sin: return unary(.cos, x)
        case .cos:
            let sine = unary(.sin, x)
            return negate(sine)
        case .tan:
            let square = unary(.square, y)
            return offset(1, square)
        case .tanh:
            let square = unary(.square, y)
            return offset(1, negate(square))
        case .sigmoid:
            let complement = offset(1, negate(y))
            return multiply(y, complement)
        case .softplus: return unary(.sigmoid, x)
        case .erf: return erfDerivative(x)
        case .relu: return unary(.isPositive, x)
        }
    }

    /// 2/√π · exp(−x²).
    private mutating func erfDerivative(_ x: NodeID) -> NodeID {
        let square = unary(.square, x)
        let gaussian = unary(.exp, negate(square))
        return scale(2 / Double.pi.squareRoot(), gaussian)
    }

    /// (∂y/∂a, ∂y/∂b) of `y = function(a, b)`; `nil` where zero everywhere. Only the wanted ones are built.
    mutating func partials(
        _ function: BinaryFunction, _ a: NodeID, _ b: NodeID, result y: NodeID, wanted: (a: Bool, b: Bool)
    ) -> (a: NodeID?, b: NodeID?) {
        let one = constant(1, shape: shape(y))
        switch function {
        case .add: return (one, one)
        case .multiply: return (b, a)
        case .divide:
            let inverse = unary(.reciprocal, b)
            return (inverse, wanted.b ? negate(multiply(y, inverse)) : nil)
        case .power:
            return (wanted.a ? powerBaseDerivative(a, b) : nil, wanted.b ? powerExponentDerivative(a, y) : nil)
        case .minimum:
            let first = binary(.lessEqual, a, b)
            return (first, offset(1, negate(first)))
        case .maximum:
            let first = binary(.lessEqual, b, a)
            return (first, offset(1, negate(first)))
        case .less, .lessEqual, .equal: return (nil, nil)
        }
    }

    /// b · a^(b−1), and 0 where both are 0. The exponent is chosen, not the result, so that no infinity is left for
    /// further derivatives to multiply.
    private mutating func powerBaseDerivative(_ a: NodeID, _ b: NodeID) -> NodeID {
        let zero = constant(0, shape: shape(a))
        let isSingular = multiply(binary(.equal, a, zero), binary(.equal, b, zero))
        let lower = select(isSingular, zero, offset(-1, b))
        return multiply(b, binary(.power, a, lower))
    }

    /// a^b · log a, and 0 where a is 0 (the limit for positive exponents, where the power itself is 0).
    private mutating func powerExponentDerivative(_ a: NodeID, _ y: NodeID) -> NodeID {
        let zero = constant(0, shape: shape(a))
        let one = constant(1, shape: shape(a))
        let vanishes = binary(.equal, a, zero)
        let safe = select(vanishes, one, a)
        let logarithm = unary(.log, safe)
        return multiply(y, logarithm)
    }

    /// The weights with which the elements along `axis` share the derivative of an extremum: equal among those that
    /// attain it.
    mutating func extremumWeights(of x: NodeID, result y: NodeID) -> NodeID {
        let repeated = broadcast(y, to: shape(x))
        let attains = binary(.equal, x, repeated)
        let count = sumTo(attains, shape(y))
        let repeatedCount = broadcast(count, to: shape(x))
        return divide(attains, repeatedCount)
    }
}
