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

        init(_ a: [Double], m: Int, k: Int, x: [[Double]], c: [[Double]]) {
            let matrix = Support.buffer(a)
            let (x, c) = (x.map(Support.buffer), c.map(Support.buffer))
            let y = (0..<4).map { _ in AlignedBuffer(count: m) }
            let z = (0..<4).map { _ in AlignedBuffer(count: k) }
            for i in 0..<2 {
                Kernels.float64.gemvN(matrix.base, m: m, k: k, x: x[i].base, y: y[i].base)
                Kernels.float64.gemvT(matrix.base, m: m, k: k, c: c[i].base, y: z[i].base)
            }
            Kernels.float64.gemvN2(matrix.base, m: m, k: k, x0: x[0].base, x1: x[1].base, y0: y[2].base, y1: y[3].base)
            Kernels.float64.gemvT2(matrix.base, m: m, k: k, c0: c[0].base, c1: c[1].base, y0: z[2].base, y1: z[3].base)
            (n, n2) = (y[0..<2].map(\.values), y[2..<4].map(\.values))
            (t, t2) = (z[0..<2].map(\.values), z[2..<4].map(\.values))
        }
    }

    @Test(arguments: rows, columns) func agreesWithTheSums(_ m: Int, _ k: Int) {
        let a = Support.numbers(m * k, stream: "a")
        let x = ["x0", "x1"].map { Support.numbers(k, stream: $0) }
        let c = ["c0", "c1"].map { Support.numbers(m, stream: $0) }
        let products = Products(a, m: m, k: k, x: x, c: c)
        for s in 0..<2 {
            let y = (0..<m).map { i in (0..<k).reduce(0) { $0 + a[i * k + $1] * x[s][$1] } }
            let z = (0..<k).map { j in (0..<m).reduce(0) { $0 + a[$1 * k + j] * c[s][$1] } }
            #expect(Support.close(products.n[s], y, tolerance: 1e-13))
            #expect(Support.close(products.n2[s], y, tolerance: 1e-13))
            #expect(Support.close(products.t[s], z, tolerance: 1e-13))
            #expect(Support.close(products.t2[s], z, tolerance: 1e-13))
        }
    }

    @Test(arguments: [1, 5, 9, 22]) func infinityStaysInItsRowAndColumn(_ k: Int) {
        let m = 9
        var a = Support.numbers(m * k)
        a[4 * k] = .infinity
        let x = [Double](repeating: 1, count: k)
        let c = [Double](repeating: 1, count: m)
        let products = Products(a, m: m, k: k, x: [x, x], c: [c, c])
        for y in products.n + products.n2 {
            for (row, value) in y.enumerated() { #expect(row == 4 ? value == .infinity : value.isFinite) }
        }
        for z in products.t + products.t2 {
            for (column, value) in z.enumerated() { #expect(column == 0 ? value == .infinity : value.isFinite) }
        }
    }

    @Test func aRowsProductDoesNotDependOnWhereItStands() {
        let (m, k) = (11, 22)
        let a = (0..<m).flatMap { _ in Support.numbers(k, stream: "row") }
        let x = Support.numbers(k, stream: "x")
        let c = Support.numbers(m, stream: "c")
        let products = Products(a, m: m, k: k, x: [x, x], c: [c, c])
        for y in products.n + products.n2 { #expect(y.allSatisfy { $0.bitPattern == products.n[0][0].bitPattern }) }
    }
}
