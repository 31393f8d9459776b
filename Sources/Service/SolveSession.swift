// One `solve`: runs a job to its end, reports progress, writes and reads states.
import Foundation
import MultilevelOptimization
import ProblemSpecification

/// What a session should do besides solving.
package struct SolveOptions: Sendable {
    /// Where the state is written, now and then and when the session is suspended.
    package var checkpoint: URL?
    /// A written state to continue from.
    package var resume: URL?
    /// Suspend after this iteration.
    package var suspendAfter: Int?

    package init(checkpoint: URL? = nil, resume: URL? = nil, suspendAfter: Int? = nil) {
        self.checkpoint = checkpoint
        self.resume = resume
        self.suspendAfter = suspendAfter
    }
}

/// How a session ended.
package enum SolveOutcome: Sendable {
    /// - Parameter isFinal: whether the run converged, or can make no further progress.
    case finished(result: JSONDocument, isFinal: Bool)
    /// The state has been written; the session can be continued.
    case suspended(iteration: Int)
}

/// Why a session could not begin or go on.
package enum SolveSessionError: Error {
    case unreadableState(String)
    case unwritableState(String)
    /// A limit or a request came before there was a point or a state to keep.
    case stoppedBeforeStart
}

/// Runs one admitted job in this process.
package struct SolveSession {
    let job: AdmittedJob
    let options: SolveOptions
    let provenance: Provenance
    /// What the outside wants. Asked at every inner iteration.
    let request: () -> StopRequest?
    /// Takes every event.
    let emit: (ProgressEvent) -> Void

    package init(
        job: AdmittedJob, options: SolveOptions, provenance: Provenance, request: @escaping () -> StopRequest?,
        emit: @escaping (ProgressEvent) -> Void
    ) {
        self.job = job
        self.options = options
        self.provenance = provenance
        self.request = request
        self.emit = emit
    }

    /// Runs to the end, or until suspended.
    package func run() throws(SolveSessionError) -> SolveOutcome {
        let clock = ContinuousClock()
        let began = clock.now
        let stop = stopCheck(clock, began)
        var log = EventLog(session: self, clock: clock, began: began)
        guard let run = try begin(stop, &log) else { throw .stoppedBeforeStart }
        let compiled = clock.now
        var lastCheckpoint = clock.now
        while true {
            if let limit = options.suspendAfter, run.state.iteration >= limit, run.state.termination == nil {
                return try suspend(run)
            }
            let event = run.advance(upTo: options.suspendAfter)
            log.remarks(run.state)
            switch event {
            case .progress(let point): log.progress(point)
            case .silent: break
            case .suspended: return try suspend(run)
            case .ended(let termination):
                return finish(run, termination, log: &log, compile: compiled - began, solve: clock.now - compiled)
            }
            if options.checkpoint != nil, clock.now - lastCheckpoint >= checkpointInterval {
                try write(run)
                lastCheckpoint = clock.now
            }
        }
    }

    private var checkpointInterval: Duration { .seconds(job.document.checkpoint.everySeconds) }

    private func stopCheck(_ clock: ContinuousClock, _ began: ContinuousClock.Instant) -> StopCheck {
        let request = request
        let deadline = job.document.limits.timeSeconds.map { began + .seconds($0) }
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

    // MARK: - Beginning

    private func begin(_ stop: @escaping StopCheck, _ log: inout EventLog) throws(SolveSessionError) -> SolverRun? {
        if let file = options.resume {
            let state = try read(file)
            log.resume(state)
            return SolverRun.resume(
                state, job.built.problem, job.method, limits: job.limits, seed: job.document.seed, stop: stop)
        }
        guard
            let (run, start) = SolverRun.begin(
                job.built.problem, job.method, limits: job.limits, seed: job.document.seed, stop: stop)
        else { return nil }
        log.progress(start)
        return run
    }

    private func read(_ file: URL) throws(SolveSessionError) -> SolverState {
        let bytes: [UInt8]
        do {
            bytes = [UInt8](try Data(contentsOf: file))
        } catch {
            throw .unreadableState("\(file.path) cannot be read: \(FileFault.describe(error))")
        }
        do throws(StateArchiveError) {
            return try SolverState(archive: bytes, identity: job.identity)
        } catch {
            throw .unreadableState("\(file.path) holds no state of this job: \(StateFault.describe(error))")
        }
    }

    // MARK: - Ending

    private func suspend(_ run: SolverRun) throws(SolveSessionError) -> SolveOutcome {
        try write(run)
        return .suspended(iteration: run.state.iteration)
    }

    private func write(_ run: SolverRun) throws(SolveSessionError) {
        guard let file = options.checkpoint else { return }
        do {
            try DurableFile.write(run.state.archive(identity: job.identity), to: file)
        } catch {
            throw .unwritableState("the state cannot be written to \(file.path): \(error.reason)")
        }
    }

    private func finish(
        _ run: SolverRun, _ termination: Termination, log: inout EventLog, compile: Duration, solve: Duration
    ) -> SolveOutcome {
        let result = run.finish()
        log.remarks(run.state)
        log.end(termination)
        let timings = Timings(queued: nil, compile: compile.seconds, solve: solve.seconds)
        let document = ResultDocument.compose(result, run: run, timings: timings, provenance: provenance)
        return .finished(result: JSONDocument(value: document), isFinal: termination.isFinal)
    }
}

extension Duration {
    /// As a number of seconds.
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

/// Numbers events. The number of an event depends on the iterations before it alone, so a resumed session goes on where
/// the suspended one ended.
private struct EventLog {
    let session: SolveSession
    let clock: ContinuousClock
    let began: ContinuousClock.Instant
    var documents: EventDocument
    var seq = 0
    var remarksTold = 0

    init(session: SolveSession, clock: ContinuousClock, began: ContinuousClock.Instant) {
        self.session = session
        self.clock = clock
        self.began = began
        documents = EventDocument(
            problem: session.job.built.problem, iterates: session.job.document.progress.iterates, attempt: 1)
    }

    mutating func resume(_ state: SolverState) {
        seq = state.reported + state.remarks.count
        remarksTold = state.remarks.count
        documents = EventDocument(
            problem: session.job.built.problem, iterates: session.job.document.progress.iterates, attempt: 2)
    }

    mutating func progress(_ point: ProgressPoint) {
        let elapsed = (clock.now - began).seconds
        send("progress", documents.progress(point, elapsed: elapsed), line: LiveLine.text(point, elapsed: elapsed))
    }

    mutating func remarks(_ state: SolverState) {
        for remark in state.remarks[min(remarksTold, state.remarks.count)...] {
            send("warning", EventDocument.warning(remark))
        }
        remarksTold = state.remarks.count
    }

    mutating func end(_ termination: Termination) { send("end", EventDocument.end(termination)) }

    private mutating func send(_ type: String, _ data: JSONValue, line: String? = nil) {
        let event = documents.envelope(seq: seq, type: type, time: Date(), data: data)
        session.emit(ProgressEvent(json: JSONWriter.string(event), line: line))
        seq += 1
    }
}

/// The live line of a terminal.
enum LiveLine {
    /// Iteration, objective, hypergradient norm, seconds.
    static func text(_ point: ProgressPoint, elapsed: Double) -> String {
        let objective = String(format: "%.9g", point.upperObjective)
        let norm = String(format: "%.3e", point.hypergradientNorm)
        return "iteration \(point.iteration)  objective \(objective)  hypergradient \(norm)  "
            + String(format: "%.1f s", elapsed)
    }
}

extension Termination {
    /// Whether nothing more is to be had from running on: exit status 0.
    fileprivate var isFinal: Bool {
        switch self {
        case .converged, .stalled: true
        case .iterationLimit, .timeLimit, .oracleLimit, .userStop, .diverged: false
        }
    }
}

/// Words for states that cannot be read.
enum StateFault {
    static func describe(_ error: StateArchiveError) -> String {
        switch error {
        case .notAState: "it is not a solver's state"
        case .unsupportedVersion(let found, let supported): "it has version \(found), this program reads \(supported)"
        case .checksumMismatch: "its checksum does not match"
        case .truncated: "it is cut short"
        case .invalidField(let field): "its \(field) makes no sense"
        case .otherProblem: "it belongs to another document or method"
        }
    }
}
