// Levels solved as accurately as the outermost level's progress asks for: less work, the same end.
import MultilevelOptimization
import ProblemSpecification
import Testing

@Suite struct FollowedProgressTests {
    private static let problem = """
        {"problem": {"levels": [
          {"variables": {"x": {"shape": [3], "start": 2}}, "minimize": "0.5*sum((x-1)^2) + sum(z^2) + 0.1*sum(exp(y))"},
          {"variables": {"y": {"shape": [3]}}, "minimize": "0.5*sum((y-sin(x))^2) + 0.1*sum(y^4) + 0.2*sum(z^2)"},
          {"variables": {"z": {"shape": [3]}}, "minimize": "0.5*sum((z-x*y)^2) + 0.2*sum(z^4) + 0.1*sum(exp(z*y))"}]},
         "method": METHOD, "tolerances": {"hypergradient": 1e-9}}
        """

    @Test func savesWorkAndEndsAtTheSamePoint() throws {
        let fixed = Self.problem.replacing(
            "METHOD", with: #"{"name": "implicit", "lower_solver": {"tolerance": 1e-12}}"#)
        let (_, tight) = try run(fixed)
        let (_, following) = try run(Self.problem.replacing("METHOD", with: "\"implicit\""))
        #expect(tight.termination == .converged && following.termination == .converged)
        #expect(zip(tight.x + tight.y, following.x + following.y).allSatisfy { abs($0 - $1) <= 1e-8 })
        #expect(abs(tight.objectives[0] - following.objectives[0]) <= 1e-12)
        #expect(following.levels.allSatisfy { $0.residual <= 1e-9 })
        func work(_ result: RunResult) -> Int {
            result.levels.reduce(0) { $0 + $1.counts.residuals + $1.counts.factorizations }
        }
        #expect(Double(work(following)) <= 0.9 * Double(work(tight)), "\(work(following)) of \(work(tight))")
    }

    /// Where a run ends by its iterations, levels may be solved to 1e-8 only; a given tolerance holds everywhere.
    @Test func aGivenToleranceIsKept() throws {
        let text = Self.problem.replacing(
            "METHOD", with: #"{"name": "implicit", "lower_solver": {"tolerance": 1e-12}}"#)
        guard case .nested(let axes)? = try admit(text).method?.algorithm else { throw CancellationError() }
        #expect(axes.tolerance == 1e-12 && !axes.followsProgress)
        let free = Self.problem.replacing("METHOD", with: "\"implicit\"")
        guard case .nested(let others)? = try admit(free).method?.algorithm else { throw CancellationError() }
        #expect(others.followsProgress && others.tolerance <= 1e-12)
    }
}
