// LIBSVM text becomes a sparse matrix and labels; every fault is named with its line and column.

import DataFormats
import Tensors
import Testing

@Suite struct LIBSVMReaderTests {
    private func read(_ text: String, _ selection: LIBSVMSelection = LIBSVMSelection()) throws -> LabelledRows {
        try LIBSVMReader.read(Array(text.utf8), selection: selection, byteLimit: 1 << 20)
    }

    private func error(_ text: String, _ selection: LIBSVMSelection = LIBSVMSelection()) -> LIBSVMError? {
        do throws(LIBSVMError) {
            _ = try LIBSVMReader.read(Array(text.utf8), selection: selection, byteLimit: 1 << 20)
            return nil
        } catch { return error }
    }

    private static func matrix(_ columns: Int, _ rows: [[Int: Double]]) throws -> SparseMatrix {
        try SparseMatrix(
            Tensor(
                shape: [rows.count, columns], values: rows.flatMap { row in (0..<columns).map { row[$0] ?? 0 } }))
    }

    @Test(arguments: [
        "+1 1:0.5 3:-2\n-1 2:1e1\n", "+1 1:0.5 3:-2\r\n-1 2:1e1", "1\t1:.5  3:-2.0 \r-1 2:10 # text 5:6\n\n",
        "\u{FEFF}# heading\n\n1 1:0.5 3:-2#\n   # more\n  -1 2:10.000\n", "1 qid:3 1:0.5 3:-2\n-1 qid:4 2:10\n",
        "1 0001:0.5 3:-2.00000000000000000\n-1 2:1000000000000000000000e-20\n",
    ])
    func readsRows(_ text: String) throws {
        let rows = try read(text)
        #expect(rows.labels == (try Tensor(shape: [2], values: [1, -1], elementType: .integer)))
        #expect(rows.features == (try Self.matrix(3, [[0: 0.5, 2: -2], [1: 10]])))
    }

    @Test func findsWhereCountingStarts() throws {
        #expect(try read("1 0:1 2:3\n").features == Self.matrix(3, [[0: 1, 2: 3]]))
        #expect(try read("1 1:1\n0 0:1").features == Self.matrix(2, [[1: 1], [0: 1]]))
        #expect(try read("1 1:1 2:3\n").features == Self.matrix(2, [[0: 1, 1: 3]]))
        #expect(try read("1 1:1 2:3\n", LIBSVMSelection(firstIndex: 0)).features == Self.matrix(3, [[1: 1, 2: 3]]))
        #expect(error("1\n1 0:1", LIBSVMSelection(firstIndex: 1)) == .indexZero(line: 2, column: 3))
    }

    @Test func takesAWidthAndRows() throws {
        let text = "1 1:1\n2 2:2\n3.5 3:3\n4 1:4\n"
        let wide = try read(text, LIBSVMSelection(features: 5))
        #expect(wide.features.shape == [4, 5] && wide.labels.elementType == .float64)
        #expect(error(text, LIBSVMSelection(features: 2)) == .tooManyFeatures(index: 3, count: 2))
        let part = try read(text, LIBSVMSelection(firstRow: -4, endRow: 2, features: 3))
        #expect(part.features == (try Self.matrix(3, [[0: 1], [1: 2]])))
        #expect(part.labels == (try Tensor(shape: [2], values: [1, 2], elementType: .integer)))
        // A part of a file is as wide as the file.
        #expect(try read(text, LIBSVMSelection(firstRow: 3)).features == Self.matrix(3, [[0: 4]]))
        #expect(error(text, LIBSVMSelection(firstRow: 4)) == .noRows(count: 4))
    }

    @Test func keepsRowsWithoutFeaturesAndStoredZeros() throws {
        let rows = try read("1\n0 2:0\n")
        #expect(rows.features.shape == [2, 2] && rows.features.entryCount == 1)
        #expect(try read("1\n0\n").features.shape == [2, 1])
    }

    @Test(arguments: [
        ("", LIBSVMError.empty), ("# nothing\n\n", .empty),
        ("1:2\n", .label(line: 1, column: 1, text: "1:2")),
        ("1 1:1\n yes 1:1", .label(line: 2, column: 2, text: "yes")),
        ("1,2 1:1", .label(line: 1, column: 1, text: "1,2")), ("nan 1:1", .label(line: 1, column: 1, text: "nan")),
        ("1 5", .pair(line: 1, column: 3, text: "5")), ("1 1:1  5 2:2", .pair(line: 1, column: 8, text: "5")),
        ("1 -1:5", .index(line: 1, column: 3, text: "-1", limit: 2_147_483_646)),
        ("1 :5", .index(line: 1, column: 3, text: "", limit: 2_147_483_646)),
        ("1 1.0:5", .index(line: 1, column: 3, text: "1.0", limit: 2_147_483_646)),
        ("1 2147483647:5", .index(line: 1, column: 3, text: "2147483647", limit: 2_147_483_646)),
        ("1 2:1 1:1", .notAscending(line: 1, column: 7, index: 1, previous: 2)),
        ("1 2:1 2:1", .notAscending(line: 1, column: 7, index: 2, previous: 2)),
        ("1 2:", .notANumber(line: 1, column: 5, text: "")), ("1 2:x", .notANumber(line: 1, column: 5, text: "x")),
        ("1 2:1:3", .notANumber(line: 1, column: 5, text: "1:3")),
        ("1 2:inf", .notANumber(line: 1, column: 5, text: "inf")),
        ("1 qid:x", .notANumber(line: 1, column: 7, text: "x")),
        ("1 2:1e999", .overflow(line: 1, column: 5, text: "1e999")),
        ("-1e400", .overflow(line: 1, column: 1, text: "-1e400")),
    ])
    func namesEveryFault(_ text: String, _ expected: LIBSVMError) { #expect(error(text) == expected) }

    @Test func holdsItsLimits() throws {
        #expect(try LIBSVMReader.read(Array("1 1:2".utf8), byteLimit: 5).labels.count == 1)
        #expect(throws: LIBSVMError.tooManyBytes(count: 5, limit: 4)) {
            try LIBSVMReader.read(Array("1 1:2".utf8), byteLimit: 4)
        }
        // 1,000 features: their starts, kept and twice more while the matrix is made; 1 row, 1 entry twice.
        let bytes = 3 * 8 * 1_000 + 8 + 2 * 12
        let wide = Array("1 1000:2".utf8)
        #expect(try LIBSVMReader.read(wide, byteLimit: 9, memoryLimit: bytes).features.columns == 1_000)
        #expect(throws: LIBSVMError.tooLarge(features: 1_000, bytes: bytes, limit: bytes - 1)) {
            try LIBSVMReader.read(wide, byteLimit: 9, memoryLimit: bytes - 1)
        }
        #expect(throws: LIBSVMError.tooLarge(features: 2_147_483_646, bytes: 51_539_607_536, limit: 1 << 30)) {
            try LIBSVMReader.read(Array("1 2147483646:1".utf8), byteLimit: 99, memoryLimit: 1 << 30)
        }
    }

    /// Numbers are those of the standard library, whichever way they are read.
    @Test func roundsCorrectly() throws {
        var state: UInt64 = 11
        for _ in 0..<2_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let digits = String(state >> UInt64(state % 60))
            let place = Int(state >> 40) % (digits.count + 1)
            let text = "\(digits.prefix(place)).\(digits.dropFirst(place))"
            guard text != ".", !text.hasSuffix("."), let expected = Double(text) else { continue }
            let value = try read("1 1:\(text)").features.byRow.values(ofRow: 0)[0]
            #expect(value.bitPattern == expected.bitPattern, "\(text)")
        }
    }

    @Test func survivesMutations() {
        let texts = Mutations(
            of: "+1 qid:1 1:0.5 3:-2e1 # a\r\n-1 2:10\n0 1:1 4:2\n", alphabet: ":#\n\r.e-+0 9qid\t")
        for bytes in texts.prefix(20_000) {
            guard let rows = try? LIBSVMReader.read(bytes, selection: LIBSVMSelection(features: 64), byteLimit: 1 << 10)
            else { continue }
            #expect(rows.labels.shape == [rows.features.rows] && rows.labels.values.allSatisfy(\.isFinite))
            #expect(rows.features.columns == 64)
        }
    }
}
