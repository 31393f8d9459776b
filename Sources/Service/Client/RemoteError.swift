// What a command tells a person when a service could not be asked, or said no.
import HTTP1
import HTTPClient
import ProblemSpecification

/// Why a service did not do what it was asked.
package enum RemoteError: Error {
    /// What the commands were told of the service makes no sense: a sentence.
    case badSettings(String)
    case unreachable(server: String, ClientError)
    case refused(Refusal)
    /// It answered with something else than was agreed: a sentence.
    case unexpected(String)

    /// As a terminal shows it.
    package var text: String {
        switch self {
        case .badSettings(let reason): "error: \(reason)"
        case .unreachable(let server, let error): "error: \(server) did not answer: \(error)"
        case .refused(let refusal): refusal.text
        case .unexpected(let reason): "error: \(reason)"
        }
    }

    /// Whether nothing is wrong with the request: the job has no result, or none yet.
    package var isOutcome: Bool {
        if case .refused(let refusal) = self {
            refusal.type == "no-result" || isNotReady
        } else {
            false
        }
    }

    /// Whether the job has not ended yet.
    var isNotReady: Bool {
        if case .refused(let refusal) = self { refusal.type == "result-not-ready" } else { false }
    }

    /// Whether another try may succeed without a change to the request.
    var isTransient: Bool {
        switch self {
        case .unreachable(_, .unresolved), .unreachable(_, .unreachable), .unreachable(_, .interrupted),
            .unreachable(_, .malformed(.incomplete)):
            true
        case .refused(let refusal): [408, 429, 502, 503, 504].contains(refusal.status)
        case .unreachable, .badSettings, .unexpected: false
        }
    }
}

/// A service's no: a problem document (RFC 9457), or whatever came instead.
package struct Refusal: Sendable, Equatable {
    let status: Int
    /// The last part of the problem's type; nil when no problem came.
    let type: String?
    private let detail: String
    private let errors: [JSONValue]

    /// Bytes of an answer that is no problem document which are worth a look.
    private static let excerptBytes = 200

    init(status: Int, content: [UInt8]) {
        self.status = status
        let problem = try? JSONParser.parse(content)
        type = problem?["type"]?.text.flatMap { $0.split(separator: "/").last.map(String.init) }
        detail =
            problem?["detail"]?.text ?? "status \(status): "
            + String(decoding: content.prefix(Self.excerptBytes), as: UTF8.self)
        errors = problem?["errors"]?.elements ?? []
    }

    /// The detail, and below it every fault as `check` would show it.
    var text: String {
        let kind = type.map { " (\($0))" } ?? ""
        return (["error: \(detail)\(kind)"] + errors.map(Self.fault)).joined(separator: "\n")
    }

    private static func fault(_ fault: JSONValue) -> String {
        var place = [fault["pointer"]?.text ?? ""]
        if let line = fault["line"]?.int, let column = fault["column"]?.int { place.append("\(line):\(column)") }
        if let code = fault["code"]?.text { place.append(code) }
        var lines = [place.joined(separator: "  "), "  \(fault["detail"]?.text ?? "")"]
        if let hint = fault["hint"]?.text { lines.append("  hint: \(hint)") }
        return lines.joined(separator: "\n")
    }
}
