// Products with few columns, against the sums written out; and what is asked for meanwhile.
import Tensors
import Testing

@Suite struct ThinProductTests {
    static let depths = [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 399, 400, 401, 784, 801]
    static let rows = [1, 2, 3, 4, 5, 8, 63, 256, 257]

    /// A B for A [m, k] and Aᵀ D, by the kernels of the variant in use.
    struct Products {
        let n: [Double]
        let t: [Double]

        init(_ a: [Double], _ b: [Double], _ d: [Double], m: Int, k: Int, n: Int, _ precision: Precision) {
            let kernels = Kernels(precision)
            let ahead = PrefetchQueue()
            let (matrix, right, left) = (
                Support.buffer(a, precision), Support.buffer(b, precision), Support.buffer(d, precision)
            )
            // More lines than any of these products asks for, and none.
            ahead.add(matrix.address, bytes: 1 << 30)
            let y = AlignedBuffer(count: m * n, precision: precision)
            let z = AlignedBuffer(count: k * n, precision: precision)
            kernels.thinN(matrix.address, m: m, k: k, right.address, n: n, y.address, ahead: ahead)
            ahead.clear()
            kernels.thinT(matrix.address, m: m, k: k, left.address, n: n, z.address, ahead: ahead)
            (self.n, t) = (y.values, z.values)
        }
    }

    private func factors(_ m: Int, _ k: Int, _ n: Int, _ precision: Precision) -> (
        a: [Double], b: [Double], d: [Double]
    ) {
        (
            Support.numbers(m * k, stream: "a", precision), Support.numbers(k * n, stream: "b", precision),
            Support.numbers(m * n, stream: "d", precision)
        )
    }

    @Test(arguments: 1...Kernels.thinMaxColumns, Precision.allCases)
    func agreesWithTheSums(_ n: Int, _ precision: Precision) {
        let tolerance = precision == .float64 ? 1e-12 : 1e-3
        for (m, k) in [(5, 33), (1, 1), (64, 401), (257, 17), (4, 16), (19, 784)] {
            let (a, b, d) = factors(m, k, n, precision)
            let found = Products(a, b, d, m: m, k: k, n: n, precision)
            var (y, z) = ([Double](repeating: 0, count: m * n), [Double](repeating: 0, count: k * n))
            for i in 0..<m {
                for j in 0..<k {
                    for c in 0..<n {
                        y[i * n + c] += a[i * k + j] * b[j * n + c]
                        z[j * n + c] += a[i * k + j] * d[i * n + c]
                    }
                }
            }
            #expect(Support.close(found.n, y, tolerance: tolerance), "\(m) x \(k)")
            #expect(Support.close(found.t, z, tolerance: tolerance), "\(m) x \(k)")
        }
    }

    /// Column c of C holds the number of the row or column of A that its factor picks.
    @Test(arguments: depths) func tailsOfEveryLengthAreExact(_ k: Int) {
        for m in Self.rows {
            let n = 3
            let a = (0..<m * k).map { Double($0 % 251) }
            var (b, d) = ([Double](repeating: 0, count: k * n), [Double](repeating: 0, count: m * n))
            for (c, j) in [0, k / 2, k - 1].enumerated() { b[j * n + c] = 1 }
            for (c, i) in [0, m / 2, m - 1].enumerated() { d[i * n + c] = 1 }
            let found = Products(a, b, d, m: m, k: k, n: n, .float64)
            #expect(found.n == (0..<m).flatMap { i in [0, k / 2, k - 1].map { a[i * k + $0] } })
            #expect(found.t == (0..<k).flatMap { j in [0, m / 2, m - 1].map { a[$0 * k + j] } })
        }
    }

    @Test(arguments: Precision.allCases) func infinityStaysInItsRowAndColumn(_ precision: Precision) {
        let (m, k, n) = (9, 35, 5)
        var a = [Double](repeating: 1, count: m * k)
        a[4 * k + 34] = .infinity
        let found = Products(
            a, [Double](repeating: 1, count: k * n), [Double](repeating: 1, count: m * n), m: m, k: k, n: n, precision)
        for (index, value) in found.n.enumerated() { #expect(value == (index / n == 4 ? .infinity : 35)) }
        for (index, value) in found.t.enumerated() { #expect(value == (index / n == 34 ? .infinity : 9)) }
    }

    @Test func queueForgetsAndTakesMoreThanItHolds() {
        let queue = PrefetchQueue()
        let memory = AlignedBuffer(count: 100_000)
        queue.reach()
        for _ in 0..<20 { queue.add(memory.address, bytes: 800_000) }
        queue.spread(over: 7)
        for _ in 0..<100 { queue.reach() }
        queue.clear()
        queue.reach()
        queue.add(memory.address, bytes: 0)
    }
}
