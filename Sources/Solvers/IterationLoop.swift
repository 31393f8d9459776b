// The one loop that every iterative method runs in: it owns the limit and the interruption check.

/// Repeats a step until it ends by itself, is interrupted, or the limit is reached.
enum IterationLoop {
    /// Runs `step(0)`, `step(1)`, … until one returns a status; at most `limit` of them.
    ///
    /// `shouldStop` is asked before each step, so a run interrupted at once does no work.
    static func run(
        limit: Int, shouldStop: InterruptionCheck, step: (_ iteration: Int) -> SolveStatus?
    ) -> SolveStatus {
        var iteration = 0
        while iteration < limit {
            if shouldStop() { return .interrupted }
            if let status = step(iteration) { return status }
            iteration += 1
        }
        return .iterationLimit
    }
}
