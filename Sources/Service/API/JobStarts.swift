// "start": {"job": "job_…"}: a variable begins where the variable of its name ended in another job. As with warm starts, the
// numbers are put into the document when it comes in.
import ExpressionLanguage
import JobQueue
import ProblemSpecification

/// A document whose variables do not refer to jobs any more.
struct JobStarts {
    private(set) var document: JSONValue
    /// Which job each variable began at, with its hash; nil where there is none.
    var origin: JSONValue? { origins.isEmpty ? nil : .object(origins) }

    static let field = "starts"
    /// Jobs that one document may begin at: each costs the reading of a result.
    static let limit = 16

    private var origins: [JSONMember] = []
    private var results: [JobID: JSONValue] = [:]

    /// Settles the starts.
    ///
    /// - Throws: ``APIError/validationFailed(_:)`` for the first that there is nothing for; ``JobStoreError``.
    init(of document: JSONValue, in store: any JobStore, for caller: Caller) async throws {
        self.document = document
        let levels = document["problem"]?["levels"]?.elements ?? []
        guard levels.contains(where: { ($0["variables"]?.members ?? []).contains { Self.job($0.value) != nil } }) else {
            return
        }
        var settled: [JSONValue] = []
        for (index, level) in levels.enumerated() {
            let pointer = "/problem/levels/\(index)/variables"
            var variables: [JSONMember] = []
            for variable in level["variables"]?.members ?? [] {
                variables.append(try await settle(variable, below: pointer, in: store, for: caller))
            }
            settled.append(level["variables"] == nil ? level : level.replacing("variables", by: .object(variables)))
        }
        let problem = (document["problem"] ?? .null).replacing("levels", by: .list(settled))
        self.document = document.replacing("problem", by: problem)
    }

    /// What a variable's start names, where it names a job and nothing else; other forms are the decoder's to judge.
    static func job(_ variable: JSONValue) -> String? {
        guard let start = variable["start"], start.members?.count == 1 else { return nil }
        return start["job"]?.text
    }

    private mutating func settle(
        _ variable: JSONMember, below pointer: String, in store: any JobStore, for caller: Caller
    ) async throws -> JSONMember {
        guard let text = Self.job(variable.value) else { return variable }
        let place = JSONPointer.child(JSONPointer.child(pointer, variable.name), "start") + "/job"
        guard let id = JobID(text) else { throw WarmStart.fault("there is no such job", .unknownName, at: place) }
        let result = try await result(of: id, in: store, for: caller, at: place)
        guard let value = result["variables"]?[variable.name] else {
            let known = (result["variables"]?.members ?? []).map(\.name).joined(separator: ", ")
            throw WarmStart.fault("that job has no variable \(variable.name); it has \(known)", .unknownName, at: place)
        }
        guard NumericArray(value).values.allSatisfy({ !$0.isNaN }) else {
            throw WarmStart.fault("\(variable.name) is not finite there", .notFinite, at: place)
        }
        var origin = JSONObjectBuilder()
        origin.add("job", id.description)
        if let hash = result["result_sha256"] { origin.add("result_sha256", hash) }
        origins.append(JSONMember(name: variable.name, value: origin.value))
        return JSONMember(name: variable.name, value: variable.value.replacing("start", by: value))
    }

    private mutating func result(
        of id: JobID, in store: any JobStore, for caller: Caller, at place: String
    ) async throws -> JSONValue {
        if let known = results[id] { return known }
        guard results.count < Self.limit else {
            throw WarmStart.fault(
                "a document begins at the results of at most \(Self.limit) jobs", .limitExceeded, at: place)
        }
        let result = try await WarmStart.result(of: id, in: store, for: caller, at: place)
        results[id] = result
        return result
    }
}

extension JSONValue {
    /// The object with another value for a member that it has.
    fileprivate func replacing(_ name: String, by value: JSONValue) -> JSONValue {
        .object((members ?? []).map { $0.name == name ? JSONMember(name: name, value: value) : $0 })
    }
}
