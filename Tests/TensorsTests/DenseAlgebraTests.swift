// Dense products and Cholesky factors, against sums and against what was factored.
import Tensors
import Testing

@Suite struct BLASTests {
    static let sizes = [
        [0, 2, 3], [2, 0, 3], [2, 3, 0], [1, 1, 1], [1, 5, 4], [5, 1, 4], [1, 1, 6], [7, 9, 8], [33, 17, 40],
    ]

    @Test(arguments: sizes, Precision.allCases) func multiplies(_ size: [Int], _ precision: Precision) {
        for flags in 0..<4 { checkProduct(size, flags, precision) }
    }

    private func checkProduct(_ size: [Int], _ flags: Int, _ precision: Precision) {
        let (m, n, k) = (size[0], size[1], size[2])
        let (transposeA, transposeB) = (flags & 1 == 1, flags & 2 == 2)
        let a = Support.numbers(m * k, stream: "a", precision)
        let b = Support.numbers(k * n, stream: "b", precision)
        let (left, right) = (Support.buffer(a, precision), Support.buffer(b, precision))
        func product(_ i: Int, _ j: Int) -> Double {
            (0..<k).reduce(0.0) { sum, l in
                let left = a[transposeA ? l * m + i : i * k + l]
                let right = b[transposeB ? j * k + l : l * n + j]
                return sum + left * right
            }
        }
        let expected = (0..<m).flatMap { i in (0..<n).map { j in product(i, j) } }
        // NaN in the destination must not survive: there is no C to add to.
        let result = Support.written(m * n, precision) {
            BLAS.matmul(
                precision, transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, a: left.address,
                b: right.address, c: $0)
        }
        #expect(Support.close(result ?? [], expected, tolerance: precision == .float64 ? 1e-13 : 1e-5))
        #expect(result?.count == m * n)
    }

    /// Floats multiplied in doubles: every element is the exact one, rounded once.
    @Test(arguments: sizes + [[5, 6, 700]]) func multipliesFloatsInDouble(_ size: [Int]) {
        let (m, n, k) = (size[0], size[1], size[2])
        let a = Support.numbers(m * k, stream: "a", .float32)
        let b = Support.numbers(k * n, stream: "b", .float32)
        let (left, right) = (Support.buffer(a, .float32), Support.buffer(b, .float32))
        for flags in 0..<4 {
            let (transposeA, transposeB) = (flags & 1 == 1, flags & 2 == 2)
            let result = Support.written(m * n, .float32) {
                BLAS.matmulInDouble(
                    transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, a: left.address,
                    b: right.address, c: $0)
            }
            #expect(result?.count == m * n)
            for (index, value) in (result ?? []).enumerated() {
                let (i, j) = (index / n, index % n)
                var (exact, size) = (0.0, 0.0)
                for l in 0..<k {
                    let term = a[transposeA ? l * m + i : i * k + l] * b[transposeB ? j * k + l : l * n + j]
                    exact += term
                    size += term.magnitude
                }
                let half = Double(Float(exact).ulp) / 2
                #expect(abs(value - exact) <= half + 1e-13 * size, "\(value) and \(exact)")
            }
        }
    }

    @Test func namesItself() {
        BLAS.configureSingleThread()
        #expect(BLAS.configuration.hasPrefix("OpenBLAS "))
        #expect(BLAS.configuration.hasSuffix(BLAS.coreName))
    }
}

@Suite struct CholeskyTests {
    @Test(arguments: [0, 1, 2, 5, 40]) func solves(_ n: Int) throws {
        let g = Support.numbers(n * n)
        // 1 + g gᵀ
        let a = (0..<n * n).map { index -> Double in
            let (i, j) = (index / n, index % n)
            return (0..<n).reduce(i == j ? 1.0 : 0.0) { $0 + g[i * n + $1] * g[j * n + $1] }
        }
        let solution = Support.numbers(n, stream: "solution")
        let rhs = (0..<n).map { i in (0..<n).reduce(0) { $0 + a[i * n + $1] * solution[$1] } }
        let factored = try #require(Cholesky(a, dimension: n))
        #expect(Support.close(factored.solve(rhs), solution, tolerance: 1e-11))
    }

    @Test func readsTheLowerTriangle() throws {
        let factored = try #require(Cholesky([4, .nan, 2, 3], dimension: 2))
        #expect(Support.close(factored.solve([8, 7]), [1.25, 1.5], tolerance: 1e-15))
    }

    @Test(
        arguments: [
            [-1, 0, 0, 1], [0, 0, 0, 0], [1, 2, 2, 1], [1, 1, 1, 1], [.nan, 0, 0, 1], [1, 0, .nan, 1], [1, 0, 0, .nan],
            [.infinity, 0, 0, 1], [1, 0, .infinity, 1],
        ] as [[Double]])
    func refusesWhatIsNotPositiveDefinite(_ matrix: [Double]) {
        #expect(Cholesky(matrix, dimension: 2) == nil)
    }
}
