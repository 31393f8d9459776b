// One stretch of one run: from its start or a state to its end, to an iteration where it pauses, or until it is suspended.
import Foundation
import MultilevelOptimization
import ProblemSpecification

/// When a job began, and what earlier attempts at it took.
struct RunClock: Sendable {
    let began = ContinuousClock.now
    /// Seconds spent by earlier attempts; they count towards the time limit.
    let before: Double

    var elapsed: Double { before + (ContinuousClock.now - began).seconds }

    /// The moment at which `seconds` of the job are over.
    func moment(_ seconds: Double) -> ContinuousClock.Instant {
        began + .atMostCentury(seconds: max(0, seconds - before))
    }
}

/// What a job notes from stretch to stretch.
struct RunBooks: Sendable {
    /// Time between states; nil where none are kept but at suspension.
    let keepingEvery: Duration?
    var lastKept = ContinuousClock.now
    /// Seconds until starts were evaluated.
    var compile = 0.0

    /// Whether it is time for another state.
    func isDue(at now: ContinuousClock.Instant) -> Bool { keepingEvery.map { now - lastKept >= $0 } ?? false }
}

/// How a stretch ended.
enum LegEnd {
    case ended(SolverRun, Termination)
    /// At the iteration where it was to pause.
    case paused(SolverRun)
    /// As the stop check asked.
    case suspended(SolverRun)
    /// Stopped before the start was evaluated.
    case nothingComputed
}

/// Drives a run.
struct RunLeg {
    let job: AdmittedJob
    let source: RunSource
    let clock: RunClock
    let stop: StopCheck
    /// Pause after this iteration.
    let limit: Int?
    /// The state to be kept where the run's is this.
    let kept: (SolverState) -> KeptState
    /// Called once the start is evaluated.
    var onStart: () -> Void = {}

    func run(
        from saved: SolverState?, _ books: inout RunBooks, observer: inout some RunObserver
    ) throws -> LegEnd {
        let began = ContinuousClock.now
        guard let run = begin(saved, &observer) else { return .nothingComputed }
        books.compile += (ContinuousClock.now - began).seconds
        onStart()
        var remarksTold = saved?.remarks.count ?? 0
        while true {
            if let limit, run.state.iteration >= limit, run.state.termination == nil { return .paused(run) }
            let event = run.advance(upTo: limit)
            for remark in run.state.remarks[remarksTold...] {
                observer.remark(remark, iteration: run.state.iteration, member: source.member)
            }
            remarksTold = run.state.remarks.count
            switch event {
            case .progress(let point): tell(point, of: run, &observer)
            case .silent: break
            case .suspended: return .suspended(run)
            case .ended(let termination): return .ended(run, termination)
            }
            if books.isDue(at: .now) {
                try observer.checkpoint(kept(run.state))
                books.lastKept = ContinuousClock.now
            }
        }
    }

    private func begin(_ saved: SolverState?, _ observer: inout some RunObserver) -> SolverRun? {
        let began = clock.began
        let stopwatch: Stopwatch = { (ContinuousClock.now - began).seconds }
        let (problem, seed) = (job.built.problem, job.document.seed)
        if let saved {
            return .resume(
                saved, problem, job.method, limits: job.limits, seed: seed, stopwatch: stopwatch, stop: stop)
        }
        guard
            let start = SolverRun.begin(
                problem, job.method, limits: job.limits, seed: seed, stopwatch: stopwatch, stop: stop)
        else { return nil }
        tell(start.start, of: start.run, &observer)
        return start.run
    }

    private func tell(_ point: ProgressPoint, of run: SolverRun, _ observer: inout some RunObserver) {
        observer.progress(
            point, of: source, incumbent: run.incumbent, incumbentPoint: { run.incumbentPoint }, elapsed: clock.elapsed)
    }
}
