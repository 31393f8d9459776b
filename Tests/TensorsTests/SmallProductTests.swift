// Products with at most 32 columns, against the sums written out.
import Tensors
import Testing

@Suite struct SmallProductTests {
    static let rows = [0, 1, 2, 3, 7, 8, 9, 15, 64, 65, 100]
    static let columns = [0, 1, 2, 7, 8, 9, 15, 16, 17, 22, 24, 25, 31, 32]

    /// A x and Aᵀ c for two x and two c, by the single kernels and by the paired ones.
    struct Products {
        let n: [[Double]]
        let t: [[Double]]
        let n2: [[Double]]
        let t2: [[Double]]

        init(
            _ a: [Double], m: Int, k: Int, x: [[Double]], c: [[Double]], _ precision: Precision = .float64
        ) {
            let kernels = Kernels(precision)
            let matrix = Support.buffer(a, precision)
            let x = x.map { Support.buffer($0, precision) }
            let c = c.map { Support.buffer($0, precision) }
            let y = (0..<4).map { _ in AlignedBuffer(count: m, precision: precision) }
            let z = (0..<4).map { _ in AlignedBuffer(count: k, precision: precision) }
            for i in 0..<2 {
                kernels.gemvN(matrix.address, m: m, k: k, x: x[i].address, y: y[i].address)
                kernels.gemvT(matrix.address, m: m, k: k, c: c[i].address, y: z[i].address)
            }
            kernels.gemvN2(
                matrix.address, m: m, k: k, x0: x[0].address, x1: x[1].address, y0: y[2].address, y1: y[3].address)
            kernels.gemvT2(
                matrix.address, m: m, k: k, c0: c[0].address, c1: c[1].address, y0: z[2].address, y1: z[3].address)
            // An array ends with its last use, and with it what its elements point to.
            withExtendedLifetime((matrix, x, c)) {}
            (n, n2) = (y[0..<2].map(\.values), y[2..<4].map(\.values))
            (t, t2) = (z[0..<2].map(\.values), z[2..<4].map(\.values))
        }
    }

    @Test(arguments: rows, Precision.allCases) func agreesWithTheSums(_ m: Int, _ precision: Precision) {
        for k in Self.columns { checkSums(m, k, precision) }
    }

    /// Some 100 products of magnitude 1 are rounded and added.
    private func checkSums(_ m: Int, _ k: Int, _ precision: Precision) {
        let tolerance = precision == .float64 ? 1e-13 : 1e-5
        let a = Support.numbers(m * k, stream: "a", precision)
        let x = ["x0", "x1"].map { Support.numbers(k, stream: $0, precision) }
        let c = ["c0", "c1"].map { Support.numbers(m, stream: $0, precision) }
        let products = Products(a, m: m, k: k, x: x, c: c, precision)
        for s in 0..<2 {
            let y = (0..<m).map { i in (0..<k).reduce(0) { $0 + a[i * k + $1] * x[s][$1] } }
            let z = (0..<k).map { j in (0..<m).reduce(0) { $0 + a[$1 * k + j] * c[s][$1] } }
            #expect(Support.close(products.n[s], y, tolerance: tolerance))
            #expect(Support.close(products.n2[s], y, tolerance: tolerance))
            #expect(Support.close(products.t[s], z, tolerance: tolerance))
            #expect(Support.close(products.t2[s], z, tolerance: tolerance))
        }
    }

    @Test func longTransposedProductsOfFloatsAddInDouble() {
        let (m, k) = (100_000, 3)
        let a = [Double](repeating: Precision.float32.rounded(0.1), count: m * k)
        let c = [Double](repeating: 1, count: m)
        let products = Products(a, m: m, k: k, x: [a, a].map { Array($0.prefix(k)) }, c: [c, c], .float32)
        // Added one after the other in float they err by 1e-3 of their sum.
        for z in products.t + products.t2 { #expect(z.allSatisfy { abs($0 - 10_000) <= 0.01 }) }
    }

    @Test(arguments: [1, 5, 9, 22], Precision.allCases)
    func infinityStaysInItsRowAndColumn(_ k: Int, _ precision: Precision) {
        let m = 9
        var a = Support.numbers(m * k)
        a[4 * k] = .infinity
        let x = [Double](repeating: 1, count: k)
        let c = [Double](repeating: 1, count: m)
        let products = Products(a, m: m, k: k, x: [x, x], c: [c, c], precision)
        for y in products.n + products.n2 {
            for (row, value) in y.enumerated() { #expect(row == 4 ? value == .infinity : value.isFinite) }
        }
        for z in products.t + products.t2 {
            for (column, value) in z.enumerated() { #expect(column == 0 ? value == .infinity : value.isFinite) }
        }
    }

    @Test(arguments: Precision.allCases) func aRowsProductDoesNotDependOnWhereItStands(_ precision: Precision) {
        let (m, k) = (11, 22)
        let a = (0..<m).flatMap { _ in Support.numbers(k, stream: "row") }
        let x = Support.numbers(k, stream: "x")
        let c = Support.numbers(m, stream: "c")
        let products = Products(a, m: m, k: k, x: [x, x], c: [c, c], precision)
        for y in products.n + products.n2 { #expect(y.allSatisfy { $0.bitPattern == products.n[0][0].bitPattern }) }
    }
}
