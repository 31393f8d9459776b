// What a job's log tells of its runs: an attempt that goes on from an older state does not say it again.
import ProblemSpecification

/// Progress that is in the log.
package struct ToldProgress: Sendable, Equatable {
    /// Of one run.
    struct Run: Sendable, Equatable {
        /// The last iteration told.
        var iteration: Int
        /// The iteration of the best point then.
        var best: Int
    }

    /// By member; a job of one run has member 0.
    private(set) var runs: [Int: Run] = [:]
    /// Members whose end is told.
    private(set) var ended: Set<Int> = []
    /// The last iteration told, whosever; −1 for none.
    private(set) var lastIteration = -1

    init() {}

    /// The last iteration told of a run; −1 for none.
    func iteration(of member: Int?) -> Int { runs[member ?? 0]?.iteration ?? -1 }

    /// Notes a progress point.
    mutating func note(_ iteration: Int, best: Int, of member: Int?) {
        runs[member ?? 0] = Run(iteration: iteration, best: best)
        lastIteration = iteration
    }

    /// Notes a member's end.
    mutating func noteEnd(of member: Int) { ended.insert(member) }

    /// Notes a progress point that is not told yet.
    ///
    /// - Returns: whether its best point is told by an event of its own; nil for a point that is in the log.
    mutating func takes(_ iteration: Int, best: Int, of member: Int?) -> Bool? {
        guard iteration > self.iteration(of: member) else { return nil }
        let isNews = IncumbentPace.tells(best, after: runs[member ?? 0]?.best ?? 0)
        note(iteration, best: best, of: member)
        return isNews
    }
}

extension ToldProgress {
    var json: JSONValue {
        var object = JSONObjectBuilder()
        let flat = runs.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value.iteration, $0.value.best] }
        object.add("runs", .list(flat.map(JSONValue.integer)))
        object.add("ended", .list(ended.sorted().map(JSONValue.integer)))
        object.add("last", lastIteration)
        return object.value
    }

    /// Nil for anything but what ``json`` gives.
    init?(_ json: JSONValue?) {
        guard let flat = json?["runs"]?.elements?.compactMap(\.int), flat.count.isMultiple(of: 3),
            let ended = json?["ended"]?.elements?.compactMap(\.int), let last = json?["last"]?.int
        else { return nil }
        for index in stride(from: 0, to: flat.count, by: 3) {
            runs[flat[index]] = Run(iteration: flat[index + 1], best: flat[index + 2])
        }
        self.ended = Set(ended)
        lastIteration = last
    }
}
