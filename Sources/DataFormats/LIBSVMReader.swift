// LIBSVM text → a sparse matrix and its labels. One line a sample: `label index:value index:value … # comment`.
//
// The grammar is that of LIBSVM's and SVMlight's README; indices ascend there too. What they leave open is fixed here:
// counting starts at 0 when a feature 0 occurs and at 1 otherwise, unless the caller says.

import Tensors

/// Which part of a data set, and how its features are counted.
package struct LIBSVMSelection: Sendable, Equatable {
    /// The first and the end row with NumPy's meaning: negative ones count from the end, those outside are clipped.
    package var firstRow: Int?
    package var endRow: Int?
    /// The index of the first feature, 0 or 1; found by the rule where nil.
    package var firstIndex: Int?
    /// The number of features; as many as the largest index wants where nil.
    package var features: Int?

    package init(firstRow: Int? = nil, endRow: Int? = nil, firstIndex: Int? = nil, features: Int? = nil) {
        self.firstRow = firstRow
        self.endRow = endRow
        self.firstIndex = firstIndex
        self.features = features
    }
}

/// Samples with their labels.
package struct LabelledRows: Sendable, Equatable {
    /// [rows, features].
    package let features: SparseMatrix
    /// [rows]; of integers when every label is an integer literal.
    package let labels: Tensor
}

/// Reads LIBSVM data sets.
package enum LIBSVMReader {
    /// The largest index of a feature.
    package static let indexLimit = SparseMatrix.dimensionLimit - 1

    /// Reads the selected rows.
    ///
    /// Lines end with LF, CRLF or CR; blank lines and lines of a comment alone are no rows. `qid:n` is passed over.
    /// Stored zeros stay.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - byteLimit: the most bytes accepted.
    ///   - memoryLimit: the most bytes that the matrix and the making of it may take: a short file can name a feature
    ///     two thousand million.
    /// - Throws: ``LIBSVMError`` for the first fault of any row, selected or not.
    /// - Complexity: O(bytes + features).
    package static func read(
        _ bytes: [UInt8], selection: LIBSVMSelection = LIBSVMSelection(), byteLimit: Int,
        memoryLimit: Int = .max
    ) throws(LIBSVMError) -> LabelledRows {
        guard bytes.count <= byteLimit else { throw .tooManyBytes(count: bytes.count, limit: byteLimit) }
        var scanner = LIBSVMScanner(bytes)
        while try scanner.row() {}
        if scanner.labels.isEmpty { throw .empty }
        let first = selection.firstIndex ?? (scanner.zeroPlace == nil ? 1 : 0)
        if first == 1, let place = scanner.zeroPlace { throw .indexZero(line: place.line, column: place.column) }
        let needed = scanner.indices.isEmpty ? 0 : scanner.largestIndex - first + 1
        let width = selection.features ?? max(needed, 1)
        guard needed <= width else { throw .tooManyFeatures(index: scanner.largestIndex, count: width) }
        // Making the transpose takes the starts twice more.
        let bytes = SparseMatrix.memoryBytes(
            rows: scanner.labels.count, columns: 3 * width, entries: scanner.values.count)
        guard bytes <= memoryLimit else { throw .tooLarge(features: width, bytes: bytes, limit: memoryLimit) }
        let rows = TableSelection(firstRow: selection.firstRow, endRow: selection.endRow).rows(of: scanner.labels.count)
        if rows.isEmpty { throw .noRows(count: scanner.labels.count) }
        return assemble(scanner, rows, first: first, width: width)
    }

    private static func assemble(_ scanner: LIBSVMScanner, _ rows: Range<Int>, first: Int, width: Int) -> LabelledRows {
        let entries = scanner.starts[rows.lowerBound]..<scanner.starts[rows.upperBound]
        let starts = scanner.starts[rows.lowerBound...rows.upperBound].map { $0 - entries.lowerBound }
        let isInteger = scanner.areIntegers[rows].allSatisfy { $0 }
        do {
            return LabelledRows(
                features: try SparseMatrix(
                    rows: rows.count, columns: width, starts: starts,
                    columnIndices: scanner.indices[entries].map { Int($0) - first },
                    values: Array(scanner.values[entries])),
                labels: try Tensor(
                    shape: [rows.count], values: Array(scanner.labels[rows]),
                    elementType: isInteger ? .integer : .float64))
        } catch {
            preconditionFailure("indices ascend below the width, and numbers are finite: \(error)")
        }
    }
}
