// Levels in all their forms: several variables, matrices, maximisation, one level alone.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors
import Testing

@Suite struct LevelTests {
    /// Upper: a scalar a and a matrix C [2, 3]. Lower: a matrix W [2, 3] and a vector b [2].
    /// g = ½ exp(a/2)‖W‖² + ½‖W − C‖² + ½‖b‖² + ½ Σ(Wu + b − t)², f = ½‖W − S‖² + ½‖b − a‖² + ⅒‖C‖² + ⅒a².
    private static func several(sign: Double = 1) throws -> MultilevelProblem {
        var sketch = ProblemSketch(seed: 8)
        let a = sketch.addVariable("a", [])
        let c = sketch.addVariable("C", [2, 3])
        let w = sketch.addVariable("W", [2, 3])
        let b = sketch.addVariable("b", [2])
        let u = try sketch.addData("u", 3, 1, sketch.matrix(3, 1))
        let t = try sketch.addData("t", 2, 1, sketch.matrix(2, 1))
        let s = try sketch.addData("S", 2, 3, sketch.matrix(2, 3))
        let column = sketch.graph.reshape(b.node, to: Shape(sizes: [2, 1]))
        let weight = sketch.graph.unary(.exp, sketch.graph.scale(0.5, a.node))
        let predicted = sketch.graph.add(sketch.graph.matmul(w.node, u), column)
        let terms = [
            sketch.graph.multiply(weight, sketch.graph.halfSquare(w.node)),
            sketch.graph.halfSquaredDistance(w.node, c.node), sketch.graph.halfSquare(b.node),
            sketch.graph.halfSquaredDistance(predicted, t),
        ]
        let g = terms.dropFirst().reduce(terms[0]) { sketch.graph.add($0, $1) }
        let shift = sketch.graph.broadcast(a.node, to: Shape(sizes: [2]))
        let parts = [
            sketch.graph.halfSquaredDistance(w.node, s), sketch.graph.halfSquaredDistance(b.node, shift),
            sketch.graph.scale(0.2, sketch.graph.halfSquare(c.node)),
            sketch.graph.scale(0.2, sketch.graph.halfSquare(a.node)),
        ]
        let f = parts.dropFirst().reduce(parts[0]) { sketch.graph.add($0, $1) }
        // The objectives of a level are what is minimised, the sense only how it is told.
        let sense: Sense = sign > 0 ? .minimize : .maximize
        return sketch.problem([
            sketch.level("x", [a, c], start: sketch.matrix(7, 1), objective: f, sense: sense),
            sketch.level("y", [w, b], start: sketch.matrix(8, 1), objective: g, sense: sense),
        ])
    }

    @Test(arguments: [MethodConfiguration.aid(), .itd(step: .automatic, steps: 400)])
    func severalVariablesOfDifferentShapes(_ method: MethodConfiguration) throws {
        let problem = try Self.several()
        let found = try evaluateStart(problem, method).hypergradient
        #expect(relativeError(found, try differenceGradient(problem)) <= 1e-6)
        let (_, result) = try #require(solve(problem, method, tolerance: 1e-9))
        #expect(result.termination == .converged)
        let difference = try differenceGradient(problem.starting(at: result.x))
        #expect(VectorMath.norm(difference) <= 1e-6)
        #expect(problem.lower.parts(of: result.y).map { Array($0.values).count } == [6, 2])
    }

    @Test func maximizationIsToldInTheUsersSign() throws {
        let (low, minimum) = try #require(solve(Self.several(), .aid(), tolerance: 1e-9))
        let (high, maximum) = try #require(solve(Self.several(sign: -1), .aid(), tolerance: 1e-9))
        #expect(high.upperObjective == -low.upperObjective)
        #expect(high.hypergradient == low.hypergradient?.map { -$0 })
        #expect(high.hypergradientNorm == low.hypergradientNorm)
        #expect(maximum.x == minimum.x && maximum.y == minimum.y)
        #expect(maximum.objectives == minimum.objectives.map { -$0 })
        #expect(maximum.certificate == minimum.certificate)
    }

    /// (1 − a)² + 100 (b − a²)², alone and in a box that holds a ≤ ½.
    @Test(arguments: [(Double.infinity, [1.0, 1]), (0.5, [0.5, 0.25])])
    func oneLevelIsAnOrdinaryMinimisation(_ bound: Double, _ expected: [Double]) throws {
        let set = try ConvexSet.box(lower: [-.infinity, -.infinity], upper: [bound, .infinity])
        var sketch = ProblemSketch(seed: 1)
        let a = sketch.addVariable("a", [])
        let b = sketch.addVariable("b", [])
        let valley = sketch.graph.unary(.square, sketch.graph.subtract(b.node, sketch.graph.unary(.square, a.node)))
        let slope = sketch.graph.unary(.square, sketch.graph.offset(1, sketch.graph.negate(a.node)))
        let f = sketch.graph.add(slope, sketch.graph.scale(100, valley))
        let problem = sketch.problem([
            sketch.level("all", [a, b], start: [-1.2, 1], objective: f, constraint: set)
        ])
        let (start, result) = try #require(solve(problem, .aid(), iterations: 5000, tolerance: 1e-9))
        #expect(abs(start.upperObjective - 24.2) <= 1e-12)
        #expect(result.termination == .converged)
        #expect(relativeError(result.x, expected) <= 1e-6)
        #expect(result.y.isEmpty && result.objectives.count == 1)
        #expect(result.counts.lowerGradient == 0 && result.counts.hessianProduct == 0)
        let certificate = result.certificate
        #expect(certificate.lowerResidual == nil && certificate.curvature == nil)
        #expect((certificate.differenceError ?? 1) <= 1e-6)
    }
}
