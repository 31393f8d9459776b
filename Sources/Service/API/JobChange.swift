// A change of a job as JSON merge patch (RFC 7396): members that are there replace, null takes back, objects are merged.
import ExpressionLanguage
import JobQueue
import ProblemSpecification

/// What a caller wants changed.
struct JobChangeRequest {
    private let source: JSONValue

    private static let known = ["priority", "labels", "limits", "ttl_seconds"]

    /// - Throws: ``APIError/validationFailed(_:)`` for anything but an object of what can be changed.
    init(_ source: JSONValue) throws(APIError) {
        guard let members = source.members else { throw Self.fault("", .wrongType, "wanted an object") }
        let unknown = members.filter { !Self.known.contains($0.name) }.map { member in
            let near = Suggestions.nearest(to: member.name, among: Self.known).map { "did you mean \"\($0)\"?" }
            return Diagnostic(
                pointer: JSONPointer.child("", member.name), code: .unknownField,
                message: "what can be changed is \(Self.known.joined(separator: ", "))", hint: near)
        }
        guard unknown.isEmpty else { throw .validationFailed(unknown.map(ValidationDocument.fault)) }
        self.source = source
    }

    /// The change as it applies to `job`.
    func patch(of job: Job) throws(APIError) -> JobPatch {
        var patch = JobPatch()
        patch.priority = try priority()
        patch.labels = try labels(job)
        patch.timeToLive = try timeToLive()
        try setLimits(of: job, &patch)
        return patch
    }

    private static func fault(_ pointer: String, _ code: DiagnosticCode, _ message: String) -> APIError {
        .validationFailed([ValidationDocument.fault(Diagnostic(pointer: pointer, code: code, message: message))])
    }

    private func priority() throws(APIError) -> Int? {
        switch source["priority"] {
        case nil: return nil
        case .null?: return 0
        case .integer(let value)? where JobLimits.priorities.contains(value): return value
        case .some: throw Self.fault("/priority", .outOfRange, "wanted a whole number from 0 to 9")
        }
    }

    private func labels(_ job: Job) throws(APIError) -> [String: String]? {
        guard let change = source["labels"] else { return nil }
        if change == .null { return [:] }
        guard let members = change.members else {
            throw Self.fault("/labels", .wrongType, "wanted an object of strings")
        }
        var labels = job.labels
        for member in members {
            guard member.value == .null || member.value.text != nil else {
                throw Self.fault(JSONPointer.child("/labels", member.name), .wrongType, "wanted a string, or null")
            }
            if let wrong = LabelRule.fault(name: member.name, value: member.value.text) {
                throw Self.fault(JSONPointer.child("/labels", member.name), .outOfRange, wrong)
            }
            labels[member.name] = member.value.text
        }
        guard JobLimits.labels.contains(labels.count) else {
            throw Self.fault("/labels", .limitExceeded, "a job has at most \(JobLimits.labels.upperBound) labels")
        }
        return labels
    }

    private func timeToLive() throws(APIError) -> TimeBound? {
        switch source["ttl_seconds"] {
        case nil: return nil
        case .null?: return .unbounded
        case .some(let value):
            guard let seconds = value.double, seconds > 0 else {
                throw Self.fault("/ttl_seconds", .outOfRange, "wanted a positive number, or null")
            }
            return .within(.atMostCentury(seconds: seconds))
        }
    }

    private func setLimits(of job: Job, _ patch: inout JobPatch) throws(APIError) {
        guard let change = source["limits"] else { return }
        let present = (try? JSONParser.parse(job.limits)) ?? .object([])
        let merged = change == .null ? .object([]) : Self.merged(present, change)
        var diagnostics = Diagnostics()
        guard let decoded = DocumentDecoder.decodeLimits(merged, into: &diagnostics) else {
            throw .validationFailed(diagnostics.kept.map(ValidationDocument.fault))
        }
        patch.limits = JSONWriter.bytes(merged, style: .canonical)
        patch.queueTime = decoded.queueSeconds.map { .within(.atMostCentury(seconds: $0)) } ?? .unbounded
    }

    /// RFC 7396 §2.
    private static func merged(_ target: JSONValue, _ patch: JSONValue) -> JSONValue {
        guard let changes = patch.members else { return patch }
        var members = target.members ?? []
        for change in changes {
            let index = members.firstIndex { $0.name == change.name }
            if change.value == .null {
                if let index { members.remove(at: index) }
            } else if let index {
                members[index].value = merged(members[index].value, change.value)
            } else {
                members.append(JSONMember(name: change.name, value: merged(.object([]), change.value)))
            }
        }
        return .object(members)
    }
}
