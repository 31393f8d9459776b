// NaN, infinities and negative zero pass through sums, reductions and products as IEEE arithmetic says, wherever in an
// array they stand. Elementwise operations are held to that in BlockMachineTests.
import Glibc
import Tensors
import Testing

@Suite struct SpecialValueTests {
    static let values: [Double] = [.nan, .infinity, -.infinity, -0.0]
    static let lengths = Array(1...40)

    /// An array of ordinary numbers, but for one place.
    static func array(_ count: Int, _ special: Double, at place: Int, _ precision: Precision) -> [Double] {
        var x = Support.numbers(count, in: -3...3, precision)
        x[place] = special
        return x
    }

    /// The first place, one in the middle and the last.
    static func places(_ count: Int) -> Set<Int> { [0, count / 2, count - 1] }

    /// Equal kinds, and numbers equal to rounding. Sums do not keep the sign of zero.
    static func agree(_ x: [Double]?, _ y: [Double], _ precision: Precision) -> Bool {
        guard let x, x.count == y.count else { return false }
        return zip(x, y).allSatisfy { a, b in
            a == b || (a.isNaN && b.isNaN) || abs(a - b) <= (precision == .float64 ? 1e-12 : 1e-4)
        }
    }

    /// Runs `body` for every special value at several places of arrays of one length, as a row and as columns.
    private func forEach(
        _ length: Int, _ precision: Precision,
        _ body: (_ fibre: [Double], _ source: AlignedBuffer, _ inner: Int) -> Void
    ) {
        for special in Self.values {
            for place in Self.places(length) {
                let fibre = Self.array(length, special, at: place, precision)
                for inner in [1, 3, 20] {
                    let woven = fibre.flatMap { [Double](repeating: $0, count: inner) }
                    body(fibre, Support.buffer(woven, precision), inner)
                }
            }
        }
    }

    @Test(arguments: lengths, Precision.allCases)
    func reductionsKeepThem(_ length: Int, _ precision: Precision) {
        let kernels = Kernels(precision)
        forEach(length, precision) { fibre, source, inner in
            let extremes = fibre.contains(where: \.isNaN) ? [Double.nan, .nan] : [fibre.max() ?? 0, fibre.min() ?? 0]
            let expected = [fibre.reduce(0, +)] + extremes
            for (kind, value) in zip([Kernels.Reduction.sum, .max, .min], expected) {
                let result = Support.written(inner, precision) {
                    kernels.reduce(kind, source.address, $0, outer: 1, middle: length, inner: inner)
                }
                let all = [Double](repeating: value, count: inner)
                #expect(Self.agree(result, all, precision), "\(kind) of \(fibre)")
            }
        }
    }

    @Test(arguments: lengths, Precision.allCases)
    func softmaxAndLogSumExpKeepThem(_ length: Int, _ precision: Precision) {
        let kernels = Kernels(precision)
        forEach(length, precision) { fibre, source, inner in
            let largest = fibre.contains(where: \.isNaN) ? Double.nan : fibre.max() ?? 0
            let sum = fibre.map { Glibc.exp($0 - largest) }.reduce(0, +)
            let logarithm = largest.isInfinite ? largest : largest + Glibc.log(sum)
            let parts = fibre.map { Glibc.exp($0 - largest) / sum }
            let logSumExp = Support.written(inner, precision) {
                kernels.logSumExp(source.address, $0, outer: 1, middle: length, inner: inner)
            }
            let softmax = Support.written(length * inner, precision) {
                kernels.softmax(source.address, $0, outer: 1, middle: length, inner: inner)
            }
            #expect(
                Self.agree(logSumExp, [Double](repeating: logarithm, count: inner), precision), "logSumExp of \(fibre)")
            let woven = parts.flatMap { [Double](repeating: $0, count: inner) }
            #expect(Self.agree(softmax, woven, precision), "softmax of \(fibre)")
        }
    }

    @Test(arguments: lengths, Precision.allCases)
    func movementAndRunningSumsKeepThem(_ length: Int, _ precision: Precision) {
        let kernels = Kernels(precision)
        forEach(length, precision) { fibre, source, inner in
            var total = 0.0
            let sums = fibre.flatMap { value -> [Double] in
                total += value
                return [Double](repeating: total, count: inner)
            }
            let cumulated = Support.written(length * inner, precision) {
                kernels.cumulativeSum(
                    source.address, $0, outer: 1, middle: length, inner: inner, reverse: false)
            }
            #expect(Self.agree(cumulated, sums, precision), "sums of \(fibre)")
            let indices = Support.buffer((0..<length).map(Double.init), precision)
            let taken = Support.written(length * inner, precision) {
                kernels.take(
                    source.address, indices: indices.address, $0, outer: 1, sourceMiddle: length, count: length,
                    inner: inner)
            }
            let copied = Support.written(length * inner, precision) {
                kernels.stridedCopy(source.address, $0, dimensions: [length, inner], sourceStrides: [inner, 1])
            }
            #expect(Support.same(taken ?? [], source.values) && Support.same(copied ?? [], source.values))
        }
    }

    @Test(arguments: lengths, Precision.allCases) func dotProductsKeepThem(_ length: Int, _ precision: Precision) {
        let kernels = Kernels(precision)
        let y = Support.numbers(length, in: 0.5...2, stream: "y", precision)
        let other = Support.buffer(y, precision)
        forEach(length, precision) { fibre, source, inner in
            guard inner == 1 else { return }
            let expected = zip(fibre, y).map(*).reduce(0, +)
            let dot = kernels.dot(source.address, other.address, count: length)
            let sum = kernels.sum(source.address, count: length)
            #expect(Self.agree([dot], [expected], precision) && Self.agree([sum], [fibre.reduce(0, +)], precision))
        }
    }

    @Test(arguments: [1, 2, 7, 8, 9, 16, 17, 33], Precision.allCases)
    func smallProductsKeepThem(_ m: Int, _ precision: Precision) {
        for k in [1, 7, 8, 9, 16, 17, 32] {
            let x = Support.numbers(k, in: 0.5...2, stream: "x", precision)
            let c = Support.numbers(m, in: 0.5...2, stream: "c", precision)
            for special in Self.values {
                for place in Self.places(m * k) {
                    let a = Self.array(m * k, special, at: place, precision)
                    let products = SmallProductTests.Products(a, m: m, k: k, x: [x, x], c: [c, c], precision)
                    let rows = (0..<m).map { i in (0..<k).reduce(0) { $0 + a[i * k + $1] * x[$1] } }
                    let columns = (0..<k).map { j in (0..<m).reduce(0) { $0 + a[$1 * k + j] * c[$1] } }
                    #expect((products.n + products.n2).allSatisfy { Self.agree($0, rows, precision) })
                    #expect((products.t + products.t2).allSatisfy { Self.agree($0, columns, precision) })
                }
            }
        }
    }
}
