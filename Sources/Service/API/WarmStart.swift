// "warm_start": {"job": "job_…"}: a document takes the best point of an earlier job as its start, frozen when it comes in,
// so that it stays reproducible whatever becomes of that job.
import ExpressionLanguage
import JobQueue
import ProblemSpecification

/// A document whose starts are settled.
struct WarmStart {
    /// Without `warm_start`.
    let document: JSONValue
    /// Where the starts came from; nil for a document that did not ask.
    let origin: JSONValue?
    /// Which jobs single variables began at; nil where none did.
    let starts: JSONValue?

    private static let field = "warm_start"

    /// Settles the starts of a document.
    ///
    /// - Throws: ``APIError/validationFailed(_:)`` where there is nothing to start from; ``JobStoreError``.
    init(of given: JSONValue, in store: any JobStore, for caller: Caller) async throws {
        let starts = try await JobStarts(of: given, in: store, for: caller)
        let document = starts.document
        self.starts = starts.origin
        let isSettled = Set((starts.origin?.members ?? []).map(\.name))
        guard let wish = document[Self.field], let members = document.members else {
            self.document = document
            origin = nil
            return
        }
        let id = try Self.job(wish)
        let result = try await Self.result(of: id, in: store, for: caller, at: "/warm_start/job")
        var names: Set<String> = []
        let settled = try members.filter { $0.name != Self.field }.map { member in
            guard member.name == "problem" else { return member }
            return JSONMember(
                name: member.name, value: try Self.started(member.value, at: result, except: isSettled, &names))
        }
        guard !names.isEmpty else {
            let known = (result["variables"]?.members ?? []).map(\.name).joined(separator: ", ")
            throw Self.fault("no variable has a name of that job's: \(known)", .unknownName)
        }
        self.document = .object(settled)
        var origin = JSONObjectBuilder()
        origin.add("job", id.description)
        origin.add("variables", .array(names.sorted().map(JSONValue.string)))
        if let hash = result["result_sha256"] { origin.add("result_sha256", hash) }
        self.origin = origin.value
    }

    /// The payload with the origin of its starts told to readers.
    func noted(in payload: [UInt8]) -> [UInt8] {
        let news = [(Self.field, origin), (JobStarts.field, starts)].compactMap { name, value in
            value.map { JSONMember(name: name, value: $0) }
        }
        guard !news.isEmpty, let value = try? JSONParser.parse(payload), var noted = JobPayload(value) else {
            return payload
        }
        noted.origin = .object((noted.origin.members ?? []) + news)
        return JSONWriter.bytes(noted.json)
    }

    static func fault(
        _ message: String, _ code: DiagnosticCode, at pointer: String = "/warm_start/job", hint: String? = nil
    ) -> APIError {
        let diagnostic = Diagnostic(pointer: pointer, code: code, message: message, hint: hint)
        return .validationFailed([ValidationDocument.fault(diagnostic)])
    }

    private static func job(_ wish: JSONValue) throws(APIError) -> JobID {
        guard let members = wish.members, members.allSatisfy({ $0.name == "job" }), let text = wish["job"]?.text else {
            throw fault("wanted {\"job\": \"job_…\"}", .wrongType, at: "/warm_start")
        }
        guard let id = JobID(text) else { throw fault("there is no such job", .unknownName) }
        return id
    }

    /// The result of a job that has ended.
    ///
    /// - Throws: ``APIError/validationFailed(_:)`` with the fault at `pointer`.
    static func result(
        of id: JobID, in store: any JobStore, for caller: Caller, at pointer: String
    ) async throws -> JSONValue {
        let job: Job
        do {
            job = try await store.job(id)
        } catch JobStoreError.unknownJob {
            throw fault("there is no such job", .unknownName, at: pointer)
        }
        guard caller.sees(job) else { throw fault("there is no such job", .unknownName, at: pointer) }
        guard job.state.isFinal else {
            throw fault(
                "the job is \(job.state.rawValue) and has no best point yet", .unsupported, at: pointer,
                hint: "wait for its end, or stop it")
        }
        guard let bytes = try await store.result(of: id) else {
            throw fault("the job ended as \(job.state.rawValue), without a point", .unsupported, at: pointer)
        }
        return try JSONParser.parse(bytes)
    }

    /// The problem with the starts of every level's variables that the result names too.
    private static func started(
        _ problem: JSONValue, at result: JSONValue, except others: Set<String>, _ names: inout Set<String>
    ) throws(APIError) -> JSONValue {
        guard var members = problem.members, let index = members.firstIndex(where: { $0.name == "levels" }),
            let levels = members[index].value.elements
        else { return problem }
        var settled: [JSONValue] = []
        for level in levels { settled.append(try started(level: level, at: result, except: others, &names)) }
        members[index].value = .list(settled)
        return .object(members)
    }

    private static func started(
        level: JSONValue, at result: JSONValue, except settled: Set<String>, _ names: inout Set<String>
    ) throws(APIError) -> JSONValue {
        guard var members = level.members, let index = members.firstIndex(where: { $0.name == "variables" }),
            let variables = members[index].value.members
        else { return level }
        var started: [JSONMember] = []
        for variable in variables {
            guard !settled.contains(variable.name), let value = result["variables"]?[variable.name],
                let fields = variable.value.members
            else {
                started.append(variable)
                continue
            }
            guard NumericArray(value).values.allSatisfy({ !$0.isNaN }) else {
                throw fault("\(variable.name) is not finite there", .notFinite)
            }
            names.insert(variable.name)
            let others = fields.filter { $0.name != "start" }
            started.append(
                JSONMember(
                    name: variable.name, value: .object(others + [JSONMember(name: "start", value: value)])))
        }
        members[index].value = .object(started)
        return .object(members)
    }
}
