// Accuracy of the elementary functions against the C library's 80-bit ones, whose errors are below 2⁻¹⁰ ulp of a double.
#if arch(x86_64)
    import Glibc
    import Tensors
    import Testing

    @Suite struct ElementaryFunctionTests {
        /// A function, its reference, and the size of the arguments that matter to it.
        struct Case: Sendable, CustomTestStringConvertible {
            let opcode: BlockOpcode
            let precision: Precision
            let bound: Double
            let reference: @Sendable (Float80) -> Float80
            var testDescription: String { "\(opcode) in \(precision.name)" }
        }

        private static let functions: [(BlockOpcode, Double, @Sendable (Float80) -> Float80)] = [
            (.exp, 1, { expl($0) }), (.expm1, 1, { expm1l($0) }), (.log, 1, { logl($0) }), (.log1p, 1, { log1pl($0) }),
            (.sin, 1, { sinl($0) }), (.cos, 1, { cosl($0) }), (.tan, 1, { tanl($0) }), (.erf, 1, { erfl($0) }),
            (.tanh, 2, { tanhl($0) }),
            (.sigmoid, 1, { $0 < 0 ? expl($0) / (1 + expl($0)) : 1 / (1 + expl(-$0)) }),
            (.softplus, 1, { $0.isNaN ? $0 : max($0, 0) + log1pl(expl(-abs($0))) }),
            (.squareRoot, 0.5, { $0.squareRoot() }), (.reciprocal, 0.5, { 1 / $0 }),
        ]

        static let cases = Precision.allCases.flatMap { precision in
            functions.map { Case(opcode: $0.0, precision: precision, bound: $0.1, reference: $0.2) }
        }

        /// |y − exact| in units of the last place of `exact` rounded to the precision; infinite where kinds differ.
        static func error(_ y: Double, _ exact: Float80, _ precision: Precision) -> Double {
            let rounded = precision == .float64 ? Double(exact) : Double(Float(exact))
            if rounded.isNaN { return y.isNaN ? 0 : .infinity }
            if y == rounded { return 0.5 }
            // Just beyond the largest number, or just below what rounds to infinity.
            if rounded.isInfinite || y.isNaN || y.isInfinite { return .infinity }
            return Double(abs(Float80(y) - exact) / Float80(Support.ulp(rounded, precision)))
        }

        @Test(arguments: cases) func staysWithinItsBound(_ test: Case) {
            let arguments = ElementaryArguments.mixed(1_000_000, test.precision, seed: 88_172_645_463_325_252)
            let results = Support.apply(test.opcode, arguments, in: test.precision)
            var (worst, at) = (0.0, 0.0)
            for i in arguments.indices {
                let error = Self.error(results[i], test.reference(Float80(arguments[i])), test.precision)
                if error > worst { (worst, at) = (error, arguments[i]) }
            }
            #expect(worst <= test.bound, "\(worst) ulp at \(at)")
        }

        @Test(arguments: cases) func keepsItsBoundOnSpecialValues(_ test: Case) {
            let least = test.precision == .float64 ? Double.leastNonzeroMagnitude : 0x1p-149
            let denormals = (0..<(test.precision == .float64 ? 52 : 23)).flatMap { bit in
                [least * Double(1 << bit), -least * Double(1 << bit)]
            }
            let arguments = Support.specials(test.precision) + denormals
            for (x, y) in zip(arguments, Support.apply(test.opcode, arguments, in: test.precision)) {
                let error = Self.error(y, test.reference(Float80(x)), test.precision)
                #expect(error <= test.bound, "\(error) ulp at \(x): \(y)")
            }
        }

        @Test(arguments: Precision.allCases) func powersAreWithinTheirBound(_ precision: Precision) {
            let bases = ElementaryArguments.mixed(200_000, precision, seed: 1).map(abs)
            let exponents = ElementaryArguments.mixed(200_000, precision, seed: 2)
            let results = Support.apply(.power, bases, exponents, in: precision)
            var worst = 0.0
            for i in bases.indices {
                let exact = powl(Float80(bases[i]), Float80(exponents[i]))
                worst = max(worst, Self.error(results[i], exact, precision))
            }
            #expect(worst <= 1)
        }

        @Test(
            arguments: [BlockOpcode.expm1, .log1p, .tanh, .squareRoot, .sin, .tan, .erf, .negate, .copy],
            Precision.allCases)
        func keepsTheSignOfZero(_ opcode: BlockOpcode, _ precision: Precision) {
            let expected = opcode == .negate ? [-0.0, 0] : [0, -0.0]
            #expect(Support.same(Support.apply(opcode, [0, -0.0], in: precision), expected))
        }

        @Test(arguments: Precision.allCases) func divergenceShows(_ precision: Precision) {
            #expect(Support.apply(.log, [-1], in: precision)[0].isNaN)
            #expect(Support.apply(.log, [0, -0.0], in: precision) == [-.infinity, -.infinity])
            #expect(Support.apply(.exp, [800, .infinity, -.infinity], in: precision) == [.infinity, .infinity, 0])
            #expect(Support.apply(.squareRoot, [-1], in: precision)[0].isNaN)
            #expect(Support.apply(.reciprocal, [0, -0.0], in: precision) == [.infinity, -.infinity])
        }
    }
#endif
