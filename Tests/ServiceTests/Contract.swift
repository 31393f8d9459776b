// `openapi.yaml` as the tests hold it against the service: paths, methods, statuses.
import Foundation
import Service
import Yams

/// What the contract declares.
struct Contract: Sendable {
    struct Malformed: Error {}

    struct Operation: Sendable {
        let method: String
        let pattern: String
        let statuses: Set<Int>

        func matches(_ method: String, _ path: String) -> Bool {
            let wanted = pattern.split(separator: "/", omittingEmptySubsequences: false)
            let found = path.split(separator: "/", omittingEmptySubsequences: false)
            return method == self.method && wanted.count == found.count
                && zip(wanted, found).allSatisfy { $0 == $1 || $0.hasPrefix("{") }
        }
    }

    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let file = root.appending(path: "openapi.yaml")

    let operations: [Operation]
    /// Every `$ref`, and every place that one could name.
    let references: Set<String>
    let definitions: Set<String>

    init() throws {
        let text = try String(contentsOf: Self.file, encoding: .utf8)
        guard let document = try Yams.load(yaml: text) as? [String: Any],
            let paths = document["paths"] as? [String: [String: Any]],
            let components = document["components"] as? [String: [String: Any]]
        else { throw Malformed() }
        operations = paths.flatMap { pattern, item in
            item.compactMap { method, operation in
                guard let operation = operation as? [String: Any],
                    let responses = operation["responses"] as? [String: Any]
                else { return nil }
                return Operation(
                    method: method.uppercased(), pattern: pattern, statuses: Set(responses.keys.compactMap { Int($0) }))
            }
        }
        references = Self.references(in: document)
        definitions = Set(components.flatMap { kind, values in values.keys.map { "#/components/\(kind)/\($0)" } })
    }

    private static func references(in value: Any) -> Set<String> {
        if let object = value as? [String: Any] {
            return object.reduce(into: []) { found, member in
                if member.key == "$ref", let name = member.value as? String { found.insert(name) }
                if member.key == "security", let schemes = member.value as? [[String: Any]] {
                    found.formUnion(schemes.flatMap(\.keys).map { "#/components/securitySchemes/\($0)" })
                }
                found.formUnion(references(in: member.value))
            }
        }
        if let list = value as? [Any] { return list.reduce(into: []) { $0.formUnion(references(in: $1)) } }
        return []
    }

    /// Whether an answer of this status may come; routes that do not exist may answer anything.
    func declares(_ status: Int, of method: String, _ path: String) -> Bool {
        guard let operation = operations.first(where: { $0.matches(method, path) }) else { return true }
        return operation.statuses.contains(status)
    }

    static let current = Result { try Contract() }
    /// As services show it; making the page takes longer than most tests.
    static let served = Result { try ServedContract([UInt8](try Data(contentsOf: file))) }
}
