// Gradient descent with scheduled and backtracked steps, within boxes and out of domains.

import Solvers
import Testing

@Suite struct GradientDescentTests {
    private let bowl = separableQuadratic([1, 4], center: [3, -1])

    @Test(arguments: [0, 1, 7]) func withoutToleranceTakesExactlyTheSteps(_ steps: Int) throws {
        var gradients = 0
        let objective = SmoothObjective(
            value: { _ in
                Issue.record("a schedule needs no values")
                return 0
            },
            gradient: { x, g in
                gradients += 1
                g[0] = x[0]
            },
            valueAndGradient: { _, _ in
                Issue.record("a schedule needs no values")
                return 0
            })
        let solution = try GradientDescent(step: .schedule(.constant(0.5)), tolerance: nil, maxIterations: steps)
            .minimize(objective, from: [1])
        #expect(gradients == steps)
        #expect(solution.statistics.iterations == steps)
        #expect(solution.point == [1 / Double(1 << steps)])
        #expect(solution.status == .iterationLimit)
    }

    @Test func convergesWithTheBestConstantStep() throws {
        let solution = try GradientDescent(
            step: .schedule(.constant(2.0 / 5)), tolerance: Tolerance(absolute: 1e-12), maxIterations: 1_000
        ).minimize(bowl, from: [0, 0])
        #expect(solution.status == .converged)
        #expect(solution.statistics.residualNorm <= 1e-12)
        #expect(relativeError(solution.point, [3, -1]) < 1e-11)
    }

    @Test func followsThePowerSchedule() throws {
        let solution = try GradientDescent(
            step: .schedule(.power(initial: 0.5, exponent: 1)), tolerance: nil, maxIterations: 2
        ).minimize(separableQuadratic([1], center: [0]), from: [8])
        #expect(solution.point == [3])
    }

    @Test(arguments: [0.01, 1, 100]) func backtrackingConvergesFromAnyFirstStep(_ largest: Double) throws {
        let solution = try GradientDescent(
            step: .armijo(largest: largest), tolerance: Tolerance(absolute: 1e-12), maxIterations: 20_000
        ).minimize(bowl, from: [0, 0])
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, [3, -1]) < 1e-11)
    }

    @Test func staysInTheBox() throws {
        for step in [GradientDescent.Step.schedule(.constant(0.4)), .armijo(largest: 10)] {
            let solution = try GradientDescent(
                step: step, tolerance: Tolerance(absolute: 1e-12), maxIterations: 1_000,
                regularizer: ProximalFunction(set: .box(lower: [0, 0], upper: [2, .infinity]))
            ).minimize(bowl, from: [9, 9])
            #expect(solution.status == .converged)
            #expect(solution.point == [2, 0])
        }
    }

    @Test func tooLongAStepDiverges() throws {
        let solution = try GradientDescent(
            step: .schedule(.constant(0.6)), tolerance: nil, maxIterations: 10_000
        ).minimize(bowl, from: [0, 0])
        guard case .diverged(.gradient, _) = solution.status else {
            Issue.record("status is \(solution.status)")
            return
        }
        #expect(solution.point.allSatisfy { $0.isFinite })
        #expect(solution.statistics.iterations < 1_000)
    }

    @Test func leavesTheDomainOnlyWithANote() throws {
        let blind = try GradientDescent(step: .schedule(.constant(50)), tolerance: nil, maxIterations: 5)
            .minimize(undefinedObjective, from: [2])
        #expect(blind.status == .diverged(quantity: .gradient, iteration: 0))
        #expect(blind.point == [2])
        let sighted = try GradientDescent(
            step: .armijo(largest: 50), tolerance: Tolerance(absolute: 1e-12), maxIterations: 500
        ).minimize(barrier, from: [3])
        #expect(sighted.status == .converged)
        #expect(abs(sighted.point[0] - 1) < 1e-11)
    }

    @Test func backtrackingReportsAStartOutsideTheDomain() throws {
        let solution = try GradientDescent(step: .armijo(largest: 1), tolerance: nil, maxIterations: 5)
            .minimize(undefinedObjective, from: [1])
        #expect(solution.status == .diverged(quantity: .value, iteration: 0))
    }

    @Test func backtrackingGivesUpAfterAHundredTrials() throws {
        var evaluations = 0
        let island = SmoothObjective { x, gradient in
            evaluations += 1
            gradient[0] = 1
            return x[0] == 0 ? 0 : .nan
        }
        let solution = try GradientDescent(step: .armijo(largest: 1), tolerance: nil, maxIterations: 5)
            .minimize(island, from: [0])
        #expect(solution.status == .stagnated)
        #expect(solution.point == [0])
        #expect(evaluations == 101)
    }

    @Test func aStationaryStartNeedsNoUpdate() throws {
        for step in [GradientDescent.Step.schedule(.constant(0.4)), .armijo(largest: 1)] {
            let solution = try GradientDescent(step: step, tolerance: Tolerance(), maxIterations: 10)
                .minimize(bowl, from: [3, -1])
            #expect(solution.status == .converged)
            #expect(solution.statistics.iterations == 0)
        }
    }

    @Test func stopsWhenInterrupted() throws {
        let method = GradientDescent(step: .armijo(largest: 0.1), tolerance: nil, maxIterations: 10)
        let solution = try method.minimize(bowl, from: [0, 0], shouldStop: { true })
        #expect(solution.status == .interrupted)
        #expect(solution.point == [0, 0])
    }

    @Test func refusesABoxOfOtherDimension() {
        #expect(throws: SolverError.dimensionMismatch(of: "bounds", expected: 2, found: 1)) {
            try GradientDescent(
                step: .armijo(largest: 1), tolerance: nil, maxIterations: 1,
                regularizer: ProximalFunction(set: .box(lower: [0], upper: [1]))
            ).minimize(bowl, from: [0, 0])
        }
    }
}
