// One change of a document from the command line: `problem.levels.0.variables.w.start=0.5`.

/// A place in a document and the value it shall have.
package struct JSONAssignment: Sendable, Equatable {
    /// Steps accepted in one path.
    package static let stepLimit = JSONParser.depthLimit

    /// Member names and array indices from the top of the document.
    package let path: [String]
    /// The new value.
    package let value: JSONValue

    /// - Parameter path: at most ``stepLimit`` steps.
    package init(path: [String], value: JSONValue) {
        self.path = path
        self.value = value
    }

    /// Reads `path=value`. The path is a JSON pointer when it begins with `/`, else names and indices joined by dots. The
    /// value is parsed as JSON and, where it is none, taken as a string.
    ///
    /// - Throws: ``JSONAssignmentError``.
    package init(_ text: String) throws(JSONAssignmentError) {
        guard let equals = text.firstIndex(of: "=") else { throw .missingEquals(text) }
        let place = String(text[..<equals])
        if place.utf8.first == UInt8(ascii: "/") {
            guard let steps = JSONPointer.steps(of: place) else { throw .malformedPath(place) }
            path = steps
        } else {
            path = place.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            if path.contains("") { throw .malformedPath(place) }
        }
        guard path.count <= Self.stepLimit else { throw .pathTooLong(count: path.count, limit: Self.stepLimit) }
        let literal = String(text[text.index(after: equals)...])
        do throws(JSONError) { value = try JSONParser.parse(literal) } catch { value = .string(literal) }
    }
}

/// Why an assignment cannot be read or made.
package enum JSONAssignmentError: Error, Equatable {
    /// The text has no `=`.
    case missingEquals(String)
    /// The path has an empty step or a wrong escape.
    case malformedPath(String)
    /// The path has more steps than the limit.
    case pathTooLong(count: Int, limit: Int)
    /// A step into an array is no index.
    case notAnIndex(step: String, pointer: String)
    /// A step into an array is outside it.
    case indexOutOfRange(index: Int, count: Int, pointer: String)
    /// A step leads into a value that is neither array nor object.
    case notAContainer(pointer: String, found: String)

    /// What was wanted and what came.
    package var message: String {
        switch self {
        case .missingEquals(let text): "wanted path=value, came \"\(Excerpts.cut(text))\""
        case .malformedPath(let path): "\"\(Excerpts.cut(path))\" is neither a dotted path nor a JSON pointer"
        case .pathTooLong(let count, let limit): "the path has \(count) steps; at most \(limit) are accepted"
        case .notAnIndex(let step, let pointer):
            "\(pointer) is an array: wanted an index, came \"\(Excerpts.cut(step))\""
        case .indexOutOfRange(let index, let count, let pointer):
            "\(pointer) has \(count) elements: there is no index \(index)"
        case .notAContainer(let pointer, let found):
            "\(pointer.isEmpty ? "the document" : pointer) is \(found), neither an object nor an array"
        }
    }
}

extension JSONValue {
    /// The document with `assignment` made: missing members are created as objects, array elements must exist.
    ///
    /// - Throws: ``JSONAssignmentError`` when the path leads nowhere.
    package func applying(_ assignment: JSONAssignment) throws(JSONAssignmentError) -> JSONValue {
        try replacing(assignment.path[...], with: assignment.value, pointer: "")
    }

    /// The recursion is bounded by ``JSONAssignment/stepLimit``.
    private func replacing(
        _ path: ArraySlice<String>, with value: JSONValue, pointer: String
    ) throws(JSONAssignmentError) -> JSONValue {
        guard let step = path.first else { return value }
        let rest = path.dropFirst()
        let next = JSONPointer.child(pointer, step)
        switch self {
        case .object(var members):
            if let place = members.firstIndex(where: { $0.name == step }) {
                members[place].value = try members[place].value.replacing(rest, with: value, pointer: next)
            } else {
                let created = try JSONValue.object([]).replacing(rest, with: value, pointer: next)
                members.append(JSONMember(name: step, value: created))
            }
            return .object(members)
        case .array, .numbers:
            var elements = elements ?? []
            guard let index = Int(step), String(index) == step else {
                throw .notAnIndex(step: step, pointer: pointer)
            }
            guard elements.indices.contains(index) else {
                throw .indexOutOfRange(index: index, count: elements.count, pointer: pointer)
            }
            elements[index] = try elements[index].replacing(rest, with: value, pointer: next)
            return .list(elements)
        case .null, .bool, .integer, .number, .string:
            throw .notAContainer(pointer: pointer, found: described)
        }
    }
}

extension JSONValue {
    /// The value as the object of a sentence: "the string "abc"", "an array of 3 elements".
    package var described: String {
        switch self {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .integer(let integer): "the number \(integer)"
        case .number(let number): number.isFinite ? "the number \(JSONWriter.number(number))" : "\(number)"
        case .string(let text): "the string \"\(Excerpts.cut(text))\""
        case .array(let elements):
            elements.isEmpty
                ? "an empty array" : "an array of \(elements.count) element\(elements.count == 1 ? "" : "s")"
        case .numbers(let numbers): "an array of \(numbers.values.count) number\(numbers.values.count == 1 ? "" : "s")"
        case .object: "an object"
        }
    }
}
