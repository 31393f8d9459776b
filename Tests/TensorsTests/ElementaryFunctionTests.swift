// Accuracy of the elementary functions against the C library's 80-bit ones.
#if arch(x86_64)
    import Glibc
    import Tensors
    import Testing

    @Suite struct ElementaryFunctionTests {
        /// A function, its reference, and the intervals its arguments are drawn from.
        struct Case: Sendable, CustomTestStringConvertible {
            let opcode: BlockOpcode
            let bound: Double
            let reference: @Sendable (Float80) -> Float80
            let ranges: [ClosedRange<Double>]
            var testDescription: String { "\(opcode)" }
        }

        static let cases = [
            Case(opcode: .exp, bound: 1, reference: { expl($0) }, ranges: [-750 ... -700, -700...710, -1...1]),
            Case(opcode: .expm1, bound: 1, reference: { expm1l($0) }, ranges: [-45...710, -2...2, -1e-3...1e-3]),
            Case(opcode: .log, bound: 1, reference: { logl($0) }, ranges: [0...1e-305, 0.4...2.5, 0...1e9]),
            Case(opcode: .log1p, bound: 1, reference: { log1pl($0) }, ranges: [-1...1, -1e-3...1e-3, 0...1e9]),
            Case(opcode: .tanh, bound: 2, reference: { tanhl($0) }, ranges: [-22...22, -1...1, -1e-3...1e-3]),
            Case(
                opcode: .sigmoid, bound: 2, reference: { 1 / (1 + expl(-$0)) }, ranges: [-750...40, -40...40, -1...1]),
            Case(
                opcode: .softplus, bound: 2, reference: { $0.isNaN ? $0 : max($0, 0) + log1pl(expl(-abs($0))) },
                ranges: [-750...40, -40...40, -1...1]),
        ]

        /// |y − exact| in units of the last place of `exact` rounded to double; infinite where kinds differ.
        static func error(_ y: Double, _ exact: Float80) -> Double {
            let rounded = Double(exact)
            if rounded.isNaN { return y.isNaN ? 0 : .infinity }
            if rounded.isInfinite || y.isNaN || y.isInfinite { return y == rounded ? 0 : .infinity }
            return Double(abs(Float80(y) - exact) / Float80(rounded.magnitude.ulp))
        }

        @Test(arguments: cases) func staysWithinItsBound(_ test: Case) {
            let perRange = 1_000_000 / test.ranges.count + 1
            let arguments = test.ranges.flatMap { Support.numbers(perRange, in: $0, stream: "\(test.opcode) \($0)") }
            let results = Support.apply(test.opcode, arguments)
            var (worst, at) = (0.0, 0.0)
            for i in arguments.indices {
                let error = Self.error(results[i], test.reference(Float80(arguments[i])))
                if error > worst { (worst, at) = (error, arguments[i]) }
            }
            #expect(worst <= test.bound, "\(worst) ulp at \(at)")
        }

        @Test(arguments: cases) func keepsItsBoundOnSpecialValues(_ test: Case) {
            let denormals = (0..<52).flatMap { [0x1p-1074 * Double(1 << $0), -0x1p-1074 * Double(1 << $0)] }
            let arguments = Support.specials + denormals
            for (x, y) in zip(arguments, Support.apply(test.opcode, arguments)) {
                let error = Self.error(y, test.reference(Float80(x)))
                #expect(error <= test.bound, "\(error) ulp at \(x): \(y)")
            }
        }

        @Test(arguments: [BlockOpcode.expm1, .log1p, .tanh, .squareRoot, .sin, .tan, .erf])
        func keepsTheSignOfZero(_ opcode: BlockOpcode) {
            #expect(Support.same(Support.apply(opcode, [0, -0.0]), [0, -0.0]))
        }
    }
#endif
