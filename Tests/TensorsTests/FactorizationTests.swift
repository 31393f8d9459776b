// Factors and what is computed from them, against what was factored; singular and hostile matrices make NaN.
import Tensors
import Testing

@Suite struct FactorizationTests {
    /// Random numbers, with 1 + g gᵀ for Cholesky factors, in which only the symmetric part counts.
    private func matrix(_ kind: Factorization, _ n: Int) -> [Double] {
        let g = Support.numbers(n * n)
        guard kind == .cholesky else { return g }
        return (0..<n * n).map { index in
            let (i, j) = (index / n, index % n)
            let skew = i < j ? 0.5 : i > j ? -0.5 : 0
            return (0..<n).reduce(i == j ? 1.0 : 0.0) { $0 + g[i * n + $1] * g[j * n + $1] } + skew
        }
    }

    /// `count` elements that `body` computes from arrays of elements, as numbers.
    private func computed(
        _ precision: Precision, _ count: Int, _ sources: [[Double]],
        _ body: ([UnsafeRawPointer], UnsafeMutableRawPointer) -> Void
    ) -> [Double] {
        let elements = sources.map { source in
            let buffer = UnsafeMutableRawPointer.allocate(byteCount: source.count * precision.size + 8, alignment: 8)
            precision.write(source, count: source.count, to: buffer)
            return buffer
        }
        let result = UnsafeMutableRawPointer.allocate(byteCount: count * precision.size + 8, alignment: 8)
        defer { for buffer in elements + [result] { buffer.deallocate() } }
        body(elements.map { UnsafeRawPointer($0) }, result)
        var numbers = [Double](repeating: 0, count: count)
        precision.read(result, count: count, into: &numbers)
        return numbers
    }

    private func factors(
        _ kind: Factorization, _ a: [Double], _ n: Int, _ precision: Precision = .float64
    ) -> [Double] {
        computed(precision, kind.planes * n * n, [a]) { kind.factor(precision, $0[0], n: n, into: $1) }
    }

    private func solution(
        _ kind: Factorization, _ factors: [Double], _ b: [Double], _ n: Int, transposed: Bool = false,
        _ precision: Precision = .float64
    ) -> [Double] {
        computed(precision, b.count, [factors, b]) {
            kind.solve(precision, $0[0], n: n, $0[1], columns: b.count / max(n, 1), transposed: transposed, into: $1)
        }
    }

    @Test(arguments: Factorization.allCases, [0, 1, 2, 3, 9, 40])
    func solvesAsWellAsItsTranspose(_ kind: Factorization, _ n: Int) {
        for columns in [0, 1, 3] {
            solvesAsWellAsItsTranspose(kind, n, columns, .float64, tolerance: 1e-9)
            // Random matrices of this size have condition numbers up to 10⁴.
            if n <= 9 { solvesAsWellAsItsTranspose(kind, n, columns, .float32, tolerance: 1e-2) }
        }
    }

    private func solvesAsWellAsItsTranspose(
        _ kind: Factorization, _ n: Int, _ columns: Int, _ precision: Precision, tolerance: Double
    ) {
        let a = matrix(kind, n)
        let x = Support.numbers(n * columns, stream: "solution")
        for transposed in [false, true] {
            func entry(_ i: Int, _ j: Int) -> Double {
                let (own, mirrored) = (a[i * n + j], a[j * n + i])
                return kind == .cholesky ? (own + mirrored) / 2 : transposed ? mirrored : own
            }
            let b = (0..<n * columns).map { index in
                (0..<n).reduce(0) { $0 + entry(index / columns, $1) * x[$1 * columns + index % columns] }
            }
            let result = solution(kind, factors(kind, a, n, precision), b, n, transposed: transposed, precision)
            #expect(Support.close(result, x, tolerance: tolerance))
        }
    }

    @Test func determinantsAreThoseOfKnownMatrices() {
        func logDeterminant(_ a: [Double], _ n: Int) -> Double {
            computed(.float64, 1, [factors(.lu, a, n)]) {
                Factorization.logDeterminant(.float64, $0[0], n: n, into: $1)
            }[0]
        }
        #expect(logDeterminant([], 0) == 0)
        #expect(logDeterminant([-1], 1) == 0)
        #expect(abs(logDeterminant([0, 2, -3, 1], 2) - 1.791759469228055) < 1e-15)
        #expect(logDeterminant([1, 2, 2, 4], 2) == -.infinity)
        #expect(logDeterminant([0], 1) == -.infinity)
        #expect(logDeterminant([1, .nan, 0, 1], 2).isNaN)
        #expect(logDeterminant([.infinity, 0, 0, 1], 2).isNaN)
    }

    @Test(
        arguments: Factorization.allCases,
        [
            [0, 0, 0, 0], [1, 1, 1, 1], [.nan, 0, 0, 1], [1, 0, 0, .nan], [1, .nan, 0, 1], [.infinity, 0, 0, 1],
            [1, 0, -.infinity, 1],
        ] as [[Double]])
    func singularMatricesMakeNaN(_ kind: Factorization, _ a: [Double]) {
        for precision in Precision.allCases {
            let result = solution(kind, factors(kind, a, 2, precision), [1, 0, 0, 1], 2, precision)
            #expect(result.allSatisfy { $0.isNaN })
        }
    }

    @Test func indefiniteMatricesHaveNoCholeskyFactors() {
        #expect(factors(.cholesky, [1, 2, 2, 1], 2).allSatisfy { $0.isNaN })
        #expect(factors(.cholesky, [-1], 1)[0].isNaN)
    }

    /// Numbers at the ends of the range, whose elimination overflows or divides by denormals.
    @Test(arguments: [1e308, 0x1p-1074, 1e-300]) func extremeNumbersEnd(_ scale: Double) {
        for n in [1, 5, 33, 100] {
            let a = Support.numbers(n * n).map { $0 * scale }
            for kind in Factorization.allCases {
                for precision in Precision.allCases {
                    let factors = factors(kind, a, n, precision)
                    #expect(solution(kind, factors, a, n, transposed: true, precision).count == n * n)
                }
            }
        }
    }
}
