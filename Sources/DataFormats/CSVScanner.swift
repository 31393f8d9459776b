// Bytes → rows of cells, RFC 4180: quotes doubled inside quotes, line feeds allowed there, rows end with LF or CRLF.

/// Splits a table into rows without copying the bytes of cells.
struct CSVScanner {
    /// One cell: its bytes without the outer quotes, inner quotes still doubled.
    struct Cell {
        let range: Range<Int>
        let isQuoted: Bool
    }

    private let bytes: [UInt8]
    private var offset: Int
    private var line = 1
    /// The line that the latest row begins on.
    private(set) var rowLine = 1

    /// A scanner of `bytes`, which begin with a byte order mark or not.
    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        offset = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// The next row that is not a blank line, nil at the end.
    mutating func row(into cells: inout [Cell]) throws(CSVError) -> Bool {
        while skipLineEnd() {}
        guard offset < bytes.count else { return false }
        cells.removeAll(keepingCapacity: true)
        rowLine = line
        repeat {
            if cells.count == CSVReader.columnLimit {
                throw .tooManyColumns(line: rowLine, limit: CSVReader.columnLimit)
            }
            cells.append(try cell())
        } while take(UInt8(ascii: ","))
        if offset < bytes.count, !skipLineEnd() { throw .misplacedQuote(line: line) }
        return true
    }

    /// The text of a cell, quotes undoubled; nil when it is not UTF-8.
    func text(_ cell: Cell) -> String? {
        guard let text = String(validating: bytes[cell.range], as: UTF8.self) else { return nil }
        guard cell.isQuoted, bytes[cell.range].contains(UInt8(ascii: "\"")) else { return text }
        var isSecond = false
        let undoubled = text.utf8.filter { byte in
            isSecond = byte == UInt8(ascii: "\"") && !isSecond
            return byte != UInt8(ascii: "\"") || isSecond
        }
        return String(decoding: undoubled, as: UTF8.self)
    }

    private mutating func cell() throws(CSVError) -> Cell {
        let cell = offset < bytes.count && bytes[offset] == UInt8(ascii: "\"") ? try quotedCell() : try plainCell()
        if cell.range.count > CSVReader.cellLimit { throw .cellTooLong(line: line, limit: CSVReader.cellLimit) }
        return cell
    }

    private mutating func plainCell() throws(CSVError) -> Cell {
        let start = offset
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: ","), 0x0A, 0x0D: return Cell(range: start..<offset, isQuoted: false)
            case UInt8(ascii: "\""): throw .misplacedQuote(line: line)
            default: offset += 1
            }
        }
        return Cell(range: start..<offset, isQuoted: false)
    }

    private mutating func quotedCell() throws(CSVError) -> Cell {
        let opening = line
        offset += 1
        let start = offset
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                let end = offset
                offset += 1
                if !take(UInt8(ascii: "\"")) { return Cell(range: start..<end, isQuoted: true) }
            case 0x0A:
                line += 1
                offset += 1
            default: offset += 1
            }
        }
        throw .unclosedQuote(line: opening)
    }

    private mutating func take(_ wanted: UInt8) -> Bool {
        guard offset < bytes.count, bytes[offset] == wanted else { return false }
        offset += 1
        return true
    }

    /// Passes LF, CRLF or a lone CR.
    private mutating func skipLineEnd() -> Bool {
        guard offset < bytes.count, bytes[offset] == 0x0A || bytes[offset] == 0x0D else { return false }
        let isReturn = bytes[offset] == 0x0D
        offset += 1
        if isReturn { _ = take(0x0A) }
        line += 1
        return true
    }
}
