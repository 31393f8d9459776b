// YAML text → JSON value through Yams' nodes. Plain scalars follow the YAML 1.2 core schema as far as JSON has its values.

import ExpressionLanguage
import Yams

/// Reads YAML documents.
package enum YAMLReader {
    /// Sequences and mappings that may be open at once, aliases expanded.
    package static let depthLimit = JSONParser.depthLimit
    /// Values that one document may have after its aliases are expanded.
    package static let nodeLimit = 1_000_000
    /// Bytes accepted where the caller names no limit: 16 MiB.
    package static let defaultByteLimit = 16 << 20

    /// Reads one document. Mappings become objects in the order of the text. `true`, `false`, `null`, `~` and numbers are
    /// what they look like when written plainly, everything else and everything quoted is a string.
    ///
    /// - Parameters:
    ///   - text: one YAML document.
    ///   - byteLimit: the most UTF-8 bytes accepted.
    ///   - nodeLimit: the most values accepted, aliases expanded.
    /// - Throws: ``JSONError`` for the first fault.
    package static func read(
        _ text: String, byteLimit: Int = defaultByteLimit, nodeLimit: Int = nodeLimit
    ) throws(JSONError) -> JSONValue {
        let count = text.utf8.count
        guard count <= byteLimit else {
            let message = "the document has \(count) bytes; at most \(byteLimit) are accepted"
            throw JSONError(.tooLarge, line: 1, column: 1, message: message)
        }
        try YAMLScreen.check(text)
        guard let root = try compose(text) else {
            throw JSONError(.malformed, line: 1, column: 1, message: "expected a document, found the end of the text")
        }
        var conversion = YAMLConversion(nodeLimit: nodeLimit, mayHaveTags: text.utf8.contains(UInt8(ascii: "!")))
        return try conversion.value(root, depth: 0)
    }

    private static func compose(_ text: String) throws(JSONError) -> Node? {
        do {
            // The core schema is applied here; Yams' own rules, which are those of YAML 1.1, are replaced.
            return try Parser(yaml: text, resolver: YAMLTags.resolver, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw JSONError(error, in: text)
        } catch {
            throw JSONError(.malformed, line: 1, column: 1, message: "the text is no YAML: \(error)")
        }
    }
}

/// How tags are told from their absence.
private enum YAMLTags {
    /// Gives every plain scalar without a tag a tag of its own, so that `!!str` is seen where it is written.
    // The pattern is a constant that compiles.
    static let resolver = try! Resolver.basic.appending(Tag.Name(rawValue: "untagged"), "^")
}

/// Turns nodes into values, counting them.
private struct YAMLConversion {
    let nodeLimit: Int
    /// Whether the text has a `!` at all; tags are resolved by regular expressions, too slow to do in vain.
    let mayHaveTags: Bool
    private var nodeCount = 0

    init(nodeLimit: Int, mayHaveTags: Bool) {
        self.nodeLimit = nodeLimit
        self.mayHaveTags = mayHaveTags
    }

    mutating func value(_ node: Node, depth: Int) throws(JSONError) -> JSONValue {
        nodeCount += 1
        if nodeCount > nodeLimit {
            throw fault(.tooLarge, node, "the document has more than \(nodeLimit) values with its aliases expanded")
        }
        switch node {
        case .scalar(let scalar): return try value(of: scalar, node)
        case .sequence(let sequence):
            try check(depth, node)
            var elements: [JSONValue] = []
            for element in sequence { elements.append(try value(element, depth: depth + 1)) }
            return .list(elements)
        case .mapping(let mapping):
            try check(depth, node)
            return .object(try members(mapping, depth: depth))
        case .alias: throw fault(.malformed, node, "an alias stands for nothing")
        }
    }

    private mutating func members(_ mapping: Node.Mapping, depth: Int) throws(JSONError) -> [JSONMember] {
        var members: [JSONMember] = []
        var names: Set<String> = []
        for (key, value) in mapping {
            guard case .scalar(let scalar) = key else { throw fault(.malformed, key, "a name must be a plain scalar") }
            // Two spellings of one name, such as quoted and plain, are different nodes but the same member.
            guard names.insert(scalar.string).inserted else {
                throw fault(.duplicateKey, key, "the name \"\(Excerpts.cut(scalar.string))\" occurs twice")
            }
            if scalar.style == .plain, scalar.string == "<<" {
                throw fault(.malformed, key, "merge keys (<<) are not part of YAML 1.2")
            }
            members.append(JSONMember(name: scalar.string, value: try self.value(value, depth: depth + 1)))
        }
        return members
    }

    private func check(_ depth: Int, _ node: Node) throws(JSONError) {
        if depth >= YAMLReader.depthLimit {
            throw fault(.nestingTooDeep, node, "nested deeper than \(YAMLReader.depthLimit) levels")
        }
    }

    private func value(of scalar: Node.Scalar, _ node: Node) throws(JSONError) -> JSONValue {
        guard scalar.style == .plain else { return .string(scalar.string) }
        if mayHaveTags, node.tag.description == Tag.Name.str.rawValue { return .string(scalar.string) }
        switch scalar.string {
        case "", "~", "null": return .null
        case "true": return .bool(true)
        case "false": return .bool(false)
        default: break
        }
        switch CoreSchemaNumber(scalar.string) {
        case .integer(let integer): return .integer(integer)
        case .real(let real): return .number(real)
        case .overflow:
            let message = "the number \(Excerpts.cut(scalar.string)) is larger than any double (about 1.8e308)"
            throw fault(.numberOverflow, node, message)
        case .none: return .string(scalar.string)
        }
    }

    private func fault(_ kind: JSONError.Kind, _ node: Node, _ message: String) -> JSONError {
        JSONError(kind, line: node.mark?.line ?? 1, column: node.mark?.column ?? 1, message: message)
    }
}

extension JSONError {
    /// Yams' fault with its place.
    fileprivate init(_ error: YamlError, in text: String) {
        switch error {
        // The parser's own limit is larger than ours, and stops it before there is a node.
        case .parser(_, let problem, let mark, _) where problem.hasPrefix("Maximum nesting level"):
            let message = "nested deeper than \(YAMLReader.depthLimit) levels"
            self.init(.nestingTooDeep, line: mark.line, column: mark.column, message: message)
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            self.init(.malformed, line: mark.line, column: mark.column, message: problem)
        case .duplicatedKeysInMapping(let names, let context):
            let name = Excerpts.cut(names.first ?? "")
            let message = "the name \"\(name)\" occurs twice"
            self.init(.duplicateKey, line: context.mark.line, column: context.mark.column, message: message)
        case .reader(let problem, let offset, _, _):
            let before = text.prefix(offset ?? 0)
            let line = 1 + before.unicodeScalars.count { $0 == "\n" }
            let column = 1 + before.unicodeScalars.reversed().prefix { $0 != "\n" }.count
            self.init(.malformed, line: line, column: column, message: problem)
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            self.init(.malformed, line: 1, column: 1, message: "the text could not be read as YAML")
        }
    }
}
