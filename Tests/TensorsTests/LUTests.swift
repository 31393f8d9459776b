// LU factors: solutions of both systems of a matrix, and what has none.
import Tensors
import Testing

@Suite struct LUTests {
    @Test(arguments: [0, 1, 2, 9, 40]) func solvesBothSystems(_ n: Int) throws {
        var stream = RandomStream(seed: UInt64(n), stream: "lu")
        let entries = (0..<n * n).map { _ in stream.normal() }
        let exact = (0..<n).map { _ in stream.normal() }
        let factors = try #require(LU(entries, dimension: n))
        for transposed in [false, true] {
            let rhs = (0..<n).map { row in
                (0..<n).reduce(0) { sum, column in
                    sum + entries[transposed ? column * n + row : row * n + column] * exact[column]
                }
            }
            let found = factors.solve(rhs, transposed: transposed)
            let error = VectorMath.maxNorm(VectorMath.subtract(found, exact))
            #expect(error <= 1e-10, "\(transposed)")
        }
    }

    @Test func refusesWhatHasNoInverse() {
        #expect(LU([1, 2, 2, 4], dimension: 2) == nil)
        #expect(LU([1, .nan, 0, 1], dimension: 2) == nil)
        #expect(LU([.infinity], dimension: 1) == nil)
        #expect(LU([0, 1, 1, 0], dimension: 2)?.solve([3, 4]) == [4, 3])
    }
}
