// What runs through any number of levels report of each: counts that survive interruption, residuals, seconds from a
// stopwatch, and certificates.
import MultilevelOptimization
import ProblemSpecification
import Testing

@Suite struct LevelReportTests {
    private static let chain = """
        {"problem": {"levels": [
          {"name": "a", "variables": {"x": {}}, "minimize": "0.5*(x-1)^2 + z^2 + y + 0.1*exp(w)"},
          {"name": "b", "variables": {"y": {"constraint": {"box": [0, 5]}}}, "minimize": "0.5*(y-1)^2 + 0.5*z^2"},
          {"name": "c", "variables": {"z": {"shape": [2]}}, "minimize": "0.5*sum((z-x*y)^2) + 0.1*sum(z^4)"},
          {"name": "d", "variables": {"w": {}}, "fixed_point": {"w": "0.3*tanh(w + z[0]) + 0.1*x"}}]},
         "method": METHOD}
        """
    private static func text(_ method: String = "\"implicit\"") -> String {
        chain.replacing("z^2 + y", with: "sum(z^2) + y").replacing("0.5*z^2", with: "0.5*sum(z^2)")
            .replacing("METHOD", with: method)
    }
    private static let mixed =
        #"{"levels": [{"solver": {"step": 0.3, "steps": 5}}, {}, {"solver": {"name": "fixed-point", "steps": 6}}]}"#

    private func begin(
        _ text: String, stopwatch: Stopwatch? = nil
    ) throws -> (run: SolverRun, start: ProgressPoint, problem: MultilevelProblem, method: MethodConfiguration) {
        let admitted = try admit(text)
        let problem = try #require(admitted.built, "\(admitted.faults)").problem
        let method = try #require(admitted.method, "\(admitted.faults)")
        let (run, start) = try #require(
            SolverRun.begin(
                problem, method, limits: RunLimits(iterations: 8), seed: 1, stopwatch: stopwatch, stop: { nil }))
        return (run, start, problem, method)
    }

    @Test(arguments: ["\"implicit\"", mixed]) func countsOfLevelsAddUp(_ method: String) throws {
        let (run, start, _, _) = try begin(Self.text(method))
        #expect(start.levels.map(\.name) == ["b", "c", "d"])
        var last = start
        while true {
            switch run.advance() {
            case .progress(let point):
                for (before, after) in zip(last.levels, point.levels) {
                    #expect(after.counts.residuals > before.counts.residuals)
                    #expect(after.counts.solves > before.counts.solves && after.seconds == nil)
                }
                #expect(point.levels.reduce(0) { $0 + $1.counts.residuals } == point.counts.lowerGradient)
                #expect(point.levels.reduce(0) { $0 + $1.counts.products } == point.counts.hessianProduct)
                #expect(point.levels.reduce(0) { $0 + $1.counts.objectives } == point.counts.lowerValue)
                last = point
            case .silent: continue
            case .ended, .suspended:
                let result = run.finish()
                #expect(result.levels.map(\.counts) == Array(run.state.levelCounts.dropFirst()))
                #expect(zip(result.levels, last.levels).allSatisfy { $0.name == $1.name })
                return
            }
        }
    }

    /// Counts are part of the state; the archive of a resumed run is that of an undisturbed one.
    @Test(arguments: ["\"implicit\"", mixed]) func countsSurviveInterruption(_ method: String) throws {
        let (whole, _, problem, configuration) = try begin(Self.text(method))
        while true { if case .ended = whole.advance() { break } }
        var (run, _, _, _) = try begin(Self.text(method))
        while true {
            if case .ended = run.advance() { break }
            let state = try SolverState(archive: run.state.archive(identity: "i"), identity: "i")
            #expect(state == run.state)
            run = .resume(
                state, problem, configuration, limits: RunLimits(iterations: 8), seed: 1, stop: { nil })
        }
        #expect(run.state.archive(identity: "") == whole.state.archive(identity: ""))
        #expect(run.state.levelCounts == whole.state.levelCounts && run.state.levelCounts.count == 4)
        #expect(run.finish().levels == whole.finish().levels)
    }

    /// A stopwatch that advances by one at every look: seconds of all levels are those between first and last look.
    @Test func secondsAreChargedOnce() throws {
        final class Clock { var now = 0.0 }
        let clock = Clock()
        let (run, start, _, _) = try begin(
            Self.text(),
            stopwatch: {
                clock.now += 1
                return clock.now
            })
        let first = start.levels.compactMap(\.seconds)
        #expect(first.count == 3 && first.allSatisfy { $0 > 0 } && first.reduce(0, +) < clock.now)
        while true { if case .ended = run.advance() { break } }
        let result = run.finish()
        #expect(zip(result.levels, first).allSatisfy { ($0.seconds ?? 0) > $1 })
        #expect(result.levels.compactMap(\.seconds).reduce(0, +) < clock.now)
    }

    @Test func levelsAreCertified() throws {
        let (_, result) = try run(Self.text())
        let levels = result.certificate.levels
        #expect(levels.map(\.name) == ["b", "c", "d"])
        #expect(levels.map(\.confidence) == [.estimated, .verified, .verified])
        #expect(levels.allSatisfy { $0.residual.residual <= 1e-9 && ($0.residual.linearResidual ?? 0) <= 1e-12 })
        // 1 + 1.2 z², the eigenvalues of the third level's Hessian: the fourth does not enter its objective.
        let curvature = try #require(levels[1].curvature)
        let z = Array(result.y[1...2])
        #expect(curvature.isExact && levels[0].curvature == nil && levels[2].curvature == nil)
        #expect(abs(curvature.smallest - (1 + 1.2 * z[0] * z[0])) <= 1e-9)
        #expect(result.remarks == [])
    }
}
