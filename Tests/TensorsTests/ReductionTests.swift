// Sums and reductions along a dimension, against loops.
import Glibc
import Tensors
import Testing

@Suite struct ReductionTests {
    /// outer, middle, inner.
    static let shapes: [[Int]] = [
        [0, 3, 2], [2, 0, 3], [2, 3, 0], [1, 1, 1], [2, 7, 1], [3, 8, 1], [2, 513, 1], [1, 1500, 1], [2, 5, 3],
        [2, 9, 8], [3, 4, 9], [2, 129, 31], [1, 300, 32], [2, 17, 33], [1, 10, 70], [4, 10, 1], [9, 10, 1], [2, 0, 1],
        [37, 10, 1],
        [17, 32, 1], [5, 33, 1], [16, 1, 1],
    ]

    /// The middle dimension's values for each (outer, inner), in row-major order of those.
    static func fibres(_ x: [Double], _ shape: [Int]) -> [[Double]] {
        (0..<shape[0]).flatMap { o in
            (0..<shape[2]).map { i in (0..<shape[1]).map { x[(o * shape[1] + $0) * shape[2] + i] } }
        }
    }

    /// Values of [outer, middle, inner] from its fibres.
    static func woven(_ fibres: [[Double]], _ shape: [Int]) -> [Double] {
        (0..<shape[0]).flatMap { o in
            (0..<shape[1]).flatMap { j in (0..<shape[2]).map { fibres[o * shape[2] + $0][j] } }
        }
    }

    /// What results may lack in float32, where sums are rounded once and logarithms lie near 30.
    static func tolerance(_ double: Double, _ precision: Precision) -> Double {
        precision == .float64 ? double : 1e-5
    }

    static func expect(_ result: [Double]?, near expected: [Double], _ tolerance: Double, _ name: String) {
        guard let result else {
            Issue.record("\(name) wrote outside its destination")
            return
        }
        #expect(Support.close(result, expected, tolerance: tolerance), "\(name)")
    }

    @Test(arguments: shapes, Precision.allCases) func reduces(_ shape: [Int], _ precision: Precision) {
        let x = Support.numbers(shape.reduce(1, *), precision)
        let source = Support.buffer(x, precision)
        let fibres = Self.fibres(x, shape)
        let expected: [Kernels.Reduction: [Double]] = [
            .sum: fibres.map { $0.reduce(0, +) }, .max: fibres.map { $0.max() ?? -.infinity },
            .min: fibres.map { $0.min() ?? .infinity },
        ]
        for (kind, values) in expected {
            let result = Support.written(values.count, precision) {
                Kernels(precision).reduce(
                    kind, source.address, $0, outer: shape[0], middle: shape[1], inner: shape[2])
            }
            Self.expect(result, near: values, kind == .sum ? Self.tolerance(1e-12, precision) : 0, "\(kind)")
        }
    }

    @Test(arguments: [[1, 40, 1], [1, 40, 5], [1, 40, 40]], Precision.allCases)
    func extremesPropagateNaN(_ shape: [Int], _ precision: Precision) {
        for position in 0..<shape[1] {
            var x = Support.numbers(shape.reduce(1, *))
            x[position * shape[2]] = .nan
            let source = Support.buffer(x, precision)
            for kind in Kernels.Reduction.allCases {
                let result = Support.written(shape[2], precision) {
                    Kernels(precision).reduce(kind, source.address, $0, outer: 1, middle: shape[1], inner: shape[2])
                }
                #expect(result?.map(\.isNaN) == (0..<shape[2]).map { $0 == 0 })
            }
        }
    }

    @Test(arguments: shapes, Precision.allCases)
    func logSumExpAndSoftmaxAgreeWithTheirDefinitions(_ shape: [Int], _ precision: Precision) {
        let x = Support.numbers(shape.reduce(1, *), in: -30...30, precision)
        let (kernels, source) = (Kernels(precision), Support.buffer(x, precision))
        let fibres = Self.fibres(x, shape)
        let sums = fibres.map { fibre in Glibc.log(fibre.map { Glibc.exp($0) }.reduce(0, +)) }
        let parts = zip(fibres, sums).map { fibre, sum in fibre.map { Glibc.exp($0 - sum) } }
        let logSumExp = Support.written(sums.count, precision) {
            kernels.logSumExp(source.address, $0, outer: shape[0], middle: shape[1], inner: shape[2])
        }
        let softmax = Support.written(x.count, precision) {
            kernels.softmax(source.address, $0, outer: shape[0], middle: shape[1], inner: shape[2])
        }
        Self.expect(logSumExp, near: sums, Self.tolerance(1e-12, precision), "logSumExp")
        Self.expect(softmax, near: Self.woven(parts, shape), Self.tolerance(1e-13, precision), "softmax")
    }

    /// Short rows are computed several at a time, and come out as each alone does.
    @Test(arguments: [1, 7, 10, 32, 33], Precision.allCases)
    func rowsDoNotKnowTheirNeighbours(_ length: Int, _ precision: Precision) {
        let kernels = Kernels(precision)
        let x = Support.numbers(21 * length, in: -9...9, precision)
        func results(_ values: [Double], _ rows: Int) -> [[Double]] {
            let source = Support.buffer(values, precision)
            let sums = Support.written(rows, precision) {
                kernels.logSumExp(source.address, $0, outer: rows, middle: length, inner: 1)
            }
            let parts = Support.written(rows * length, precision) {
                kernels.softmax(source.address, $0, outer: rows, middle: length, inner: 1)
            }
            return [sums ?? [], parts ?? []]
        }
        let alone = (0..<21).map { results(Array(x[($0 * length)..<(($0 + 1) * length)]), 1) }
        #expect(results(x, 21) == [alone.flatMap { $0[0] }, alone.flatMap { $0[1] }])
    }

    @Test(arguments: [1, 3], Precision.allCases)
    func logSumExpAndSoftmaxAtInfinity(_ inner: Int, _ precision: Precision) {
        let kernels = Kernels(precision)
        func column(_ values: [Double]) -> [Double] { values.flatMap { [Double](repeating: $0, count: inner) } }
        func logSumExp(_ values: [Double]) -> [Double]? {
            let source = Support.buffer(column(values), precision)
            return Support.written(inner, precision) {
                kernels.logSumExp(source.address, $0, outer: 1, middle: values.count, inner: inner)
            }
        }
        func softmax(_ values: [Double]) -> [Double]? {
            let source = Support.buffer(column(values), precision)
            return Support.written(inner * values.count, precision) {
                kernels.softmax(source.address, $0, outer: 1, middle: values.count, inner: inner)
            }
        }
        #expect(logSumExp([-.infinity, -.infinity]) == column([-.infinity]))
        #expect(logSumExp([0, .infinity]) == column([.infinity]))
        #expect(logSumExp([-.infinity, 5]) == column([5]))
        let large = precision.rounded(precision == .float64 ? 1e308 : 1e38)
        #expect(logSumExp([large, large]) == column([large]))
        #expect(logSumExp([0, .nan])?.allSatisfy(\.isNaN) == true)
        #expect(softmax([-.infinity, 3]) == column([0, 1]))
        #expect(softmax([-.infinity, -.infinity])?.allSatisfy(\.isNaN) == true)
        #expect(softmax([0, .infinity])?.suffix(inner).allSatisfy(\.isNaN) == true)
    }

    /// The sum runs in double, whatever is rounded on the way.
    @Test(arguments: shapes, Precision.allCases) func cumulates(_ shape: [Int], _ precision: Precision) {
        let x = Support.numbers(shape.reduce(1, *), precision)
        let source = Support.buffer(x, precision)
        for reverse in [false, true] {
            let sums = Self.fibres(x, shape).map { fibre -> [Double] in
                var total = 0.0
                let running = (reverse ? fibre.reversed() : fibre).map { value -> Double in
                    total += value
                    return precision.rounded(total)
                }
                return reverse ? running.reversed() : running
            }
            let result = Support.written(x.count, precision) {
                Kernels(precision).cumulativeSum(
                    source.address, $0, outer: shape[0], middle: shape[1], inner: shape[2], reverse: reverse)
            }
            Self.expect(result, near: Self.woven(sums, shape), 0, "cumulativeSum")
        }
    }

    @Test(arguments: Support.lengths, Precision.allCases)
    func addsAndScalesVectors(_ count: Int, _ precision: Precision) {
        let x = Support.numbers(count, stream: "x", precision)
        let y = Support.numbers(count, stream: "y", precision)
        let (kernels, source) = (Kernels(precision), Support.buffer(x, precision))
        let result = Support.written(y, precision) {
            kernels.axpy(0.375, source.address, $0, count: count)
            kernels.scale(-2, $0, count: count)
        }
        // A float times 0.375 is exact in double, and the sum is rounded there far below what float keeps.
        #expect(result == zip(x, y).map { -2 * precision.rounded(Glibc.fma(0.375, $0, $1)) })
    }

    @Test(arguments: Precision.allCases) func longSumsStayAccurate(_ precision: Precision) {
        let count = 1_000_000
        let tenth = precision.rounded(0.1)
        let x = Support.buffer([Double](repeating: tenth, count: count), precision)
        // Added one after the other they err by 1e-6, floats by a tenth of the sum.
        #expect(abs(Kernels(precision).sum(x.address, count: count) - tenth * 1e6) <= 1e-8)
        let columns = Support.written(2, precision) {
            Kernels(precision).reduce(.sum, x.address, $0, outer: 1, middle: count / 2, inner: 2)
        }
        let half = tenth * 5e5
        Self.expect(columns, near: [half, half], max(1e-7, Support.ulp(half, precision)), "sum")
    }
}
