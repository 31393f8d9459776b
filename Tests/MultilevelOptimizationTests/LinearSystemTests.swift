// The adjoint system with eigenvalues 1, 25, 50, 75, 100, each four times: how many products each solver takes.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors
import Testing

@Suite struct LinearSystemTests {
    private static let eigenvalues = [1.0, 25, 50, 75, 100].flatMap { [Double](repeating: $0, count: 4) }

    /// g = ½yᵀHy − xᵀy, f = Σy: the adjoint is H⁻¹1, and the hypergradient is the adjoint.
    private static func problem() -> MultilevelProblem {
        bilevel(
            upper: 20, lower: 20,
            f: { g, y, _ in g.sum(y) },
            g: { g, y, x in
                let weighted = g.multiply(g.vector(eigenvalues), g.unary(.square, y))
                return g.subtract(g.scale(0.5, g.sum(weighted)), g.dot(x, y))
            })
    }

    /// The Hessian products of one evaluation that starts its linear solve at zero.
    private static func productsOfOneIteration(_ linear: LinearSystemSolver) throws -> (products: Int, Evaluation) {
        var method = MethodConfiguration.aid(
            linear: linear, upper: .projectedGradient(schedule: .constant(1e-3), momentum: 0))
        if case .doubleLoop(var axes) = method.algorithm {
            axes.warmStartsLinear = false
            method.algorithm = .doubleLoop(axes)
        }
        let (run, _) = try #require(begin(problem(), method, RunLimits(iterations: 1, hypergradientTolerance: 0)))
        let before = run.state.counts.hessianProduct
        _ = run.advance()
        guard case .doubleLoop(_, let evaluation) = run.state.method else { throw WrongMethod() }
        return (run.state.counts.hessianProduct - before, evaluation)
    }

    private static func adjointError(_ evaluation: Evaluation) -> Double {
        relativeError(evaluation.v, eigenvalues.map { 1 / $0 })
    }

    @Test func conjugateGradientsTakeOneProductPerEigenvalue() throws {
        let (products, evaluation) = try Self.productsOfOneIteration(.conjugateGradients(steps: 100, tolerance: 1e-10))
        // Five steps, and one product that recomputes the residual before it is believed.
        #expect(products == 5 + 1)
        #expect(evaluation.linearStatus == .converged)
        #expect(Self.adjointError(evaluation) <= 1e-12)
        #expect(relativeError(evaluation.hypergradient, evaluation.v) <= 1e-15)
    }

    @Test func conjugateGradientsStopAtTheirLimit() throws {
        let (products, evaluation) = try Self.productsOfOneIteration(.conjugateGradients(steps: 4, tolerance: 1e-10))
        #expect(products == 4)
        #expect(evaluation.linearStatus == .iterationLimit)
    }

    @Test func fixedPointIsStoppedByItsResidual() throws {
        let (products, evaluation) = try Self.productsOfOneIteration(
            .fixedPoint(step: 2.0 / 101, steps: 10_000, tolerance: 1e-10))
        // 1129 updates, and the product that finds the last residual small enough.
        #expect(products == 1129 + 1)
        #expect(evaluation.linearStatus == .converged)
    }

    @Test(arguments: [(1151, false), (1152, true)]) func fixedPointErrorAfterExactly(
        _ steps: Int, _ isSmall: Bool
    ) throws {
        let (products, evaluation) = try Self.productsOfOneIteration(
            .fixedPoint(step: 2.0 / 101, steps: steps, tolerance: nil))
        #expect(products == steps)
        #expect((Self.adjointError(evaluation) <= 1e-10) == isSmall)
    }
}
