// What is wrong with a table: the place, what was wanted, what came.

/// Why bytes are no table, or a selection is none of it. Lines and rows are counted from 1; rows are those of the data,
/// without the header.
package enum CSVError: Error, Equatable {
    /// More bytes than the caller allows.
    case tooManyBytes(count: Int, limit: Int)
    /// More columns than ``CSVReader/columnLimit``.
    case tooManyColumns(line: Int, limit: Int)
    /// A cell longer than ``CSVReader/cellLimit`` bytes.
    case cellTooLong(line: Int, limit: Int)
    /// The bytes are not UTF-8.
    case invalidUTF8(line: Int)
    /// A quoted cell is not closed; `line` is where it opens.
    case unclosedQuote(line: Int)
    /// A quote inside an unquoted cell, or text after a closing quote.
    case misplacedQuote(line: Int)
    /// A row with another number of cells than the first.
    case raggedRow(line: Int, expected: Int, actual: Int)
    /// No data rows at all.
    case empty
    /// The header names a column twice.
    case duplicateColumn(String)
    /// No such column; `nearest` are the known names most like it, best first.
    case unknownColumn(String, nearest: [String])
    /// A selection of no columns, or a table without numeric columns where all are wanted.
    case noColumns
    /// The row range selects nothing of a table with `count` rows.
    case noRows(count: Int)
    /// A selected cell is blank.
    case missingValue(row: Int, column: String)
    /// A selected cell is no number.
    case notANumber(row: Int, column: String, text: String)
    /// A selected cell is larger than any double.
    case overflow(row: Int, column: String, text: String)

    /// The fault as a sentence without a full stop.
    package var message: String {
        switch self {
        case .tooManyBytes(let count, let limit): "the table has \(count) bytes; at most \(limit) are accepted"
        case .tooManyColumns(let line, let limit): "line \(line): more than \(limit) columns"
        case .cellTooLong(let line, let limit): "line \(line): a cell of more than \(limit) bytes"
        case .invalidUTF8(let line): "line \(line): not UTF-8"
        case .unclosedQuote(let line): "line \(line): the quoted cell that begins here is never closed"
        case .misplacedQuote(let line): "line \(line): a quote that neither opens nor closes its cell"
        case .raggedRow(let line, let expected, let actual):
            "line \(line): wanted \(expected) cells as in the first row, came \(actual)"
        case .empty: "the table has no rows of data"
        case .duplicateColumn(let name): "the header names the column \"\(name)\" twice"
        case .unknownColumn(let name, _): "there is no column \"\(name)\""
        case .noColumns: "no numeric column is selected"
        case .noRows(let count): "the row range selects none of the \(count) rows"
        case .missingValue(let row, let column): "row \(row), column \"\(column)\": the value is missing"
        case .notANumber(let row, let column, let text):
            "row \(row), column \"\(column)\": wanted a number, came \"\(text)\""
        case .overflow(let row, let column, let text):
            "row \(row), column \"\(column)\": \(text) is larger than any double"
        }
    }
}
