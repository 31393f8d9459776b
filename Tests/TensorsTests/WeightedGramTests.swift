// Aᵀ (w ∘ (A x)) in one pass over A, against the sums written out.
import Tensors
import Testing

@Suite struct WeightedGramTests {
    private func product(
        _ a: [Double], m: Int, k: Int, weights: [Double], x: [Double], _ precision: Precision
    ) -> [Double] {
        let result = AlignedBuffer(count: k, precision: precision)
        let (matrix, w, v) = (
            Support.buffer(a, precision), Support.buffer(weights, precision), Support.buffer(x, precision)
        )
        Kernels(precision).weightedGram(
            matrix.address, m: m, k: k, weights: w.address, x: v.address, y: result.address)
        return result.values
    }

    @Test(arguments: SmallProductTests.rows + [127, 128, 129, 1000], Precision.allCases)
    func agreesWithTheSums(_ m: Int, _ precision: Precision) {
        for k in SmallProductTests.columns {
            let a = Support.numbers(m * k, stream: "a", precision)
            let (w, x) = (Support.numbers(m, stream: "w", precision), Support.numbers(k, stream: "x", precision))
            let scaled = (0..<m).map { i in w[i] * (0..<k).reduce(0) { $0 + a[i * k + $1] * x[$1] } }
            let expected = (0..<k).map { j in (0..<m).reduce(0) { $0 + a[$1 * k + j] * scaled[$1] } }
            let found = product(a, m: m, k: k, weights: w, x: x, precision)
            // Up to 1,000 rows, each of a product of some 30 terms.
            #expect(Support.close(found, expected, tolerance: precision == .float64 ? 1e-11 : 1e-3))
        }
    }

    @Test(arguments: [1, 5, 9, 22], Precision.allCases)
    func infinityStaysInItsColumn(_ k: Int, _ precision: Precision) {
        let m = 9
        var a = [Double](repeating: 0.5, count: m * k)
        a[4 * k] = .infinity
        let found = product(
            a, m: m, k: k, weights: [Double](repeating: 1, count: m),
            x: [0] + [Double](repeating: 1, count: k - 1), precision)
        // 0 · ∞ makes the row's product NaN, which reaches every column: no zero of the padding may hide or spread it.
        #expect(found.allSatisfy { $0.isNaN })
        a[4 * k] = 0.5
        let finite = product(
            a, m: m, k: k, weights: [Double](repeating: 1, count: m), x: [Double](repeating: 1, count: k), precision)
        #expect(finite.allSatisfy { $0 == 9 * 0.25 * Double(k) })
    }

    @Test func longSumsOfFloatsAddInDouble() {
        let (m, k) = (100_000, 3)
        let a = [Double](repeating: Precision.float32.rounded(0.1), count: m * k)
        let found = product(
            a, m: m, k: k, weights: [Double](repeating: 1, count: m), x: [1, 0, 0], .float32)
        // Added one after the other in float they err by 1e-3 of their sum.
        #expect(found.allSatisfy { abs($0 - 1000) <= 0.001 })
    }
}
