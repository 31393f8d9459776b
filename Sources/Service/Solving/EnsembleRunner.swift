// Runs the members of a job one after the other, rung by rung, and reports the best. A member is a run like any other: only
// its state is kept between two rungs, so that one run at a time takes memory.
import Foundation
import MultilevelOptimization
import ProblemSpecification

/// Runs the members of one job.
struct EnsembleRunner {
    let runner: JobRunner
    let ensemble: AdmittedEnsemble
    let clock: RunClock

    /// What became of a member's turn.
    private enum Turn {
        case over
        case suspended
        /// A person wants no more.
        case stopped
    }

    /// Runs from the start, or from a state.
    func run(
        from saved: EnsembleState?, _ books: inout RunBooks, observer: inout some RunObserver
    ) throws -> RunnerOutcome {
        var state = saved ?? EnsembleState(count: ensemble.members.count)
        var told = Set(state.members.indices.filter { state.members[$0].isOver })
        observer.began(resumedFrom: saved?.iterations)
        rungs: while true {
            let due = state.due
            for (turn, member) in due.enumerated() {
                switch try climb(member, &state, waiting: due.count - 1 - turn, &books, &observer) {
                case .over: tell(state, &told, &observer)
                case .suspended:
                    try observer.checkpoint(Self.kept(state))
                    return .suspended(iteration: state.iterations)
                case .stopped:
                    state.end(.userStop)
                    break rungs
                }
            }
            guard state.rung < ensemble.schedule.rungs.count - 1 else { break }
            state.finishRung(ensemble.schedule)
            tell(state, &told, &observer)
        }
        tell(state, &told, &observer)
        return try finish(state, books)
    }

    private static func kept(_ state: EnsembleState) -> KeptState {
        KeptState(iteration: state.iterations) { state.archive(identity: $0) }
    }

    /// Says of each member once that it is over.
    private func tell(_ state: EnsembleState, _ told: inout Set<Int>, _ observer: inout some RunObserver) {
        for (index, member) in state.members.enumerated() where member.isOver && told.insert(index).inserted {
            observer.ended(
                member: index, EnsembleDocument.event(member, ensemble.members[index], best: state.best))
        }
    }

    // MARK: - One member

    /// Lets a member run to the end of the rung, or of its part of the time.
    private func climb(
        _ member: Int, _ state: inout EnsembleState, waiting: Int, _ books: inout RunBooks,
        _ observer: inout some RunObserver
    ) throws -> Turn {
        let before = state
        let job = try ensemble.job(member)
        let target = ensemble.schedule[before.rung].target
        let part = TimePart(
            of: runner.job.document.limits.timeSeconds, clock,
            parts: ensemble.schedule.parts(rung: before.rung, waiting: waiting))
        let leg = RunLeg(
            job: job, source: RunSource(member: member, problem: job.built.problem), clock: clock,
            // Out of time, a member pauses where others are still to be compared with it, and has ended elsewhere.
            stop: runner.stopCheck { part.isOver ? (target != nil ? .suspension : .timeLimit) : nil },
            limit: limit(target, member, before),
            kept: { run in
                var now = before
                now.members[member].run = run
                return Self.kept(now)
            }, onStart: part.begin)
        let end = try leg.run(from: before.members[member].run, &books, observer: &observer)
        return settle(end, member, target, part, &state)
    }

    /// The iteration to which the member goes: that of the rung, or the one after which the whole job is suspended.
    private func limit(_ target: Int?, _ member: Int, _ state: EnsembleState) -> Int? {
        let suspension = runner.suspendAfter.map {
            max(0, $0 - state.iterations) + (state.members[member].run?.iteration ?? 0)
        }
        guard let target, let suspension else { return target ?? suspension }
        return min(target, suspension)
    }

    /// Notes how a member's stretch ended, and scores it where it has climbed the rung.
    private func settle(
        _ end: LegEnd, _ member: Int, _ target: Int?, _ part: TimePart, _ state: inout EnsembleState
    ) -> Turn {
        let wish = runner.request()
        switch end {
        case .nothingComputed:
            if wish == .suspend { return .suspended }
            if wish == .stop { return .stopped }
            state.members[member].isLate = true
            return .over
        case .suspended(let run) where wish == .suspend:
            state.members[member].run = run.state
            return .suspended
        case .paused(let run) where run.state.iteration < target ?? .max:
            state.members[member].run = run.state
            return .suspended
        case .paused(let run), .suspended(let run), .ended(let run, _):
            // The state first: scoring adds to the counts of the run.
            let reached = run.state
            guard let score = score(run, part) else {
                state.members[member].run = reached
                return .suspended
            }
            state.members[member].climb(reached, score)
            return reached.termination == .userStop ? .stopped : .over
        }
    }

    /// Scores a run; who waits for the end gets a score of bounded work, so that members are still compared by the same
    /// measure. Nil when the job is to be suspended first.
    private func score(_ run: SolverRun, _ part: TimePart) -> MemberScore? {
        let request = runner.request
        func isLate() -> Bool { part.isJobOver || request() == .stop }
        func score(bounded: Bool) -> MemberScore {
            run.score(isLate: bounded) {
                if request() == .suspend { return .suspension }
                return !bounded && isLate() ? .userStop : nil
            }
        }
        let began = isLate()
        var found = score(bounded: began)
        if found.solvedObjective == nil, !began, isLate() { found = score(bounded: true) }
        return found.solvedObjective == nil && request() == .suspend ? nil : found
    }

    // MARK: - The result

    private func finish(_ state: EnsembleState, _ books: RunBooks) throws -> RunnerOutcome {
        guard let best = state.best, var saved = state.members[best].run else { return .nothingComputed }
        saved.termination = termination(state, best)
        let job = try ensemble.job(best)
        let run = SolverRun.resume(
            saved, job.built.problem, job.method, limits: job.limits, seed: job.document.seed, stop: { nil })
        let summary = EnsembleDocument.Summary(state: state, members: ensemble.members, best: best)
        let result = run.finish(stop: runner.signOfWork)
        let document = ResultDocument.compose(
            result, run: run, timings: runner.timings(books, clock), provenance: runner.provenance,
            job: runner.name, ensemble: summary)
        return .finished(document: document, result.termination)
    }

    /// How the job ended: as its best member did, unless a person or the time ended one earlier.
    private func termination(_ state: EnsembleState, _ best: Int) -> Termination {
        let own = state.members[best].termination
        if let own, !own.isSuccess { return own }
        let all = state.members.map(\.termination)
        if all.contains(.userStop) { return .userStop }
        if all.contains(.timeLimit) || state.members.contains(where: \.isLate) { return .timeLimit }
        // One that was dropped has made the iterations that it was allowed.
        return own ?? .iterationLimit
    }
}

/// The part of a job's time that one member has: the whole until its start is evaluated, so that every member that can has
/// a point, then an equal part of what is left.
private final class TimePart {
    private let seconds: Double?
    private let clock: RunClock
    private let parts: Int
    private var deadline: ContinuousClock.Instant?

    init(of seconds: Double?, _ clock: RunClock, parts: Int) {
        self.seconds = seconds
        self.clock = clock
        self.parts = parts
        deadline = seconds.map(clock.moment)
    }

    /// Whether the time of the whole job is over.
    var isJobOver: Bool { seconds.map { ContinuousClock.now >= clock.moment($0) } ?? false }

    var isOver: Bool { deadline.map { ContinuousClock.now >= $0 } ?? false }

    func begin() {
        guard let seconds else { return }
        deadline = min(
            clock.moment(seconds), .now + .atMostCentury(seconds: max(0, seconds - clock.elapsed) / Double(parts)))
    }
}
