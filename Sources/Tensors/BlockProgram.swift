// The vocabulary of the block machine: operation codes, operations, operands. Semantics are those of `CKernels.h`.
import CKernels

/// An operation of the block machine. Raw values are the kernel's.
package enum BlockOpcode: Int32, CaseIterable, Sendable {
    case copy, negate, absolute, sign, squareRoot, square, reciprocal
    case exp, expm1, log, log1p, sin, cos, tan, tanh, sigmoid, softplus, erf
    case relu, isPositive
    case add, subtract, multiply, divide, power, minimum, maximum
    case less, lessOrEqual, equal
    /// `a * b + c` and `c - a * b`, each rounded once.
    case fusedMultiplyAdd, fusedNegatedMultiplyAdd
    /// `a != 0 ? b : c`.
    case select
    /// The destination, an accumulator, gains `a`, or `a * b`.
    case sum, dot

    /// How many of `a`, `b`, `c` the operation reads.
    package var arity: Int {
        switch self {
        case .copy, .negate, .absolute, .sign, .squareRoot, .square, .reciprocal, .exp, .expm1, .log, .log1p, .sin,
            .cos, .tan, .tanh, .sigmoid, .softplus, .erf, .relu, .isPositive, .sum:
            1
        case .add, .subtract, .multiply, .divide, .power, .minimum, .maximum, .less, .lessOrEqual, .equal, .dot: 2
        case .fusedMultiplyAdd, .fusedNegatedMultiplyAdd, .select: 3
        }
    }

    /// Whether the destination is an accumulator; no other operation may write one.
    package var accumulates: Bool { self == .sum || self == .dot }
}

/// One operation on a block: an opcode and indices into the list of operands.
package typealias BlockOp = sk_block_op

/// Where a value of the block machine lives: a kind and a slot.
package typealias BlockOperand = sk_block_operand

extension sk_block_op {
    /// The operation `opcode` from operands `a`, `b`, `c` to operand `destination`; unused operands stay 0.
    package init(_ opcode: BlockOpcode, to destination: Int, _ a: Int, _ b: Int = 0, _ c: Int = 0) {
        self.init(
            opcode: opcode.rawValue, destination: Int32(destination), a: Int32(a), b: Int32(b), c: Int32(c))
    }
}

extension sk_block_operand {
    /// An array at `pointers[slot]`, walked through as blocks advance.
    package static func memory(_ slot: Int) -> Self { Self(slot: Int32(slot), kind: Int32(SK_MEMORY)) }

    /// Scratch register `index`, less than ``Kernels/blockMaxRegisters``; holds values within one block only.
    package static func register(_ index: Int) -> Self { Self(slot: Int32(index), kind: Int32(SK_REGISTER)) }

    /// The value at `pointers[slot][0]`, read once per call, for every element.
    package static func splat(_ slot: Int) -> Self { Self(slot: Int32(slot), kind: Int32(SK_SPLAT)) }

    /// A sum over all elements, written to `pointers[slot][0]` when the last block is done.
    package static func accumulator(_ slot: Int) -> Self { Self(slot: Int32(slot), kind: Int32(SK_ACCUMULATOR)) }
}
