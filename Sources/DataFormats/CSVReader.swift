// Comma-separated values → tables of numbers, RFC 4180. The header is found, never guessed from one cell alone.

import Tensors

/// Which columns of a table, in which order.
package enum TableColumns: Sendable, Equatable {
    /// Every column whose first cell in the selected rows that is not blank is a number.
    case allNumeric
    /// The named ones.
    case names([String])
}

/// Which columns and rows of a table, and whether one column makes a vector.
package struct TableSelection: Sendable, Equatable {
    package var columns: TableColumns
    /// The first and the end row with NumPy's meaning: negative ones count from the end, those outside are clipped.
    package var firstRow: Int?
    package var endRow: Int?
    /// Whether the result is [rows] instead of [rows, k]; only for a single column.
    package var isVector: Bool

    package init(
        columns: TableColumns = .allNumeric, firstRow: Int? = nil, endRow: Int? = nil, isVector: Bool = false
    ) {
        self.columns = columns
        self.firstRow = firstRow
        self.endRow = endRow
        self.isVector = isVector
    }

    /// The rows of a table with `count` rows.
    func rows(of count: Int) -> Range<Int> {
        let first = Self.clip(firstRow ?? 0, count)
        return first..<max(first, Self.clip(endRow ?? count, count))
    }

    private static func clip(_ bound: Int, _ count: Int) -> Int {
        min(max(bound < 0 ? bound + count : bound, 0), count)
    }
}

/// Reads CSV tables.
package enum CSVReader {
    /// Columns of a table.
    package static let columnLimit = 100_000
    /// Bytes of one cell: 1 MiB.
    package static let cellLimit = 1 << 20

    /// Reads the selected part of a table.
    ///
    /// The first row is the header when any of its cells is neither a number nor blank; without a header the columns are
    /// named "0", "1", …
    ///
    /// - Parameters:
    ///   - bytes: UTF-8 text, with or without a byte order mark.
    ///   - selection: the columns and rows wanted.
    ///   - byteLimit: the most bytes accepted.
    /// - Returns: shape [rows, k], or [rows] for a vector; of integers when every selected cell is an integer literal.
    /// - Throws: ``CSVError``.
    /// - Complexity: O(bytes); cells outside the selection are split but not converted.
    package static func read(
        _ bytes: [UInt8], selection: TableSelection = TableSelection(), byteLimit: Int
    ) throws(CSVError) -> Tensor {
        let table = try CSVTable(bytes, byteLimit: byteLimit)
        return try table.tensor(selection)
    }

    /// The column names of a table in order; see ``read(_:selection:byteLimit:)``.
    package static func columnNames(_ bytes: [UInt8], byteLimit: Int) throws(CSVError) -> [String] {
        try CSVTable(bytes, byteLimit: byteLimit).names
    }
}
