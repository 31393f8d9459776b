// Steps of quadratic lower levels, seen from an anchor: the same gradients, or no anchor at all.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors
import Testing

@Suite struct AnchoredLevelTests {
    /// ½‖Xw − t‖² + ½ Σ exp(λ) w² + what `more` adds, with X [rows, columns] times `scale`.
    static func ridge(
        rows: Int, columns: Int, scale: Double = 1, precision: Precision = .float64,
        more: (inout Graph, NodeID) -> NodeID? = { _, _ in nil }
    ) throws -> MultilevelProblem {
        var sketch = ProblemSketch(seed: 31)
        let lambda = sketch.addVariable("lambda", [columns])
        let w = sketch.addVariable("w", [columns])
        let x = try sketch.addData("X", rows, columns, sketch.matrix(rows, columns).map { scale * $0 })
        let t = try sketch.addData("t", rows, 1, sketch.matrix(rows, 1))
        let column = sketch.graph.reshape(w.node, to: Shape(sizes: [columns, 1]))
        let fit = sketch.graph.halfSquaredDistance(sketch.graph.matmul(x, column), t)
        let square = sketch.graph.unary(.square, w.node)
        let penalty = sketch.graph.scale(
            0.5, sketch.graph.dot(sketch.graph.unary(.exp, lambda.node), square))
        var g = sketch.graph.add(fit, penalty)
        if let term = more(&sketch.graph, w.node) { g = sketch.graph.add(g, term) }
        let f = sketch.graph.halfSquare(w.node)
        return sketch.problem([
            sketch.level("upper", [lambda], start: sketch.matrix(columns, 1), objective: f),
            sketch.level("lower", [w], start: sketch.matrix(columns, 1), objective: g),
        ])
    }

    @Test(arguments: [0, 1, 2, 3]) func stepsHaveTheGradientAndTheValueAsWritten(_ point: Int) throws {
        let oracle = BilevelOracle(try Self.ridge(rows: 80, columns: 5))
        #expect(oracle.isAnchored)
        func vector(_ seed: Int) -> [Double] { (0..<5).map { Double((7 * $0 + 3 * seed) % 11) / 5 - 1 } }
        for anchor in 0..<3 {
            oracle.setUpper(vector(point + 5))
            oracle.beginSteps(at: vector(anchor))
            oracle.setLower(vector(point))
            var (written, stepped, joint) = (vector(0), vector(0), vector(0))
            oracle.lowerGradient(into: &written)
            oracle.stepGradient(into: &stepped)
            #expect(relativeError(stepped, written) <= 1e-14)
            let value = oracle.lowerValue()
            #expect(abs(oracle.stepValue() - value) <= 1e-13 * value)
            #expect(abs(oracle.stepValueAndGradient(into: &joint) - value) <= 1e-13 * value)
            #expect(joint == stepped)
        }
    }

    @Test func stepsAtTheAnchorHaveExactlyItsGradient() throws {
        let oracle = BilevelOracle(try Self.ridge(rows: 80, columns: 5))
        oracle.beginSteps(at: [1, 2, -1, 0.5, 0])
        oracle.setLower([1, 2, -1, 0.5, 0])
        var (written, stepped) = ([Double](repeating: 0, count: 5), [Double](repeating: 0, count: 5))
        oracle.lowerGradient(into: &written)
        oracle.stepGradient(into: &stepped)
        #expect(stepped == written)
    }

    @Test func levelsOfMoreColumnsThanRowsHaveNoAnchor() throws {
        #expect(!BilevelOracle(try Self.ridge(rows: 6, columns: 40)).isAnchored)
    }

    /// Pieces with no curvature of their own, which second derivatives do not show; and a quartic, which they do.
    @Test func levelsThatAreNotQuadraticHaveNoAnchor() throws {
        let terms: [(inout Graph, NodeID) -> NodeID] = [
            { $0.sum($0.unary(.absolute, $1)) }, { $0.sum($0.unary(.relu, $1)) },
            { $0.sum($0.binary(.maximum, $1, $0.scale(2, $1))) }, { $0.sum($0.unary(.square, $0.unary(.square, $1))) },
        ]
        for term in terms {
            let problem = try Self.ridge(rows: 80, columns: 5) { term(&$0, $1) }
            #expect(!BilevelOracle(problem).isAnchored)
        }
    }

    @Test func stepsCountAsTheGradientsTheyAre() throws {
        let oracle = BilevelOracle(try Self.ridge(rows: 80, columns: 5))
        let before = oracle.counts
        var gradient = [Double](repeating: 0, count: 5)
        oracle.beginSteps(at: gradient)
        oracle.stepGradient(into: &gradient)
        _ = oracle.stepValue()
        #expect(oracle.counts.lowerGradient == before.lowerGradient + 1)
        #expect(oracle.counts.lowerValue == before.lowerValue + 1)
    }
}
