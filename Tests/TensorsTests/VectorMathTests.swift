// Vectors as arrays, at ordinary and at extreme sizes.
import Tensors
import Testing

@Suite struct VectorMathTests {
    @Test func computesWithVectors() {
        var y = [1.0, 2, 3]
        VectorMath.add(2, [1, 1, -1], to: &y)
        #expect(y == [3, 4, 1])
        VectorMath.scale(-1, &y)
        #expect(y == [-3, -4, -1])
        #expect(VectorMath.subtract([5, 7], [1, 2]) == [4, 5])
        #expect(VectorMath.dot([1, 2], [3, 4]) == 11)
    }

    @Test func anEmptyVectorHasNoSize() {
        var empty: [Double] = []
        VectorMath.add(1, [], to: &empty)
        VectorMath.scale(2, &empty)
        #expect(empty.isEmpty && VectorMath.norm([]) == 0 && VectorMath.maxNorm([]) == 0 && VectorMath.dot([], []) == 0)
        #expect(VectorMath.isFinite([]))
    }

    @Test(arguments: [
        1, 1e-160, 1e-170, 1e200, 1e-300, 1e300, Double.leastNormalMagnitude, .leastNonzeroMagnitude,
        .greatestFiniteMagnitude / 8,
    ])
    func theNormNeitherOverflowsNorUnderflows(_ unit: Double) {
        #expect(abs(VectorMath.norm([3 * unit, -4 * unit]) - 5 * unit) <= 2 * (5 * unit).ulp)
        #expect(VectorMath.maxNorm([3 * unit, -4 * unit]) == 4 * unit)
    }

    @Test func infinityAndNaNShow() {
        #expect(VectorMath.norm([1, .infinity]) == .infinity)
        #expect(VectorMath.norm([.infinity, .nan]).isNaN)
        #expect(VectorMath.norm([.nan, 1]).isNaN)
        #expect(VectorMath.maxNorm([1, -.infinity, 2]) == .infinity)
        #expect(VectorMath.maxNorm([.infinity, .nan]).isNaN)
        #expect(!VectorMath.isFinite([1, .infinity]) && !VectorMath.isFinite([.nan]))
    }
}
