// Ritz values against known spectra, and the steps chosen from them.

import Glibc
import Solvers
import Testing

@Suite struct LanczosTests {
    @Test func findsEveryDistinctEigenvalueOfASmallMatrix() throws {
        let ritz = try Lanczos(steps: 20).ritzValues(of: ConditioningProblem.matrix, start: ConditioningProblem.rhs)
        #expect(ritz.status == .converged)
        #expect(ritz.values.count == 5)
        for (value, exact) in zip(ritz.values, [1.0, 25, 50, 75, 100]) { #expect(abs(value - exact) < 1e-11) }
    }

    /// The second difference matrix has eigenvalues 4 sin²(kπ/2(n+1)).
    @Test func matchesTheSecondDifferenceMatrix() throws {
        let n = 12
        let rows = (0..<n).map { i in (0..<n).map { j in i == j ? 2.0 : (abs(i - j) == 1 ? -1 : 0) } }
        var numbers = TestNumbers(seed: 5)
        let ritz = try Lanczos(steps: n).ritzValues(of: denseOperator(rows), start: numbers.vector(n))
        #expect(abs((ritz.smallest ?? 0) - 4 * sin(.pi / 26) * sin(.pi / 26)) < 1e-12)
        #expect(abs((ritz.largest ?? 0) - 4 * cos(.pi / 26) * cos(.pi / 26)) < 1e-12)
    }

    @Test(arguments: [1, 3, 10, 25]) func boundsItsError(_ steps: Int) throws {
        var numbers = TestNumbers(seed: 9)
        let spectrum = (0..<50).map { Double($0 * $0) - 30 }
        let ritz = try Lanczos(steps: steps).ritzValues(of: diagonalOperator(spectrum), start: numbers.vector(50))
        #expect(ritz.status == .iterationLimit)
        #expect(ritz.values.count == steps)
        for (value, bound) in zip(ritz.values, ritz.errorBounds) {
            #expect(spectrum.contains { abs($0 - value) <= bound * (1 + 1e-12) + 1e-9 })
        }
        #expect(ritz.values == ritz.values.sorted())
    }

    @Test func seesNegativeCurvature() throws {
        let ritz = try Lanczos(steps: 3).ritzValues(of: diagonalOperator([5, -2, 1]), start: [1, 1, 1])
        #expect(abs((ritz.smallest ?? 0) + 2) < 1e-13)
    }

    @Test func theIdentityNeedsOneStep() throws {
        let ritz = try Lanczos(steps: 9).ritzValues(of: diagonalOperator([1, 1, 1]), start: [1, 2, 3])
        #expect(ritz.values.count == 1)
        #expect(ritz.status == .converged)
        #expect(abs(ritz.values[0] - 1) < 1e-15)
    }

    @Test func theZeroOperatorHasTheEigenvalueZero() throws {
        let ritz = try Lanczos(steps: 9).ritzValues(of: diagonalOperator([0, 0]), start: [1, 2])
        #expect(ritz.values == [0])
        #expect(ritz.errorBounds == [0])
    }

    @Test func aZeroStartFindsNothing() throws {
        let ritz = try Lanczos(steps: 9).ritzValues(of: diagonalOperator([1, 2]), start: [0, 0])
        #expect(ritz.largest == nil)
    }

    @Test func reportsAnOperatorThatIsNotFinite() throws {
        let ritz = try Lanczos(steps: 9).ritzValues(of: diagonalOperator([1, .nan]), start: [1, 1])
        #expect(ritz.status == .diverged(quantity: .residual, iteration: 0))
        #expect(ritz.values.isEmpty)
    }

    @Test func stopsWhenInterrupted() throws {
        var checks = 0
        let ritz = try Lanczos(steps: 9).ritzValues(of: diagonalOperator([1, 2, 3]), start: [1, 1, 1]) {
            checks += 1
            return checks > 2
        }
        #expect(ritz.status == .interrupted)
        #expect(ritz.values.count == 2)
    }

    @Test func refusesAStartOfOtherDimension() {
        #expect(throws: SolverError.dimensionMismatch(of: "start", expected: 2, found: 1)) {
            try Lanczos(steps: 1).ritzValues(of: diagonalOperator([1, 2]), start: [1])
        }
    }
}

@Suite struct InitialStepTests {
    @Test func choosesTheFastestStepOnASpectrum() throws {
        #expect(InitialStep.gradientStep(largest: 100, smallest: 1) == 2.0 / 101)
        let ritz = try Lanczos(steps: 20).ritzValues(of: ConditioningProblem.matrix, start: ConditioningProblem.rhs)
        #expect(abs((InitialStep.gradientStep(ritz) ?? 0) - 2.0 / 101) < 1e-12)
    }

    @Test(arguments: [nil, 0, -3, Double.nan, 200]) func isSafeWithoutALowerBound(_ smallest: Double?) {
        #expect(InitialStep.gradientStep(largest: 100, smallest: smallest) == 0.01)
    }

    @Test(arguments: [0, -1, Double.nan, .infinity]) func needsCurvature(_ largest: Double) {
        #expect(InitialStep.gradientStep(largest: largest) == nil)
    }
}
