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
    /// Suspend after so many iterations, of all runs.
    package var suspendAfter: Int?
    /// Runs of the job that go on at once, at most; one at a time where it is to be suspended after some iteration.
    package var threads: Int

    package init(checkpoint: URL? = nil, resume: URL? = nil, suspendAfter: Int? = nil, threads: Int = 1) {
        self.checkpoint = checkpoint
        self.resume = resume
        self.suspendAfter = suspendAfter
        self.threads = threads
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
package struct SolveSession: Sendable {
    let job: AdmittedJob
    let options: SolveOptions
    let provenance: Provenance
    /// What the outside wants. Asked at every inner iteration.
    let request: @Sendable () -> StopRequest?
    /// Takes every event.
    let emit: @Sendable (ProgressEvent) -> Void

    package init(
        job: AdmittedJob, options: SolveOptions, provenance: Provenance,
        request: @escaping @Sendable () -> StopRequest?,
        emit: @escaping @Sendable (ProgressEvent) -> Void
    ) {
        self.job = job
        self.options = options
        self.provenance = provenance
        self.request = request
        self.emit = emit
    }

    /// Runs to the end, or until suspended.
    package func run() throws(SolveSessionError) -> SolveOutcome {
        let saved: SavedState? = if let file = options.resume { try read(file) } else { nil }
        var runner = JobRunner(job: job, provenance: provenance, request: request)
        runner.suspendAfter = options.suspendAfter
        runner.threads = options.threads
        runner.keepsStates = options.checkpoint != nil
        var log = EventLog(session: self, saved: saved)
        do {
            switch try runner.run(from: saved, observer: &log) {
            case .finished(let document, let termination):
                log.end(termination)
                return .finished(result: JSONDocument(value: document), isFinal: termination.isFinal)
            case .suspended(let iteration): return .suspended(iteration: iteration)
            case .nothingComputed: throw SolveSessionError.stoppedBeforeStart
            }
        } catch let error as SolveSessionError {
            throw error
        } catch let failure as DurableFile.Failure {
            let place = options.checkpoint.map { " to \($0.path)" } ?? ""
            throw .unwritableState("the state cannot be written\(place): \(failure.reason)")
        } catch {
            throw .unwritableState("the state cannot be written: \(error)")
        }
    }

    private func read(_ file: URL) throws(SolveSessionError) -> SavedState {
        let bytes: [UInt8]
        do {
            bytes = [UInt8](try Data(contentsOf: file))
        } catch {
            throw .unreadableState("\(file.path) cannot be read: \(FileFault.describe(error))")
        }
        do throws(StateArchiveError) {
            return try SavedState(bytes, of: job, identity: job.identity(provenance))
        } catch {
            throw .unreadableState("\(file.path) holds no state of this job: \(StateFault.describe(error))")
        }
    }
}

/// Numbers events. The number of an event depends on the iterations before it alone, so a resumed session goes on where
/// the suspended one ended.
private struct EventLog: RunObserver {
    let session: SolveSession
    let attempt: Int
    var seq: Int

    init(session: SolveSession, saved: SavedState?) {
        self.session = session
        seq = saved?.eventCount ?? 0
        attempt = saved == nil ? 1 : 2
    }

    /// The numbering is told by the events themselves.
    mutating func began(resumedFrom iteration: Int?) {}

    mutating func progress(
        _ point: ProgressPoint, of source: RunSource, incumbent: Incumbent, incumbentPoint: () -> [Double],
        elapsed: Double
    ) {
        let documents = EventDocument(source: source, iterates: session.job.document.progress.iterates)
        send(
            "progress", documents.progress(point, incumbent, elapsed: elapsed),
            line: LiveLine.text(point, member: source.member, elapsed: elapsed))
    }

    mutating func remark(_ text: String, iteration: Int, member: Int?) {
        send("warning", EventDocument.warning(text, iteration: iteration, member: member))
    }

    mutating func ended(member: Int, _ data: JSONValue) { send("member", data) }

    mutating func checkpoint(_ state: KeptState) throws {
        guard let file = session.options.checkpoint else { return }
        try DurableFile.write(state.archive(session.job.identity(session.provenance)), to: file)
    }

    mutating func end(_ termination: Termination) { send("end", EventDocument.end(termination)) }

    private mutating func send(_ type: String, _ data: JSONValue, line: String? = nil) {
        let event = EventDocument.envelope(seq: seq, type: type, time: Date(), attempt: attempt, data: data)
        session.emit(ProgressEvent(json: JSONWriter.string(event), line: line))
        seq += 1
    }
}

extension SavedState {
    /// Events told before it was kept.
    fileprivate var eventCount: Int {
        switch self {
        case .run(let state): return state.reported + state.remarks.count
        case .ensemble(let state):
            return state.members.reduce(0) { sum, member in
                sum + (member.run.map { $0.reported + $0.remarks.count } ?? 0) + (member.isOver ? 1 : 0)
            }
        }
    }
}

/// The live line of a terminal.
enum LiveLine {
    /// Member, iteration, objective, hypergradient norm, seconds.
    static func text(_ point: ProgressPoint, member: Int?, elapsed: Double) -> String {
        let objective = String(format: "%.9g", point.upperObjective)
        let norm = String(format: "%.3e", point.hypergradientNorm)
        let run = member.map { "member \($0)  " } ?? ""
        return run + "iteration \(point.iteration)  objective \(objective)  hypergradient \(norm)  "
            + String(format: "%.1f s", elapsed)
    }
}

extension Termination {
    /// Whether nothing more is to be had from running on: exit status 0.
    fileprivate var isFinal: Bool {
        switch self {
        case .converged, .stalled: true
        case .iterationLimit, .timeLimit, .oracleLimit, .userStop, .diverged, .infeasible: false
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
