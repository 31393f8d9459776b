// GMRES on systems that are not symmetric, held against elimination and against its own residual.
import Solvers
import Tensors
import Testing

@Suite struct GMRESTests {
    /// I + a random part of norm below 1, which is far from symmetric.
    private func system(_ n: Int, seed: UInt64, scale: Double) -> (entries: [Double], rhs: [Double]) {
        var stream = RandomStream(seed: seed, stream: "gmres")
        var entries = (0..<n * n).map { _ in scale * stream.normal() / Double(n).squareRoot() }
        for index in 0..<n { entries[index * (n + 1)] += 1 }
        return (entries, (0..<n).map { _ in stream.normal() })
    }

    private func operation(_ entries: [Double], _ n: Int) -> LinearOperator {
        LinearOperator(dimension: n) { x, y in
            for row in 0..<n { y[row] = (0..<n).reduce(0) { $0 + entries[row * n + $1] * x[$1] } }
        }
    }

    @Test(arguments: [(1, 50), (7, 50), (30, 50), (30, 8)]) func agreesWithElimination(_ n: Int, _ restart: Int) throws
    {
        let (entries, rhs) = system(n, seed: UInt64(n), scale: 0.4)
        let exact = try #require(LU(entries, dimension: n)).solve(rhs)
        let found = try GMRES(tolerance: Tolerance(relative: 1e-13), restart: restart).solve(
            operation(entries, n), rhs: rhs)
        #expect(found.status == .converged)
        #expect(VectorMath.norm(VectorMath.subtract(found.point, exact)) <= 1e-11 * VectorMath.norm(exact))
    }

    /// P3's adjoint system, where plain conjugate gradients are invalid.
    @Test func solvesTheAdjointOfANonSymmetricMap() throws {
        let matrix = operation([0.5, 0.1, -0.4, 0.7], 2)  // (I − A)ᵀ
        let found = try GMRES(tolerance: Tolerance(relative: 1e-14)).solve(matrix, rhs: [1, 1])
        #expect(abs(found.point[0] + 2 * found.point[1] - 80.0 / 13) < 1e-12)
        #expect(found.statistics.iterations == 2)
    }

    @Test func saysWhatItDidNotReach() throws {
        let (entries, rhs) = system(30, seed: 1, scale: 0.4)
        let found = try GMRES(tolerance: Tolerance(relative: 1e-13), maxIterations: 5).solve(
            operation(entries, 30), rhs: rhs)
        #expect(found.status == .iterationLimit && found.statistics.iterations == 5)
        #expect(found.statistics.relativeResidual < 0.5)
        // A rotation by a quarter turn: restarts after one step never move.
        let turn = operation([0, -1, 1, 0], 2)
        #expect(try GMRES(restart: 1).solve(turn, rhs: [1, 0]).status == .stagnated)
        let zero = try GMRES().solve(turn, rhs: [0, 0])
        #expect(zero.point == [0, 0] && zero.status == .converged)
        var asked = 0
        let stopped = try GMRES(restart: 2).solve(operation(entries, 30), rhs: rhs, start: nil) {
            asked += 1
            return asked > 2
        }
        #expect(stopped.status == .interrupted)
    }
}
