// What a method finds at one point, and differences of F with the lower level solved anew.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors
import Testing

/// The method's own evaluation at the start.
func evaluateStart(_ problem: MultilevelProblem, _ method: MethodConfiguration) throws -> Evaluation {
    let (run, _) = try #require(begin(problem, method, RunLimits(iterations: 0)))
    guard case .doubleLoop(_, let evaluation) = run.state.method else {
        Issue.record("a double loop was asked for")
        throw WrongMethod()
    }
    return evaluation
}

struct WrongMethod: Error {}

/// A run that nothing stops, unless `stop` says so.
func begin(
    _ problem: MultilevelProblem, _ method: MethodConfiguration, _ limits: RunLimits, seed: UInt64 = 1,
    draws: SOBADraws? = nil, stop: @escaping StopCheck = { nil }
) -> (run: SolverRun, start: ProgressPoint)? {
    SolverRun.begin(problem, method, limits: limits, seed: seed, draws: draws, stop: stop)
}

/// Advances to the end.
func drive(_ run: SolverRun) -> Termination? {
    while true {
        switch run.advance() {
        case .progress, .silent: continue
        case .ended(let termination): return termination
        case .suspended: return nil
        }
    }
}

/// ∇F by central differences of the reference evaluation of F, which solves the lower level to rounding.
func differenceGradient(_ problem: MultilevelProblem, step: Double = 1e-4) throws -> [Double] {
    let x = problem.upper.start
    return try x.indices.map { index in
        let values = try [step, -step].map { offset in
            var moved = x
            moved[index] += offset
            let begun = try #require(begin(problem.starting(at: moved), .aid(), RunLimits(iterations: 0)))
            return begun.start.upperObjective
        }
        return (values[0] - values[1]) / (2 * step)
    }
}

/// ‖a − b‖ / max(‖b‖, floor).
func relativeError(_ a: [Double], _ b: [Double], floor: Double = 1e-3) -> Double {
    a.count == b.count ? VectorMath.norm(VectorMath.subtract(a, b)) / max(VectorMath.norm(b), floor) : .infinity
}

extension MethodConfiguration {
    /// Implicit differentiation with exactly `lower` gradient steps and `linear` fixed-point steps of one size.
    static func fixedPoint(
        step: Double, lower: Int, linear: Int, tolerance: Double? = nil, upper: UpperStep = .lineSearch
    ) -> MethodConfiguration {
        .aid(
            lower: .gradientDescent(step: .schedule(.constant(step)), steps: lower, tolerance: nil),
            linear: .fixedPoint(step: step, steps: linear, tolerance: tolerance), upper: upper)
    }

    static func soba(lower: StepSchedule? = nil, upper: StepSchedule? = nil) -> MethodConfiguration {
        MethodConfiguration(
            name: "soba", reason: "test", algorithm: .soba(SOBAConfiguration(lowerStep: lower, upperStep: upper)))
    }
}
