// What a data set holds, in a few numbers: shape, kind of numbers, extremes, what is missing.

import Tensors

/// A summary of a data set.
package struct DatasetProfile: Sendable, Equatable {
    /// What numbers are.
    package enum NumberType: String, Sendable {
        /// All are integers.
        case integer
        case float64
    }

    /// A table's [rows, columns], an array's own shape, or [rows, features].
    package var shape: [Int]
    package var type: NumberType
    package var summary: NumberSummary
    /// Of tables: the columns in order.
    package var columns: [ColumnProfile]?
    /// Of labelled rows: the features that are written out.
    package var entryCount: Int?
    /// Of labelled rows: the labels.
    package var labels: NumberSummary?
}

/// A column of a table.
package struct ColumnProfile: Sendable, Equatable {
    package var name: String
    /// nil for a column of words: its first cell that is not blank is no number.
    package var type: DatasetProfile.NumberType?
    package var summary: NumberSummary
}

/// Extremes, and what is no number.
package struct NumberSummary: Sendable, Equatable {
    /// Of the finite numbers; nil where there is none.
    package private(set) var minimum: Double?
    package private(set) var maximum: Double?
    /// Blank cells, and NaN.
    package var missing = 0
    /// Infinities, cells of a column of numbers that are words, and numbers larger than any double.
    package var invalid = 0

    package init() {}

    mutating func add(_ value: Double) {
        guard value.isFinite else {
            if value.isNaN { missing += 1 } else { invalid += 1 }
            return
        }
        minimum = minimum.map { min($0, value) } ?? value
        maximum = maximum.map { max($0, value) } ?? value
    }

    /// Takes in what another part of the same data has.
    mutating func add(_ other: NumberSummary) {
        if let value = other.minimum { add(value) }
        if let value = other.maximum { add(value) }
        missing += other.missing
        invalid += other.invalid
    }
}

extension CSVReader {
    /// Looks through a table row by row, keeping none.
    ///
    /// - Throws: ``CSVError`` for a fault of the table's form; cells that are no numbers are counted.
    static func profile(_ bytes: [UInt8], byteLimit: Int) throws(CSVError) -> DatasetProfile {
        guard bytes.count <= byteLimit else { throw .tooManyBytes(count: bytes.count, limit: byteLimit) }
        var scanner = CSVScanner(bytes)
        var row: [CSVScanner.Cell] = []
        guard try scanner.row(into: &row) else { throw .empty }
        let header = try CSVTable.header(row, scanner)
        let names = header ?? row.indices.map(String.init)
        var columns = names.map { ColumnCounter(name: $0) }
        var count = 0
        var hasRow = header == nil
        if !hasRow { hasRow = try scanner.row(into: &row) }
        while hasRow {
            guard row.count == columns.count else {
                throw .raggedRow(line: scanner.rowLine, expected: columns.count, actual: row.count)
            }
            for (index, cell) in row.enumerated() {
                columns[index].add(scanner.text(cell).map(CSVNumber.trimmed))
            }
            count += 1
            hasRow = try scanner.row(into: &row)
        }
        if count == 0 { throw .empty }
        return DatasetProfile(rows: count, columns: columns.map(\.profile))
    }
}

extension DatasetProfile {
    fileprivate init(rows: Int, columns: [ColumnProfile]) {
        shape = [rows, columns.count]
        type = columns.allSatisfy { $0.type != .float64 } && columns.contains { $0.type != nil } ? .integer : .float64
        summary = NumberSummary()
        for column in columns { summary.add(column.summary) }
        self.columns = columns
    }
}

/// Counts the cells of one column.
private struct ColumnCounter {
    let name: String
    private var summary = NumberSummary()
    /// Whether it is a column of numbers; open until a cell is not blank.
    private var isNumeric: Bool?
    private var isInteger = true

    init(name: String) { self.name = name }

    /// Counts a cell; nil for one that is not UTF-8, which is a word like any other.
    mutating func add(_ text: String?) {
        guard text != "" else {
            summary.missing += 1
            return
        }
        guard isNumeric != false else { return }
        let number = text.flatMap { CSVNumber($0) }
        if isNumeric == nil { isNumeric = number != nil }
        switch number {
        case .integer(let value): summary.add(value)
        case .real(let value):
            summary.add(value)
            isInteger = false
        case .overflow: summary.invalid += 1
        case nil: if isNumeric == true { summary.invalid += 1 }
        }
    }

    var profile: ColumnProfile {
        ColumnProfile(name: name, type: isNumeric == true ? (isInteger ? .integer : .float64) : nil, summary: summary)
    }
}

extension LIBSVMReader {
    /// Looks through labelled rows; the summary is that of the features that are written out.
    static func profile(
        _ bytes: [UInt8], byteLimit: Int, memoryLimit: Int
    ) throws(LIBSVMError) -> DatasetProfile {
        let rows = try read(bytes, byteLimit: byteLimit, memoryLimit: memoryLimit)
        var features = NumberSummary()
        var areIntegers = true
        for row in 0..<rows.features.rows {
            for value in rows.features.byRow.values(ofRow: row) {
                features.add(value)
                if value != value.rounded() { areIntegers = false }
            }
        }
        var labels = NumberSummary()
        for value in rows.labels.values { labels.add(value) }
        return DatasetProfile(
            shape: rows.features.shape, type: areIntegers ? .integer : .float64, summary: features, columns: nil,
            entryCount: rows.features.entryCount, labels: labels)
    }
}
