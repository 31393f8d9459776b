// Job document: JSON value → ``ProblemDocument``, every fault of the document's form at once.

import ExpressionLanguage
import MultilevelOptimization

/// Decodes job documents.
package enum DocumentDecoder {
    /// Decodes a whole document. Formulas are kept as text; nothing they name is looked up.
    ///
    /// - Parameters:
    ///   - value: the document, from ``JSONParser`` or ``YAMLReader``.
    ///   - diagnostics: receives every fault, each with its JSON pointer.
    /// - Returns: nil when this call reported an error.
    package static func decode(_ value: JSONValue, into diagnostics: inout Diagnostics) -> ProblemDocument? {
        let errorsBefore = diagnostics.errorCount
        let document = decodePartially(value, into: &diagnostics)
        return diagnostics.errorCount == errorsBefore ? document : nil
    }

    /// Decodes what can be decoded, for a look at the formulas of a document that has other faults: parts with a fault
    /// are missing or have their defaults, and names that they leave without a meaning stand in ``Problem/unreadable``.
    ///
    /// - Returns: nil when no problem is left.
    package static func decodePartially(
        _ value: JSONValue, into diagnostics: inout Diagnostics
    ) -> ProblemDocument? {
        var reader = DocumentReader(diagnostics: diagnostics)
        let document = reader.document(Field(value: value, pointer: ""))
        diagnostics = reader.diagnostics
        return document
    }

    /// Decodes the member `limits` of a document alone, and what it says to the queue.
    ///
    /// - Returns: nil when this call reported an error.
    package static func decodeLimits(
        _ value: JSONValue, into diagnostics: inout Diagnostics
    ) -> (limits: Limits, queueSeconds: Double?)? {
        var reader = DocumentReader(diagnostics: diagnostics)
        var queueing = Queueing()
        let limits = reader.limits(Field(value: value, pointer: "/limits"), &queueing)
        let isSound = reader.diagnostics.errorCount == diagnostics.errorCount
        diagnostics = reader.diagnostics
        return isSound ? (limits, queueing.queueSeconds) : nil
    }
}

extension ProblemDocument {
    /// The names of its fields.
    static let fields = [
        "problem", "method", "limits", "tolerances", "seed", "progress", "checkpoint", "priority", "labels",
        "ttl_seconds", "retry", "webhook", "expressions", "sweep", "restarts",
    ]
}

extension DocumentReader {
    mutating func document(_ field: Field) -> ProblemDocument? {
        let top = fields(
            field, wanted: "a job document", known: ProblemDocument.fields, unsupported: ["warm_start"])
        guard let top else { return nil }
        let problem = problem(top["problem"])
        if top["problem"] == nil { fault("", .missingField, "the document has no \"problem\"") }
        let method = method(top["method"])
        var queueing = Queueing()
        let limits = limits(top["limits"], &queueing)
        let tolerances = tolerances(top["tolerances"])
        let seed = seed(top["seed"]) ?? 0
        let progress = progress(top["progress"])
        let checkpoint = checkpoint(top["checkpoint"])
        let labels = labels(top["labels"])
        let priority = whole(top["priority"], in: 0...9)
        let expressions = expressions(top["expressions"])
        let ensemble = ensemble(top, of: field.value)
        readServiceFields(of: top, &queueing)
        guard let problem else { return nil }
        return ProblemDocument(
            problem: problem, method: method, limits: limits, tolerances: tolerances, seed: seed, progress: progress,
            checkpoint: checkpoint, labels: labels, priority: priority, queueing: queueing,
            expressions: expressions, ensemble: ensemble)
    }

    /// Expressions that one report describes, at the most.
    private static let expressionLimit = 100

    private mutating func expressions(_ field: Field?) -> [String] {
        let formulas = strings(field, wanted: "a list of formulas") ?? []
        guard formulas.count <= Self.expressionLimit else {
            fault(
                "/expressions", .limitExceeded,
                "a report describes at most \(Self.expressionLimit) expressions, came \(formulas.count)")
            return []
        }
        return formulas
    }

    fileprivate mutating func limits(_ field: Field?, _ queueing: inout Queueing) -> Limits {
        var limits = Limits()
        let known = ["time_seconds", "iterations", "oracle_calls", "memory_bytes", "queue_seconds"]
        guard let fields = fields(field, wanted: "an object of limits", known: known) else { return limits }
        limits.timeSeconds = positive(fields["time_seconds"])
        limits.iterations = whole(fields["iterations"], in: 0...Int.max) ?? limits.iterations
        if case .object = fields["oracle_calls"]?.value {
            limits.oracleKinds = oracleKinds(fields["oracle_calls"])
        } else {
            limits.oracleCalls = whole(fields["oracle_calls"], in: 1...Int.max)
        }
        limits.memoryBytes = whole(fields["memory_bytes"], in: 1...Int.max)
        queueing.queueSeconds = positive(fields["queue_seconds"])
        return limits
    }

    private mutating func oracleKinds(_ field: Field?) -> [OracleKind: Int] {
        let known = OracleKind.allCases.map(\.rawValue)
        guard let field, let fields = fields(field, wanted: "calls by kind", known: known) else { return [:] }
        var kinds: [OracleKind: Int] = [:]
        for kind in OracleKind.allCases { kinds[kind] = whole(fields[kind.rawValue], in: 1...Int.max) }
        return kinds
    }

    private mutating func tolerances(_ field: Field?) -> Tolerances {
        let known = ["hypergradient", "lower", "linear"]
        guard let fields = fields(field, wanted: "an object of tolerances", known: known) else { return Tolerances() }
        return Tolerances(
            hypergradient: nonnegative(fields["hypergradient"]), lower: nonnegative(fields["lower"]),
            linear: nonnegative(fields["linear"]))
    }

    private mutating func progress(_ field: Field?) -> ProgressRequest {
        var progress = ProgressRequest()
        let known = ["every", "min_interval_ms", "iterates"]
        guard let fields = fields(field, wanted: "an object", known: known) else { return progress }
        progress.every = whole(fields["every"], in: 1...Int.max) ?? progress.every
        progress.minIntervalMilliseconds = whole(fields["min_interval_ms"], in: 0...Int.max)
        progress.iterates = word(fields["iterates"], as: ProgressRequest.Iterates.self) ?? progress.iterates
        return progress
    }

    private mutating func checkpoint(_ field: Field?) -> CheckpointRequest {
        var checkpoint = CheckpointRequest()
        guard let fields = fields(field, wanted: "an object", known: ["every_seconds"]) else { return checkpoint }
        checkpoint.everySeconds = positive(fields["every_seconds"]) ?? checkpoint.everySeconds
        return checkpoint
    }

    /// Labels of one job, at the most.
    private static let labelLimit = 64

    private mutating func labels(_ field: Field?) -> [Label] {
        var labels: [Label] = []
        for (name, field) in map(field, wanted: "an object of strings")?.entries ?? [] {
            guard let value = string(field) else { continue }
            if let wrong = LabelRule.fault(name: name, value: value) { fault(field.pointer, .outOfRange, wrong) }
            labels.append(Label(name: name, value: value))
        }
        guard labels.count <= Self.labelLimit else {
            fault("/labels", .limitExceeded, "a job has at most \(Self.labelLimit) labels, came \(labels.count)")
            return []
        }
        return labels
    }

    /// Fields that only the service reads.
    private mutating func readServiceFields(of top: Fields, _ queueing: inout Queueing) {
        queueing.keptSeconds = positive(top["ttl_seconds"])
        if let retry = fields(top["retry"], wanted: "an object", known: ["max_attempts"]) {
            queueing.maxAttempts = whole(retry["max_attempts"], in: 1...100) ?? queueing.maxAttempts
        }
        guard let webhook = fields(top["webhook"], wanted: "an object", known: ["url", "events"]) else { return }
        if webhook["url"] == nil { fault(webhook.pointer, .missingField, "a webhook has a \"url\"") }
        _ = string(webhook["url"])
        _ = strings(webhook["events"], wanted: "a list of event types")
    }

    /// A list of strings; nil, with faults, when it is none or an element is none.
    mutating func strings(_ field: Field?, wanted: String) -> [String]? {
        guard let field else { return nil }
        guard let elements = field.value.elements else {
            wrongType(field, wanted: wanted)
            return nil
        }
        var strings: [String] = []
        for (index, element) in elements.enumerated() {
            let place = Field(value: element, pointer: JSONPointer.child(field.pointer, index))
            if let text = string(place) { strings.append(text) }
        }
        return strings.count == elements.count ? strings : nil
    }
}
