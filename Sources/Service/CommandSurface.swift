// The part of Service that the command line speaks to, in words that need no other module: text, requests, documents.
import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification

/// A JSON document to print.
package struct JSONDocument: Sendable {
    let value: JSONValue

    /// Two spaces a level, arrays of numbers on one line.
    package var pretty: String { JSONWriter.string(value, style: .pretty) }

    /// Every method of this version, as `GET /v1/methods` lists them.
    package static var methods: JSONDocument { JSONDocument(value: MethodCatalogue.document) }
}

/// One event of a run.
package struct ProgressEvent: Sendable {
    /// The event as one line of JSON.
    package let json: String
    /// What a live line shows of it; `nil` for events without a point.
    package let line: String?
}

/// What the outside wants of a running session.
package enum StopRequest: Sendable {
    /// End with the best point so far.
    case stop
    /// Write the state and end.
    case suspend
}

/// Validates admitted jobs.
package enum Validation {
    /// Measures at the start and composes the report.
    package static func report(_ job: AdmittedJob) -> JSONDocument {
        var budget = MeasurementBudget()
        let room = (job.document.limits.memoryBytes ?? .max) - job.price.totalBytes
        budget.memoryBytes = min(budget.memoryBytes, max(room, 0))
        let report = StartReport(job.built.problem, seed: job.document.seed, budget: budget, stop: { nil })
        return JSONDocument(value: ValidationDocument.compose(job, report))
    }

    /// The programs that the job's method compiles, step by step, with what they cost.
    package static func plan(_ job: AdmittedJob) -> String { MethodPlan(job.built.problem, job.method).text }
}

extension AdmittedJob {
    /// The document's warnings as a terminal shows them; empty when there are none.
    package var warningText: String { warnings.rendered }
}

extension DocumentLoadError {
    /// The faults as a terminal shows them.
    package var text: String {
        switch self {
        case .unreadable(let reason): "error: \(reason)"
        case .faults(let diagnostics): diagnostics.rendered
        }
    }

    /// The faults as a validation report; `nil` when there was no document to report on.
    package var report: JSONDocument? {
        switch self {
        case .unreadable: nil
        case .faults(let diagnostics): JSONDocument(value: ValidationDocument.refuse(diagnostics))
        }
    }
}

extension SolveSessionError {
    /// A sentence.
    package var message: String {
        switch self {
        case .unreadableState(let reason), .unwritableState(let reason): reason
        case .stoppedBeforeStart: "the run was stopped before its start was evaluated; there is no point to keep"
        }
    }

    /// Whether the request was at fault, and not the moment.
    package var isRefusal: Bool {
        switch self {
        case .unreadableState, .unwritableState: true
        case .stoppedBeforeStart: false
        }
    }
}

extension KernelEnvironment {
    /// Where the results of a job come from.
    package static func provenance(for job: AdmittedJob) -> Provenance {
        provenance(documentSHA256: job.documentSHA256, precision: job.built.problem.precision)
    }
}
