// The block machine: every operation against Swift's own, every kind of operand, every length of tail.
import Glibc
import Tensors
import Testing

@Suite struct BlockMachineTests {
    /// What each operation is, on one element; sums are tested apart.
    static func reference(_ opcode: BlockOpcode, _ a: Double, _ b: Double, _ c: Double) -> Double {
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
        ![.exp, .expm1, .log, .log1p, .tanh, .sigmoid, .softplus].contains(opcode)
    }

    static let elementwise = BlockOpcode.allCases.filter { !$0.accumulates }

    static func agree(_ opcode: BlockOpcode, _ x: Double, _ y: Double) -> Bool {
        Support.same(x, y) || (!isExact(opcode) && abs(x - y) <= 4 * y.magnitude.ulp)
    }

    @Test(arguments: elementwise) func computesEveryPairOfSpecialValues(_ opcode: BlockOpcode) {
        let values = Support.specials
        let a = values.flatMap { value in values.map { _ in value } }
        let b = values.flatMap { _ in values }
        let c = a.indices.map { values[($0 * 7 + 3) % values.count] }
        let result = Support.apply(opcode, a, b, c)
        for i in a.indices where !Self.agree(opcode, result[i], Self.reference(opcode, a[i], b[i], c[i])) {
            Issue.record("\(opcode)(\(a[i]), \(b[i]), \(c[i])) = \(result[i])")
        }
    }

    @Test(arguments: elementwise) func computesEveryLengthAndKindOfOperand(_ opcode: BlockOpcode) {
        for count in Support.lengths where count > 0 {
            let a = Support.numbers(count, in: 0.1...3, stream: "a")
            let c = Support.numbers(count, in: -3...3, stream: "c")
            // a from memory through a register, b a splat, c from memory, the result written over c in place.
            let extra = [BlockOperand.register(0), .register(Kernels.blockMaxRegisters - 1)]
            let code = [
                BlockOp(.copy, to: 4, 1), BlockOp(opcode, to: 5, 4, 3, 2), BlockOp(.copy, to: 2, 5),
                BlockOp(.copy, to: 0, 2),
            ]
            let result = Support.run(code, inputs: [a, c], splats: [1.25], extra: extra, count: count)
            for i in 0..<count where !Self.agree(opcode, result[i], Self.reference(opcode, a[i], 1.25, c[i])) {
                Issue.record("\(opcode) at \(i) of \(count): \(result[i])")
            }
        }
    }

    @Test(arguments: Support.lengths) func sumsInTheOrderOfTheSumKernels(_ count: Int) {
        let (x, y) = (Support.numbers(count, stream: "x"), Support.numbers(count, stream: "y"))
        let fusedSum = Support.run([BlockOp(.sum, to: 3, 1)], inputs: [x, y], extra: [.accumulator(0)], count: count)
        let fusedDot = Support.run(
            [BlockOp(.dot, to: 3, 1, 2)], inputs: [x, y], extra: [.accumulator(0)], count: count)
        #expect(Support.same(fusedSum[0], Kernels.float64.sum(x, count: count)))
        #expect(Support.same(fusedDot[0], Kernels.float64.dot(x, y, count: count)))
        #expect(abs(fusedSum[0] - x.reduce(0, +)) <= 1e-12)
        #expect(abs(fusedDot[0] - zip(x, y).map(*).reduce(0, +)) <= 1e-12)
    }

    @Test func sumsASplatAsOftenAsThereAreElements() {
        let code = [BlockOp(.sum, to: 2, 1)]
        #expect(Support.run(code, inputs: [], splats: [2], extra: [.accumulator(0)], count: 700)[0] == 1400)
    }

    @Test func runsWithTheMostOperandsAndRegisters() {
        let count = 1000
        let x = Support.numbers(count)
        let registers = (0..<Kernels.blockMaxRegisters).map(BlockOperand.register)
        let rest = (registers.count + 2..<Kernels.blockMaxOperands).map { _ in BlockOperand.splat(1) }
        let chain = registers.indices.map { BlockOp(.add, to: $0 + 2, 1, $0 == 0 ? 1 : $0 + 1) }
        let code = chain + [BlockOp(.copy, to: 0, registers.count + 1)]
        let result = Support.run(code, inputs: [x], extra: registers + rest, count: count)
        let expected = x.map { value in registers.indices.reduce(value) { sum, _ in value + sum } }
        #expect(Support.same(result, expected))
    }

    @Test func countsArguments() {
        #expect(BlockOpcode.allCases.filter { $0.arity == 3 }.count == 3)
        #expect(BlockOpcode.allCases.filter(\.accumulates) == [.sum, .dot])
    }
}
