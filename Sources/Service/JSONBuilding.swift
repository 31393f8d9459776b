// Building JSON answers: numbers that may not be finite, arrays by shape.
import ProblemSpecification

/// Collects members of an object. A number that is not finite becomes `null`, and its name stands under `nonfinite`.
struct JSONObjectBuilder {
    private(set) var members: [JSONMember] = []
    private var nonfinite: [JSONMember] = []

    mutating func add(_ name: String, _ value: JSONValue) { members.append(JSONMember(name: name, value: value)) }
    mutating func add(_ name: String, _ text: String) { add(name, .string(text)) }
    mutating func add(_ name: String, _ count: Int) { add(name, .integer(count)) }
    mutating func add(_ name: String, _ flag: Bool) { add(name, .bool(flag)) }
    mutating func add(_ name: String, _ value: Double) {
        add(name, .jsonNumber(value))
        if let word = JSONValue.nonfiniteName(value) { nonfinite.append(JSONMember(name: name, value: .string(word))) }
    }
    mutating func add(_ name: String, _ value: Double?) {
        if let value { add(name, value) }
    }
    mutating func add(_ name: String, _ object: JSONObjectBuilder) { add(name, object.value) }

    /// The object, with `nonfinite` last where it is needed.
    var value: JSONValue {
        nonfinite.isEmpty
            ? .object(members) : .object(members + [JSONMember(name: "nonfinite", value: .object(nonfinite))])
    }
}

extension JSONValue {
    /// A row-major array as nested lists; a number for a scalar. Entries that are not finite are `null`.
    static func array(_ values: ArraySlice<Double>, shape: [Int]) -> JSONValue {
        guard let count = shape.first else { return values.first.map(JSONValue.jsonNumber) ?? .null }
        if shape.count == 1 { return list(values.map(JSONValue.jsonNumber)) }
        let inner = Array(shape.dropFirst())
        let size = inner.reduce(1, *)
        return .array(
            (0..<count).map { row in
                let start = values.startIndex + row * size
                return array(values[start..<(start + size)], shape: inner)
            })
    }
}
