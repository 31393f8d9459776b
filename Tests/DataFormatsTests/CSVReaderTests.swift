// Tables of RFC 4180 become tensors; every fault is named with its row and column.

import DataFormats
import Tensors
import Testing

@Suite struct CSVReaderTests {
    private func read(_ text: String, _ selection: TableSelection = TableSelection()) throws -> Tensor {
        try CSVReader.read(Array(text.utf8), selection: selection, byteLimit: 1 << 24)
    }

    private func error(_ text: String, _ selection: TableSelection = TableSelection()) -> CSVError? {
        do throws(CSVError) {
            _ = try CSVReader.read(Array(text.utf8), selection: selection, byteLimit: 1 << 24)
            return nil
        } catch { return error }
    }

    @Test(arguments: [
        "a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n3,4\r\n", "a,b\n1,2\n3,4", "\u{FEFF}a,b\n1,2\n3,4\n", "1,2\n3,4\n",
        "\"a\",\"b\"\n\"1\",\"2\"\n3, 4\n", "a,b\r1,2\r3,4", "\na,b\n\n1,2\n3,+4\n\n", "a,\"b\nc\"\n1,2\n3,4\n",
    ])
    func readsIntegerMatrices(_ text: String) throws {
        #expect(try read(text) == Tensor(shape: [2, 2], values: [1, 2, 3, 4], elementType: .integer))
    }

    @Test func selectsColumnsAndRows() throws {
        let text = "a,name,b\n1,x,0.5\n2,y,1.5\n3,z,2.5\n"
        #expect(try read(text) == Tensor(shape: [3, 2], values: [1, 0.5, 2, 1.5, 3, 2.5]))
        #expect(
            try read(text, TableSelection(columns: .names(["a"]), firstRow: 1, isVector: true))
                == Tensor(shape: [2], values: [2, 3], elementType: .integer))
        #expect(
            try read(text, TableSelection(columns: .names(["b", "a"]), firstRow: -2, endRow: -1))
                == Tensor(shape: [1, 2], values: [1.5, 2]))
        #expect(try read(text, TableSelection(columns: .names(["a"]), endRow: 99)).shape == [3, 1])
        #expect(
            try read("1,2\n3,4", TableSelection(columns: .names(["1"]), isVector: true))
                == Tensor(shape: [2], values: [2, 4], elementType: .integer))
    }

    @Test func keepsTheTypeOfLiterals() throws {
        #expect(try read("a\n9007199254740992\n-1").elementType == .integer)
        #expect(try read("a\n9007199254740993\n-1").elementType == .float64)
        #expect(try read("a\n1.0").elementType == .float64)
        #expect(try read("a\n1e3\n-.5") == Tensor(shape: [2, 1], values: [1000, -0.5]))
    }

    @Test func undoublesQuotes() throws {
        #expect(
            try CSVReader.columnNames(Array("\"a\"\"b\",\"c,d\"\"\"\n1,2".utf8), byteLimit: 99) == ["a\"b", "c,d\""])
    }

    @Test func namesEveryFault() {
        let a = TableSelection(columns: .names(["a"]))
        #expect(error("") == .empty)
        #expect(error("a,b\n") == .empty)
        #expect(error("a,b\n1,2\n\n3\n") == .raggedRow(line: 4, expected: 2, actual: 1))
        #expect(error("a,\"b\nb\"\n1,2,3\n") == .raggedRow(line: 3, expected: 2, actual: 3))
        #expect(error("a,b\n1,2\n ,4", a) == .missingValue(row: 2, column: "a"))
        #expect(error("a,b\n1,2\n ,4") == .missingValue(row: 2, column: "a"))
        #expect(error("a\nNaN", a) == .notANumber(row: 1, column: "a", text: "NaN"))
        #expect(error("a\n1\n0x10", a) == .notANumber(row: 2, column: "a", text: "0x10"))
        #expect(error("a\n1\n1e400", a) == .overflow(row: 2, column: "a", text: "1e400"))
        #expect(error("a,a\n1,2") == .duplicateColumn("a"))
        #expect(
            error("age,sex\n1,2", TableSelection(columns: .names(["agee"]))) == .unknownColumn("agee", nearest: ["age"])
        )
        #expect(error("a\nx") == .noColumns)
        #expect(error("a,b\n1,2", TableSelection(isVector: true)) == .noColumns)
        #expect(error("a\n1", TableSelection(firstRow: 1)) == .noRows(count: 1))
        #expect(error("a\n\"1\n2") == .unclosedQuote(line: 2))
        #expect(error("a\n1\"2\"") == .misplacedQuote(line: 2))
        #expect(error("a\n\"1\"2") == .misplacedQuote(line: 2))
        #expect(error("a\n1\u{0}") == .noColumns)
    }

    @Test func refusesInvalidUTF8() {
        #expect(throws: CSVError.invalidUTF8(line: 1)) { try CSVReader.read([0xFF, 0x0A, 0x31], byteLimit: 9) }
        #expect(throws: CSVError.invalidUTF8(line: 2)) {
            try CSVReader.read([0x61, 0x0A, 0xFF], selection: TableSelection(columns: .names(["a"])), byteLimit: 9)
        }
    }

    @Test func holdsItsLimits() throws {
        #expect(try CSVReader.read(Array("1,2".utf8), byteLimit: 3).count == 2)
        #expect(throws: CSVError.tooManyBytes(count: 3, limit: 2)) {
            try CSVReader.read(Array("1,2".utf8), byteLimit: 2)
        }
        func columns(_ count: Int) -> String { Array(repeating: "1", count: count).joined(separator: ",") }
        #expect(try read(columns(CSVReader.columnLimit)).count == CSVReader.columnLimit)
        #expect(error(columns(CSVReader.columnLimit + 1)) == .tooManyColumns(line: 1, limit: CSVReader.columnLimit))
        func cell(_ count: Int) -> String { "a,b\n1," + String(repeating: "x", count: count) }
        #expect(try read(cell(CSVReader.cellLimit)).shape == [1, 1])
        #expect(error(cell(CSVReader.cellLimit + 1)) == .cellTooLong(line: 2, limit: CSVReader.cellLimit))
    }

    @Test func survivesMutations() {
        let texts = Mutations(of: "a,\"b\"\"c\",d\r\n1,2.5,x\n-3,\"4\",\"y\nz\"\n", alphabet: ",\"\n\r.e-+0 x")
        for bytes in texts.prefix(20_000) {
            guard let tensor = try? CSVReader.read(bytes, byteLimit: 1 << 10) else { continue }
            #expect(tensor.values.allSatisfy(\.isFinite) && tensor.shape.count == 2)
        }
    }
}
