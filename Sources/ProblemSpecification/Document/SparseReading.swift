// A sparse matrix in the document, {"shape": [m, n], "indptr": …, "indices": …, "data": …}: SciPy's CSR arrays, checked.

import ExpressionLanguage
import Tensors

extension DocumentReader {
    mutating func sparseMatrix(_ field: Field) -> SparseMatrix? {
        let known = ["shape", "indptr", "indices", "data"]
        guard
            let fields = fields(
                field, wanted: "an object with \"shape\", \"indptr\", \"indices\", \"data\"", known: known)
        else { return nil }
        let missing = known.filter { fields[$0] == nil }
        for name in missing { fault(field.pointer, .missingField, "a sparse matrix has \"\(name)\"") }
        guard missing.isEmpty, let shapeField = fields["shape"], let shape = sparseShape(shapeField) else { return nil }
        let starts = integers(fields["indptr"])
        let columns = integers(fields["indices"])
        let values = numbers(fields["data"])?.values
        guard let starts, let columns, let values else { return nil }
        do throws(SparseMatrixError) {
            return try SparseMatrix(
                rows: shape[0], columns: shape[1], starts: starts, columnIndices: columns, values: values)
        } catch {
            report(error, field.pointer)
            return nil
        }
    }

    private mutating func sparseShape(_ field: Field) -> [Int]? {
        guard let elements = field.value.elements, elements.count == 2 else {
            wrongType(field, wanted: "two dimensions, [rows, columns]")
            return nil
        }
        let sizes = elements.enumerated().map { index, element in
            whole(
                Field(value: element, pointer: JSONPointer.child(field.pointer, index)),
                in: 1...ArrayLimits.sparseDimension)
        }
        guard let rows = sizes[0], let columns = sizes[1] else { return nil }
        return [rows, columns]
    }

    /// A list of numbers, which may be empty.
    private mutating func numbers(_ field: Field?) -> (values: [Double], areIntegers: Bool)? {
        guard let field else { return nil }
        if let elements = field.value.elements, elements.isEmpty { return ([], true) }
        guard let tensor = tensor(field, keepingIntegers: true) else { return nil }
        guard tensor.shape.count == 1 else {
            fault(field.pointer, .shapeMismatch, "wanted a list of numbers, came an array of shape \(tensor.shape)")
            return nil
        }
        return (tensor.values, tensor.elementType == .integer)
    }

    private mutating func integers(_ field: Field?) -> [Int]? {
        guard let field, let numbers = numbers(field) else { return nil }
        guard numbers.areIntegers else {
            fault(field.pointer, .wrongType, "wanted a list of integers, came other numbers")
            return nil
        }
        return numbers.values.map { Int($0) }
    }

    private mutating func report(_ error: SparseMatrixError, _ pointer: String) {
        let starts = JSONPointer.child(pointer, "indptr")
        let indices = JSONPointer.child(pointer, "indices")
        switch error {
        case .invalidShape(let rows, let columns):
            fault(
                JSONPointer.child(pointer, "shape"), .shapeOverflow,
                "a sparse matrix cannot be [\(rows), \(columns)]")
        case .wrongStartCount(let expected, let actual):
            fault(
                starts, .shapeMismatch,
                "wanted \(expected) numbers, the start of each row and the end of the last; came \(actual)")
        case .invalidStart(let row, let value):
            fault(
                JSONPointer.child(starts, row), .outOfRange,
                "starts go from 0 to the number of entries and never fall; number \(row) is \(value)")
        case .wrongColumnCount(let expected, let actual):
            fault(indices, .shapeMismatch, "wanted as many indices as data, \(expected); came \(actual)")
        case .columnOutOfRange(let row, let column):
            fault(indices, .indexOutOfRange, "row \(row) has an entry in column \(column), which does not exist")
        case .columnsNotAscending(let row, let column):
            fault(
                indices, .dataError,
                "the columns of a row ascend, each named once; column \(column) of row \(row) does not",
                hint: "in SciPy, X.sum_duplicates() makes it so")
        case .notFinite(let row, let column):
            fault(JSONPointer.child(pointer, "data"), .notFinite, "entry [\(row), \(column)] is not finite")
        }
    }
}
