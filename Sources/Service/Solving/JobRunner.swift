// Runs an admitted job to its end or until it is suspended, wherever that is: the command line and the worker process
// differ only in where reports and states go.
import Foundation
import MultilevelOptimization
import ProblemSpecification

/// Takes what a run reports.
package protocol RunObserver {
    /// The run begins, or continues after `iteration`.
    mutating func began(resumedFrom iteration: Int?)
    /// - Parameter incumbentPoint: the upper variables of `incumbent`.
    mutating func progress(
        _ point: ProgressPoint, incumbent: Incumbent, incumbentPoint: () -> [Double], elapsed: Double)
    /// Something that makes the numbers less than they should be; `iteration` is where it was noticed.
    mutating func remark(_ text: String, iteration: Int)
    /// A state to be kept. May fail; the run then ends.
    mutating func checkpoint(_ state: SolverState) throws
}

/// How a run ended.
package enum RunnerOutcome {
    /// - Parameter document: the result document.
    case finished(document: JSONValue, Termination)
    /// The process wants to end. The state has been handed to the observer.
    case suspended(iteration: Int)
    /// Stopped before the start was evaluated: there is nothing to keep.
    case nothingComputed
}

/// Runs one job.
package struct JobRunner {
    let job: AdmittedJob
    let provenance: Provenance
    /// What the outside wants. Asked at every inner iteration.
    let request: () -> StopRequest?
    /// Seconds spent by earlier attempts; they count towards the time limit.
    var elapsedBefore = 0.0
    /// Suspend after this iteration.
    var suspendAfter: Int?
    /// Whether states are kept now and then.
    var keepsStates = false
    /// The job's id, for its result.
    var name: String?

    /// Runs from the start, or from a state.
    package func run(from saved: SolverState?, observer: inout some RunObserver) throws -> RunnerOutcome {
        let clock = ContinuousClock()
        let began = clock.now
        let stop = stopCheck(clock, began)
        let stopwatch: Stopwatch = { (clock.now - began).seconds }
        func elapsed() -> Double { elapsedBefore + (clock.now - began).seconds }
        let run: SolverRun
        var remarksTold = 0
        if let saved {
            observer.began(resumedFrom: saved.iteration)
            run = .resume(
                saved, job.built.problem, job.method, limits: job.limits, seed: job.document.seed,
                stopwatch: stopwatch, stop: stop)
            remarksTold = saved.remarks.count
        } else {
            observer.began(resumedFrom: nil)
            guard
                let start = SolverRun.begin(
                    job.built.problem, job.method, limits: job.limits, seed: job.document.seed, stopwatch: stopwatch,
                    stop: stop)
            else { return .nothingComputed }
            run = start.run
            observer.progress(
                start.start, incumbent: run.incumbent, incumbentPoint: { run.incumbentPoint }, elapsed: elapsed())
        }
        let ready = clock.now
        var lastKept = clock.now
        while true {
            if let limit = suspendAfter, run.state.iteration >= limit, run.state.termination == nil {
                return try suspend(run, &observer)
            }
            let event = run.advance(upTo: suspendAfter)
            for remark in run.state.remarks[remarksTold...] {
                observer.remark(remark, iteration: run.state.iteration)
            }
            remarksTold = run.state.remarks.count
            switch event {
            case .progress(let point):
                observer.progress(
                    point, incumbent: run.incumbent, incumbentPoint: { run.incumbentPoint }, elapsed: elapsed())
            case .silent: break
            case .suspended: return try suspend(run, &observer)
            case .ended(let termination):
                let timings = Timings(
                    queued: nil, compile: (ready - began).seconds, solve: elapsedBefore + (clock.now - ready).seconds)
                return .finished(document: finish(run, timings), termination)
            }
            if keepsStates, clock.now - lastKept >= .atMostCentury(seconds: job.document.checkpoint.everySeconds) {
                try observer.checkpoint(run.state)
                lastKept = clock.now
            }
        }
    }

    private func suspend(_ run: SolverRun, _ observer: inout some RunObserver) throws -> RunnerOutcome {
        try observer.checkpoint(run.state)
        return .suspended(iteration: run.state.iteration)
    }

    private func finish(_ run: SolverRun, _ timings: Timings) -> JSONValue {
        ResultDocument.compose(run.finish(), run: run, timings: timings, provenance: provenance, job: name)
    }

    private func stopCheck(_ clock: ContinuousClock, _ began: ContinuousClock.Instant) -> StopCheck {
        let request = request
        let deadline = job.document.limits.timeSeconds.map { limit in
            began + .atMostCentury(seconds: max(0, limit - elapsedBefore))
        }
        return {
            switch request() {
            case .stop: return .userStop
            case .suspend: return .suspension
            case nil: break
            }
            if let deadline, clock.now >= deadline { return .timeLimit }
            return nil
        }
    }
}

extension Duration {
    /// As a number of seconds.
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }

    /// A duration that a document gives, a century where it gives more: longer ones cannot all be counted.
    static func atMostCentury(seconds: Double) -> Duration { .seconds(min(seconds, 3.2e9)) }
}
