// Products with sparse matrices, against the sums written out.
import Tensors
import Testing

@Suite struct SparseProductTests {
    static let widths = [1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 20, 23, 24, 31, 32, 33, 40, 64, 71]

    /// Rows of many lengths, none among them, and columns without entries.
    static func matrix(rows: Int, columns: Int) throws -> SparseMatrix {
        let chance = Support.numbers(rows * columns, in: 0...1, stream: "places")
        let values = Support.numbers(rows * columns, stream: "values")
        return try SparseMatrix(
            Tensor(
                shape: [rows, columns],
                values: values.indices.map { index in
                    let share = Double(index / columns % 4) / 4
                    return chance[index] < share && index % columns % 5 != 3 ? values[index] : 0
                }))
    }

    /// A B, Aᵀ D by the transpose, Aᵀ D by scattering.
    static func products(
        _ a: SparseMatrix, _ b: [Double], _ d: [Double], n: Int, _ precision: Precision = .float64
    ) -> [[Double]?] {
        let kernels = Kernels(precision)
        let a = a.converted(to: precision)
        let (b, d) = (Support.buffer(b, precision), Support.buffer(d, precision))
        let views = [a.byRow.view(), a.byColumn.view()]
        return views.withUnsafeBufferPointer { views in
            let row = views.baseAddress!  // two views
            return [
                Support.written(a.rows * n, precision) { kernels.sparseTimes(row, m: a.rows, b.address, $0, n: n) },
                Support.written(a.columns * n, precision) {
                    kernels.sparseTimes(row + 1, m: a.columns, d.address, $0, n: n)
                },
                Support.written(a.columns * n, precision) {
                    kernels.sparseScatter(row, m: a.rows, d.address, $0, columns: a.columns, n: n)
                },
            ]
        }
    }

    @Test(arguments: widths) func agreesWithTheSums(_ n: Int) throws {
        for (rows, columns) in [(0, 4), (1, 1), (9, 37), (40, 12), (5, 0)] {
            let a = try Self.matrix(rows: rows, columns: columns)
            let dense = try a.dense().values
            let b = Support.numbers(columns * n, stream: "b")
            let d = Support.numbers(rows * n, stream: "d")
            let results = Self.products(a, b, d, n: n).compactMap { $0 }
            #expect(results.count == 3, "something was written beside the result")
            let times = (0..<(rows * n)).map { index in
                (0..<columns).reduce(0) { $0 + dense[index / n * columns + $1] * b[$1 * n + index % n] }
            }
            let transposed = (0..<(columns * n)).map { index in
                (0..<rows).reduce(0) { $0 + dense[$1 * columns + index / n] * d[$1 * n + index % n] }
            }
            #expect(Support.close(results[0], times, tolerance: 1e-13))
            #expect(Support.close(results[1], transposed, tolerance: 1e-13))
            #expect(Support.close(results[2], transposed, tolerance: 1e-13))
            if n > 1 { #expect(Support.same(results[1], results[2]), "one order of terms for both") }
        }
    }

    /// Floats: runs of sixteen products and their sum in double, whatever the number of products.
    @Test(arguments: [2, 3, 4, 8, 20, 33]) func singlePrecisionOfLongRowsHasTheErrorOfShortOnes(_ n: Int) throws {
        let a = try Self.matrix(rows: 4, columns: 6000)
        let magnitudes = try a.dense().values.map(\.magnitude)
        let (b, d) = (Support.numbers(6000 * n, stream: "b"), Support.numbers(4 * n, stream: "d"))
        let exact = try #require(Self.products(a, b, d, n: n)[0])
        let found = try #require(Self.products(a, b, d, n: n, .float32)[0])
        for index in exact.indices {
            let size = (0..<6000).reduce(0) { $0 + magnitudes[index / n * 6000 + $1] * b[$1 * n + index % n].magnitude }
            // Two factors and the result rounded once, and at most sixteen sums.
            #expect(abs(found[index] - exact[index]) <= 19 * 0x1p-24 * size)
        }
    }

    /// Floats: short sums of rows, and those by scattering of up to 40 terms.
    @Test(arguments: widths) func singlePrecisionIsAsCloseAsItCanBe(_ n: Int) throws {
        let a = try Self.matrix(rows: 40, columns: 12)
        let (b, d) = (Support.numbers(12 * n, stream: "b"), Support.numbers(40 * n, stream: "d"))
        let exact = Self.products(a, b, d, n: n).compactMap { $0 }
        let found = Self.products(a, b, d, n: n, .float32).compactMap { $0 }
        #expect(found.count == 3)
        for (x, y) in zip(found, exact) { #expect(Support.close(x, y, tolerance: 1e-5)) }
    }

    @Test func viewsShowLaterRows() throws {
        let a = try Self.matrix(rows: 30, columns: 11)
        let b = Support.buffer(Support.numbers(11 * 3, stream: "b"))
        var (whole, part) = (a.byRow.view(), a.byRow.view(from: 7))
        let all = Support.written(90) { Kernels.float64.sparseTimes(&whole, m: 30, b.address, $0, n: 3) }
        let rows = Support.written(12) { Kernels.float64.sparseTimes(&part, m: 4, b.address, $0, n: 3) }
        #expect(rows == all.map { Array($0[21..<33]) })
    }

    @Test(arguments: [1, 5, 20]) func infinityStaysWhereEntriesAre(_ n: Int) throws {
        let a = try SparseMatrix(
            rows: 2, columns: 3, starts: [0, 1, 3], columnIndices: [0, 0, 2], values: [1, 1, 2])
        var b = [Double](repeating: 1, count: 3 * n)
        b[n] = .infinity  // row 1, which no entry meets
        b[2 * n] = .nan  // row 2, which row 1 of A meets
        let result = try #require(Self.products(a, b, [Double](repeating: 1, count: 2 * n), n: n)[0])
        #expect(result[0] == 1 && result[n].isNaN)
        #expect((1..<n).allSatisfy { result[n + $0] == 3 })
    }
}
