// The resumable projected methods against optimality conditions; a copied state continues identically.

import Solvers
import Testing

/// A strictly convex quadratic in a box, with the answer by its optimality conditions: with x₀ = 0 and x₁ = 1 at
/// their bounds, x₂ solves 2x₂ = 1 + x₁, and ∇f = (2, −1.5, 0) points out of the box at the bounds.
private enum BoxProblem {
    static let rows = [[2.0, 0.5, 0], [0.5, 1.5, -1], [0, -1, 2]]
    static let rhs = [-1.5, 2, 1]
    static let answer = [0.0, 1, 1]
    static var objective: SmoothObjective { quadratic(rows, rhs) }

    static func set() throws -> ConvexSet { try .box(lower: [0, -1, -.infinity], upper: [5, 1, .infinity]) }
}

/// Feeds a method `count` evaluations.
private func advance(_ method: inout some SteppingMethod, _ objective: SmoothObjective, _ count: Int) {
    for _ in 0..<count {
        let trial = method.propose()
        var gradient = trial
        let value = objective.valueAndGradient(trial, &gradient)
        _ = method.receive(value: value, gradient: gradient)
    }
}

@Suite struct SpectralProjectedGradientTests {
    @Test(arguments: [[0.0, 0, 0], [5, 1, -100], [-9, 9, 9]]) func solvesABoxQuadraticExactly(
        _ start: [Double]
    ) throws {
        var method = try SpectralProjectedGradient(start: start, set: BoxProblem.set())
        let solution = method.minimize(
            BoxProblem.objective, tolerance: Tolerance(absolute: 1e-12), maxEvaluations: 200)
        #expect(solution.status == .converged)
        #expect(solution.statistics.residualNorm <= 1e-12)
        #expect(solution.point[0] == 0 && solution.point[1] == 1)
        #expect(relativeError(solution.point, BoxProblem.answer) < 1e-12)
    }

    /// Separable, so the answer is the projection of the centre.
    @Test(arguments: [1e2, 1e4]) func solvesIllConditionedBoxQuadratics(_ condition: Double) throws {
        var numbers = TestNumbers(seed: 11)
        let curvatures = (0..<40).map { _ in 1 + (condition - 1) * numbers.next() }
        let center = numbers.vector(40).map { 2 * $0 }
        let set = try ConvexSet.box(
            lower: [Double](repeating: -1, count: 40), upper: [Double](repeating: 1, count: 40))
        var answer = center
        set.project(&answer)
        var method = try SpectralProjectedGradient(start: [Double](repeating: 0, count: 40), set: set)
        let solution = method.minimize(
            separableQuadratic(curvatures, center: center), tolerance: Tolerance(absolute: 1e-11),
            maxEvaluations: 20_000)
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, answer) < 1e-10)
    }

    @Test(arguments: [0.0, 1e4]) func reachesTinyGradientsWhereValuesDrown(_ shift: Double) throws {
        let inner = makeLogisticRegression()
        let objective = SmoothObjective { inner.valueAndGradient($0, &$1) + shift }
        var method = try SpectralProjectedGradient(start: [0, 0, 0, 0, 0])
        let solution = method.minimize(objective, tolerance: Tolerance(absolute: 1e-12), maxEvaluations: 2_000)
        #expect(solution.status == .converged)
        #expect(solution.statistics.residualNorm <= 1e-12)
    }

    @Test func solvesRosenbrock() throws {
        var method = try SpectralProjectedGradient(start: [-1.2, 1])
        let solution = method.minimize(rosenbrock, tolerance: Tolerance(absolute: 1e-10), maxEvaluations: 5_000)
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, [1, 1]) < 1e-9)
    }

    @Test(arguments: [0, 1, 2, 7, 20]) func aCopyContinuesWithIdenticalNumbers(_ evaluations: Int) throws {
        var method = try SpectralProjectedGradient(start: [-1.2, 1])
        advance(&method, rosenbrock, evaluations)
        var resumed = try SpectralProjectedGradient(resuming: method.state)
        #expect(resumed.propose() == method.propose())
        advance(&method, rosenbrock, 25)
        advance(&resumed, rosenbrock, 25)
        #expect(method.state == resumed.state)
    }

    @Test func proposingChangesNothing() throws {
        var method = try SpectralProjectedGradient(start: [-1.2, 1])
        advance(&method, rosenbrock, 3)
        let state = method.state
        #expect(method.propose() == method.propose())
        #expect(method.state == state)
    }

    @Test func everyProposalLiesInTheSet() throws {
        let set = try BoxProblem.set()
        var method = try SpectralProjectedGradient(start: [-9, 9, 9], set: set)
        for _ in 0..<30 {
            #expect(set.contains(method.propose()))
            advance(&method, BoxProblem.objective, 1)
        }
    }

    @Test func comesBackFromOutsideTheDomain() throws {
        var method = try SpectralProjectedGradient(start: [1e-2])
        let solution = method.minimize(barrier, tolerance: Tolerance(absolute: 1e-12), maxEvaluations: 200)
        #expect(solution.status == .converged)
        #expect(abs(solution.point[0] - 1) < 1e-11)
    }

    @Test func aStartOutsideTheDomainIsDivergence() throws {
        var method = try SpectralProjectedGradient(start: [1])
        let decision = method.receive(value: .nan, gradient: [.nan])
        #expect(decision == .stopped(.diverged(quantity: .value, iteration: 0)))
        var other = try SpectralProjectedGradient(start: [1])
        #expect(
            other.receive(value: 0, gradient: [.infinity])
                == .stopped(.diverged(quantity: .gradient, iteration: 0)))
    }

    @Test func trialsThatAreNeverFiniteEndAtTheLimit() throws {
        var options = SpectralProjectedGradient.Options()
        options.maxTrials = 4
        var method = try SpectralProjectedGradient(start: [1], options: options)
        #expect(method.receive(value: 1, gradient: [1]) == .accepted)
        for _ in 0..<3 { #expect(method.receive(value: .nan, gradient: [0]) == .rejected) }
        #expect(
            method.receive(value: .nan, gradient: [0]) == .stopped(.diverged(quantity: .value, iteration: 0)))
        #expect(method.point == [1])
    }

    @Test func anUnreachableToleranceStagnates() throws {
        var method = try SpectralProjectedGradient(start: [0, 0, 0, 0, 0])
        let solution = method.minimize(makeLogisticRegression(), tolerance: Tolerance(), maxEvaluations: 20_000)
        #expect(solution.status == .stagnated || solution.status == .converged)
        #expect(solution.statistics.residualNorm < 1e-14)
    }

    @Test func aStationaryStartConvergesInOneEvaluation() throws {
        var method = try SpectralProjectedGradient(start: [2])
        let solution = method.minimize(
            separableQuadratic([1], center: [2]), tolerance: Tolerance(), maxEvaluations: 1)
        #expect(solution.status == .converged)
        #expect(solution.point == [2])
    }

    @Test func countsEvaluationsAgainstTheLimit() throws {
        var evaluations = 0
        let objective = SmoothObjective { x, gradient in
            evaluations += 1
            return rosenbrock.valueAndGradient(x, &gradient)
        }
        var method = try SpectralProjectedGradient(start: [-1.2, 1])
        #expect(method.minimize(objective, tolerance: Tolerance(), maxEvaluations: 9).status == .iterationLimit)
        #expect(evaluations == 9)
    }

    @Test func stopsWhenInterrupted() throws {
        var method = try SpectralProjectedGradient(start: [-1.2, 1])
        let solution = method.minimize(
            rosenbrock, tolerance: Tolerance(), maxEvaluations: 9, shouldStop: { true })
        #expect(solution.status == .interrupted)
        #expect(solution.point == [-1.2, 1])
    }

    @Test(arguments: [1, 2, 4]) func refusesABoxOfOtherDimension(_ count: Int) throws {
        let start = [Double](repeating: 9, count: count)
        #expect(throws: SolverError.dimensionMismatch(of: "bounds", expected: count, found: 3)) {
            try SpectralProjectedGradient(start: start, set: BoxProblem.set())
        }
        #expect(throws: SolverError.dimensionMismatch(of: "bounds", expected: count, found: 3)) {
            try ProjectedGradientMomentum(start: start, schedule: .constant(1), decay: 0, set: BoxProblem.set())
        }
    }
}

@Suite struct ProjectedGradientMomentumTests {
    /// u: 2, 0.9·2+0.5·… by hand: x₀ = 2, u₀ = 2, x₁ = 1, u₁ = 0.9·2 + 1 = 2.8, x₂ = 1 − 1.4 = −0.4.
    @Test func followsTheUpdateRule() throws {
        var method = try ProjectedGradientMomentum(start: [2], schedule: .constant(0.5), decay: 0.9)
        let bowl = separableQuadratic([1], center: [0])
        advance(&method, bowl, 3)
        #expect(abs(method.point[0] - -0.4) < 1e-15)
        #expect(method.iteration == 2)
    }

    /// Clamped at 0, the momentum still goes down: x₀ = 1, u₀ = 3, x₁ = 0, u₁ = ½·3 + 2 = 3.5.
    @Test func momentumIsNotProjected() throws {
        var method = try ProjectedGradientMomentum(
            start: [1], schedule: .constant(1), decay: 0.5, set: .box(lower: [0], upper: [9]))
        advance(&method, separableQuadratic([1], center: [-2]), 2)
        #expect(method.point == [0])
        #expect(method.state.momentum == [3.5])
        #expect(method.stationarity == 0)
    }

    @Test func usesTheScheduleFromItsStart() throws {
        var method = try ProjectedGradientMomentum(
            start: [8], schedule: .power(initial: 0.5, exponent: 1), decay: 0)
        advance(&method, separableQuadratic([1], center: [0]), 3)
        #expect(method.point == [3])
    }

    @Test func solvesTheBoxQuadratic() throws {
        var method = try ProjectedGradientMomentum(
            start: [5, -1, 9], schedule: .constant(0.2), decay: 0.5, set: BoxProblem.set())
        let solution = method.minimize(
            BoxProblem.objective, tolerance: Tolerance(absolute: 1e-12), maxEvaluations: 1_000)
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, BoxProblem.answer) < 1e-11)
    }

    @Test(arguments: [0, 1, 5]) func aCopyContinuesWithIdenticalNumbers(_ evaluations: Int) throws {
        let schedule = StepSchedule.power(initial: 1e-3, exponent: 0.25)
        var method = try ProjectedGradientMomentum(start: [-1.2, 1], schedule: schedule, decay: 0.9)
        advance(&method, rosenbrock, evaluations)
        var resumed = try ProjectedGradientMomentum(resuming: method.state, schedule: schedule, decay: 0.9)
        advance(&method, rosenbrock, 10)
        advance(&resumed, rosenbrock, 10)
        #expect(method.state == resumed.state)
    }

    @Test func reportsNaNAndKeepsThePoint() throws {
        var method = try ProjectedGradientMomentum(start: [1], schedule: .constant(1), decay: 0)
        advance(&method, separableQuadratic([1], center: [0]), 1)
        let decision = method.receive(value: 0, gradient: [.nan])
        #expect(decision == .stopped(.diverged(quantity: .gradient, iteration: 0)))
        #expect(method.point == [1])
    }
}
