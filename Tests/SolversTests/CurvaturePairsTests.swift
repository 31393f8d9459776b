// Pairs of conjugate gradients as a preconditioner: the inverse itself once they span the space, and bounds on what is kept.
import Solvers
import Testing

@Suite struct CurvaturePairsTests {
    /// Tridiagonal, positive definite.
    private static func product(_ v: [Double]) -> [Double] {
        v.indices.map { i in
            (2 + Double(i * i)) * v[i] - (i > 0 ? v[i - 1] : 0) - (i + 1 < v.count ? v[i + 1] : 0)
        }
    }
    private static func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    /// Conjugate directions, one after the other (Gram and Schmidt in the inner product of H).
    private static func conjugate(_ count: Int) -> [[Double]] {
        var found: [[Double]] = []
        for k in 0..<count {
            var direction = (0..<count).map { 1 / (1 + Double((k + 2) * ($0 + 1) % 7)) + ($0 == k ? 1 : 0) }
            for _ in 0..<2 {
                for known in found {
                    let image = product(known)
                    let part = dot(direction, image) / dot(known, image)
                    for i in direction.indices { direction[i] -= part * known[i] }
                }
            }
            found.append(direction)
        }
        return found
    }

    @Test func conjugateDirectionsOfTheWholeSpaceGiveTheInverse() {
        var pairs = CurvaturePairs()
        for direction in Self.conjugate(6) { pairs.append(direction, image: Self.product(direction)) }
        let x = [1, -2, 0.5, 3, -0.25, 0.125]
        for (found, exact) in zip(pairs.apply(Self.product(x)), x) { #expect(abs(found - exact) <= 1e-11) }
    }

    @Test func fewerPairsStayPositiveDefiniteAndSymmetric() {
        var pairs = CurvaturePairs()
        for direction in Self.conjugate(6).prefix(3) { pairs.append(direction, image: Self.product(direction)) }
        let (a, b) = ([1.0, 2, -1, 0.5, 0, 3], [0.5, -1, 2, 1, 1, -2])
        #expect(Self.dot(a, pairs.apply(a)) > 0 && Self.dot(b, pairs.apply(b)) > 0)
        #expect(abs(Self.dot(a, pairs.apply(b)) - Self.dot(b, pairs.apply(a))) <= 1e-12)
        #expect(CurvaturePairs().apply(a) == a)
    }

    @Test func pairsWithoutPositiveCurvatureAreLeftOut() {
        var pairs = CurvaturePairs()
        pairs.append([1, 0], image: [-1, 0])
        pairs.append([1, 0], image: [0, 1])
        pairs.append([0, 0], image: [0, 0])
        pairs.append([1, .nan], image: [1, 0])
        pairs.append([.infinity, 0], image: [1, 0])
        #expect(pairs == CurvaturePairs())
    }

    @Test(arguments: [(1, 24), (1_000, 24), (1 << 20, 4), (Int.max / 4, 4)]) func roomIsBounded(
        _ dimension: Int, _ most: Int
    ) {
        #expect(CurvaturePairs.capacity(dimension: dimension) == most)
        guard dimension == 1 else { return }
        var pairs = CurvaturePairs()
        for number in 1...25 { pairs.append([Double(number)], image: [1]) }
        #expect(pairs.steps.count == 24 && pairs.steps.first == [2])
    }

    @Test func stepsAndImagesGoTogether() {
        #expect(CurvaturePairs(steps: [[1]], images: []) == nil)
    }
}
