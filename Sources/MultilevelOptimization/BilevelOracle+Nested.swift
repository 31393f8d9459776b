// Nested evaluations in the form that runs, references and certificates share.
import Solvers
import Tensors

extension BilevelOracle {
    /// F and ∇F through all levels; `nil` when stopped.
    ///
    /// - Parameters:
    ///   - y: where the responses' solvers begin, one level after the other; at the levels' own starts where `nil`.
    ///   - tolerance: of level 1, as in ``NestedConfiguration``.
    ///   - rules: how the levels respond; solved where `nil`.
    func evaluateNested(
        at x: [Double], from y: [Double]?, tolerance: Double, _ rules: [ResponseRule]? = nil, stop: @escaping StopCheck
    ) -> Evaluation? {
        let nested = nested(rules ?? problem.implicitResponses)
        let found = counting(nested) {
            nested.evaluate(at: x, from: y.map(problem.cutResponses), tolerance: tolerance, stop: stop)
        }
        return stop() == nil ? Evaluation(x, found) : nil
    }

    /// F alone; `nil` when stopped, not a number where a level was not solved.
    func nestedValue(at x: [Double], from y: [Double], tolerance: Double, stop: @escaping StopCheck) -> Double? {
        let nested = nested(problem.implicitResponses)
        let found = counting(nested) {
            nested.evaluateValue(at: x, from: problem.cutResponses(y), tolerance: tolerance, stop: stop)
        }
        return stop() == nil ? found.value : nil
    }

    /// Adds what an evaluation took. Rows are counted as if every level read as many as the one that reads most.
    private func counting(_ nested: NestedEvaluator, _ evaluate: () -> NestedEvaluation) -> NestedEvaluation {
        let before = nested.solver.levelCounts
        let secondsBefore = nested.solver.seconds
        nested.solver.stopwatch = stopwatch
        let found = evaluate()
        var byLevel = zip(nested.solver.levelCounts, before).map { $0 - $1 }
        byLevel[0].objectives = 1
        byLevel[0].residuals = found.hypergradient.isEmpty ? 0 : 1
        add(byLevel, zip(nested.solver.seconds, secondsBefore).map { $0 - $1 })
        let all = byLevel.dropFirst().reduce(LevelCounts(), +)
        var spent = OracleCounts()
        spent.lowerValue = all.objectives
        spent.lowerGradient = all.residuals
        spent.hessianProduct = all.products
        spent.upperValue = 1
        spent.upperGradient = found.hypergradient.isEmpty ? 0 : 1
        let rows = problem.levels.indices.dropFirst().map { problem.sampleCount(ofLevel: $0) }.max() ?? 0
        spent.samples =
            problem.sampleCount(ofLevel: 0) + rows * (spent.lowerValue + spent.lowerGradient + spent.hessianProduct)
        add(spent)
        return found
    }
}

extension Evaluation {
    /// A nested evaluation as runs keep it: the responses one after the other, the worst status, the faults in words.
    init(_ x: [Double], _ found: NestedEvaluation) {
        var lower = SolveStatus.converged
        var linear = SolveStatus.converged
        var isInfeasible = false
        for fault in found.faults {
            switch fault.fault {
            case .undefined, .unbounded, .grew: lower = .diverged(quantity: .value, iteration: 0)
            case .notConverged(let error):
                lower = lower.isDivergence ? lower : .iterationLimit
                isInfeasible = isInfeasible || !(error <= Precision.float64.displacementLimit)
            case .interrupted: lower = lower.isDivergence ? lower : .interrupted
            case .flat, .indefinite, .singular: linear = .indefinite(curvature: 0)
            case .residual: linear = linear == .converged ? .iterationLimit : linear
            }
        }
        self.init(
            x: x, y: found.responses.flatMap { $0 }, v: [], value: found.value, hypergradient: found.hypergradient,
            lowerResidual: VectorMath.norm(found.residuals), linearResidual: found.linearResidual, lowerStatus: lower,
            linearStatus: linear, remarks: found.faults.map(\.sentence))
        self.isInfeasible = isInfeasible
        levels = zip(found.residuals, found.linearResiduals).map { LevelResidual(residual: $0, linearResidual: $1) }
    }
}
