// Nested JSON arrays → tensors, and shapes. Ragged arrays, wrong entries and sizes that overflow are named.

import ExpressionLanguage
import Tensors

/// Limits on arrays of the document.
package enum ArrayLimits {
    /// Entries of an array written in the document, about 1 MiB of JSON.
    package static let inlineEntries = 131_072
    /// Rows, and columns, of a sparse matrix written in the document.
    package static let sparseDimension = 1 << 20
    /// Entries of any declared shape.
    package static let declaredEntries = 1 << 31
    /// Dimensions of any array.
    package static let rank = Lowering.rankLimit
}

extension DocumentReader {
    /// A number or a rectangular nesting of arrays of numbers. With `keepingIntegers` the tensor is of integers where
    /// every literal is one.
    mutating func tensor(_ field: Field, keepingIntegers: Bool) -> Tensor? {
        var values: [Double] = []
        var allIntegers = true
        guard let shape = rectangle(field, rank: 0, values: &values, allIntegers: &allIntegers) else { return nil }
        let type: ElementType = keepingIntegers && allIntegers ? .integer : .float64
        do {
            return try Tensor(shape: shape, values: values, elementType: type)
        } catch {
            fault(field.pointer, .dataError, "the entries do not make an array: \(error)")
            return nil
        }
    }

    /// The shape of the nested arrays at `field`; appends their entries in row-major order. The recursion is bounded by
    /// ``ArrayLimits/rank``.
    private mutating func rectangle(
        _ field: Field, rank: Int, values: inout [Double], allIntegers: inout Bool
    ) -> [Int]? {
        switch field.value {
        case .integer(let integer):
            values.append(Double(integer))
            if integer.magnitude > JSONValue.exactIntegerLimit.magnitude { allIntegers = false }
            return []
        case .number(let number) where number.isFinite:
            values.append(number)
            allIntegers = false
            return []
        case .numbers(let numbers):
            guard fits(rank, field) else { return nil }
            return row(numbers, field, values: &values, allIntegers: &allIntegers)
        case .array(let elements) where !elements.isEmpty:
            guard fits(rank, field) else { return nil }
            return rows(elements, field, rank: rank, values: &values, allIntegers: &allIntegers)
        case .array:
            fault(field.pointer, .outOfRange, "wanted an array with entries, came an empty one")
            return nil
        case .null, .bool, .number, .string, .object:
            wrongType(field, wanted: "a number or an array of numbers")
            return nil
        }
    }

    /// Whether an array may stand inside so many others.
    private mutating func fits(_ rank: Int, _ field: Field) -> Bool {
        if rank < ArrayLimits.rank { return true }
        fault(field.pointer, .limitExceeded, "an array has at most \(ArrayLimits.rank) dimensions")
        return false
    }

    private mutating func row(
        _ numbers: JSONNumbers, _ field: Field, values: inout [Double], allIntegers: inout Bool
    ) -> [Int]? {
        guard hasRoom(for: values.count + numbers.values.count, field.pointer) else { return nil }
        if let bad = numbers.values.firstIndex(where: { !$0.isFinite }) {
            wrongType(Field(value: numbers[bad], pointer: JSONPointer.child(field.pointer, bad)), wanted: "a number")
            return nil
        }
        values.append(contentsOf: numbers.values)
        if !numbers.allIntegers { allIntegers = false }
        return [numbers.values.count]
    }

    private mutating func rows(
        _ elements: [JSONValue], _ field: Field, rank: Int, values: inout [Double], allIntegers: inout Bool
    ) -> [Int]? {
        guard hasRoom(for: values.count + elements.count, field.pointer) else { return nil }
        var first: [Int]?
        for (index, element) in elements.enumerated() {
            let place = Field(value: element, pointer: JSONPointer.child(field.pointer, index))
            guard let shape = rectangle(place, rank: rank + 1, values: &values, allIntegers: &allIntegers) else {
                return nil
            }
            if let first, first != shape {
                fault(place.pointer, .shapeMismatch, "ragged array: wanted \(noun(first)), came \(noun(shape))")
                return nil
            }
            first = shape
        }
        return [elements.count] + (first ?? [])
    }

    private mutating func hasRoom(for count: Int, _ pointer: String) -> Bool {
        if count <= ArrayLimits.inlineEntries { return true }
        let message = "an array in the document has at most \(ArrayLimits.inlineEntries) entries"
        fault(pointer, .limitExceeded, message, hint: "upload it as a data set")
        return false
    }

    private func noun(_ shape: [Int]) -> String {
        shape.isEmpty ? "a number" : "an array of shape \(shape)"
    }

    /// A list of dimensions, each at least 1; a bare number is one dimension.
    mutating func shape(_ field: Field?) -> [Int]? {
        guard let field else { return nil }
        var shape: [Int] = []
        if let elements = field.value.elements {
            guard elements.count <= ArrayLimits.rank else {
                fault(field.pointer, .limitExceeded, "an array has at most \(ArrayLimits.rank) dimensions")
                return nil
            }
            for (index, element) in elements.enumerated() {
                let place = Field(value: element, pointer: JSONPointer.child(field.pointer, index))
                guard let dimension = whole(place, in: 1...Int.max) else { return nil }
                shape.append(dimension)
            }
        } else if field.value.double != nil {
            guard let dimension = whole(field, in: 1...Int.max) else { return nil }
            shape = [dimension]
        } else {
            wrongType(field, wanted: "a list of dimensions")
            return nil
        }
        if let count = Shapes.elementCount(shape), count <= ArrayLimits.declaredEntries { return shape }
        fault(field.pointer, .shapeOverflow, "the shape \(shape) has more than \(ArrayLimits.declaredEntries) entries")
        return nil
    }
}
