// A few iterations of any cheap problem: they end, repeat bit by bit, and go on from their written state as if nothing
// had happened.
import MultilevelOptimization
import ProblemSpecification

struct RunProperty {
    let document: ProblemDocument
    let problem: MultilevelProblem
    let method: MethodConfiguration

    /// Iterations, calls and looks at the clock that a run is given.
    private static let iterations = 3
    private static let oracleCalls = 60
    private static let looks = 200

    func check() throws(Violation) {
        guard let whole = run(pausingAfter: nil) else { return }
        try require(run(pausingAfter: nil) == whole, "two runs of one document differ")
        // A run that its stop check ends is cut at another place when it looks more often.
        guard !whole.isCut else { return }
        try require(run(pausingAfter: 1) == whole, "a resumed run differs from one without a pause")
    }

    /// How a run ended.
    private struct Ended: Equatable {
        /// The last state, as it is written.
        let state: [UInt8]
        let isCut: Bool
    }

    /// Runs to the end; `nil` when the start could not be evaluated in the looks given.
    private func run(pausingAfter pause: Int?) -> Ended? {
        var looks = 0
        let stop: StopCheck = {
            looks += 1
            return looks > Self.looks ? .timeLimit : nil
        }
        let limits = RunLimits(
            iterations: min(document.limits.iterations, Self.iterations),
            oracleCalls: min(document.limits.oracleCalls ?? .max, Self.oracleCalls),
            hypergradientTolerance: document.tolerances.hypergradient, progressEvery: document.progress.every)
        guard var run = SolverRun.begin(problem, method, limits: limits, seed: document.seed, stop: stop)?.run else {
            return nil
        }
        var isPaused = pause == nil
        while true {
            if !isPaused, run.state.iteration >= pause ?? 0 {
                isPaused = true
                guard let state = try? SolverState(archive: run.state.archive(identity: "fuzz"), identity: "fuzz")
                else { return Ended(state: [], isCut: false) }
                run = SolverRun.resume(state, problem, method, limits: limits, seed: document.seed, stop: stop)
            }
            switch run.advance(upTo: isPaused ? nil : pause) {
            case .progress, .silent: continue
            case .ended, .suspended:
                let ended = Ended(
                    state: run.state.archive(identity: "fuzz"), isCut: run.state.termination == .timeLimit)
                _ = run.finish(stop: stop)
                return ended
            }
        }
    }
}
