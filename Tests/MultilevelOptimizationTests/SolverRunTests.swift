// How runs end: at limits, by a stop, by convergence at a bound, and with which state and words.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors
import Testing

/// Stops the run at the n-th question.
private final class Countdown {
    var left: Int
    init(_ left: Int) { self.left = left }

    func check(_ reason: StopReason) -> StopReason? {
        left -= 1
        return left < 0 ? reason : nil
    }
}

@Suite struct SolverRunTests {
    private static let methods: [MethodConfiguration] = [
        .aid(), .fixedPoint(step: 0.1, lower: 20, linear: 20),
        .itd(
            step: .automatic, steps: 20, truncation: 5,
            upper: .projectedGradient(schedule: .constant(0.05), momentum: 0.5)),
        .soba(lower: .constant(0.05), upper: .constant(0.01)),
    ]

    private static func problem() throws -> MultilevelProblem {
        try RandomProblem(seed: 2, upper: 3, lower: 4).build()
    }

    // MARK: - Limits

    @Test(arguments: methods) func noIterationsReportTheStart(_ method: MethodConfiguration) throws {
        let problem = try Self.problem()
        let (run, start) = try #require(begin(problem, method, RunLimits(iterations: 0)))
        #expect(run.advance() == .ended(.iterationLimit))
        let result = run.finish()
        #expect(result.iterations == 0 && result.bestIteration == 0)
        #expect(result.x == problem.upper.start && start.x == problem.upper.start)
        #expect(result.certificate.normConfidence == .verified)
    }

    @Test(arguments: methods, [1, 7]) func iterationsAreExact(_ method: MethodConfiguration, _ limit: Int) throws {
        let limits = RunLimits(iterations: limit, hypergradientTolerance: 0)
        let (run, _) = try #require(begin(try Self.problem(), method, limits))
        #expect(drive(run) == .iterationLimit)
        #expect(run.state.iteration == limit)
    }

    /// A budget that a run without one would use exactly changes nothing; one call less drops the last iteration.
    @Test(arguments: methods) func oracleCallsAreExact(_ method: MethodConfiguration) throws {
        let problem = try Self.problem()
        func run(_ iterations: Int, _ calls: Int?) throws -> (state: SolverState, Termination?) {
            let limits = RunLimits(
                iterations: iterations, oracleCalls: calls, hypergradientTolerance: 0, progressEvery: 1)
            let (run, _) = try #require(begin(problem, method, limits))
            let termination = drive(run)
            return (run.state, termination)
        }
        let five = try run(5, nil).state
        let four = try run(4, nil).state
        let enough = try run(100, five.counts.calls)
        #expect(enough.1 == .oracleLimit)
        #expect(enough.state.method == five.method && enough.state.counts == five.counts)
        let short = try run(100, five.counts.calls - 1)
        #expect(short.1 == .oracleLimit)
        #expect(short.state.method == four.method && short.state.counts == four.counts)
    }

    // MARK: - Stops

    /// Stopped anywhere inside an iteration, a run keeps the last complete one, as if it had ended there.
    @Test(arguments: methods) func aStopLeavesTheLastCompleteIteration(_ method: MethodConfiguration) throws {
        let problem = try Self.problem()
        let limits = RunLimits(iterations: 6, hypergradientTolerance: 0, progressEvery: 1)
        let (reference, _) = try #require(begin(problem, method, limits))
        var states = [reference.state]
        while case .progress = reference.advance() { states.append(reference.state) }
        for questions in [0, 1, 2, 3, 10, 30, 50, 100, 150] {
            let countdown = Countdown(.max)
            let (run, _) = try #require(begin(problem, method, limits, stop: { countdown.check(.userStop) }))
            countdown.left = questions
            guard drive(run) == .userStop else { continue }
            var expected = states[run.state.iteration]
            expected.termination = .userStop
            #expect(run.state == expected, "after \(questions) questions")
            let result = run.finish()
            #expect(result.counts.calls <= expected.counts.calls + 1)
            #expect(result.certificate.normConfidence == .unknown && result.x == expected.best.x)
        }
    }

    @Test func aSuspendedRunGoesOn() throws {
        let countdown = Countdown(.max)
        let limits = RunLimits(iterations: 6, hypergradientTolerance: 0)
        let (run, _) = try #require(
            begin(try Self.problem(), .aid(), limits, stop: { countdown.check(.suspension) }))
        countdown.left = 20
        #expect(drive(run) == nil)
        #expect(run.state.termination == nil)
        countdown.left = .max
        #expect(drive(run) == .iterationLimit)
        let (whole, _) = try #require(begin(try Self.problem(), .aid(), limits))
        _ = drive(whole)
        #expect(run.state == whole.state)
    }

    @Test func aStopBeforeTheStartGivesNoRun() throws {
        #expect(begin(try Self.problem(), .aid(), RunLimits(iterations: 1), stop: { .userStop }) == nil)
    }

    // MARK: - Descent

    /// (1/T) Σ‖∇F‖² ≤ (F₀ − F*) / (αT(1 − αL/2)) for F(x) = ½(3x − 6)² + ½x², L = 10, F* = 9/5.
    @Test(arguments: [0.01, 0.05, 0.1], [1, 5, 40]) func descentBound(_ step: Double, _ count: Int) throws {
        let method = MethodConfiguration.aid(upper: .projectedGradient(schedule: .constant(step), momentum: 0))
        let (run, start) = try #require(
            begin(
                Fixtures.quadratic(start: -1), method,
                RunLimits(iterations: count, hypergradientTolerance: 0)))
        var squares = [start.hypergradientNorm * start.hypergradientNorm]
        while case .progress(let point) = run.advance() {
            squares.append(point.hypergradientNorm * point.hypergradientNorm)
        }
        let mean = squares.prefix(count).reduce(0, +) / Double(count)
        let bound = (start.upperObjective - 1.8) / (step * Double(count) * (1 - 5 * step))
        #expect(mean <= bound * (1 + 1e-9))
    }

    // MARK: - Bounds

    @Test(arguments: [UpperStep.lineSearch, .projectedGradient(schedule: .constant(0.1), momentum: 0.3)])
    func activeBound(_ step: UpperStep) throws {
        let problem = bounded(Fixtures.quadratic(start: 5), try .box(lower: [-1], upper: [1]))
        let (run, start) = try #require(begin(problem, .aid(upper: step), RunLimits(iterations: 500)))
        // The start is projected to 1, where ∇F = 10x − 18 points outwards: it is the solution.
        #expect(start.x == [1] && start.hypergradientNorm == 0)
        #expect(drive(run) == .converged)
        let certificate = run.finish().certificate
        #expect(certificate.hypergradientNorm == 0 && certificate.isProjected)
        let (other, _) = try #require(
            begin(problem.starting(at: [-7]), .aid(upper: step), RunLimits(iterations: 500)))
        #expect(drive(other) == .converged)
        #expect(other.finish().x == [1])
    }

    /// At the solution in a box: zero derivative inside, non-negative at lower bounds, non-positive at upper ones.
    @Test(arguments: RandomProblem.all) func optimalityInABox(_ random: RandomProblem) throws {
        let count = random.upper
        let set = try ConvexSet.box(
            lower: (0..<count).map { $0.isMultiple(of: 2) ? 0.05 : -.infinity },
            upper: (0..<count).map { $0.isMultiple(of: 3) ? 0.2 : 0.4 })
        let problem = try random.build(constraint: set)
        let (run, _) = try #require(
            begin(problem, .aid(), RunLimits(iterations: 400, hypergradientTolerance: 1e-9)))
        #expect(drive(run) == .converged)
        let best = run.state.best
        #expect(set.contains(best.x))
        guard case .box(let box) = set else { return }
        for (i, slope) in best.hypergradient.enumerated() {
            if best.x[i] > box.lower[i] + 1e-12 { #expect(slope <= 1e-8) }
            if best.x[i] < box.upper[i] - 1e-12 { #expect(slope >= -1e-8) }
        }
    }

    private func bounded(_ problem: MultilevelProblem, _ set: ConvexSet) -> MultilevelProblem {
        let upper = Level(
            name: "x", variables: problem.upper.variables, sense: .minimize, objective: problem.upper.objective,
            constraint: set, start: problem.upper.start, samplingFault: nil)
        return MultilevelProblem(graph: problem.graph, levels: [upper, problem.lower], data: [], axes: [])
    }
}
