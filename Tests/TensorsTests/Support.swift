// What the kernel tests share: arguments, memory, and distances between numbers.
import Tensors

/// Fixed-seed arguments, guarded memory and comparisons. Numbers are doubles; kernels see them rounded to the precision
/// that is tested, and their results are doubles again, exactly.
enum Support {
    /// Lengths around the vectors' width and the blocks' length.
    static let lengths = [0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 511, 512, 513, 1024, 1500]

    /// Numbers of a precision that go wrong when anything does.
    static func specials(_ precision: Precision) -> [Double] {
        let everywhere: [Double] = [
            0, -0.0, 1, -1, 0.5, -0.5, 2, -2, .infinity, -.infinity, .nan, -1000, 1000, 40, -40, 0.549, 0.35, -0.35,
        ]
        let own: [Double]
        switch precision {
        case .float64:
            own = [
                .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude,
                Double.leastNormalMagnitude.nextDown, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
                0x1p-53, -0x1p-53, 0x1p-54, 1 + 0x1p-52, 1 - 0x1p-53, 709.78, 709.79, 710, -708.4, -744, -745.13,
                -745.14, -746, 800, 0x1p52, 0x1p53, 0x1p54, 1e300,
            ]
        case .float32:
            own = [
                0x1p-149, -0x1p-149, 0x1p-126, 0x1.fffffcp-127, 0x1.fffffep127, -0x1.fffffep127, 0x1p-24, -0x1p-24,
                0x1p-25, 1 + 0x1p-23, 1 - 0x1p-24, 88.72, 88.73, 89, -87.33, -103.27, -103.97, -103.98, -105, 0x1p23,
                0x1p24, 0x1p25, 1e38,
            ]
        }
        return (everywhere + own).map(precision.rounded)
    }

    /// `count` numbers in `range`, always the same for one name.
    static func numbers(
        _ count: Int, in range: ClosedRange<Double> = -1...1, stream: String = "x", _ precision: Precision = .float64
    ) -> [Double] {
        var random = RandomStream(seed: 20_240_229, stream: stream)
        return (0..<count).map { _ in
            precision.rounded(range.lowerBound + (range.upperBound - range.lowerBound) * random.uniform())
        }
    }

    /// Same bits, or both NaN, whose sign and payload mean nothing.
    static func same(_ x: Double, _ y: Double) -> Bool { x.bitPattern == y.bitPattern || (x.isNaN && y.isNaN) }

    static func same(_ x: [Double], _ y: [Double]) -> Bool { x.count == y.count && zip(x, y).allSatisfy(same) }

    /// Whether x and y agree to `tolerance`.
    static func close(_ x: [Double], _ y: [Double], tolerance: Double) -> Bool {
        x.count == y.count && zip(x, y).allSatisfy { same($0, $1) || abs($0 - $1) <= tolerance }
    }

    /// The distance of `y` from the next number of a precision that is larger in magnitude.
    static func ulp(_ y: Double, _ precision: Precision) -> Double {
        switch precision {
        case .float64: y.magnitude.ulp
        case .float32: Double(Float(y).magnitude.ulp)
        }
    }

    /// Runs a block program over copies of `inputs` and returns memory operand 0, which has `count` elements or one.
    ///
    /// Operands are: 0 the destination, then the inputs as memory, then `splats` as splats, then `extra`.
    static func run(
        _ operations: [BlockOp], inputs: [[Double]], splats: [Double] = [], extra: [BlockOperand] = [], count: Int,
        _ precision: Precision = .float64
    ) -> [Double] {
        let values = [[Double](repeating: 0, count: max(count, 1))] + inputs + splats.map { [$0] }
        let buffers = values.map { buffer($0, precision) }
        let operands =
            (0...inputs.count).map(BlockOperand.memory)
            + splats.indices.map { BlockOperand.splat(inputs.count + 1 + $0) } + extra
        let kernels = Kernels(precision)
        let scratch = buffer([Double](repeating: .nan, count: kernels.blockScratchBytes / precision.size), precision)
        let pointers = buffers.map { Optional($0.address) }
        operations.withUnsafeBufferPointer { code in
            operands.withUnsafeBufferPointer { places in
                kernels.block(code, places, pointers: pointers, scratch: scratch.address, count: count)
            }
        }
        return withExtendedLifetime(buffers) { buffers[0].values }
    }

    /// One operation on whole arrays.
    static func apply(_ opcode: BlockOpcode, _ inputs: [Double]..., in precision: Precision = .float64) -> [Double] {
        let count = inputs[0].count
        let indices = (1...3).map { $0 <= inputs.count ? $0 : 0 }
        let code = [BlockOp(opcode, to: 0, indices[0], indices[1], indices[2])]
        return Array(run(code, inputs: inputs, count: count, precision).prefix(count))
    }

    /// A buffer of `values` whose slack is NaN, so that whatever wrongly uses it shows.
    static func buffer(_ values: [Double], _ precision: Precision = .float64) -> AlignedBuffer {
        let buffer = AlignedBuffer(values, precision: precision)
        let slack = [Double](repeating: .nan, count: AlignedBuffer.slackBytes / precision.size)
        precision.write(slack, count: slack.count, to: buffer.address + values.count * precision.size)
        return buffer
    }

    /// What `body` writes into `count` elements that held `initial`; nil when it writes next to them.
    static func written(
        _ count: Int, from initial: Double = .nan, _ precision: Precision = .float64,
        _ body: (UnsafeMutableRawPointer) -> Void
    ) -> [Double]? {
        written([Double](repeating: initial, count: count), precision, body)
    }

    /// What `body` makes of `initial`; nil when it writes next to it.
    static func written(
        _ initial: [Double], _ precision: Precision = .float64, _ body: (UnsafeMutableRawPointer) -> Void
    ) -> [Double]? {
        let fence = [Double](repeating: -12345, count: 16)
        let buffer = AlignedBuffer(fence + initial + fence, precision: precision)
        body(buffer.address + fence.count * precision.size)
        let values = buffer.values
        guard Array(values.prefix(16)) == fence, Array(values.suffix(16)) == fence else { return nil }
        return Array(values.dropFirst(16).dropLast(16))
    }
}
