// What validation measures at the start: derivatives, curvature, and the hypergradient itself.
import Solvers
import Tensors

/// Measurements of a problem before it is solved.
package struct StartReport: Sendable, Equatable {
    package let derivativeChecks: [DerivativeCheck]
    /// Of the lower level at its start.
    package let curvature: Curvature?
    /// F and ‖∇F‖ at the start by the reference evaluation; `nil` when stopped.
    package let objective: Double?
    package let hypergradientNorm: Double?

    /// Measures.
    package init(_ problem: MultilevelProblem, seed: UInt64, stop: @escaping StopCheck) {
        var checks = problem.isNested ? [] : Self.checkDerivatives(problem, seed: seed)
        let oracle = BilevelOracle(problem).reference
        var x = problem.upper.start
        problem.upper.constraint.project(&x)
        oracle.setUpper(x)
        let y = oracle.coldStart()
        oracle.setLower(y)
        curvature = problem.isNested ? nil : Curvature(oracle, seed: seed)
        let reference = ReferenceEvaluator(oracle: oracle, stop: stop)
        if let exact = reference.evaluate(at: x, from: y), exact.isFinite {
            objective = problem.upper.sense.sign * exact.value
            let norm = VectorMath.norm(exact.hypergradient)
            hypergradientNorm = problem.upper.constraint.projectedGradientNorm(at: x, gradient: exact.hypergradient)
            let certifier = Certifier(problem: problem, oracle: oracle, seed: seed)
            if let error = certifier.certify(exact, startNorm: norm, stop: stop)?.differenceError {
                checks.append(DerivativeCheck(name: "hypergradient", relativeError: error))
            }
        } else {
            objective = nil
            hypergradientNorm = nil
        }
        derivativeChecks = checks
    }
    /// In a scope of its own: the checker's programs are gone before the next ones are compiled.
    private static func checkDerivatives(_ problem: MultilevelProblem, seed: UInt64) -> [DerivativeCheck] {
        var checker = DerivativeChecker(problem, seed: seed)
        return checker.run()
    }
}
