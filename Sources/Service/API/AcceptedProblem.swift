// GET /v1/jobs/{id}/problem: what was accepted, with every default said, and what else it takes to do it again.
import JobQueue
import ProblemSpecification

/// Composes accepted problems.
enum AcceptedProblem {
    /// The document with its defaults, hashes of data sets, settled method, version of the program.
    static func compose(_ payload: JobPayload, of id: JobID) -> JSONValue {
        var answer = JSONObjectBuilder()
        answer.add("job", id.description)
        answer.add("document", filled(payload.document, with: defaults))
        answer.add(
            "datasets",
            .object(
                payload.datasets.sorted { $0.key < $1.key }.map { JSONMember(name: $0.key, value: .string($0.value)) }))
        for member in payload.origin.members ?? [] { answer.add(member.name, member.value) }
        return answer.value
    }

    /// What a document that says nothing but its problem means.
    private static var defaults: JSONValue {
        var limits = JSONObjectBuilder()
        limits.add("iterations", Limits().iterations)
        var progress = JSONObjectBuilder()
        progress.add("iterates", ProgressRequest().iterates.rawValue)
        var checkpoint = JSONObjectBuilder()
        checkpoint.add("every_seconds", CheckpointRequest().everySeconds)
        var retry = JSONObjectBuilder()
        retry.add("max_attempts", Queueing().maxAttempts)
        var document = JSONObjectBuilder()
        document.add("method", "auto")
        document.add("limits", limits)
        document.add("tolerances", JSONObjectBuilder())
        document.add("seed", 0)
        document.add("progress", progress)
        document.add("checkpoint", checkpoint)
        document.add("priority", 0)
        document.add("labels", JSONObjectBuilder())
        document.add("retry", retry)
        return document.value
    }

    /// The object with the members of `defaults` that it lacks, at every depth.
    private static func filled(_ value: JSONValue, with defaults: JSONValue) -> JSONValue {
        guard let members = value.members, let known = defaults.members else { return value }
        let present = members.map { member in
            JSONMember(
                name: member.name, value: defaults[member.name].map { filled(member.value, with: $0) } ?? member.value)
        }
        return .object(present + known.filter { value[$0.name] == nil })
    }
}
