// The variants of the kernels give the same bits.
import Tensors
import Testing

// One test, because the variant belongs to the whole process; others may run beside it, as their results cannot depend
// on the variant.
@Suite struct VariantTests {
    @Test func allVariantsGiveTheSameBits() throws {
        let detected = try #require(Kernels.Variant.allCases.first { $0.name == Kernels.variant })
        defer { _ = Kernels.use(detected) }
        #expect(Kernels.use(.portable))
        let portable = Self.allResults()
        for variant in Kernels.Variant.allCases where Kernels.use(variant) {
            #expect(Kernels.variant == variant.name)
            let results = Self.allResults()
            #expect(results.count == portable.count)
            for (name, values) in results {
                #expect(Support.same(values, portable[name] ?? []), "\(variant.name): \(name)")
            }
        }
    }

    /// The output of every kernel of the variant in use, on arguments that include special values.
    static func allResults() -> [String: [Double]] {
        var results: [String: [Double]] = [:]
        addOperations(to: &results)
        for length in Support.lengths { addVectors(length, to: &results) }
        for m in SmallProductTests.rows { addProducts(m, to: &results) }
        for shape in ReductionTests.shapes { addReductions(shape, to: &results) }
        return results
    }

    private static func addOperations(to results: inout [String: [Double]]) {
        let count = 613
        let a = Support.numbers(count, in: -40...40, stream: "a") + Support.specials
        let b = Support.numbers(a.count, in: -2...2, stream: "b")
        let c = Support.numbers(a.count, in: 1e-3...2, stream: "c")
        for opcode in BlockOpcode.allCases where !opcode.accumulates {
            results["\(opcode)"] = Support.apply(opcode, a, b, c)
            results["\(opcode) of positive"] = Support.apply(opcode, c, a, b)
        }
    }

    private static func addVectors(_ length: Int, to results: inout [String: [Double]]) {
        let (x, y) = (Support.numbers(length, stream: "x"), Support.numbers(length, stream: "y"))
        results["sum \(length)"] = [Kernels.float64.sum(x, count: length)]
        results["dot \(length)"] = [Kernels.float64.dot(x, y, count: length)]
        results["axpy \(length)"] = Support.written(length, from: 0.7) {
            Kernels.float64.axpy(0.3, x, $0, count: length)
        }
        results["scale \(length)"] = Support.written(length, from: 0.7) {
            Kernels.float64.scale(0.3, $0, count: length)
        }
        let code = [BlockOp(.exp, to: 1, 1), BlockOp(.sum, to: 2, 1)]
        results["fused \(length)"] = Support.run(code, inputs: [x], extra: [.accumulator(0)], count: length)
    }

    private static func addProducts(_ m: Int, to results: inout [String: [Double]]) {
        for k in SmallProductTests.columns {
            let vectors = ["0", "1"].map { Support.numbers(max(m, k), stream: $0) }
            let products = SmallProductTests.Products(
                Support.numbers(m * k), m: m, k: k, x: vectors.map { Array($0.prefix(k)) },
                c: vectors.map { Array($0.prefix(m)) })
            let all = products.n + products.t + products.n2 + products.t2
            results["products \(m) \(k)"] = all.flatMap { $0 }
        }
    }

    private static func addReductions(_ shape: [Int], to results: inout [String: [Double]]) {
        let x = Support.numbers(shape.reduce(1, *), in: -9...9)
        let (outer, middle, inner) = (shape[0], shape[1], shape[2])
        for kind in Kernels.Reduction.allCases {
            results["\(kind) \(shape)"] = Support.written(outer * inner) {
                Kernels.float64.reduce(kind, x, $0, outer: outer, middle: middle, inner: inner)
            }
        }
        results["logSumExp \(shape)"] = Support.written(outer * inner) {
            Kernels.float64.logSumExp(x, $0, outer: outer, middle: middle, inner: inner)
        }
        results["softmax \(shape)"] = Support.written(x.count) {
            Kernels.float64.softmax(x, $0, outer: outer, middle: middle, inner: inner)
        }
    }
}
