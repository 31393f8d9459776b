// Functions of constants, computed when the graph is built: with the bits that the kernels would give.
import Tensors

enum ConstantFolding {
    static func value(_ function: UnaryFunction, _ x: Double) -> Double {
        switch function {
        case .negate: -x
        case .absolute: abs(x)
        case .squareRoot: x.squareRoot()
        case .square: x * x
        case .reciprocal: 1 / x
        case .relu: x > 0 || x.isNaN ? x : 0
        case .isPositive: x > 0 ? 1 : 0
        case .sign: x.isNaN ? x : x > 0 ? 1 : x < 0 ? -1 : 0
        case .exp, .expm1, .log, .log1p, .sin, .cos, .tan, .tanh, .sigmoid, .softplus, .erf:
            run(BlockOpcode(function), x, 0)
        }
    }

    static func value(_ function: BinaryFunction, _ x: Double, _ y: Double) -> Double {
        switch function {
        case .add: x + y
        case .multiply: x * y
        case .divide: x / y
        case .less: x < y ? 1 : 0
        case .lessEqual: x <= y ? 1 : 0
        case .equal: x == y ? 1 : 0
        case .power, .minimum, .maximum: run(BlockOpcode(function), x, y)
        }
    }

    /// One element through the block machine. Another library's functions could round differently.
    private static func run(_ opcode: BlockOpcode, _ x: Double, _ y: Double) -> Double {
        let cells = [AlignedBuffer([x]), AlignedBuffer([y]), AlignedBuffer(count: 1)]
        let scratch = AlignedBuffer(count: Kernels.float64.blockScratchBytes / Precision.float64.size)
        let operation = [BlockOp(opcode, to: 2, 0, 1)]
        operation.withUnsafeBufferPointer { operations in
            [BlockOperand.memory(0), .memory(1), .memory(2)].withUnsafeBufferPointer { operands in
                cells.map { Optional($0.address) }.withUnsafeBufferPointer { pointers in
                    // An array of three has a base address.
                    let base = pointers.baseAddress!
                    Kernels.float64.block(operations, operands, pointers: base, scratch: scratch.address, count: 1)
                }
            }
        }
        return withExtendedLifetime(cells) { cells[2].base[0] }
    }
}
