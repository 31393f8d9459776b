// A run that is stopped after any iteration, written out, read back and continued elsewhere ends with the same bytes.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors
import Testing

@Suite struct SolverStateTests {
    static let identity = "document method seed"

    /// A method, the iterations it runs for, and where its upper variables are kept.
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let method: MethodConfiguration
        var iterations = 12
        var progressEvery: Int?
        var isBounded = false

        var testDescription: String { name }

        var limits: RunLimits {
            RunLimits(iterations: iterations, hypergradientTolerance: 1e-9, progressEvery: progressEvery)
        }

        func problem() throws -> MultilevelProblem {
            let set = isBounded ? try ConvexSet.box(lower: [-0.3, -1, 0], upper: [0.2, 1, 0.5]) : .whole
            return try RandomProblem(seed: 6, upper: 3, lower: 5).build(constraint: set)
        }
    }

    private static let momentum = UpperStep.projectedGradient(
        schedule: .power(initial: 0.2, exponent: 0.5), momentum: 0.9)

    static let cases = [
        Case(name: "conjugate gradients, l-bfgs, line search", method: .aid(), iterations: 40),
        Case(name: "the same in a box", method: .aid(), iterations: 40, isBounded: true),
        Case(
            name: "fixed point, gradient descent, momentum in a box",
            method: .fixedPoint(step: 0.1, lower: 7, linear: 5, upper: momentum), isBounded: true),
        Case(
            name: "fixed point with estimated steps and tolerances",
            method: .aid(
                lower: .gradientDescent(step: .automatic, steps: 50, tolerance: 1e-6),
                linear: .fixedPoint(step: nil, steps: 50, tolerance: 1e-6), upper: momentum)),
        Case(
            name: "backtracking gradient descent",
            method: .aid(lower: .gradientDescent(step: .lineSearch, steps: 50, tolerance: 1e-8))),
        Case(
            name: "truncated reverse, momentum, sparse progress",
            method: .itd(step: .automatic, steps: 20, truncation: 5, upper: momentum), progressEvery: 5),
        Case(name: "whole reverse, line search", method: .itd(step: .schedule(.constant(0.1)), steps: 15)),
        Case(name: "soba, estimated steps, short last batches", method: .soba(), iterations: 25, progressEvery: 4),
        Case(
            name: "soba in a box", method: .soba(lower: .constant(0.05), upper: .power(initial: 0.1, exponent: 0.4)),
            iterations: 15, progressEvery: 7, isBounded: true),
    ]

    @Test(arguments: cases) func resumedRunsEndWithTheSameBytes(_ one: Case) throws {
        let problem = try one.problem()
        let (whole, _) = try #require(begin(problem, one.method, one.limits))
        let termination = drive(whole)
        let expected = whole.state.archive(identity: Self.identity)
        let result = whole.finish()
        let (run, _) = try #require(begin(problem, one.method, one.limits))
        var archives = [run.state.archive(identity: Self.identity)]
        // Methods that draw batches are stopped after every iteration too, not only at their progress points.
        while run.state.termination == nil {
            if case .ended = run.advance(upTo: run.state.iteration + 1) { break }
            archives.append(run.state.archive(identity: Self.identity))
        }
        #expect(run.state.archive(identity: Self.identity) == expected)
        #expect(archives.count >= 4)
        for (index, archive) in archives.enumerated() {
            let state = try SolverState(archive: archive, identity: Self.identity)
            #expect(state.archive(identity: Self.identity) == archive)
            let resumed = SolverRun.resume(
                state, try one.problem(), one.method, limits: one.limits, seed: 1, stop: { nil })
            #expect(drive(resumed) == termination)
            #expect(resumed.state.archive(identity: Self.identity) == expected, "stopped at point \(index)")
            #expect(resumed.finish() == result, "stopped at point \(index)")
        }
    }

    /// Stops inside iterations, one after the other, each continued from the bytes of the last.
    @Test(arguments: cases) func aRunInManyPiecesEndsWithTheSameBytes(_ one: Case) throws {
        let (whole, _) = try #require(begin(try one.problem(), one.method, one.limits))
        _ = drive(whole)
        let (first, _) = try #require(begin(try one.problem(), one.method, one.limits))
        var archive = first.state.archive(identity: Self.identity)
        var questions = 1
        for _ in 0..<200 {
            var left = questions
            let run = SolverRun.resume(
                try SolverState(archive: archive, identity: Self.identity), try one.problem(), one.method,
                limits: one.limits, seed: 1,
                stop: {
                    left -= 1
                    return left < 0 ? .suspension : nil
                })
            let termination = drive(run)
            archive = run.state.archive(identity: Self.identity)
            if termination != nil { break }
            // A piece too short for one iteration is given more time.
            questions = questions * 2 + 1
        }
        #expect(archive == whole.state.archive(identity: Self.identity))
    }

    /// 0 and −0 are equal numbers and different points: 1/x tells them apart.
    @Test func aNegativeZeroIsAPointOfItsOwn() throws {
        let problem = bilevel(
            upper: 1, lower: 1, start: [0],
            f: { g, y, x in g.add(g.halfSquare(y), g.sum(g.unary(.reciprocal, x))) },
            g: { g, y, x in g.halfSquaredDistance(y, g.unary(.reciprocal, x)) })
        let oracle = BilevelOracle(problem)
        #expect(oracle.upperValue() == .infinity)
        oracle.setUpper([-0.0])
        #expect(oracle.upperValue() == -.infinity)
        oracle.setLower([-0.0])
        var (gradientY, gradientX) = ([1.0], [1.0])
        _ = oracle.upperGradients(y: &gradientY, x: &gradientX)
        #expect(gradientY[0].sign == .minus)
    }
}
