// Sparse matrices in compressed rows (CSR), with their transpose beside them. Checked when made, immutable, shared.
import CKernels

/// Why numbers do not make a sparse matrix.
package enum SparseMatrixError: Error, Equatable {
    /// A dimension is negative or beyond ``SparseMatrix/dimensionLimit``.
    case invalidShape(rows: Int, columns: Int)
    /// There must be a start for every row and the end of the last.
    case wrongStartCount(expected: Int, actual: Int)
    /// Starts must begin with 0, never fall, and end with the number of entries; `row` is the first that does not.
    case invalidStart(row: Int, value: Int)
    /// As many columns as values.
    case wrongColumnCount(expected: Int, actual: Int)
    /// Columns must lie in the matrix.
    case columnOutOfRange(row: Int, column: Int)
    /// The columns of a row must ascend, each named once.
    case columnsNotAscending(row: Int, column: Int)
    /// A stored number is NaN or infinite.
    case notFinite(row: Int, column: Int)
}

/// A matrix [rows, columns] of which only some entries are stored; all others are zeros. Stored zeros are allowed.
///
/// Products pass over what is not stored: an infinity or NaN that meets such a zero leaves no trace.
package struct SparseMatrix: Sendable {
    /// The most rows, and columns.
    package static let dimensionLimit = Int(Int32.max)

    /// The entries by rows.
    package let byRow: CompressedRows
    /// The entries by columns: the rows of the transpose.
    package let byColumn: CompressedRows

    /// The matrix with entries `starts[i] ..< starts[i + 1]` in row i.
    ///
    /// - Throws: ``SparseMatrixError`` for the first fault.
    /// - Complexity: O(rows + columns + entries), the transpose included.
    package init(
        rows: Int, columns: Int, starts: [Int], columnIndices: [Int], values: [Double]
    ) throws(SparseMatrixError) {
        guard (0...Self.dimensionLimit).contains(rows), (0...Self.dimensionLimit).contains(columns) else {
            throw .invalidShape(rows: rows, columns: columns)
        }
        try Self.check(starts, rows: rows, entries: values.count)
        guard columnIndices.count == values.count else {
            throw .wrongColumnCount(expected: values.count, actual: columnIndices.count)
        }
        for row in 0..<rows {
            var previous = -1
            for entry in starts[row]..<starts[row + 1] {
                let column = columnIndices[entry]
                guard (0..<columns).contains(column) else { throw .columnOutOfRange(row: row, column: column) }
                guard column > previous else { throw .columnsNotAscending(row: row, column: column) }
                guard values[entry].isFinite else { throw .notFinite(row: row, column: column) }
                previous = column
            }
        }
        self.init(CompressedRows(starts: starts, columns: columnIndices.lazy.map(Int32.init), values), columns)
    }

    private static func check(_ starts: [Int], rows: Int, entries: Int) throws(SparseMatrixError) {
        guard starts.count == rows + 1 else {
            throw .wrongStartCount(expected: rows + 1, actual: starts.count)
        }
        guard starts[0] == 0 else { throw .invalidStart(row: 0, value: starts[0]) }
        for row in 0..<rows where starts[row + 1] < starts[row] || starts[row + 1] > entries {
            throw .invalidStart(row: row + 1, value: starts[row + 1])
        }
        guard starts[rows] == entries else { throw .invalidStart(row: rows, value: starts[rows]) }
    }

    private init(_ byRow: CompressedRows, _ columns: Int) {
        self.byRow = byRow
        byColumn = byRow.transposed(columns: columns)
    }

    private init(byRow: CompressedRows, byColumn: CompressedRows) {
        self.byRow = byRow
        self.byColumn = byColumn
    }

    /// The same matrix with its numbers in another precision, for programs; itself where it has that one.
    package func converted(to precision: Precision) -> SparseMatrix {
        SparseMatrix(byRow: byRow.converted(to: precision), byColumn: byColumn.converted(to: precision))
    }

    /// What the numbers are stored as.
    package var precision: Precision { byRow.values.precision }

    /// The entries of a dense matrix that are not zero.
    ///
    /// - Throws: ``SparseMatrixError`` when `dense` is no matrix of finite numbers.
    package init(_ dense: Tensor) throws(SparseMatrixError) {
        guard dense.shape.count == 2 else { throw .invalidShape(rows: dense.shape.first ?? -1, columns: -1) }
        var starts = [0]
        var columns: [Int] = []
        var values: [Double] = []
        for (index, value) in dense.values.enumerated() where value != 0 {
            while starts.count <= index / dense.shape[1] { starts.append(values.count) }
            columns.append(index % dense.shape[1])
            values.append(value)
        }
        while starts.count <= dense.shape[0] { starts.append(values.count) }
        try self.init(
            rows: dense.shape[0], columns: dense.shape[1], starts: starts, columnIndices: columns, values: values)
    }

    /// The number of rows.
    package var rows: Int { byRow.count }
    /// The number of columns.
    package var columns: Int { byColumn.count }
    /// The dimensions, as of a tensor.
    package var shape: [Int] { [rows, columns] }
    /// The number of stored entries.
    package var entryCount: Int { byRow.values.count }
    /// Stored entries by all entries; 0 of an empty matrix.
    package var density: Double {
        rows == 0 || columns == 0 ? 0 : Double(entryCount) / Double(rows) / Double(columns)
    }
    /// Bytes of memory, the transpose counted.
    package var memoryBytes: Int { byRow.memoryBytes + byColumn.memoryBytes }

    /// Bytes that a matrix of this size takes, the transpose counted; at most the largest integer.
    package static func memoryBytes(rows: Int, columns: Int, entries: Int) -> Int {
        let parts = [(rows, 8), (columns, 8), (entries, 2 * CompressedRows.bytesPerEntry)]
        return parts.reduce(0) { sum, part in
            let (product, overflow) = part.0.multipliedReportingOverflow(by: part.1)
            let (total, beyond) = sum.addingReportingOverflow(product)
            return overflow || beyond ? .max : total
        }
    }

    /// The rows `order[0]`, `order[1]`, …: row i of the result is row `order[i]` of this matrix.
    ///
    /// - Precondition: every index is a row. Repeats and omissions are allowed.
    package func reorderingRows(_ order: [Int]) -> SparseMatrix {
        var starts = [0]
        var columns: [Int32] = []
        var values: [Double] = []
        starts.reserveCapacity(order.count + 1)
        for row in order {
            precondition((0..<rows).contains(row), "row \(row) of \(rows)")
            columns.append(contentsOf: byRow.columns(ofRow: row))
            values.append(contentsOf: byRow.values(ofRow: row))
            starts.append(values.count)
        }
        return SparseMatrix(CompressedRows(starts: starts, columns: columns, values), self.columns)
    }

    /// The rows in `range`, copied.
    ///
    /// - Precondition: `range` lies in the matrix.
    package func rows(_ range: Range<Int>) -> SparseMatrix { reorderingRows(Array(range)) }

    /// The matrix with every zero written out.
    ///
    /// - Throws: ``TensorError`` when it holds more numbers than can be counted.
    package func dense() throws -> Tensor {
        guard Shapes.elementCount(shape) != nil else { throw TensorError.invalidShape(shape) }
        return try Tensor(shape: shape, values: denseValues())
    }

    /// Every number, row after row, zeros written out.
    ///
    /// - Precondition: the matrix holds a countable number of them.
    func denseValues() -> [Double] {
        var result = [Double](repeating: 0, count: rows * columns)
        for row in 0..<rows {
            for (column, value) in zip(byRow.columns(ofRow: row), byRow.values(ofRow: row)) {
                result[row * columns + Int(column)] = value
            }
        }
        return result
    }
}

extension SparseMatrix: Equatable {
    /// Equal shape, stored places and bits.
    package static func == (left: SparseMatrix, right: SparseMatrix) -> Bool {
        left.columns == right.columns && left.byRow == right.byRow
    }
}
