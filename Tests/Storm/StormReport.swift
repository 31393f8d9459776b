// What a storm did and found, in a few lines.

/// Counts of all waves.
struct StormReport {
    var serverKills = 0
    var startKills = 0
    var workerKills = 0
    var workerStops = 0
    var mostAttempts = 0
    var mostFailures = 0
    var events = 0
    var reconnections = 0
    /// All of them: each is a kill -9.
    var kills: Int { serverKills + startKills + workerKills }
    /// Seconds from each start of a server to its URL.
    var starts: [Double] = []

    func text(jobs: Int, seconds: Duration) -> String {
        let sorted = starts.sorted()
        let median = sorted.isEmpty ? 0 : sorted[sorted.count / 2]
        return """
            \(jobs) jobs in \(seconds.components.seconds) s, \(kills) kills: \(serverKills) servers, \(startKills) servers that \
            started, \(workerKills) workers (\(workerStops) of them stopped first)
            attempts at one job: at most \(mostAttempts), failures at most \(mostFailures); \(events) events read, streams \
            resumed \(reconnections) times
            from start to URL: median \(milliseconds(median)) ms, at most \(milliseconds(sorted.last ?? 0)) ms
            """
    }

    private func milliseconds(_ seconds: Double) -> Int { Int((seconds * 1e3).rounded()) }
}
