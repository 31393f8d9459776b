// All that a job of several runs remembers between two iterations of any, and what follows of it: who is next, who goes on,
// who is best.

import ExpressionGraph

/// One member between two of its iterations.
package struct MemberState: Sendable, Equatable {
    /// The run; nil before its start is evaluated.
    package var run: SolverState?
    /// Rungs that it has climbed.
    package var rungs = 0
    /// As of its last rung; nil before its first.
    package var score: MemberScore?
    /// The rung after which it was not among those that go on.
    package var lastRung: Int?
    /// The time was over before its start was evaluated.
    package var isLate = false
    /// Its run has ended, and its score is that of the end.
    package private(set) var hasEnded = false

    package init() {}

    init(run: SolverState?, rungs: Int, score: MemberScore?, lastRung: Int?, isLate: Bool, hasEnded: Bool) {
        self.run = run
        self.rungs = rungs
        self.score = score
        self.lastRung = lastRung
        self.isLate = isLate
        self.hasEnded = hasEnded
    }

    /// Whether it makes no more iterations.
    package var isOver: Bool { isLate || lastRung != nil || hasEnded }

    /// Notes that it has climbed a rung, or has ended on it.
    package mutating func climb(_ run: SolverState, _ score: MemberScore) {
        self.run = run
        self.score = score
        rungs += 1
        hasEnded = run.termination != nil
    }

    /// Ends it for a reason from outside.
    fileprivate mutating func end(_ termination: Termination) {
        if run?.termination == nil { run?.termination = termination }
        hasEnded = run != nil
    }

    /// How it ended by itself or at a limit; nil for one that was dropped, never began, or still runs.
    package var termination: Termination? { run?.termination }

    /// Smaller is better: runs that ended well, or were dropped, by their objective; then those that failed; then those
    /// without a finite point.
    fileprivate var rank: (kind: Int, value: Double) {
        guard let score, score.value.isFinite else { return (2, 0) }
        return (termination?.isSuccess == false ? 1 : 0, score.value)
    }
}

/// All members.
package struct EnsembleState: Sendable, Equatable {
    /// The rung that is being climbed.
    package internal(set) var rung = 0
    package var members: [MemberState]

    /// Nothing has begun.
    package init(count: Int) { members = (0..<count).map { _ in MemberState() } }

    init(rung: Int, members: [MemberState]) {
        self.rung = rung
        self.members = members
    }

    /// Iterations of all members.
    package var iterations: Int { members.reduce(0) { $0.adding($1.run?.iteration ?? 0) } }

    /// Evaluations of all members.
    package var counts: OracleCounts {
        var counts = OracleCounts()
        for member in members { if let run = member.run { counts.add(run.counts) } }
        return counts
    }

    /// Members that have this rung to climb, in order.
    package var due: [Int] { members.indices.filter { !members[$0].isOver && members[$0].rungs == rung } }

    /// The members from the best to the worst; of equals the first.
    package var ranking: [Int] {
        members.indices.sorted { first, second in
            let (a, b) = (members[first].rank, members[second].rank)
            if a.kind != b.kind { return a.kind < b.kind }
            return a.value != b.value ? a.value < b.value : first < second
        }
    }

    /// The best member that has a point; nil where none has.
    package var best: Int? { ranking.first { members[$0].run != nil && members[$0].score != nil } }

    /// Ends the rung: of those that have climbed it, as many go on as the next one has room for.
    ///
    /// Those that have ended by themselves are compared too, and need no more iterations.
    package mutating func finishRung(_ schedule: EnsembleSchedule) {
        let climbed = ranking.filter { members[$0].lastRung == nil }
        for member in climbed.dropFirst(schedule[rung + 1].count) { members[member].lastRung = rung }
        rung += 1
    }

    /// Ends all that runs for the same reason from outside.
    package mutating func end(_ termination: Termination) {
        for member in members.indices where !members[member].isOver { members[member].end(termination) }
    }
}
