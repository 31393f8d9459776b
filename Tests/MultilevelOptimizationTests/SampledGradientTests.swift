// SOBA's sampled directions: their mean over an epoch is the direction on all data.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors
import Testing

@Suite struct SampledGradientTests {
    /// Directions of y, v and x at one point, as one vector.
    private static func directions(_ problem: MultilevelProblem, _ start: SOBAState, at t: Int, _ stepper: SOBAStepper)
        -> [Double]
    {
        var state = start
        state.iteration = t
        stepper.advance(&state, by: 1)
        return VectorMath.subtract(start.y + start.v + start.x, state.y + state.v + state.x)
    }

    private static func fullDirections(_ problem: MultilevelProblem, _ start: SOBAState) -> [Double] {
        let oracle = BilevelOracle(problem)
        oracle.setUpper(start.x)
        oracle.setLower(start.y)
        var (lower, product, fromUpper) = (start.y, start.y, start.y)
        var (mixed, upper) = (start.x, start.x)
        oracle.lowerGradient(into: &lower)
        oracle.hessianProduct(start.v, into: &product)
        oracle.mixedProduct(start.v, into: &mixed)
        _ = oracle.upperGradients(y: &fromUpper, x: &upper)
        VectorMath.add(1, fromUpper, to: &product)
        VectorMath.add(1, upper, to: &mixed)
        return lower + product + mixed
    }

    /// Rows and batches of both levels: even, with a short last batch, with a batch of one row last, whole.
    private static let sizes = [
        (rows: (lower: 12, upper: 8), batch: (lower: 3, upper: 2)),
        (rows: (lower: 11, upper: 7), batch: (lower: 3, upper: 2)),
        (rows: (lower: 10, upper: 9), batch: (lower: 3, upper: 4)),
        (rows: (lower: 5, upper: 1), batch: (lower: 5, upper: 1)),
    ]

    @Test(arguments: RandomProblem.all.prefix(6), sizes) func epochMeanIsFullDirection(
        _ random: RandomProblem, _ size: (rows: (lower: Int, upper: Int), batch: (lower: Int, upper: Int))
    ) throws {
        let random = RandomProblem(
            seed: random.seed, upper: random.upper, lower: random.lower, rows: size.rows, batch: size.batch)
        let problem = try random.build()
        let stepper = SOBAStepper(problem, draws: .seeded(problem, seed: 9))
        var stream = RandomStream(seed: random.seed, stream: "adjoint")
        let start = SOBAState(
            x: problem.upper.start, y: problem.lower.start, v: problem.lower.start.map { _ in stream.normal() },
            lowerStep: .constant(1), upperStep: .constant(1))
        // A whole number of epochs of both levels.
        let period = problem.axes.map { ($0.rows + $0.batch - 1) / $0.batch }.reduce(1, *)
        var mean = [Double](repeating: 0, count: 2 * random.lower + random.upper)
        for t in 0..<period {
            VectorMath.add(1 / Double(period), Self.directions(problem, start, at: t, stepper), to: &mean)
        }
        #expect(relativeError(mean, Self.fullDirections(problem, start)) <= 1e-13)
    }

    @Test func directionsOfOneIterationShareTheirPoint() throws {
        let problem = try RandomProblem(seed: 4, upper: 3, lower: 5, rows: (6, 4), batch: (6, 4)).build()
        let stepper = SOBAStepper(problem, draws: .seeded(problem, seed: 1))
        let start = SOBAState(
            x: problem.upper.start, y: problem.lower.start, v: problem.lower.start, lowerStep: .constant(0.5),
            upperStep: .constant(0.25))
        let full = Self.fullDirections(problem, start)
        let expected = zip(full, [Double](repeating: 0.5, count: 10) + [0.25, 0.25, 0.25]).map { $0 * $1 }
        #expect(relativeError(Self.directions(problem, start, at: 0, stepper), expected) <= 1e-14)
    }

    @Test func stepsBeforeAndAfterAStopAreTheSame() throws {
        let problem = try RandomProblem(seed: 4, upper: 3, lower: 5).build(
            constraint: .box(lower: [-1, -1, -1], upper: [0.1, 0.2, 1]))
        let start = SOBAState(
            x: [0, 0, 0], y: problem.lower.start, v: problem.lower.start,
            lowerStep: .power(initial: 0.1, exponent: 0.5),
            upperStep: .power(initial: 0.1, exponent: 0.5))
        var whole = start
        SOBAStepper(problem, draws: .seeded(problem, seed: 1)).advance(&whole, by: 50)
        var parts = start
        for count in [1, 0, 3, 7, 20, 19] {
            SOBAStepper(problem, draws: .seeded(problem, seed: 1)).advance(&parts, by: count)
        }
        #expect(parts == whole)
        #expect(problem.upper.constraint.contains(whole.x))
    }
}
