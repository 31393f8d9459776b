// A table split into cells and checked for its form; the selected cells become numbers.

import Tensors

/// The cells of a table, row-major, and its column names.
struct CSVTable {
    let names: [String]
    private let scanner: CSVScanner
    private var cells: [CSVScanner.Cell] = []
    private var lines: [Int] = []

    init(_ bytes: [UInt8], byteLimit: Int) throws(CSVError) {
        guard bytes.count <= byteLimit else { throw .tooManyBytes(count: bytes.count, limit: byteLimit) }
        var scanner = CSVScanner(bytes)
        var row: [CSVScanner.Cell] = []
        guard try scanner.row(into: &row) else { throw .empty }
        let width = row.count
        if let header = try Self.header(row, scanner) {
            names = header
        } else {
            names = (0..<width).map(String.init)
            cells = row
            lines = [scanner.rowLine]
        }
        while try scanner.row(into: &row) {
            guard row.count == width else {
                throw .raggedRow(line: scanner.rowLine, expected: width, actual: row.count)
            }
            cells.append(contentsOf: row)
            lines.append(scanner.rowLine)
        }
        self.scanner = scanner
        if lines.isEmpty { throw .empty }
    }

    private var width: Int { names.count }

    /// The names in the first row, nil when the row is data.
    static func header(_ row: [CSVScanner.Cell], _ scanner: CSVScanner) throws(CSVError) -> [String]? {
        var names: [String] = []
        for cell in row {
            guard let text = scanner.text(cell) else { throw .invalidUTF8(line: scanner.rowLine) }
            names.append(CSVNumber.trimmed(text))
        }
        guard names.contains(where: { !$0.isEmpty && CSVNumber($0) == .none }) else { return nil }
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted { throw .duplicateColumn(name) }
        return names
    }

    func tensor(_ selection: TableSelection) throws(CSVError) -> Tensor {
        let rows = selection.rows(of: lines.count)
        if rows.isEmpty { throw .noRows(count: lines.count) }
        let columns = try columns(selection.columns, rows: rows)
        if columns.isEmpty || (selection.isVector && columns.count != 1) { throw .noColumns }
        var values: [Double] = []
        values.reserveCapacity(rows.count * columns.count)
        var allIntegers = true
        for row in rows {
            for column in columns {
                let number = try number(row: row, column: column)
                values.append(number.value)
                if !number.isInteger { allIntegers = false }
            }
        }
        let shape = selection.isVector ? [rows.count] : [rows.count, columns.count]
        do {
            return try Tensor(shape: shape, values: values, elementType: allIntegers ? .integer : .float64)
        } catch {
            preconditionFailure("rows times columns values were read, integers only where exact: \(error)")
        }
    }

    private func columns(_ selection: TableColumns, rows: Range<Int>) throws(CSVError) -> [Int] {
        switch selection {
        case .allNumeric:
            return names.indices.filter { isNumeric($0, rows: rows) }
        case .names(let wanted):
            let places = Dictionary(uniqueKeysWithValues: zip(names, names.indices))
            var columns: [Int] = []
            for name in wanted {
                guard let column = places[name] else {
                    throw .unknownColumn(name, nearest: NearestNames.among(names, to: name))
                }
                columns.append(column)
            }
            return columns
        }
    }

    /// Whether the first cell of the column that is not blank is a number: what then is none is a fault, not a reason to
    /// leave the column out.
    private func isNumeric(_ column: Int, rows: Range<Int>) -> Bool {
        for row in rows {
            guard let text = scanner.text(cell(row, column)) else { return false }
            let trimmed = CSVNumber.trimmed(text)
            if !trimmed.isEmpty { return CSVNumber(trimmed) != .none }
        }
        return false
    }

    private func cell(_ row: Int, _ column: Int) -> CSVScanner.Cell {
        cells[row * width + column]
    }

    private func number(row: Int, column: Int) throws(CSVError) -> (value: Double, isInteger: Bool) {
        guard let whole = scanner.text(cell(row, column)) else { throw .invalidUTF8(line: lines[row]) }
        let text = CSVNumber.trimmed(whole)
        if text.isEmpty { throw .missingValue(row: row + 1, column: names[column]) }
        switch CSVNumber(text) {
        case .integer(let value): return (value, true)
        case .real(let value): return (value, false)
        case .overflow: throw .overflow(row: row + 1, column: names[column], text: String(text.prefix(40)))
        case .none: throw .notANumber(row: row + 1, column: names[column], text: String(text.prefix(40)))
        }
    }
}
