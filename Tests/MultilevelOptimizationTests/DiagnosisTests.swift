// Runs that cannot succeed say so: which quantity, when, and what to try.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors
import Testing

@Suite struct DiagnosisTests {
    /// The termination and the remarks of a run.
    private static func outcome(
        _ problem: MultilevelProblem, _ method: MethodConfiguration, iterations: Int = 3000
    ) throws -> (termination: Termination, remarks: [String], result: RunResult) {
        let limits = RunLimits(iterations: iterations, hypergradientTolerance: 1e-11)
        let (run, _) = try #require(begin(problem, method, limits))
        let termination = try #require(drive(run))
        return (termination, run.state.remarks, run.finish())
    }

    @Test func upperStepsTooLarge() throws {
        let method = MethodConfiguration.aid(upper: .projectedGradient(schedule: .constant(1), momentum: 0))
        let (termination, remarks, result) = try Self.outcome(Fixtures.quadratic(start: 0), method)
        #expect(termination == .diverged)
        let remark = try #require(remarks.last)
        #expect(remark.hasPrefix("the upper level diverged in iteration "))
        #expect(remark.contains("use a smaller upper step"))
        #expect(VectorMath.isFinite(result.x + result.y))
        #expect(remark.contains("the largest entries in x: "))
        #expect(result.certificate.confidences.filter { $0.confidence != .unknown }.map(\.name) == ["lower_residual"])
    }

    /// The lower Hessian is 2: steps beyond 1 make gradient descent grow.
    @Test func lowerStepsTooLarge() throws {
        let implicit = MethodConfiguration.aid(
            lower: .gradientDescent(step: .schedule(.constant(1.5)), steps: 3000, tolerance: nil),
            upper: .projectedGradient(schedule: .constant(0.01), momentum: 0))
        let unrolled = MethodConfiguration.itd(
            step: .schedule(.constant(1.5)), steps: 3000,
            upper: .projectedGradient(schedule: .constant(0.01), momentum: 0))
        for method in [implicit, unrolled] {
            let (termination, remarks, _) = try Self.outcome(Fixtures.quadratic(start: 1), method)
            #expect(termination == .diverged)
            #expect(remarks.contains { $0.contains("lower") && $0.contains("diverged") }, "\(remarks)")
        }
    }

    @Test func adjointStepsTooLarge() throws {
        let method = MethodConfiguration.aid(
            linear: .fixedPoint(step: 1.5, steps: 3000, tolerance: nil),
            upper: .projectedGradient(schedule: .constant(0.01), momentum: 0))
        let (termination, remarks, _) = try Self.outcome(Fixtures.quadratic(start: 0), method)
        #expect(termination == .diverged)
        #expect(remarks.contains { $0.hasPrefix("the linear s") && $0.contains("diverged") }, "\(remarks)")
    }

    @Test(arguments: [
        (StepSchedule.constant(50), StepSchedule.constant(1e-3), "the lower variables diverged"),
        (StepSchedule.constant(0.01), StepSchedule.constant(1e6), "the upper variables diverged"),
    ])
    func sampledStepsTooLarge(_ lower: StepSchedule, _ upper: StepSchedule, _ words: String) throws {
        let problem = try RandomProblem(seed: 3, upper: 3, lower: 4).build()
        let (termination, remarks, result) = try Self.outcome(problem, .soba(lower: lower, upper: upper))
        #expect(termination == .diverged)
        #expect(remarks.last?.hasPrefix(words) == true, "\(remarks)")
        #expect(VectorMath.isFinite(result.x))
    }

    /// f = ½y² + log x at x = −1.
    @Test func notANumberAtTheStart() throws {
        let problem = bilevel(
            upper: 1, lower: 1, start: [-1],
            f: { g, y, x in g.add(g.halfSquare(y), g.sum(g.unary(.log, x))) },
            g: { g, y, x in g.halfSquaredDistance(y, x) })
        for method in [MethodConfiguration.aid(), .itd(step: .automatic, steps: 10)] {
            let (termination, remarks, result) = try Self.outcome(problem, method)
            #expect(termination == .diverged)
            #expect(remarks.count == 1 && remarks[0].hasPrefix("the objective of level "), "\(remarks)")
            #expect(remarks.first?.contains(" is not finite at the start") == true)
            #expect(result.iterations == 0 && result.objectives[0].isNaN)
        }
    }

    /// g = ¼y⁴ − ½y² + 0·x started on its local maximum, where it is stationary and H = −1.
    @Test func indefiniteLowerHessian() throws {
        let problem = bilevel(
            upper: 1, lower: 1, start: [1],
            f: { g, y, x in g.add(g.sum(y), g.halfSquare(x)) },
            g: { g, y, x in
                let square = g.unary(.square, y)
                let well = g.subtract(g.scale(0.25, g.unary(.square, square)), g.scale(0.5, square))
                return g.sum(g.add(well, g.multiply(square, g.scale(0, x))))
            })
        let (_, remarks, result) = try Self.outcome(problem, .aid(), iterations: 5)
        #expect(remarks == ["the lower Hessian is not positive definite: the hypergradient is not reliable"])
        let certificate = result.certificate
        #expect(certificate.errorConfidence == .unknown && certificate.hypergradientError == nil)
        #expect((certificate.curvature?.smallest ?? 0) < 0)
    }
}
