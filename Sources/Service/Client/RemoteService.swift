// A service somewhere, as `submit`, `list`, `result`, `stop` and `cancel` speak to it.
import Foundation
import HTTP1
import HTTPClient
import ProblemSpecification
import Sockets

/// Which service, and who asks.
package struct RemoteSettings: Sendable {
    /// An `http` or `https` URL; paths are appended to its own.
    package var server: String
    /// Sent as a bearer token.
    package var key: String?
    /// A PEM file of roots for `https`; those of the system unless given.
    package var authorities: String?

    package init(server: String, key: String? = nil, authorities: String? = nil) {
        self.server = server
        self.key = key
        self.authorities = authorities
    }
}

/// Asks a service.
package struct RemoteService: Sendable {
    let client: Client
    let base: HTTPURL
    private let key: String?

    /// Tries of a submission whose connection breaks. Its idempotency key makes one job of them.
    private static let tries = 4

    /// - Throws: ``RemoteError/badSettings(_:)``.
    package init(_ settings: RemoteSettings) throws(RemoteError) {
        guard let base = HTTPURL(settings.server) else {
            throw .badSettings("--server wants a URL as http://127.0.0.1:8080, came '\(settings.server)'")
        }
        if let key = settings.key, !key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            throw .badSettings("STACKELBERG_KEY holds characters that no key has")
        }
        self.base = base
        key = settings.key
        var configuration = ClientConfiguration()
        if let file = settings.authorities { configuration.trust = .authorities(file) }
        do throws(ClientError) {
            client = try Client(configuration)
        } catch {
            throw .badSettings("\(error)")
        }
    }

    // MARK: Jobs

    /// Posts a document.
    ///
    /// - Parameter document: JSON.
    /// - Returns: the job's id.
    package func submit(_ document: JSONDocument) throws(RemoteError) -> String {
        let fields = [("Content-Type", "application/json"), ("Idempotency-Key", UUID().uuidString)]
        let content = JSONWriter.bytes(document.value)
        var backoff = Backoff()
        while true {
            do throws(RemoteError) {
                let answer = try ask(.post, "/v1/jobs", fields: fields, content: content)
                guard let id = answer["id"]?.text else { throw .unexpected("the service named no job") }
                return id
            } catch {
                guard case .unreachable(_, .interrupted) = error, backoff.count + 1 < Self.tries else { throw error }
                Thread.sleep(forTimeInterval: backoff.next())
            }
        }
    }

    /// The newest jobs.
    ///
    /// - Parameters:
    ///   - states: only jobs in one of these; all when empty.
    ///   - labels: each `name:value`; only jobs with all of them.
    package func list(states: [String], labels: [String], limit: Int) throws(RemoteError) -> JobTable {
        let query =
            ["limit=\(limit)"] + states.map { "state=\(QueryText.escaped($0))" }
            + labels.map { "label=\(QueryText.escaped($0))" }
        return JobTable(page: try ask(.get, "/v1/jobs?" + query.joined(separator: "&")))
    }

    /// The job as the service shows it.
    func job(_ id: String) throws(RemoteError) -> JSONValue { try ask(.get, Self.path(id)) }

    /// Asks for the end of a job.
    ///
    /// - Parameter keepsBest: stops, which keeps the best point; else cancels.
    /// - Returns: the state that it is in now.
    package func end(_ id: String, keepsBest: Bool) throws(RemoteError) -> String {
        let job = try ask(.post, Self.path(id, keepsBest ? "stop" : "cancel"))
        guard let state = job["state"]?.text else { throw .unexpected("the service told no state") }
        return state
    }

    /// The result of a job.
    ///
    /// - Parameters:
    ///   - isPartial: the best so far will do, of a job that has not succeeded.
    ///   - waits: until the job has ended.
    package func result(_ id: String, isPartial: Bool, waits: Bool) throws(RemoteError) -> RemoteResult {
        // A point on the way would be an answer at once: who waits asks for it only of a job that has ended.
        var takesPartial = isPartial && !waits
        while true {
            do throws(RemoteError) {
                let query = "arrays=inline" + (takesPartial ? "&partial=true" : "") + (waits ? "&wait=30" : "")
                return RemoteResult(document: try ask(.get, Self.path(id, "result?") + query))
            } catch {
                if waits, error.isNotReady { continue }
                guard isPartial, !takesPartial, error.isOutcome else { throw error }
                takesPartial = true
            }
        }
    }

    // MARK: Requests

    /// The path of a job; whatever a person typed for its id stays one segment.
    static func path(_ id: String, _ part: String = "") -> String {
        "/v1/jobs/\(QueryText.escaped(id))" + (part.isEmpty ? "" : "/\(part)")
    }

    /// Sends a request and reads a document.
    func ask(
        _ method: RequestMethod, _ target: String, fields: [(String, String)] = [], content: [UInt8]? = nil
    ) throws(RemoteError) -> JSONValue {
        let answer = try send(method, target, fields: fields, content: content)
        do throws(JSONError) {
            return try JSONParser.parse(answer)
        } catch {
            throw .unexpected("\(base) answered with something that is not JSON; is it a Stackelberg service?")
        }
    }

    /// Sends a request that must succeed.
    ///
    /// - Returns: the content of the answer.
    func send(
        _ method: RequestMethod, _ target: String, fields: [(String, String)] = [], content: [UInt8]? = nil
    ) throws(RemoteError) -> [UInt8] {
        let head = try head(method, target, fields: fields)
        let answer: ClientAnswer
        do throws(ClientError) {
            answer = try client.send(head, content: content ?? (method == .post ? [] : nil))
        } catch {
            throw .unreachable(server: base.description, error)
        }
        guard (200..<300).contains(answer.head.statusCode) else {
            throw .refused(Refusal(status: answer.head.statusCode, content: answer.content))
        }
        return answer.content
    }

    func head(
        _ method: RequestMethod, _ target: String, fields: [(String, String)] = []
    ) throws(RemoteError) -> OutgoingHead {
        guard let url = base.appending(target) else { throw .badSettings("'\(target)' is no path") }
        var head = OutgoingHead(method: method, url: url)
        do throws(FieldError) {
            for (name, value) in fields { try head.fields.append(name, value) }
            try head.fields.append("User-Agent", "stackelberg/\(Version.number)")
            if let key { try head.fields.append("Authorization", "Bearer \(key)") }
        } catch {
            throw .badSettings("a field of the request would be malformed: \(error)")
        }
        return head
    }
}

/// The result of a job, as far as it was asked for.
package struct RemoteResult: Sendable {
    /// The result document.
    package let document: JSONDocument
    /// Whether nothing more is to be had from running on: exit status 0.
    package let isFinal: Bool

    init(document: JSONValue) {
        self.document = JSONDocument(value: document)
        let isWhole = document["state"]?.text == "succeeded"
        isFinal = isWhole && ["converged", "stalled"].contains(document["termination"]?.text ?? "")
    }
}

/// Waiting times that double from half a second to ten.
struct Backoff {
    private(set) var count = 0

    /// Seconds to wait now.
    mutating func next() -> Double {
        defer { count += 1 }
        return min(10, 0.5 * Double(1 << min(count, 8)))
    }
}
