// Followed steps of quadratic levels, whose matrices are made before the first: held against steps along the gradient as it
// was written and their adjoints, taken one by one.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors
import Testing

@Suite struct AnchoredStepsTests {
    private static let length = 0.02

    /// F and its gradient after steps that `BilevelOracle` evaluates.
    private func followed(_ problem: MultilevelProblem, at x: [Double], steps: Int) -> (value: Double, slope: [Double])
    {
        let oracle = BilevelOracle(problem)
        oracle.setUpper(x)
        var points = [problem.lower.start]
        var gradient = problem.lower.start
        for _ in 0..<steps {
            oracle.setLower(points[points.count - 1])
            oracle.lowerGradient(into: &gradient)
            points.append(zip(points[points.count - 1], gradient).map { $0 - Self.length * $1 })
        }
        oracle.setLower(points[steps])
        var (adjoint, slope, product, mixed) = (gradient, x, gradient, x)
        let value = oracle.upperGradients(y: &adjoint, x: &slope)
        for point in points.dropLast().reversed() {
            oracle.setLower(point)
            oracle.hessianProduct(adjoint, into: &product)
            oracle.mixedProduct(adjoint, into: &mixed)
            for i in x.indices { slope[i] -= Self.length * mixed[i] }
            for i in adjoint.indices { adjoint[i] -= Self.length * product[i] }
        }
        return (value, slope)
    }

    /// Many rows and few columns, whose matrix is made; few rows; and a quartic, whose gradient is not affine.
    @Test(arguments: [(80, 5, false), (80, 5, true), (6, 40, false)])
    func haveTheGradientsOfStepsTakenOneByOne(_ rows: Int, _ columns: Int, _ hasQuartic: Bool) throws {
        let problem = try AnchoredLevelTests.ridge(rows: rows, columns: columns) { graph, w in
            hasQuartic ? graph.scale(0.1, graph.sum(graph.unary(.square, graph.unary(.square, w)))) : nil
        }
        let x = (0..<columns).map { Double($0 % 7) / 7 - 1.5 }
        for steps in [1, 3, 40] {
            let evaluator = NestedEvaluator(problem, [.unrolled(step: .constant(Self.length), steps: steps)])
            let found = evaluator.evaluate(at: x)
            let expected = followed(problem, at: x, steps: steps)
            #expect(abs(found.value - expected.value) <= 1e-13 * expected.value)
            #expect(relativeError(found.hypergradient, expected.slope) <= 1e-12)
        }
    }

    /// One product with X is 2 · 800 · 5 operations; a step as written takes two, and its adjoint six.
    @Test func readNoRowsAfterTheFirstStep() throws {
        let problem = try AnchoredLevelTests.ridge(rows: 800, columns: 5)
        func operations(_ steps: Int) -> Int {
            let rules = [ResponseRule.unrolled(step: .constant(0.01), steps: steps)]
            let method = MethodConfiguration(
                name: "unrolled", reason: "test",
                algorithm: .nested(
                    NestedConfiguration(tolerance: 1e-12, upper: .lineSearch, warmStarts: false, responses: rules)))
            return MethodPlan(problem, method).iterationCost.operations
        }
        #expect(operations(140) - operations(40) <= 100 * 800)
        #expect(operations(40) < 40 * 800)
    }

    /// Steps eleven times as long as the curvature admits leave their start behind, however large the curvature is; steps
    /// that it admits do not.
    @Test(arguments: [1.0, 1e5]) func thatAreTooLongAreNoticed(_ scale: Double) throws {
        let problem = try AnchoredLevelTests.ridge(rows: 80, columns: 5, scale: scale)
        // XᵀX is near 16 scale².
        func faults(_ relative: Double) -> [String] {
            let length = relative / (16 * scale * scale)
            let rules = [ResponseRule.unrolled(step: .constant(length), steps: 16)]
            return NestedEvaluator(problem, rules).evaluate(at: [0, 0, 0, 0, 0]).faults.map { "\($0.fault)" }
        }
        #expect(faults(20) == ["grew"])
        #expect(faults(0.5) == [])
    }
}
