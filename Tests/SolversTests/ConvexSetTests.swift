// Projections onto boxes, with infinite bounds and NaN.

import Solvers
import Testing

@Suite struct ConvexSetTests {
    private func box() throws -> ConvexSet {
        try .box(lower: [0, -.infinity, -1], upper: [1, 2, .infinity])
    }

    @Test func projectsEntryByEntry() throws {
        var x = [-3.0, 5, -2]
        try box().project(&x)
        #expect(x == [0, 2, -1])
        x = [0.5, -1e300, 1e300]
        try box().project(&x)
        #expect(x == [0.5, -1e300, 1e300])
    }

    @Test func neverHidesNaN() throws {
        var x = [Double.nan, 0, .nan]
        try box().project(&x)
        #expect(x[0].isNaN && x[2].isNaN)
        #expect(try !box().contains(x))
        #expect(!ConvexSet.whole.contains([.nan]))
        #expect(try box().projectedGradientNorm(at: [0, 0, 0], gradient: [.nan, 0, 0]).isNaN)
    }

    @Test func containsItsBounds() throws {
        #expect(try box().contains([0, 2, -1]))
        #expect(try !box().contains([0, (2.0).nextUp, -1]))
        #expect(try !box().contains([0, 2]))
    }

    @Test func ignoresGradientsThatPointOutwards() throws {
        #expect(try box().projectedGradientNorm(at: [0, 2, -1], gradient: [3, -4, 5]) == 0)
        #expect(try box().projectedGradientNorm(at: [0, 0, 0], gradient: [0, 3, 0.5]) == (9.25).squareRoot())
        #expect(try box().projectedGradientNorm(at: [0.25, 0, 0], gradient: [9, 0, 0]) == 0.25)
        #expect(ConvexSet.whole.projectedGradientNorm(at: [1, 1], gradient: [3, 4]) == 5)
    }

    @Test(arguments: [(1.0, 0.0), (.nan, 0), (0, .nan), (.infinity, .infinity), (-.infinity, -.infinity)])
    func refusesEmptyIntervals(_ lower: Double, _ upper: Double) {
        #expect(throws: SolverError.self) { try ConvexSet.box(lower: [0, lower], upper: [0, upper]) }
    }

    @Test func refusesBoundsOfDifferentLengths() {
        #expect(throws: SolverError.dimensionMismatch(of: "upper", expected: 1, found: 2)) {
            try ConvexSet.box(lower: [0], upper: [1, 1])
        }
    }
}
