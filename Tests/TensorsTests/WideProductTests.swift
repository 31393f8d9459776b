// Products of tall matrices with small ones, against the sums written out.
import Tensors
import Testing

@Suite struct WideProductTests {
    static let widths = [1, 7, 8, 16, 17, 23, 24, 25, 40, 47, 48, 49, 96, 97, 100]

    /// A B by the kernel of the variant in use.
    static func product(
        _ a: [Double], _ b: [Double], m: Int, k: Int, n: Int, transposed: Bool, _ precision: Precision
    ) -> [Double] {
        let (left, right) = (Support.buffer(a, precision), Support.buffer(b, precision))
        let result = AlignedBuffer(count: m * n, precision: precision)
        Kernels(precision).wideN(
            left.address, m: m, k: k, right.address, n: n, transposed: transposed, result.address,
            ahead: PrefetchQueue())
        // A buffer ends with its last use, and with it what its address points to.
        withExtendedLifetime((left, right)) {}
        return result.values
    }

    /// The same with B laid out beforehand, in blocks of `rows` rows of A, while what comes next is asked for.
    static func laidProduct(
        _ a: [Double], _ b: [Double], m: Int, k: Int, n: Int, transposed: Bool, rows: Int, _ precision: Precision
    ) -> [Double] {
        let kernels = Kernels(precision)
        let (left, right) = (Support.buffer(a, precision), Support.buffer(b, precision))
        let laid = AlignedBuffer(count: kernels.laidCount(k: k, n: n), precision: precision)
        let result = AlignedBuffer(count: m * n, precision: precision)
        let ahead = PrefetchQueue()
        kernels.layWide(right.address, k: k, n: n, transposed: transposed, laid.address)
        for first in stride(from: 0, to: m, by: rows) {
            ahead.add(left.address, bytes: m * k * precision.size)
            ahead.add(right.address, bytes: k * n * precision.size)
            kernels.wideLaid(
                left.address + first * k * precision.size, m: min(rows, m - first), k: k, laid: laid.address, n: n,
                result.address + first * n * precision.size, ahead: ahead)
            ahead.clear()
        }
        withExtendedLifetime((left, right, laid)) {}
        return result.values
    }

    @Test(arguments: widths, Precision.allCases) func agreesWithTheSums(_ n: Int, _ precision: Precision) {
        let tolerance = precision == .float64 ? 1e-12 : 1e-3
        for (m, k) in [(1, 1), (5, 33), (9, 256), (20, 257), (3, 600), (67, 12)] {
            let a = Support.numbers(m * k, stream: "a", precision)
            let b = Support.numbers(k * n, stream: "b", precision)
            var (plain, turned) = ([Double](repeating: 0, count: m * n), [Double](repeating: 0, count: m * n))
            for i in 0..<m {
                for c in 0..<n {
                    for j in 0..<k {
                        plain[i * n + c] += a[i * k + j] * b[j * n + c]
                        turned[i * n + c] += a[i * k + j] * b[c * k + j]
                    }
                }
            }
            let found = [false, true].map {
                Self.product(a, b, m: m, k: k, n: n, transposed: $0, precision)
            }
            #expect(Support.close(found[0], plain, tolerance: tolerance), "\(m) x \(k)")
            #expect(Support.close(found[1], turned, tolerance: tolerance), "\(m) x \(k) transposed")
        }
    }

    @Test(arguments: widths, Precision.allCases) func layoutsChangeNoBit(_ n: Int, _ precision: Precision) {
        for (m, k, rows) in [(1, 8, 1), (37, 33, 16), (70, 257, 32)] {
            let a = Support.numbers(m * k, stream: "a", precision)
            let b = Support.numbers(k * n, stream: "b", precision)
            for transposed in [false, true] {
                #expect(
                    Self.laidProduct(a, b, m: m, k: k, n: n, transposed: transposed, rows: rows, precision)
                        == Self.product(a, b, m: m, k: k, n: n, transposed: transposed, precision))
            }
        }
    }

    /// Column c of C is the column of A that it picks.
    @Test(arguments: widths) func tailsOfEveryLengthAreExact(_ n: Int) {
        for (m, k) in [(1, 9), (5, 255), (6, 256), (7, 257), (8, 512), (13, 513)] {
            let a = (0..<m * k).map { Double($0 % 251) }
            let picked = (0..<n).map { ($0 * 37) % k }
            var b = [Double](repeating: 0, count: k * n)
            for (c, j) in picked.enumerated() { b[j * n + c] = 1 }
            let expected = (0..<m).flatMap { i in picked.map { a[i * k + $0] } }
            #expect(Self.product(a, b, m: m, k: k, n: n, transposed: false, .float64) == expected)
        }
    }

    @Test(arguments: Precision.allCases) func infinityStaysInItsRow(_ precision: Precision) {
        let (m, k, n) = (9, 300, 29)
        var a = [Double](repeating: 1, count: m * k)
        a[4 * k + 299] = .infinity
        let ones = [Double](repeating: 1, count: k * n)
        let found = Self.product(a, ones, m: m, k: k, n: n, transposed: false, precision)
        for (index, value) in found.enumerated() { #expect(value == (index / n == 4 ? .infinity : 300)) }
    }
}
