// A JSON document in memory (RFC 8259): objects keep the order of the text, arrays of numbers are stored densely.

/// A JSON value. What ``JSONParser`` and ``YAMLReader`` return is normal: every non-empty array whose elements are all
/// plain numbers is ``numbers(_:)``, every other array is ``array(_:)``; build arrays with ``JSONValue/list(_:)``.
package enum JSONValue: Sendable, Equatable {
    /// The literal `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A literal without fraction and exponent that fits `Int` (`-0` is a ``number(_:)``).
    case integer(Int)
    /// Any other number; finite.
    case number(Double)
    /// A string of Unicode scalars.
    case string(String)
    /// An array that is empty or holds something other than plain numbers.
    case array([JSONValue])
    /// A non-empty array of plain numbers.
    case numbers(JSONNumbers)
    /// An object, its members in the order of the text, names unique.
    case object([JSONMember])
}

/// One name and value of an object.
package struct JSONMember: Sendable, Equatable {
    /// The name, unique in its object.
    package let name: String
    /// The value.
    package var value: JSONValue

    /// A member of an object.
    package init(name: String, value: JSONValue) {
        self.name = name
        self.value = value
    }
}

/// A non-empty homogeneous array of numbers, eight bytes an entry.
package struct JSONNumbers: Sendable, Equatable {
    /// The entries, all finite.
    package var values: [Double]
    /// Whether every entry was an integer literal; then each is exact as a double (|v| ≤ 2⁵³).
    package var allIntegers: Bool

    /// A dense array of numbers.
    package init(values: [Double], allIntegers: Bool) {
        self.values = values
        self.allIntegers = allIntegers
    }

    /// Entry `index` as a value of its own: an integer where all entries are.
    package subscript(index: Int) -> JSONValue {
        // The largest entry is 2⁵³ in magnitude where `allIntegers` holds, so the conversion cannot trap.
        allIntegers ? .integer(Int(values[index])) : .number(values[index])
    }
}

extension JSONValue {
    /// Integers up to this magnitude are exact as doubles.
    package static let exactIntegerLimit = 1 << 53

    /// An array in normal form: dense where every element is a plain number.
    package static func list(_ elements: [JSONValue]) -> JSONValue {
        var values: [Double] = []
        var allIntegers = true
        values.reserveCapacity(elements.count)
        for element in elements {
            switch element {
            case .integer(let integer) where integer.magnitude <= exactIntegerLimit.magnitude:
                values.append(Double(integer))
            case .number(let number):
                values.append(number)
                allIntegers = false
            case .null, .bool, .integer, .string, .array, .numbers, .object:
                return .array(elements)
            }
        }
        return elements.isEmpty ? .array([]) : .numbers(JSONNumbers(values: values, allIntegers: allIntegers))
    }

    /// The elements of either kind of array, nil for anything else. O(n) for dense arrays.
    package var elements: [JSONValue]? {
        switch self {
        case .array(let elements): elements
        case .numbers(let numbers): numbers.values.indices.map { numbers[$0] }
        case .null, .bool, .integer, .number, .string, .object: nil
        }
    }

    /// The members of an object, nil for anything else.
    package var members: [JSONMember]? {
        if case .object(let members) = self { members } else { nil }
    }

    /// The text of a string, nil for anything else.
    package var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The member `name` of an object; nil where there is none or this is no object.
    package subscript(name: String) -> JSONValue? {
        members?.first { $0.name == name }?.value
    }

    /// Element `index` of either kind of array; nil where there is none or this is no array.
    package subscript(index: Int) -> JSONValue? {
        switch self {
        case .array(let elements) where elements.indices.contains(index): elements[index]
        case .numbers(let numbers) where numbers.values.indices.contains(index): numbers[index]
        case .null, .bool, .integer, .number, .string, .array, .numbers, .object: nil
        }
    }

    /// A number of either kind as a double; nil for anything else.
    package var double: Double? {
        switch self {
        case .integer(let integer): Double(integer)
        case .number(let number): number
        case .null, .bool, .string, .array, .numbers, .object: nil
        }
    }
}

extension JSONValue {
    /// A computed real as JSON, which has no NaN and no infinity: those become `null`, named by ``nonfiniteName(_:)``.
    package static func jsonNumber(_ value: Double) -> JSONValue {
        value.isFinite ? .number(value) : .null
    }

    /// What stands under `"nonfinite"` for a value that ``jsonNumber(_:)`` gave as `null`; nil for finite values.
    package static func nonfiniteName(_ value: Double) -> String? {
        if value.isFinite { return nil }
        if value.isNaN { return "NaN" }
        return value > 0 ? "Infinity" : "-Infinity"
    }
}
