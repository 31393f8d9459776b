// Runs an admitted job to its end or until it is suspended, wherever that is: the command line and the worker process
// differ only in where reports and states go.
import Foundation
import MultilevelOptimization
import ProblemSpecification

/// Takes what a job's runs report.
package protocol RunObserver: Sendable {
    /// The job begins, or continues after `iteration`.
    mutating func began(resumedFrom iteration: Int?)
    /// - Parameter incumbentPoint: the upper variables of `incumbent`.
    mutating func progress(
        _ point: ProgressPoint, of source: RunSource, incumbent: Incumbent, incumbentPoint: () -> [Double],
        elapsed: Double)
    /// Something that makes the numbers less than they should be; `iteration` is where it was noticed.
    mutating func remark(_ text: String, iteration: Int, member: Int?)
    /// A member makes no more iterations; `data` is what its event tells.
    mutating func ended(member: Int, _ data: JSONValue)
    /// A state to be kept. May fail; the job then ends.
    mutating func checkpoint(_ state: KeptState) throws
}

/// A state of a job as it is kept.
package struct KeptState: Sendable {
    /// Iterations so far, of all its runs.
    package let iteration: Int
    /// Its bytes, under what it must belong to.
    package let archive: @Sendable (_ identity: String) -> [UInt8]
}

/// A state of a job as it was read back.
package enum SavedState: Sendable {
    case run(SolverState)
    case ensemble(EnsembleState)

    /// Reads what a ``KeptState`` of the same job wrote.
    package init(_ bytes: [UInt8], of job: AdmittedJob, identity: String) throws(StateArchiveError) {
        if let ensemble = job.ensemble {
            self = .ensemble(try EnsembleState(archive: bytes, identity: identity, count: ensemble.members.count))
        } else {
            self = .run(try SolverState(archive: bytes, identity: identity))
        }
    }
}

/// How a job ended.
package enum RunnerOutcome {
    /// - Parameter document: the result document.
    case finished(document: JSONValue, Termination)
    /// The process wants to end. The state has been handed to the observer.
    case suspended(iteration: Int)
    /// Stopped before a start was evaluated: there is nothing to keep.
    case nothingComputed
}

/// Runs one job.
package struct JobRunner: Sendable {
    let job: AdmittedJob
    let provenance: Provenance
    /// What the outside wants. Asked at every inner iteration.
    let request: @Sendable () -> StopRequest?
    /// Seconds spent by earlier attempts; they count towards the time limit.
    var elapsedBefore = 0.0
    /// Suspend after so many iterations, of all runs.
    var suspendAfter: Int?
    /// Members of the job that run at once, at most.
    package var threads = 1
    /// Whether states are kept now and then.
    var keepsStates = false
    /// The job's id, for its result.
    var name: String?

    /// - Parameters:
    ///   - suspendAfter: so many iterations, of all runs; nil for never.
    ///   - request: what the outside wants. Asked at every inner iteration.
    package init(
        job: AdmittedJob, provenance: Provenance, suspendAfter: Int? = nil,
        request: @escaping @Sendable () -> StopRequest?
    ) {
        self.job = job
        self.provenance = provenance
        self.suspendAfter = suspendAfter
        self.request = request
    }

    /// Runs from the start, or from a state.
    package func run(from saved: SavedState?, observer: inout some RunObserver) throws -> RunnerOutcome {
        let clock = RunClock(before: elapsedBefore)
        var books = RunBooks(
            keepingEvery: keepsStates ? .atMostCentury(seconds: job.document.checkpoint.everySeconds) : nil)
        if let ensemble = job.ensemble {
            var state: EnsembleState?
            if case .ensemble(let found)? = saved { state = found }
            return try EnsembleRunner(runner: self, ensemble: ensemble, clock: clock)
                .run(from: state, &books, observer: &observer)
        }
        var state: SolverState?
        if case .run(let found)? = saved { state = found }
        observer.began(resumedFrom: state?.iteration)
        let kept: (SolverState) -> KeptState = { state in
            KeptState(iteration: state.iteration) { state.archive(identity: $0) }
        }
        let deadline = job.document.limits.timeSeconds.map(clock.moment)
        let isOver: StopCheck = { deadline.map { ContinuousClock.now >= $0 } ?? false ? .timeLimit : nil }
        let leg = RunLeg(
            job: job, source: RunSource(member: nil, problem: job.built.problem), clock: clock,
            stop: stopCheck(orElse: isOver), limit: suspendAfter, kept: kept)
        switch try leg.run(from: state, &books, observer: &observer) {
        case .nothingComputed: return .nothingComputed
        case .paused(let run), .suspended(let run):
            try observer.checkpoint(kept(run.state))
            return .suspended(iteration: run.state.iteration)
        case .ended(let run, _):
            let result = run.finish(stop: signOfWork)
            let document = ResultDocument.compose(
                result, run: run, timings: timings(books, clock), provenance: provenance, job: name)
            return .finished(document: document, result.termination)
        }
    }

    func timings(_ books: RunBooks, _ clock: RunClock) -> Timings {
        Timings(queued: nil, compile: books.compile, solve: max(0, clock.elapsed - books.compile))
    }

    /// For what ends a run: shows that it goes on as long as it takes, and never cuts it short, or the result would depend on
    /// the clock.
    var signOfWork: StopCheck {
        let request = request
        return {
            _ = request()
            return nil
        }
    }

    /// Stops as the outside wants, else as `isOver` says.
    func stopCheck(orElse isOver: @escaping StopCheck) -> StopCheck {
        let request = request
        return {
            switch request() {
            case .stop: .userStop
            case .suspend: .suspension
            case nil: isOver()
            }
        }
    }
}

extension Duration {
    /// As a number of seconds.
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }

    /// A duration that a document gives, a century where it gives more: longer ones cannot all be counted.
    static func atMostCentury(seconds: Double) -> Duration { .seconds(min(seconds, 3.2e9)) }
}
