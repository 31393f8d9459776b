// Steps for expensive objectives: minima between bounds, exact continuation from any state, and searches by value alone.
import Solvers
import Testing

@Suite struct UpperStepTests {
    private static func box(_ lower: [Double], _ upper: [Double]) throws -> ConvexSet {
        try ConvexSet.box(lower: lower, upper: upper)
    }

    @Test func quasiNewtonStepsMinimiseBetweenBounds() throws {
        var free = try ProjectedLBFGS(start: [-1.2, 1, -1.2, 1], memory: 10)
        let solution = free.minimize(rosenbrock, tolerance: Tolerance(absolute: 1e-9), maxEvaluations: 400)
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, [1, 1, 1, 1]) < 1e-8)
        // min (x − 2)²/2 + 5(y + 1)² + xy over [0, 1] × [0, ∞): x = 1, y = 0.
        let objective = SmoothObjective { x, g in
            g[0] = x[0] - 2 + x[1]
            g[1] = 10 * (x[1] + 1) + x[0]
            return 0.5 * (x[0] - 2) * (x[0] - 2) + 5 * (x[1] + 1) * (x[1] + 1) + x[0] * x[1]
        }
        var bounded = try ProjectedLBFGS(
            start: [0.5, 3], memory: 5, set: Self.box([0, 0], [1, .infinity]))
        let corner = bounded.minimize(objective, tolerance: Tolerance(absolute: 1e-12), maxEvaluations: 100)
        #expect(corner.status == .converged)
        #expect(corner.point == [1, 0])
    }

    @Test func quasiNewtonStepsAreFewerThanDimensionTimesCondition() throws {
        let curvatures = (0..<20).map { 1 + 5 * Double($0) }
        let center = (0..<20).map { Double($0 % 3) - 1 }
        var method = try ProjectedLBFGS(
            start: [Double](repeating: 2, count: 20), memory: 20,
            set: Self.box([Double](repeating: -0.5, count: 20), [Double](repeating: 3, count: 20)))
        let solution = method.minimize(
            separableQuadratic(curvatures, center: center), tolerance: Tolerance(absolute: 1e-9), maxEvaluations: 200)
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, center.map { max($0, -0.5) }) < 1e-9)
    }

    @Test func polyakNeedsNoStepSize() throws {
        var method = try PolyakStep(start: [4, 4], target: 0)
        let solution = method.minimize(
            separableQuadratic([1, 5], center: [1, -1]), tolerance: Tolerance(absolute: 1e-8), maxEvaluations: 500)
        #expect(solution.status == .converged)
        #expect(relativeError(solution.point, [1, -1]) < 1e-7)
        // At the target there is nowhere to go.
        var satisfied = try PolyakStep(start: [4], target: 100)
        let stopped = satisfied.minimize(
            separableQuadratic([1], center: [1]), tolerance: Tolerance(), maxEvaluations: 5)
        #expect(stopped.status == .stagnated)
    }

    @Test func adamStaysInItsSet() throws {
        var method = try ProjectedAdam(
            start: [0, 0], schedule: .power(initial: 0.5, exponent: 0.5), coefficients: AdamCoefficients(),
            set: Self.box([-1, -1], [1, 1]))
        _ = method.minimize(
            separableQuadratic([1, 5], center: [3, 0.5]), tolerance: Tolerance(absolute: 1e-12), maxEvaluations: 2_000)
        #expect(method.point[0] == 1)
        #expect(abs(method.point[1] - 0.5) < 1e-3)
    }

    /// Every method from a copy of its state after each of 12 steps.
    @Test func continuesFromEveryState() throws {
        let set = try Self.box([-2, -2], [2, 2])
        let objective = rosenbrock
        func check<Method: SteppingMethod>(_ method: Method, _ resume: (Method.State) throws -> Method) throws {
            var (whole, cut) = (method, method)
            var gradient = [0.0, 0]
            for _ in 0..<12 {
                let point = whole.propose()
                #expect(cut.propose() == point)
                let value = objective.valueAndGradient(point, &gradient)
                #expect(
                    whole.receive(value: value, gradient: gradient) == cut.receive(value: value, gradient: gradient))
                cut = try resume(whole.state)
                #expect(cut.state == whole.state)
            }
        }
        let adam = AdamCoefficients()
        try check(ProjectedAdam(start: [-1.2, 1], schedule: .constant(0.1), coefficients: adam, set: set)) {
            try ProjectedAdam(resuming: $0, schedule: .constant(0.1), coefficients: adam, set: set)
        }
        try check(ProjectedLBFGS(start: [-1.2, 1], memory: 3, set: set)) {
            try ProjectedLBFGS(resuming: $0, memory: 3, set: set)
        }
        try check(PolyakStep(start: [-1.2, 1], target: 0, set: set)) {
            try PolyakStep(resuming: $0, target: 0, set: set)
        }
        let rule = BoxSearch.Rule.parzen(startup: 4, candidates: 8, fraction: 0.25)
        try check(BoxSearch(start: [-1.2, 1], rule: rule, seed: 5, set: set)) {
            try BoxSearch(resuming: $0, rule: rule, seed: 5, set: set)
        }
    }

    @Test func searchesStayInTheBoxAndParzenConcentrates() throws {
        let set = try Self.box([-5, 0], [5, 1])
        let objective = separableQuadratic([1, 4], center: [1, 0.25])
        func best(_ rule: BoxSearch.Rule, _ seed: UInt64) throws -> Double {
            var method = try BoxSearch(start: [-5, 1], rule: rule, seed: seed, set: set)
            var lowest = Double.infinity
            var gradient = [0.0, 0]
            for _ in 0..<150 {
                let point = method.propose()
                #expect(point[0] >= -5 && point[0] <= 5 && point[1] >= 0 && point[1] <= 1)
                let value = objective.valueAndGradient(point, &gradient)
                lowest = min(lowest, value)
                _ = method.receive(value: value, gradient: gradient)
            }
            return lowest
        }
        let parzen = BoxSearch.Rule.parzen(startup: 20, candidates: 24, fraction: 0.25)
        let random = try (1...8).reduce(0.0) { $0 + (try best(.random, UInt64($1))) }
        let guided = try (1...8).reduce(0.0) { $0 + (try best(parzen, UInt64($1))) }
        #expect(guided < random / 3)
    }
}
