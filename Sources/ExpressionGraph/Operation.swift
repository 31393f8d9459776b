// The operations of the graph. Every pass over them is an exhaustive switch: a new case makes the compiler list the work.
import Tensors

/// Elementwise functions of one operand.
package enum UnaryFunction: Hashable, Sendable, CaseIterable {
    case negate
    case absolute
    case sign
    case squareRoot
    case square
    case reciprocal
    case exp
    case expm1
    case log
    case log1p
    case sin
    case cos
    case tan
    case tanh
    case sigmoid
    /// log(1 + exp(x)), stable.
    case softplus
    case erf
    /// max(x, 0); its derivative at 0 is 0.
    case relu
    /// 1 where x > 0, else 0; derivative 0.
    case isPositive
}

/// Elementwise functions of two operands of the same shape.
package enum BinaryFunction: Hashable, Sendable, CaseIterable {
    case add
    case multiply
    case divide
    case power
    /// The smaller value; where both are equal, the derivative goes to the first operand. Propagates NaN.
    case minimum
    /// The larger value; where both are equal, the derivative goes to the first operand. Propagates NaN.
    case maximum
    /// 1 where a < b, else 0.
    case less
    case lessEqual
    case equal

    package var isCommutative: Bool {
        switch self {
        case .add, .multiply, .equal: true
        case .divide, .power, .minimum, .maximum, .less, .lessEqual: false
        }
    }
}

/// The positions `start, start + step, …` (`count` of them) of one dimension. A sample axis is only ever taken whole.
package struct SliceRange: Hashable, Sendable {
    package var start: Int
    package var step: Int
    package var count: Dimension

    package init(start: Int, step: Int, count: Dimension) {
        self.start = start
        self.step = step
        self.count = count
    }

    /// The whole of a dimension.
    package static func all(_ dimension: Dimension) -> SliceRange { SliceRange(start: 0, step: 1, count: dimension) }
}

/// Reductions that keep the dimension they reduce, with size 1.
package enum Extremum: Hashable, Sendable {
    case maximum
    case minimum
}

/// What a node computes from its operands. The node's own shape completes the operation where needed
/// (`broadcast`, `sumTo`, `reshape`, `pad`, `takeAdd`).
package enum Operation: Hashable, Sendable {
    /// A leaf: data, a variable, a tangent or any other number that is given from outside.
    case input(SymbolID)
    /// A leaf: one value (its bit pattern) in every element.
    case constant(UInt64)
    case unary(UnaryFunction)
    case binary(BinaryFunction)
    /// operands: condition, value where it is not 0, value elsewhere.
    case select
    /// Repeats dimensions of size 1 and leading dimensions, under NumPy's rules.
    case broadcast
    /// The transpose of `broadcast`: sums repeated dimensions away.
    case sumTo
    case extremum(Extremum, axis: Int)
    case logSumExp(axis: Int)
    case softmax(axis: Int)
    case cumulativeSum(axis: Int, reverse: Bool)
    /// A·B of matrices, each transposed first where its flag says so.
    ///
    /// Operands of higher rank are stacks of matrices. Their leading dimensions agree, or are all 1 where one matrix
    /// serves the whole stack; where the node's own are all 1, the products are added up.
    case matmul(transposeA: Bool, transposeB: Bool)
    /// operand: square matrices [.., n, n]; their factors [.., planes, n, n], opaque but to the two operations below.
    ///
    /// To differentiation the node *is* the matrix: its tangents and cotangents have the matrix's shape.
    case factor(Factorization)
    /// operands: factors of A, matrices B [.., n, k]; the solution of A X = B, or of Aᵀ X = B. Leading dimensions are as
    /// in `matmul`.
    case factoredSolve(Factorization, transposed: Bool)
    /// operand: LU factors of A; log |det A| with the leading dimensions alone.
    case logDeterminant
    /// op(S)·B for a sparse input S, transposed first where the flag says so, and a dense matrix B.
    case sparseProduct(transposed: Bool)
    case transpose([Int])
    case reshape
    case slice([SliceRange])
    /// The transpose of `slice`: the operand placed at those positions of zeros of the node's shape.
    case pad([SliceRange])
    case concatenate(axis: Int)
    /// operands: array, integer indices; picks positions of one dimension, which the dimensions of the indices replace.
    case take(axis: Int)
    /// The transpose of `take`: operands: cotangent, indices; adds into zeros of the node's shape.
    case takeAdd(axis: Int)
    /// operand: integer classes; for each, a row of zeros with a 1 at the class.
    case oneHot
    /// What carries functions: programs are cut there.
    case function(FunctionOperation)

    /// Whether the operation works element by element on operands of its own shape, so that it can be fused.
    package var isElementwise: Bool {
        switch self {
        case .unary, .binary, .select: true
        case .input, .constant, .broadcast, .sumTo, .extremum, .logSumExp, .softmax, .cumulativeSum, .matmul,
            .sparseProduct, .factor, .factoredSolve, .logDeterminant, .transpose, .reshape, .slice, .pad, .concatenate,
            .take,
            .takeAdd, .oneHot, .function:
            false
        }
    }

    package var isLeaf: Bool {
        switch self {
        case .input, .constant: true
        case .unary, .binary, .select, .broadcast, .sumTo, .extremum, .logSumExp, .softmax, .cumulativeSum,
            .matmul, .sparseProduct, .factor, .factoredSolve, .logDeterminant, .transpose, .reshape, .slice, .pad,
            .concatenate, .take,
            .takeAdd, .oneHot, .function:
            false
        }
    }
}
