// The variants of the kernels give the same bits.
import Tensors
import Testing

// One test, because the variant belongs to the whole process; others may run beside it, as their results cannot depend
// on the variant.
@Suite struct VariantTests {
    @Test func allVariantsGiveTheSameBits() throws {
        let detected = try #require(Kernels.Variant.allCases.first { $0.name == Kernels.variant })
        defer { _ = Kernels.use(detected) }
        for precision in Precision.allCases {
            let results = KernelResults(precision)
            #expect(Kernels.use(.portable))
            let portable = results.all()
            for variant in Kernels.Variant.allCases where Kernels.use(variant) {
                #expect(Kernels.variant == variant.name)
                let found = results.all()
                #expect(found.count == portable.count)
                for (name, values) in found where !Support.same(values, portable[name] ?? []) {
                    Issue.record("\(variant.name) in \(precision.name): \(name)")
                }
            }
        }
    }
}

/// The output of every kernel of the variant in use, on arguments that include special values.
struct KernelResults {
    let precision: Precision
    private let kernels: Kernels

    init(_ precision: Precision) {
        self.precision = precision
        kernels = Kernels(precision)
    }

    func all() -> [String: [Double]] {
        var results: [String: [Double]] = [:]
        addOperations(to: &results)
        for length in Support.lengths + Array(1...40) { addVectors(length, to: &results) }
        for m in SmallProductTests.rows { addProducts(m, to: &results) }
        for n in 1...Kernels.thinMaxColumns { addThinProducts(n, to: &results) }
        for n in WideProductTests.widths {
            addWideProducts(n, to: &results)
            addOuterProducts(n, to: &results)
        }
        for n in SparseProductTests.widths { addSparse(n, to: &results) }
        for shape in ReductionTests.shapes { addReductions(shape, special: false, to: &results) }
        for length in 1...40 { addReductions([1, length, 1], special: true, to: &results) }
        for length in 1...40 { addReductions([2, 3, length], special: true, to: &results) }
        return results
    }

    /// Special values in turn between ordinary ones.
    static func mixed(_ count: Int, _ precision: Precision, stream: String = "x") -> [Double] {
        let specials = Support.specials(precision)
        return Support.numbers(count, in: -9...9, stream: stream, precision).enumerated().map { index, value in
            index % 5 == 3 ? specials[(index + count) % specials.count] : value
        }
    }

    private func addOperations(to results: inout [String: [Double]]) {
        let bits = ElementaryArguments.mixed(4_000, precision, seed: 3)
        let a = Support.numbers(613, in: -40...40, stream: "a", precision) + Support.specials(precision) + bits
        let b = Support.numbers(a.count, in: -2...2, stream: "b", precision)
        let c = Support.numbers(a.count, in: 1e-3...2, stream: "c", precision)
        for opcode in BlockOpcode.allCases where !opcode.accumulates {
            results["\(opcode)"] = Support.apply(opcode, a, b, c, in: precision)
            results["\(opcode) of positive"] = Support.apply(opcode, c, a, b, in: precision)
        }
    }

    private func addThinProducts(_ n: Int, to results: inout [String: [Double]]) {
        for (m, k) in [(9, 21), (67, 405), (300, 8)] {
            for isSpecial in [false, true] {
                let a = isSpecial ? Self.mixed(m * k, precision) : Support.numbers(m * k, precision)
                let products = ThinProductTests.Products(
                    a, Support.numbers(k * n, stream: "b", precision), Support.numbers(m * n, stream: "d", precision),
                    m: m,
                    k: k, n: n, precision)
                results["thin n \(m) \(k) \(n) special \(isSpecial)"] = products.n
                results["thin t \(m) \(k) \(n) special \(isSpecial)"] = products.t
            }
        }
    }

    private func addOuterProducts(_ n: Int, to results: inout [String: [Double]]) {
        for isSpecial in [false, true] {
            let a = isSpecial ? Self.mixed(7, precision) : Support.numbers(7, precision)
            let b = isSpecial ? Self.mixed(n, precision) : Support.numbers(n, stream: "b", precision)
            results["outer \(n) special \(isSpecial)"] = OuterProductTests.product(a, b, precision)
        }
    }

    private func addWideProducts(_ n: Int, to results: inout [String: [Double]]) {
        for (m, k) in [(9, 21), (17, 300)] {
            for isSpecial in [false, true] {
                let a = isSpecial ? Self.mixed(m * k, precision) : Support.numbers(m * k, precision)
                let b = Support.numbers(k * n, stream: "b", precision)
                for transposed in [false, true] {
                    results["wide \(m) \(k) \(n) special \(isSpecial) transposed \(transposed)"] =
                        WideProductTests.product(a, b, m: m, k: k, n: n, transposed: transposed, precision)
                }
            }
        }
    }

    private func addVectors(_ length: Int, to results: inout [String: [Double]]) {
        for isSpecial in [false, true] {
            let x = isSpecial ? Self.mixed(length, precision) : Support.numbers(length, precision)
            let y = Support.numbers(length, stream: "y", precision)
            let (a, b) = (Support.buffer(x, precision), Support.buffer(y, precision))
            let name = "\(length) special \(isSpecial)"
            results["sum \(name)"] = [kernels.sum(a.address, count: length)]
            results["dot \(name)"] = [kernels.dot(a.address, b.address, count: length)]
            results["axpy \(name)"] = Support.written(length, from: 0.7, precision) {
                kernels.axpy(0.3, a.address, $0, count: length)
            }
            results["scale \(name)"] = Support.written(x, precision) { kernels.scale(0.3, $0, count: length) }
            let code = [BlockOp(.exp, to: 1, 1), BlockOp(.sum, to: 2, 1)]
            results["fused \(name)"] = Support.run(
                code, inputs: [x], extra: [.accumulator(0)], count: length, precision)
        }
    }

    private func addProducts(_ m: Int, to results: inout [String: [Double]]) {
        for k in SmallProductTests.columns {
            let vectors = ["0", "1"].map { Support.numbers(max(m, k), stream: $0, precision) }
            for isSpecial in [false, true] {
                let a = isSpecial ? Self.mixed(m * k, precision) : Support.numbers(m * k, precision)
                let products = SmallProductTests.Products(
                    a, m: m, k: k, x: vectors.map { Array($0.prefix(k)) }, c: vectors.map { Array($0.prefix(m)) },
                    precision)
                let all = products.n + products.t + products.n2 + products.t2
                results["products \(m) \(k) special \(isSpecial)"] = all.flatMap { $0 }
            }
        }
    }

    private func addSparse(_ n: Int, to results: inout [String: [Double]]) {
        guard let matrix = try? SparseProductTests.matrix(rows: 40, columns: 37) else { return }
        let (b, d) = (Support.numbers(37 * n, stream: "b"), Support.numbers(40 * n, stream: "d"))
        let products = SparseProductTests.products(matrix, b, d, n: n, precision)
        results["sparse \(n)"] = products.flatMap { $0 ?? [] }
    }

    private func addReductions(_ shape: [Int], special: Bool, to results: inout [String: [Double]]) {
        let count = shape.reduce(1, *)
        let x = special ? Self.mixed(count, precision) : Support.numbers(count, in: -9...9, precision)
        let (outer, middle, inner) = (shape[0], shape[1], shape[2])
        let buffer = Support.buffer(x, precision)
        for kind in Kernels.Reduction.allCases {
            results["\(kind) \(shape) special \(special)"] = Support.written(outer * inner, precision) {
                kernels.reduce(kind, buffer.address, $0, outer: outer, middle: middle, inner: inner)
            }
        }
        results["logSumExp \(shape) special \(special)"] = Support.written(outer * inner, precision) {
            kernels.logSumExp(buffer.address, $0, outer: outer, middle: middle, inner: inner)
        }
        results["softmax \(shape) special \(special)"] = Support.written(count, precision) {
            kernels.softmax(buffer.address, $0, outer: outer, middle: middle, inner: inner)
        }
    }
}
