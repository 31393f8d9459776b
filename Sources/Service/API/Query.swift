// The query of a request: known names only, each at most once unless it may repeat, each with a type.
import ExpressionLanguage
import HTTP1
import HTTPServer

/// The checked parameters of a request.
struct Query {
    private let items: [(name: String, value: String)]

    /// - Throws: ``APIError`` for a name that is not among `known`, with the nearest one that is, and for one that comes
    ///   twice and is not `repeatable`.
    init(_ request: Request, known: [String] = [], repeatable: Set<String> = []) throws(APIError) {
        items = request.head.target.queryItems
        var seen: Set<String> = []
        for (name, _) in items {
            guard known.contains(name) else {
                throw .unknownParameter(name, suggestion: Suggestions.nearest(to: name, among: known), known: known)
            }
            guard seen.insert(name).inserted || repeatable.contains(name) else { throw .repeatedParameter(name) }
        }
    }

    subscript(name: String) -> String? { items.first { $0.name == name }?.value }

    /// All values of a parameter that may repeat, lists taken apart at commas; what is empty between them is a word too, which
    /// no vocabulary has.
    func list(_ name: String) -> [String] {
        values(name).flatMap { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    }

    /// All values of a parameter that may repeat.
    func values(_ name: String) -> [String] { items.filter { $0.name == name }.map(\.value) }

    /// The same parameters with another cursor, as they stand in a target.
    func continued(behind cursor: String) -> String {
        let kept = items.filter { $0.name != "cursor" } + [("cursor", cursor)]
        return kept.map { "\($0.name)=\(QueryText.escaped($0.value))" }.joined(separator: "&")
    }

    /// A flag: `?name`, `?name=`, `?name=true`, `?name=false`, as the contract has it; nil when it did not come.
    func flag(_ name: String) throws(APIError) -> Bool? {
        switch self[name] {
        case nil: nil
        case "", "true": true
        case "false": false
        case .some(let found): throw .invalidParameter(name, wanted: "true or false", found: found)
        }
    }

    /// A whole number in a range.
    func integer(_ name: String, in allowed: ClosedRange<Int>) throws(APIError) -> Int? {
        guard let text = self[name] else { return nil }
        guard let value = Int(text), allowed.contains(value) else {
            let end = allowed.upperBound == .max ? "on" : "to \(allowed.upperBound)"
            throw .invalidParameter(name, wanted: "a whole number from \(allowed.lowerBound) \(end)", found: text)
        }
        return value
    }

    /// A number in a range.
    func number(_ name: String, in allowed: ClosedRange<Double>) throws(APIError) -> Double? {
        guard let text = self[name] else { return nil }
        guard let value = Double(text), allowed.contains(value) else {
            throw .invalidParameter(
                name, wanted: "a number from \(allowed.lowerBound) to \(allowed.upperBound)", found: text)
        }
        return value
    }

    /// A word of a vocabulary, with "did you mean".
    static func word<Word: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ text: String, as vocabulary: Word.Type
    ) throws(APIError) -> Word {
        if let word = Word(rawValue: text) { return word }
        let known = Word.allCases.map(\.rawValue)
        let hint = Suggestions.nearest(to: text, among: known).map { " (did you mean \"\($0)\"?)" } ?? ""
        throw .invalidParameter(name, wanted: "one of \(known.joined(separator: ", "))\(hint)", found: text)
    }
}

extension Request {
    /// The values of the request's `name` fields.
    func fields(_ name: String) -> [String] { head.fields.values(of: name) }
}
