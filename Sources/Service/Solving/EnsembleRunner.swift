// Runs the members of a job rung by rung, as many side by side as there is room for, and reports the best. A member is a run
// like any other: only its state is kept between two rungs, so that no more runs take memory than run at once.
import Foundation
import MultilevelOptimization
import ProblemSpecification

/// Runs the members of one job.
struct EnsembleRunner: Sendable {
    let runner: JobRunner
    let ensemble: AdmittedEnsemble
    let clock: RunClock

    /// Members that run at once. Where the job is to be suspended after so many iterations of all, who comes first matters.
    private var atOnce: Int { runner.suspendAfter == nil ? min(max(runner.threads, 1), ensemble.room) : 1 }

    /// Runs from the start, or from a state.
    func run<Observer: RunObserver>(
        from saved: EnsembleState?, _ books: inout RunBooks, observer: inout Observer
    ) throws -> RunnerOutcome {
        let desk = EnsembleDesk(
            ensemble, saved ?? EnsembleState(count: ensemble.members.count), atOnce: atOnce, keeping: books,
            observer: observer)
        defer { (observer, books) = desk.close() }
        desk.report { $0.began(resumedFrom: saved?.iterations) }
        repeat {
            MemberCrew.run(min(atOnce, desk.lineUp())) { takeTurns(desk) }
            switch desk.haltReason {
            case .suspended:
                try desk.keep(always: true)
                return .suspended(iteration: desk.state.iterations)
            case .failed(let error): throw error
            case .stopped:
                desk.end(.userStop)
                return try finish(desk.state, desk.close().books)
            case nil: break
            }
        } while desk.finishRung()
        return try finish(desk.state, desk.close().books)
    }

    /// What one thread does.
    private func takeTurns<Observer>(_ desk: EnsembleDesk<Observer>) {
        while let turn = desk.nextTurn() {
            do {
                try climb(turn, desk)
            } catch {
                desk.halt(.failed(error))
            }
        }
    }

    // MARK: - One member

    /// Lets a member run to the end of the rung, or of its part of the time.
    private func climb<Observer>(_ turn: MemberTurn, _ desk: EnsembleDesk<Observer>) throws {
        let job = try ensemble.job(turn.member)
        let part = TimePart(of: runner.job.document.limits.timeSeconds, clock, parts: turn.parts)
        let isCompared = turn.rung.target != nil
        let leg = RunLeg(
            job: job, source: RunSource(member: turn.member, problem: job.built.problem), clock: clock,
            stop: runner.stopCheck {
                if desk.isHalted { return .suspension }
                // Out of time, a member pauses where others are still to be compared with it, and has ended elsewhere.
                return part.isOver ? (isCompared ? .suspension : .timeLimit) : nil
            },
            limit: limit(turn),
            kept: { run in
                desk.note(turn.member, run)
                return desk.kept
            }, onStart: part.begin)
        var books = desk.booksOfMember
        var observer = MemberObserver(desk: desk)
        let end = try leg.run(from: turn.state.run, &books, observer: &observer)
        desk.addCompile(books.compile)
        let (state, halt) = settle(end, turn, part, isHalted: { desk.isHalted })
        desk.settle(turn.member, state, halt: halt)
    }

    /// The iteration to which the member goes: that of the rung, or the one after which the whole job is suspended.
    private func limit(_ turn: MemberTurn) -> Int? {
        let suspension = runner.suspendAfter.map {
            max(0, $0 - turn.iterations) + (turn.state.run?.iteration ?? 0)
        }
        guard let target = turn.rung.target, let suspension else { return turn.rung.target ?? suspension }
        return min(target, suspension)
    }

    /// How a member's stretch ended: what it is now, scored where it has climbed the rung, and whether the others halt.
    private func settle(
        _ end: LegEnd, _ turn: MemberTurn, _ part: TimePart, isHalted: @escaping () -> Bool
    ) -> (MemberState, Halt?) {
        let wish = runner.request()
        var member = turn.state
        switch end {
        case .nothingComputed:
            if wish == .suspend || isHalted() { return (member, .suspended) }
            if wish == .stop { return (member, .stopped) }
            member.isLate = true
            return (member, nil)
        case .suspended(let run) where wish == .suspend || isHalted():
            member.run = run.state
            return (member, .suspended)
        case .paused(let run) where run.state.iteration < turn.rung.target ?? .max:
            member.run = run.state
            return (member, .suspended)
        case .paused(let run), .suspended(let run), .ended(let run, _):
            // The state first: scoring adds to the counts of the run.
            let reached = run.state
            guard let score = score(run, part) else {
                member.run = reached
                return (member, .suspended)
            }
            member.climb(reached, score)
            return (member, reached.termination == .userStop ? .stopped : nil)
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
