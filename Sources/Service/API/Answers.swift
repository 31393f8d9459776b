// Small words of HTTP that the endpoints share: JSON answers, fields, entity tags, media types, preferences.
import HTTP1
import HTTPServer
import ProblemSpecification

extension Fields {
    /// Adds a field of the program's own making: its name is a token and its value was built from checked parts.
    mutating func add(_ name: String, _ value: String) {
        // A value that is refused all the same is left out rather than sent.
        try? append(name, value)
    }
}

extension Response {
    /// A JSON document with a line feed at its end.
    static func json(
        _ value: JSONValue, status: Status = .ok, type: String = "application/json"
    ) -> Response {
        text(JSONWriter.bytes(value), status: status, type: type)
    }

    /// Text of a media type; a line feed is added where it has none at its end.
    static func text(_ bytes: [UInt8], status: Status = .ok, type: String) -> Response {
        var response = Response(status: status)
        response.fields.add("Content-Type", type)
        response.body = .bytes(bytes.last == 0x0A ? bytes : bytes + [0x0A])
        return response
    }

    /// The same answer with one more field.
    func with(_ name: String, _ value: String) -> Response {
        var response = self
        response.fields.add(name, value)
        return response
    }
}

/// The entity tag of a job: its revision, and the number of its newest event.
struct JobTag: Equatable {
    let revision: Int64
    let seq: Int64

    var text: String { "\"r\(revision).s\(seq)\"" }

    init(revision: Int64, seq: Int64) {
        self.revision = revision
        self.seq = seq
    }

    /// Reads what ``text`` writes, weak or not; nil for anything else.
    init?(_ text: some StringProtocol) {
        let strong = text.hasPrefix("W/") ? String(text.dropFirst(2)) : String(text)
        guard strong.hasPrefix("\"r"), strong.hasSuffix("\""), strong.utf8.count > 3 else { return nil }
        let parts = strong.dropFirst(2).dropLast().split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].first == "s", let revision = Int64(parts[0]),
            let seq = Int64(parts[1].dropFirst())
        else { return nil }
        self.init(revision: revision, seq: seq)
    }

}

/// If-None-Match of a job, RFC 9110 §13.1.2.
struct KnownTags {
    private let tags: [JobTag]
    private let isAny: Bool

    /// nil where the field is missing.
    init?(_ fields: [String]) {
        guard !fields.isEmpty else { return nil }
        let entries = FieldList.members(of: fields)
        tags = entries.compactMap { JobTag($0) }
        isAny = entries == ["*"]
    }

    /// Whether a job with this tag need not be sent.
    func contains(_ tag: JobTag) -> Bool { isAny || tags.contains(tag) }

    /// Whether a wait begins at this revision instead of being over.
    func contains(revision: Int64) -> Bool { tags.contains { $0.revision == revision } }
}

/// If-Match of a job, RFC 9110 §13.1.1: only revisions count, for events come without anyone's doing.
enum WantedRevision {
    case any
    case oneOf(Set<Int64>)

    /// nil where the field is missing. A weak tag matches nothing, nor does one that is none of ours.
    init?(_ fields: [String]) {
        guard !fields.isEmpty else { return nil }
        let entries = FieldList.members(of: fields)
        if entries == ["*"] {
            self = .any
        } else {
            let strong = entries.filter { !$0.hasPrefix("W/") }
            self = .oneOf(Set(strong.compactMap { JobTag($0)?.revision }))
        }
    }

    func matches(_ revision: Int64) -> Bool {
        switch self {
        case .any: true
        case .oneOf(let revisions): revisions.contains(revision)
        }
    }
}

/// A media type, RFC 9110 §8.3.1.
package struct MediaType: Equatable {
    /// `type/subtype` in lower case.
    let essence: String
    private let parameters: [String]

    package init(_ text: some StringProtocol) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map { String($0).trimmed.lowercased() }
        essence = parts.first ?? ""
        parameters = Array(parts.dropFirst())
    }

    /// `application/json` or a type built on it, in UTF-8.
    package var isJSON: Bool {
        guard essence == "application/json" || essence.hasPrefix("application/") && essence.hasSuffix("+json") else {
            return false
        }
        let charsets = parameters.filter { $0.hasPrefix("charset=") }
        return charsets.allSatisfy { ["charset=utf-8", "charset=\"utf-8\""].contains($0) }
    }

    /// The weight of a range, RFC 9110 §12.4.2; 1 where none or nonsense is given.
    var weight: Double {
        guard let text = parameters.first(where: { $0.hasPrefix("q=") })?.dropFirst(2) else { return 1 }
        guard let weight = Double(text), (0...1).contains(weight) else { return 1 }
        return weight
    }

    /// How exactly a range of Accept names `offer`: 2 the type, 1 `type/*`, 0 everything; nil not at all.
    func precision(for offer: String) -> Int? {
        if essence == offer { return 2 }
        if essence == "*/*" { return 0 }
        return essence.hasSuffix("/*") && offer.hasPrefix(essence.dropLast(1)) ? 1 : nil
    }

    /// The offer that Accept likes most, the first of equals; nil when it takes none. RFC 9110 §12.5.1: for each offer
    /// the most exact range decides.
    package static func choose(_ offers: [String], accept fields: [String]) -> String? {
        let ranges = FieldList.members(of: fields).map { MediaType($0) }.filter { !$0.essence.isEmpty }
        guard !ranges.isEmpty else { return offers.first }
        var best: (weight: Double, precision: Int, offer: String)?
        for offer in offers {
            let matches = ranges.compactMap { range in range.precision(for: offer).map { ($0, range.weight) } }
            guard let (precision, weight) = matches.max(by: { $0.0 < $1.0 }), weight > 0 else { continue }
            if let best, (best.weight, best.precision) >= (weight, precision) { continue }
            best = (weight, precision, offer)
        }
        return best?.offer
    }
}

/// Prefer, RFC 7240. What makes no sense is ignored, as §2 wants it.
enum Preference {
    /// The seconds of `wait=…`, at most `limit`; nil when it is not asked for.
    static func wait(_ fields: [String], limit: Int) -> Int? {
        for token in FieldList.members(of: fields) {
            let word = token.split(separator: ";").first.map { String($0).trimmed.lowercased() } ?? ""
            guard word.hasPrefix("wait="), let seconds = Int(word.dropFirst(5)), seconds >= 0 else { continue }
            return min(seconds, limit)
        }
        return nil
    }
}

extension String {
    /// Without the white space of a field value at both ends.
    var trimmed: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
