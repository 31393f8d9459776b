// What validation measures at the start: derivatives, curvature, kinks, and the hypergradient itself.
import ExpressionGraph
import Solvers
import Tensors

/// What measuring may take. What would take more is skipped, with the reason.
package struct MeasurementBudget: Sendable, Equatable {
    /// Floating-point operations of all measurements: some seconds.
    package var operations = 10_000_000_000
    /// Memory of a program beside those that solving needs, in bytes.
    package var memoryBytes = 256 << 20

    package init() {}
}

/// Measurements of a problem before it is solved.
package struct StartReport: Sendable, Equatable {
    /// F and ‖projected ∇F‖.
    package struct Values: Sendable, Equatable {
        package let objective: Double
        package let hypergradientNorm: Double
    }

    package let derivativeChecks: [DerivativeCheck]
    /// Of the lower level at its start; `nil` where there is nothing to measure.
    package let curvature: Measurement<Curvature>?
    /// At the start by the reference evaluation; `nil` when they are not finite.
    package let values: Measurement<Values>?
    /// Functions with a kink that have entries on it.
    package let kinks: Measurement<[Kink]>

    /// Measures.
    package init(
        _ problem: MultilevelProblem, seed: UInt64, budget: MeasurementBudget = MeasurementBudget(),
        stop: @escaping StopCheck
    ) {
        // Half for the derivatives of the formulas; the rest for what has to solve something.
        let checks =
            problem.isNested
            ? (results: [], operations: 0)
            : Self.checkDerivatives(problem, seed: seed, budget: budget.operations / 2)
        let oracle = BilevelOracle(problem).reference
        let left = budget.operations - min(budget.operations, checks.operations)
        var x = problem.upper.start
        problem.upper.constraint.project(&x)
        oracle.setUpper(x)
        let y = oracle.coldStart()
        oracle.setLower(y)
        kinks = KinkSurvey.run(
            problem, at: [x] + problem.levels.dropFirst().map(\.start), memoryBytes: budget.memoryBytes,
            operations: left)
        curvature = problem.isNested ? nil : Self.curvature(oracle, seed: seed, left)
        let start = StartEvaluation(problem: problem, oracle: oracle, seed: seed, limit: left, outside: stop)
        let (values, check) = start.measure(x, y)
        self.values = values
        derivativeChecks = checks.results + [check].compactMap { $0 }
    }

    /// In a scope of its own: the checker's programs are gone before the next ones are compiled.
    private static func checkDerivatives(
        _ problem: MultilevelProblem, seed: UInt64, budget: Int
    ) -> (results: [DerivativeCheck], operations: Int) {
        var checker = DerivativeChecker(problem, seed: seed, budget: budget)
        let results = checker.run()
        return (results, checker.operations)
    }

    private static func curvature(_ oracle: BilevelOracle, seed: UInt64, _ left: Int) -> Measurement<Curvature>? {
        guard oracle.lowerDimension > 0 else { return nil }
        let steps = min(Curvature.defaultSteps, oracle.lowerDimension)
        if let reason = DerivativeChecker.excess(oracle.price(.hessian).times(steps), of: left) {
            return .skipped(reason)
        }
        return Curvature(oracle, seed: seed).map(Measurement.value)
    }
}

/// Evaluates F and ∇F at the start and holds ∇F against differences, within a budget.
private struct StartEvaluation {
    let problem: MultilevelProblem
    let oracle: BilevelOracle
    let seed: UInt64
    /// Operations that the oracle may have made at the end.
    let limit: Int
    let outside: StopCheck

    private static let name = "hypergradient"

    func measure(_ x: [Double], _ y: [Double]) -> (values: Measurement<StartReport.Values>?, check: DerivativeCheck?) {
        let (oracle, limit, outside) = (oracle, limit, outside)
        let stop: StopCheck = { outside() ?? (oracle.operations > limit ? .oracleLimit : nil) }
        let single = oracle.price(.upper).adding(oracle.lowerDimension > 0 ? oracle.price(.lowerValueAndGradient) : 0)
        if let reason = DerivativeChecker.excess(single, of: limit - min(limit, oracle.operations)) {
            return (.skipped(reason), DerivativeCheck(name: Self.name, relativeError: .skipped(reason)))
        }
        let reference = ReferenceEvaluator(oracle: oracle, stop: stop)
        guard let exact = reference.evaluate(at: x, from: y) else {
            let reason =
                "solving the lower level took more than the \(limit) operations that were left for measurements"
            return (.skipped(reason), DerivativeCheck(name: Self.name, relativeError: .skipped(reason)))
        }
        guard exact.isFinite else { return (nil, nil) }
        let norm = problem.upper.constraint.projectedGradientNorm(at: x, gradient: exact.hypergradient)
        let values = StartReport.Values(objective: problem.upper.sense.sign * exact.value, hypergradientNorm: norm)
        let certifier = Certifier(problem: problem, oracle: oracle, seed: seed)
        let certificate = certifier.certify(exact, startNorm: VectorMath.norm(exact.hypergradient), stop: stop)
        let error: Measurement<Double> =
            if let error = certificate?.differenceError {
                .value(error)
            } else if oracle.operations > limit {
                .skipped("its differences take more than the operations that were left for measurements")
            } else {
                .value(.nan)
            }
        return (.value(values), DerivativeCheck(name: Self.name, relativeError: error))
    }
}
