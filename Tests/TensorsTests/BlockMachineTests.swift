// The block machine: every operation against Swift's own, every kind of operand, every length of tail.
import Glibc
import Tensors
import Testing

@Suite struct BlockMachineTests {
    /// What each operation is, on one element of a precision; sums are tested apart.
    static func reference(
        _ opcode: BlockOpcode, _ a: Double, _ b: Double, _ c: Double, _ precision: Precision
    ) -> Double {
        switch (opcode, precision) {
        // Rounded twice these could differ; no other operation on floats does when doubles hold it meanwhile.
        case (.fusedMultiplyAdd, .float32): Double(Glibc.fmaf(Float(a), Float(b), Float(c)))
        case (.fusedNegatedMultiplyAdd, .float32): Double(Glibc.fmaf(-Float(a), Float(b), Float(c)))
        default: precision.rounded(reference(opcode, a, b, c))
        }
    }

    /// The same on doubles.
    private static func reference(_ opcode: BlockOpcode, _ a: Double, _ b: Double, _ c: Double) -> Double {
        switch opcode {
        case .copy: a
        case .negate: -a
        case .absolute: abs(a)
        case .sign: a.isNaN ? a : a > 0 ? 1 : a < 0 ? -1 : 0
        case .squareRoot: a.squareRoot()
        case .square: a * a
        case .reciprocal: 1 / a
        case .exp: Glibc.exp(a)
        case .expm1: Glibc.expm1(a)
        case .log: Glibc.log(a)
        case .log1p: Glibc.log1p(a)
        case .sin: Glibc.sin(a)
        case .cos: Glibc.cos(a)
        case .tan: Glibc.tan(a)
        case .tanh: Glibc.tanh(a)
        case .sigmoid: a < 0 ? Glibc.exp(a) / (1 + Glibc.exp(a)) : 1 / (1 + Glibc.exp(-a))
        case .softplus: a > 0 ? a + Glibc.log1p(Glibc.exp(-a)) : Glibc.log1p(Glibc.exp(a))
        case .erf: Glibc.erf(a)
        case .relu: a < 0 ? 0 : a
        case .isPositive: a > 0 ? 1 : 0
        case .add: a + b
        case .subtract: a - b
        case .multiply: a * b
        case .divide: a / b
        case .power: Glibc.pow(a, b)
        case .minimum: a.isNaN || b.isNaN ? .nan : a < b ? a : b
        case .maximum: a.isNaN || b.isNaN ? .nan : a > b ? a : b
        case .less: a < b ? 1 : 0
        case .lessOrEqual: a <= b ? 1 : 0
        case .equal: a == b ? 1 : 0
        case .fusedMultiplyAdd: Glibc.fma(a, b, c)
        case .fusedNegatedMultiplyAdd: Glibc.fma(-a, b, c)
        case .select: a != 0 ? b : c
        case .sum, .dot: .nan
        }
    }

    /// Whether the result is one rounding, or a library's own; other results may differ by a few ulps.
    static func isExact(_ opcode: BlockOpcode) -> Bool {
        ![.exp, .expm1, .log, .log1p, .tanh, .sigmoid, .softplus, .erf].contains(opcode)
    }

    static let elementwise = BlockOpcode.allCases.filter { !$0.accumulates }

    static func agree(_ opcode: BlockOpcode, _ x: Double, _ y: Double, _ precision: Precision) -> Bool {
        Support.same(x, y) || (!isExact(opcode) && abs(x - y) <= 4 * Support.ulp(y, precision))
    }

    @Test(arguments: elementwise, Precision.allCases)
    func computesEveryPairOfSpecialValues(_ opcode: BlockOpcode, _ precision: Precision) {
        let values = Support.specials(precision)
        let a = values.flatMap { value in values.map { _ in value } }
        let b = values.flatMap { _ in values }
        let c = a.indices.map { values[($0 * 7 + 3) % values.count] }
        let result = Support.apply(opcode, a, b, c, in: precision)
        for i in a.indices {
            let expected = Self.reference(opcode, a[i], b[i], c[i], precision)
            if Self.agree(opcode, result[i], expected, precision) { continue }
            Issue.record("\(opcode)(\(a[i]), \(b[i]), \(c[i])) = \(result[i]), not \(expected)")
        }
    }

    @Test(arguments: elementwise, Precision.allCases)
    func computesEveryLengthAndKindOfOperand(_ opcode: BlockOpcode, _ precision: Precision) {
        for count in Support.lengths where count > 0 {
            let a = Support.numbers(count, in: 0.1...3, stream: "a", precision)
            let c = Support.numbers(count, in: -3...3, stream: "c", precision)
            // a from memory through a register, b a splat, c from memory, the result written over c in place.
            let extra = [BlockOperand.register(0), .register(Kernels.blockMaxRegisters - 1)]
            let code = [
                BlockOp(.copy, to: 4, 1), BlockOp(opcode, to: 5, 4, 3, 2), BlockOp(.copy, to: 2, 5),
                BlockOp(.copy, to: 0, 2),
            ]
            let result = Support.run(code, inputs: [a, c], splats: [1.25], extra: extra, count: count, precision)
            for i in 0..<count {
                let expected = Self.reference(opcode, a[i], 1.25, c[i], precision)
                if Self.agree(opcode, result[i], expected, precision) { continue }
                Issue.record("\(opcode) at \(i) of \(count): \(result[i]), not \(expected)")
            }
        }
    }

    /// Floats are added in double, so that both kernels give the sum that is exact but for one rounding.
    @Test(arguments: Support.lengths, Precision.allCases)
    func sumsInTheOrderOfTheSumKernels(_ count: Int, _ precision: Precision) {
        let x = Support.numbers(count, stream: "x", precision)
        let y = Support.numbers(count, stream: "y", precision)
        let fusedSum = Support.run(
            [BlockOp(.sum, to: 3, 1)], inputs: [x, y], extra: [.accumulator(0)], count: count, precision)
        let fusedDot = Support.run(
            [BlockOp(.dot, to: 3, 1, 2)], inputs: [x, y], extra: [.accumulator(0)], count: count, precision)
        let (a, b) = (Support.buffer(x, precision), Support.buffer(y, precision))
        let sum = Kernels(precision).sum(a.address, count: count)
        let dot = Kernels(precision).dot(a.address, b.address, count: count)
        #expect(Support.same(fusedSum[0], precision.rounded(sum)))
        #expect(Support.same(fusedDot[0], precision.rounded(dot)))
        #expect(abs(sum - x.reduce(0, +)) <= 1e-12)
        #expect(abs(dot - zip(x, y).map(*).reduce(0, +)) <= 1e-12)
    }

    @Test(arguments: Precision.allCases) func sumsASplatAsOftenAsThereAreElements(_ precision: Precision) {
        let code = [BlockOp(.sum, to: 2, 1)]
        let result = Support.run(code, inputs: [], splats: [2], extra: [.accumulator(0)], count: 700, precision)
        #expect(result[0] == 1400)
    }

    @Test(arguments: Precision.allCases) func runsWithTheMostOperandsAndRegisters(_ precision: Precision) {
        let count = 1000
        let x = Support.numbers(count, precision)
        let registers = (0..<Kernels.blockMaxRegisters).map(BlockOperand.register)
        let rest = (registers.count + 2..<Kernels.blockMaxOperands).map { _ in BlockOperand.splat(1) }
        let chain = registers.indices.map { BlockOp(.add, to: $0 + 2, 1, $0 == 0 ? 1 : $0 + 1) }
        let code = chain + [BlockOp(.copy, to: 0, registers.count + 1)]
        let result = Support.run(code, inputs: [x], extra: registers + rest, count: count, precision)
        let expected = x.map { value in
            registers.indices.reduce(value) { sum, _ in precision.rounded(value + sum) }
        }
        #expect(Support.same(result, expected))
    }

    @Test func countsArguments() {
        #expect(BlockOpcode.allCases.filter { $0.arity == 3 }.count == 3)
        #expect(BlockOpcode.allCases.filter(\.accumulates) == [.sum, .dot])
    }
}
