// Prices are what programs take once they are compiled, and stay numbers whatever is asked for.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors
import Testing

@Suite struct MemoryPriceTests {
    /// Compiles every program of an oracle; the joint product on demand.
    private func compileAll(_ problem: MultilevelProblem, unrolls: Bool) -> BilevelOracle {
        let oracle = BilevelOracle(problem)
        var x = problem.upper.start
        var y = problem.isSingleLevel ? [] : problem.lower.start
        _ = oracle.upperValue()
        _ = oracle.upperGradients(y: &y, x: &x)
        if problem.isSingleLevel { return oracle }
        let v = y
        _ = oracle.lowerValue()
        oracle.lowerGradient(into: &y)
        _ = oracle.lowerValueAndGradient(into: &y)
        oracle.hessianProduct(v, into: &y)
        oracle.mixedProduct(v, into: &x)
        if unrolls { oracle.adjointProducts(v, hessian: &y, mixed: &x) }
        return oracle
    }

    private static let itd = MethodConfiguration.itd(step: .schedule(.constant(0.1)), steps: 10)

    @Test func programsAreWhatARunCompiles() {
        let problem = Fixtures.logRidge(start: 0.3)
        let implicit = MemoryPrice(problem, .aid())
        #expect(implicit.programBytes == compileAll(problem, unrolls: false).memoryBytes)
        let unrolled = MemoryPrice(problem, Self.itd)
        #expect(unrolled.programBytes == compileAll(problem, unrolls: true).memoryBytes)
        #expect(implicit.dataBytes == 0)
        #expect(implicit.totalBytes == implicit.programBytes + implicit.vectorBytes)
    }

    /// Weights of norms and starts by formulas have programs of their own.
    @Test func formulasOfUpperVariablesArePriced() {
        var sketch = ProblemSketch(seed: 6)
        let (x, y) = (sketch.addVariable("x", [3, 1]), sketch.addVariable("y", [3, 1]))
        let weight = sketch.graph.unary(.exp, x.node)
        let start = [Double](repeating: 0.1, count: 3)
        let lower = Level(
            name: "lower", variables: [y], sense: .minimize,
            objective: sketch.graph.halfSquaredDistance(x.node, y.node), constraint: .whole, start: start,
            norms: [WeightedNorm(variable: 0, norm: .absolute, weight: weight)],
            startFormulas: [StartFormula(variable: 0, node: weight)], samplingFault: nil)
        let size = sketch.graph.sum(sketch.graph.unary(.square, y.node))
        let problem = sketch.problem([sketch.level("upper", [x], start: start, objective: size), lower])
        let oracle = compileAll(problem, unrolls: false)
        let smooth = oracle.memoryBytes
        var result = start
        _ = oracle.regularizer()
        oracle.addWeightProduct([start], to: &result)
        oracle.addStartProduct(oracle.coldStart(), to: &result)
        #expect(oracle.memoryBytes > smooth)
        #expect(MemoryPrice(problem, .aid()).programBytes == oracle.memoryBytes)
    }

    /// SOBA compiles one program more, and lays the sampled data out anew.
    @Test func sampledMethodsCostABatchAndACopy() throws {
        let implicit = MemoryPrice(try sampled(rows: 1000, batch: 10), .aid())
        let small = MemoryPrice(try sampled(rows: 1000, batch: 10), .soba())
        let large = MemoryPrice(try sampled(rows: 1000, batch: 1000), .soba())
        #expect(implicit.dataBytes == 1000 * 3 * 8 && small.dataBytes == 2 * implicit.dataBytes)
        #expect(small.programBytes > implicit.programBytes && large.programBytes > small.programBytes)
    }

    /// Mean of (A y)² with A of three columns, and the distance of x from y.
    private func sampled(rows: Int, batch: Int) throws -> MultilevelProblem {
        var sketch = ProblemSketch(seed: 4)
        let axis = sketch.addAxis("rows", rows: rows, batch: batch)
        let a = try sketch.addData("A", rows, 3, sketch.matrix(rows, 3), axis: axis)
        let (x, y) = (sketch.addVariable("x", [3, 1]), sketch.addVariable("y", [3, 1]))
        let fit = sketch.graph.unary(.square, sketch.graph.unary(.sin, sketch.graph.matmul(a, y.node)))
        let lower = sketch.graph.add(
            sketch.mean(fit, over: axis), sketch.graph.halfSquaredDistance(x.node, y.node))
        let upper = sketch.graph.sum(sketch.graph.unary(.square, y.node))
        let start = [Double](repeating: 0.1, count: 3)
        return sketch.problem([
            sketch.level("upper", [x], start: start, objective: upper),
            sketch.level("lower", [y], start: start, objective: lower),
        ])
    }

    /// What solvers remember is priced as far as it is certain to be filled.
    @Test func vectorsGrowWithWhatSolversRemember() {
        let problem = Fixtures.logRidge(start: 0.3)
        func vectors(_ steps: Int, _ truncation: Int?) -> Int {
            let method = MethodConfiguration.itd(
                step: .schedule(.constant(0.1)), steps: steps, truncation: truncation)
            return MemoryPrice(problem, method).vectorBytes
        }
        #expect(vectors(1_000_000, nil) >= 16_000_000)
        #expect(vectors(1_000_000, 10) == vectors(10, nil))
    }

    @Test func askingForEverythingIsANumber() {
        let problem = Fixtures.logRidge(start: 0.3)
        let greedy = [
            MethodConfiguration.itd(step: .schedule(.constant(0.1)), steps: .max),
            .aid(lower: .lbfgs(memory: .max, steps: .max, tolerance: 0)),
        ]
        for method in greedy { #expect(MemoryPrice(problem, method).totalBytes == .max) }
    }

    /// Arrays that nobody could allocate, on the way from small variables to a number.
    @Test func arraysBeyondMemoryArePriced() {
        let count = 1 << 20
        let problem = bilevel(
            upper: count, lower: 2,
            f: { g, y, x in
                let column = g.reshape(x, to: [.size(count), .size(1)])
                let row = g.reshape(x, to: [.size(1), .size(count)])
                return g.add(g.sum(g.unary(.sin, g.matmul(column, row))), g.sum(y))
            },
            g: { g, y, _ in g.sum(g.unary(.square, y)) })
        #expect(MemoryPrice(problem, .aid()).programBytes >= 1 << 43)
    }
}
