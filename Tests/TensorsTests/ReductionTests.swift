// Sums and reductions along a dimension, against loops.
import Glibc
import Tensors
import Testing

@Suite struct ReductionTests {
    /// outer, middle, inner.
    static let shapes: [[Int]] = [
        [0, 3, 2], [2, 0, 3], [2, 3, 0], [1, 1, 1], [2, 7, 1], [3, 8, 1], [2, 513, 1], [1, 1500, 1], [2, 5, 3],
        [2, 9, 8], [3, 4, 9], [2, 129, 31], [1, 300, 32], [2, 17, 33], [1, 10, 70], [4, 10, 1], [9, 10, 1], [2, 0, 1],
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

    static func expect(_ result: [Double]?, near expected: [Double], _ tolerance: Double, _ name: String) {
        guard let result else {
            Issue.record("\(name) wrote outside its destination")
            return
        }
        #expect(Support.close(result, expected, tolerance: tolerance), "\(name)")
    }

    @Test(arguments: shapes) func reduces(_ shape: [Int]) {
        let x = Support.numbers(shape.reduce(1, *))
        let fibres = Self.fibres(x, shape)
        let expected: [Kernels.Reduction: [Double]] = [
            .sum: fibres.map { $0.reduce(0, +) }, .max: fibres.map { $0.max() ?? -.infinity },
            .min: fibres.map { $0.min() ?? .infinity },
        ]
        for (kind, values) in expected {
            let result = Support.written(values.count) {
                Kernels.float64.reduce(kind, x, $0, outer: shape[0], middle: shape[1], inner: shape[2])
            }
            Self.expect(result, near: values, kind == .sum ? 1e-12 : 0, "\(kind)")
        }
    }

    @Test(arguments: [[1, 40, 1], [1, 40, 5], [1, 40, 40]]) func extremesPropagateNaN(_ shape: [Int]) {
        for position in 0..<shape[1] {
            var x = Support.numbers(shape.reduce(1, *))
            x[position * shape[2]] = .nan
            for kind in Kernels.Reduction.allCases {
                let result = Support.written(shape[2]) {
                    Kernels.float64.reduce(kind, x, $0, outer: 1, middle: shape[1], inner: shape[2])
                }
                #expect(result?.map(\.isNaN) == (0..<shape[2]).map { $0 == 0 })
            }
        }
    }

    @Test(arguments: shapes) func logSumExpAndSoftmaxAgreeWithTheirDefinitions(_ shape: [Int]) {
        let x = Support.numbers(shape.reduce(1, *), in: -30...30)
        let fibres = Self.fibres(x, shape)
        let sums = fibres.map { fibre in Glibc.log(fibre.map { Glibc.exp($0) }.reduce(0, +)) }
        let parts = zip(fibres, sums).map { fibre, sum in fibre.map { Glibc.exp($0 - sum) } }
        let logSumExp = Support.written(sums.count) {
            Kernels.float64.logSumExp(x, $0, outer: shape[0], middle: shape[1], inner: shape[2])
        }
        let softmax = Support.written(x.count) {
            Kernels.float64.softmax(x, $0, outer: shape[0], middle: shape[1], inner: shape[2])
        }
        Self.expect(logSumExp, near: sums, 1e-12, "logSumExp")
        Self.expect(softmax, near: Self.woven(parts, shape), 1e-13, "softmax")
    }

    @Test(arguments: [1, 3]) func logSumExpAndSoftmaxAtInfinity(_ inner: Int) {
        func column(_ values: [Double]) -> [Double] { values.flatMap { [Double](repeating: $0, count: inner) } }
        func logSumExp(_ values: [Double]) -> [Double]? {
            Support.written(inner) {
                Kernels.float64.logSumExp(column(values), $0, outer: 1, middle: values.count, inner: inner)
            }
        }
        func softmax(_ values: [Double]) -> [Double]? {
            Support.written(inner * values.count) {
                Kernels.float64.softmax(column(values), $0, outer: 1, middle: values.count, inner: inner)
            }
        }
        #expect(logSumExp([-.infinity, -.infinity]) == column([-.infinity]))
        #expect(logSumExp([0, .infinity]) == column([.infinity]))
        #expect(logSumExp([-.infinity, 5]) == column([5]))
        #expect(logSumExp([1e308, 1e308]) == column([1e308]))
        #expect(logSumExp([0, .nan])?.allSatisfy(\.isNaN) == true)
        #expect(softmax([-.infinity, 3]) == column([0, 1]))
        #expect(softmax([-.infinity, -.infinity])?.allSatisfy(\.isNaN) == true)
        #expect(softmax([0, .infinity])?.suffix(inner).allSatisfy(\.isNaN) == true)
    }

    @Test(arguments: shapes) func cumulates(_ shape: [Int]) {
        let x = Support.numbers(shape.reduce(1, *))
        for reverse in [false, true] {
            let sums = Self.fibres(x, shape).map { fibre -> [Double] in
                var total = 0.0
                let running = (reverse ? fibre.reversed() : fibre).map { value -> Double in
                    total += value
                    return total
                }
                return reverse ? running.reversed() : running
            }
            let result = Support.written(x.count) {
                Kernels.float64.cumulativeSum(
                    x, $0, outer: shape[0], middle: shape[1], inner: shape[2], reverse: reverse)
            }
            Self.expect(result, near: Self.woven(sums, shape), 0, "cumulativeSum")
        }
    }

    @Test(arguments: Support.lengths) func addsAndScalesVectors(_ count: Int) {
        let (x, y) = (Support.numbers(count, stream: "x"), Support.numbers(count, stream: "y"))
        let result = Support.written(count) {
            $0.update(from: y, count: count)
            Kernels.float64.axpy(0.3, x, $0, count: count)
            Kernels.float64.scale(-2, $0, count: count)
        }
        #expect(result == zip(x, y).map { -2 * Glibc.fma(0.3, $0, $1) })
    }

    @Test func longSumsStayAccurate() {
        let count = 1_000_000
        let x = [Double](repeating: 0.1, count: count)
        // Added one after the other they err by 1e-6.
        #expect(abs(Kernels.float64.sum(x, count: count) - 100_000) <= 1e-8)
        let columns = Support.written(2) { Kernels.float64.reduce(.sum, x, $0, outer: 1, middle: count / 2, inner: 2) }
        Self.expect(columns, near: [50_000, 50_000], 1e-7, "sum")
    }
}
