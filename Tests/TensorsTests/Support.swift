// What the kernel tests share: arguments, memory, and distances between numbers.
import Tensors

/// Fixed-seed arguments, guarded memory and comparisons.
enum Support {
    /// Lengths around the vectors' width and the blocks' length.
    static let lengths = [0, 1, 7, 8, 9, 31, 32, 33, 511, 512, 513, 1024, 1500]

    /// Numbers that go wrong when anything does.
    static let specials: [Double] = [
        0, -0.0, 1, -1, 0.5, -0.5, 2, -2, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
        .leastNormalMagnitude, Double.leastNormalMagnitude.nextDown, .greatestFiniteMagnitude,
        -.greatestFiniteMagnitude,
        0x1p-53, -0x1p-53, 0x1p-54, 1 + 0x1p-52, 1 - 0x1p-53, 709.78, 709.79, 710, -708.4, -744, -745.13, -745.14, -746,
        -1000, 1000, 40, -40, 0.549, 0.35, -0.35, 0x1p52, 0x1p53, 0x1p54, 1e300,
    ]

    /// `count` numbers in `range`, always the same for one name.
    static func numbers(_ count: Int, in range: ClosedRange<Double> = -1...1, stream: String = "x") -> [Double] {
        var random = RandomStream(seed: 20_240_229, stream: stream)
        return (0..<count).map { _ in
            range.lowerBound + (range.upperBound - range.lowerBound) * random.uniform()
        }
    }

    /// Same bits, or both NaN, whose sign and payload mean nothing.
    static func same(_ x: Double, _ y: Double) -> Bool { x.bitPattern == y.bitPattern || (x.isNaN && y.isNaN) }

    static func same(_ x: [Double], _ y: [Double]) -> Bool { x.count == y.count && zip(x, y).allSatisfy(same) }

    /// Whether x and y agree to `tolerance`.
    static func close(_ x: [Double], _ y: [Double], tolerance: Double) -> Bool {
        x.count == y.count && zip(x, y).allSatisfy { same($0, $1) || abs($0 - $1) <= tolerance }
    }

    /// Runs a block program over copies of `inputs` and returns memory operand 0, which has `count` elements or one.
    ///
    /// Operands are: 0 the destination, then the inputs as memory, then `splats` as splats, then `extra`.
    static func run(
        _ operations: [BlockOp], inputs: [[Double]], splats: [Double] = [], extra: [BlockOperand] = [], count: Int
    ) -> [Double] {
        let buffers = [AlignedBuffer(count: max(count, 1))] + (inputs + splats.map { [$0] }).map { AlignedBuffer($0) }
        for buffer in buffers { poison(buffer) }
        let operands =
            (0...inputs.count).map(BlockOperand.memory)
            + splats.indices.map { BlockOperand.splat(inputs.count + 1 + $0) } + extra
        let scratch = AlignedBuffer([Double](repeating: .nan, count: Kernels.float64.blockScratchBytes / 8))
        let pointers = buffers.map { Optional($0.address) }
        operations.withUnsafeBufferPointer { code in
            operands.withUnsafeBufferPointer { places in
                Kernels.float64.block(code, places, pointers: pointers, scratch: scratch.address, count: count)
            }
        }
        return withExtendedLifetime(buffers) { buffers[0].values }
    }

    /// One operation on whole arrays.
    static func apply(_ opcode: BlockOpcode, _ inputs: [Double]...) -> [Double] {
        let count = inputs[0].count
        let indices = (1...3).map { $0 <= inputs.count ? $0 : 0 }
        let code = [BlockOp(opcode, to: 0, indices[0], indices[1], indices[2])]
        return Array(run(code, inputs: inputs, count: count).prefix(count))
    }

    /// Fills the slack with NaN, so that whatever wrongly uses it shows.
    static func poison(_ buffer: AlignedBuffer) {
        (buffer.base + buffer.count).update(repeating: .nan, count: AlignedBuffer.slack)
    }

    /// A buffer of `values` with poisoned slack.
    static func buffer(_ values: [Double]) -> AlignedBuffer {
        let buffer = AlignedBuffer(values)
        poison(buffer)
        return buffer
    }

    /// What `body` writes into `count` doubles that held `initial`; nil when it writes next to them.
    static func written(
        _ count: Int, from initial: Double = .nan, _ body: (UnsafeMutablePointer<Double>) -> Void
    ) -> [Double]? {
        let fence = [Double](repeating: -12345, count: 16)
        let buffer = AlignedBuffer(fence + [Double](repeating: initial, count: count) + fence)
        body(buffer.base + 16)
        let values = buffer.values
        guard Array(values.prefix(16)) == fence, Array(values.suffix(16)) == fence else { return nil }
        return Array(values.dropFirst(16).dropLast(16))
    }
}
